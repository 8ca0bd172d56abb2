// How much a storage keeps and for how long: what is old goes, and the oldest where there is no room.

import { StorageFullError } from '../errors.js';
import type { Storage } from '../types.js';

/** How much is kept, and for how long. */
export interface StorageLimits {
  /** Milliseconds after which something is deleted. Default a day. */
  readonly maxAge?: number | undefined;
  /** Bytes of everything together. Default 10 GB. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds for which nothing is deleted for want of room, as somebody may still come for it. Default an hour. */
  readonly minAge?: number | undefined;
  /** Milliseconds between times when the storage is looked through. Default a minute. */
  readonly interval?: number | undefined;
}

const MINUTE = 60_000;

/**
 * A storage that keeps within limits; closing it closes the other one. What other processes put there counts from when it is looked
 * through again. `put` throws `StorageFullError` where nothing that is old enough could make room.
 */
export function limited(storage: Storage, limits: StorageLimits = {}): Storage {
  return new LimitedStorage(storage, limits);
}

/** Share of the room that is left full where something had to go, so that not each of the next ones has to look for room. */
const LEFT = 0.9;

/** Milliseconds for which a full storage is not looked through again for each that asks. */
const FULL_FOR = 5_000;

class LimitedStorage implements Storage {
  private readonly maxAge: number;
  private readonly maxBytes: number;
  private readonly minAge: number;
  private readonly timer: NodeJS.Timeout;
  /** Bytes that are there or on their way; null before they were counted. */
  private used: number | null = null;
  /** What was put since it was last looked through, or is on its way. */
  private readonly recent = new Set<{ readonly size: number; done: boolean }>();
  private fullUntil = 0;
  private looking: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(
    private readonly storage: Storage,
    limits: StorageLimits,
  ) {
    this.maxAge = limits.maxAge ?? 24 * 60 * MINUTE;
    this.maxBytes = limits.maxBytes ?? 10 * 1024 ** 3;
    this.minAge = limits.minAge ?? 60 * MINUTE;
    // What cannot be read or deleted now is tried again next time; who puts something is told.
    this.timer = setInterval(() => this.inTurn(() => this.look(0)).catch(() => {}), limits.interval ?? MINUTE);
    this.timer.unref();
  }

  async put(key: string, body: Uint8Array, contentType: string): Promise<void> {
    const size = body.length;
    if (this.used === null || !this.fits(size)) await this.inTurn(() => this.makeRoom(size));
    if (!this.fits(size)) throw new StorageFullError();
    const entry = { size, done: false };
    this.recent.add(entry);
    this.used! += size;
    try {
      await this.storage.put(key, body, contentType);
      entry.done = true;
    } catch (error) {
      this.recent.delete(entry);
      this.used! -= size;
      throw error;
    }
  }

  get(key: string): Promise<{ readonly body: Uint8Array; readonly contentType: string } | undefined> {
    return this.storage.get(key);
  }

  async delete(key: string): Promise<void> {
    await this.storage.delete(key);
    this.fullUntil = 0;
  }

  list(prefix: string): ReturnType<Storage['list']> {
    return this.storage.list(prefix);
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.timer);
    await this.looking;
    await this.storage.close();
  }

  private fits(size: number): boolean {
    return (this.used ?? 0) + size <= this.maxBytes;
  }

  /** Looks through the storage one after another. */
  private inTurn(look: () => Promise<void>): Promise<void> {
    const turn = this.looking.then(look);
    this.looking = turn.catch(() => {});
    return turn;
  }

  private async makeRoom(size: number): Promise<void> {
    if (this.used !== null && (this.fits(size) || Date.now() < this.fullUntil)) return;
    await this.look(size);
    if (!this.fits(size)) this.fullUntil = Date.now() + FULL_FOR;
  }

  /** Deletes what is too old, and the oldest where there is no room for a size; counts what is left. */
  private async look(size: number): Promise<void> {
    if (this.closed) return;
    for (const entry of this.recent) if (entry.done) this.recent.delete(entry);
    const now = Date.now();
    const kept: { readonly key: string; readonly size: number; readonly modified: number }[] = [];
    for await (const entry of this.storage.list('')) {
      if (now - entry.modified > this.maxAge) await this.storage.delete(entry.key);
      else kept.push(entry);
    }
    const sum = (entries: Iterable<{ readonly size: number }>) => [...entries].reduce((all, one) => all + one.size, 0);
    let used = sum(kept);
    kept.sort((a, b) => a.modified - b.modified);
    const most = used + sum(this.recent) + size > this.maxBytes ? LEFT * this.maxBytes : this.maxBytes;
    for (const { key, size: freed, modified } of kept) {
      if (used + sum(this.recent) + size <= most || now - modified < this.minAge) break;
      await this.storage.delete(key);
      used -= freed;
    }
    // What came while it was looked through may be counted twice, until the next time.
    this.used = used + sum(this.recent);
  }
}
