// A queue in this process. With a folder each job is a file there, so that those that wait go on after a restart, and those that ended still
// answer.

import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { onAbort } from '../../abort.js';
import { CodeFormerError } from '../../errors.js';
import { withLock } from '../../node/lock.js';
import { makeFolder, removeLeftovers, writeFileBeside } from '../../node/write-file.js';
import { JobError, QueueFullError, StorageFullError } from '../errors.js';
import type { Job, JobFailure, JobQueue, JobRecord, JobState, LogLine, Work, WorkOptions } from '../types.js';
import { ENDED_PROCESSES, GRACE, isOver, MOST_ATTEMPTS, type QueueOptions, queueRules } from './rules.js';

/** Where a queue of one process keeps its jobs, how many and for how long. */
export interface LocalQueueOptions extends QueueOptions {
  /** Where jobs are kept; without one they end with the process. One process may use it at a time. */
  readonly folder?: string | undefined;
}

/** What is in the file of a job, but for its logs while it runs. */
type Stored = Omit<JobRecord, 'position'> & {
  /** Jobs go on in this order. */
  readonly order: number;
  /** Whether who asked for it was told of its end. */
  readonly told: boolean;
};

interface Entry {
  stored: Stored;
  readonly watchers: Set<() => void>;
  /** While it runs. */
  controller?: AbortController;
  timer?: NodeJS.Timeout;
  /** Writing of its file: each waits for the one before. */
  written: Promise<void>;
}

/** Milliseconds without a sign of life after which a folder counts as left by its process. */
const LEFT = 3_000;

/** Longer timers fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

const CLOSING = Symbol('closing');

/** A queue in this process. */
export class LocalQueue implements JobQueue {
  private readonly entries = new Map<string, Entry>();
  /** Jobs that wait, by owner; the owner whose turn it is comes first. */
  private readonly waiting = new Map<string, Entry[]>();
  private readonly running = new Map<Entry, Promise<void>>();
  /** What is told to those who asked. */
  private readonly telling = new Set<Promise<void>>();
  /** Jobs that have ended, in that order. */
  private readonly ended = new Set<Entry>();
  private readonly opened: Promise<void>;
  private readonly sweeper: NodeJS.Timeout;
  private unlock = () => {};
  /** Resolves when the folder is held no more. */
  private unlocked: Promise<void> = Promise.resolve();
  private order = 0;
  private worker: { readonly work: Work; readonly options: WorkOptions } | null = null;
  private closing: Promise<void> | null = null;
  /** Milliseconds that the last jobs took. */
  private readonly durations: number[] = [];
  private readonly rules: ReturnType<typeof queueRules>;

  constructor(private readonly options: LocalQueueOptions = {}) {
    this.rules = queueRules(options);
    this.opened = this.open();
    // Who uses the queue is told.
    this.opened.catch(() => {});
    this.sweeper = setInterval(() => this.sweep(), 60_000);
    this.sweeper.unref();
  }

  async submit(job: Job): Promise<JobRecord> {
    await this.opened;
    if (this.closing) throw new JobError(503, 'The server is stopping');
    const { limit, limitPerOwner } = this.rules;
    const own = this.waiting.get(job.owner)?.length ?? 0;
    if (this.waitingCount() >= limit || own >= limitPerOwner) throw new QueueFullError(this.retryAfter());
    const logs = job.notes ?? [];
    const order = this.nextOrder();
    const entry = this.add({ ...job, state: 'IN_QUEUE', logs, attempts: 0, order, told: false });
    // Its place is taken at once, so that no more come than there are places.
    this.enqueue(entry);
    try {
      await this.write(entry, true);
    } catch (error) {
      this.remove(entry);
      throw error;
    }
    this.pump();
    return this.record(entry);
  }

  async get(id: string): Promise<JobRecord | undefined> {
    await this.opened;
    const entry = this.entries.get(id);
    return entry && this.record(entry);
  }

  async cancel(id: string): Promise<'CANCELLATION_REQUESTED' | 'ALREADY_COMPLETED' | 'NOT_FOUND'> {
    await this.opened;
    const entry = this.entries.get(id);
    if (!entry) return 'NOT_FOUND';
    if (isOver(entry.stored.state)) return 'ALREADY_COMPLETED';
    await this.end(entry, { state: 'CANCELLED' });
    return 'CANCELLATION_REQUESTED';
  }

  async *watch(id: string, signal?: AbortSignal): AsyncIterable<JobRecord> {
    await this.opened;
    const entry = this.entries.get(id);
    if (!entry) return;
    let changed = true;
    let wake = () => {};
    const watcher = () => {
      changed = true;
      wake();
    };
    entry.watchers.add(watcher);
    const stop = onAbort(signal, watcher);
    try {
      while (!signal?.aborted) {
        if (changed) {
          changed = false;
          const record = this.record(entry);
          yield record;
          // What waits now goes on with the next process.
          if (isOver(record.state) || (this.closing && record.state === 'IN_QUEUE')) return;
        } else {
          await new Promise<void>(resolve => {
            wake = resolve;
          });
        }
      }
    } finally {
      entry.watchers.delete(watcher);
      stop();
    }
  }

  work(work: Work, options: WorkOptions): void {
    this.worker = { work, options };
    this.opened.then(
      () => {
        this.pump();
        for (const entry of [...this.ended].filter(({ stored }) => stored.webhook && !stored.told)) this.tell(entry);
      },
      () => {},
    );
  }

  async counts(): Promise<{ waiting: number; active: number; oldestWaiting?: number }> {
    await this.opened;
    const times = [...this.waiting.values()].flat().map(({ stored }) => stored.createdAt);
    const oldest = times.length > 0 && { oldestWaiting: Math.min(...times) };
    return { waiting: times.length, active: this.running.size, ...oldest };
  }

  close({ deadline = 0 }: { deadline?: number | undefined } = {}): Promise<void> {
    this.closing ??= this.finish(deadline);
    return this.closing;
  }

  private async finish(deadline: number): Promise<void> {
    await this.opened.catch(() => {});
    clearInterval(this.sweeper);
    for (const entry of this.entries.values()) notify(entry);
    const until = Date.now() + deadline;
    await within(deadline, () => [...this.running.values()]);
    for (const entry of this.running.keys()) entry.controller!.abort(CLOSING);
    await within(GRACE, () => [...this.running.values()]);
    await within(Math.max(0, until - Date.now()), () => [...this.telling]);
    for (const { timer } of this.entries.values()) clearTimeout(timer);
    await Promise.all([...this.entries.values()].map(({ written }) => written.catch(() => {})));
    this.unlock();
    await this.unlocked;
  }

  private async open(): Promise<void> {
    const { folder } = this.options;
    if (folder === undefined) return;
    await makeFolder(folder);
    await this.lock(join(folder, 'lock'));
    await removeLeftovers(folder);
    const stored: Stored[] = [];
    for (const name of await readdir(folder)) {
      if (!name.endsWith('.json')) continue;
      try {
        stored.push(JSON.parse(await readFile(join(folder, name), 'utf8')));
      } catch (error) {
        this.options.onError?.(error);
      }
    }
    stored.sort((a, b) => (a.finishedAt ?? a.order) - (b.finishedAt ?? b.order));
    for (const one of stored) {
      this.order = Math.max(this.order, one.order);
      const entry = this.add(one);
      if (isOver(one.state)) this.ended.add(entry);
      else if (one.attempts < MOST_ATTEMPTS) this.requeue(entry);
      else {
        void this.end(entry, { state: 'COMPLETED', failure: ENDED_PROCESSES });
      }
    }
  }

  /** Holds the folder until the queue is closed. Throws `FILE_UNWRITABLE` where another process has it. */
  private lock(path: string): Promise<void> {
    const signal = AbortSignal.timeout(2 * LEFT);
    return new Promise((resolve, reject) => {
      const held = async () => {
        resolve();
        await new Promise<void>(release => {
          this.unlock = release;
        });
      };
      this.unlocked = withLock(path, held, { signal, stale: LEFT }).catch(cause => {
        const isHeld = cause instanceof CodeFormerError && cause.code === 'ABORTED';
        const message = `${path} is held by another process; each server needs a folder of its own`;
        reject(isHeld ? new CodeFormerError('FILE_UNWRITABLE', message, { cause }) : cause);
      });
    });
  }

  private add(stored: Stored): Entry {
    const entry: Entry = { stored, watchers: new Set(), written: Promise.resolve() };
    this.entries.set(stored.id, entry);
    if (!isOver(stored.state)) this.setTimer(entry);
    return entry;
  }

  /** Ends the job when it has had its time. */
  private setTimer(entry: Entry): void {
    clearTimeout(entry.timer);
    const { deadline, startBefore = deadline, state } = entry.stored;
    const due = state === 'IN_QUEUE' ? Math.min(deadline, startBefore) : deadline;
    entry.timer = setTimeout(
      () => {
        if (Date.now() < due) return this.setTimer(entry);
        const detail = due < deadline ? 'The request could not be begun in time' : 'The request took too long';
        void this.end(entry, { state: 'COMPLETED', failure: { status: 504, detail } });
      },
      Math.min(Math.max(0, due - Date.now()), LONGEST_TIMER),
    );
    entry.timer.unref();
  }

  private enqueue(entry: Entry): void {
    const { owner } = entry.stored;
    const own = this.waiting.get(owner);
    if (own) own.push(entry);
    else this.waiting.set(owner, [entry]);
  }

  /** Puts a job back that was begun, before those of its owner that came later. */
  private requeue(entry: Entry): void {
    entry.stored = { ...entry.stored, state: 'IN_QUEUE', startedAt: undefined };
    this.enqueue(entry);
    this.waiting.get(entry.stored.owner)!.sort((a, b) => a.stored.order - b.stored.order);
    this.setTimer(entry);
  }

  private takeOut(entry: Entry): void {
    const { owner } = entry.stored;
    const own = this.waiting.get(owner);
    const index = own?.indexOf(entry) ?? -1;
    if (index < 0) return;
    own!.splice(index, 1);
    if (own!.length === 0) this.waiting.delete(owner);
    for (const other of [...this.waiting.values()].flat()) notify(other);
  }

  private remove(entry: Entry): void {
    clearTimeout(entry.timer);
    this.takeOut(entry);
    this.ended.delete(entry);
    this.entries.delete(entry.stored.id);
  }

  /** Begins as many jobs as may run. */
  private pump(): void {
    while (this.worker && !this.closing && this.running.size < this.worker.options.concurrency) {
      const [first] = this.waiting;
      if (!first) return;
      const [owner, own] = first;
      const entry = own[0]!;
      this.takeOut(entry);
      // The next turn is that of another owner.
      this.waiting.delete(owner);
      if (own.length > 0) this.waiting.set(owner, own);
      const run = this.run(entry, this.worker.work).finally(() => {
        this.running.delete(entry);
        this.pump();
      });
      this.running.set(entry, run);
    }
  }

  private async run(entry: Entry, work: Work): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    entry.controller = controller;
    const { attempts } = entry.stored;
    const startedAt = Date.now();
    entry.stored = { ...entry.stored, state: 'IN_PROGRESS', startedAt, attempts: attempts + 1 };
    this.setTimer(entry);
    // That it was begun is known before it can end the process.
    await this.write(entry);
    notify(entry);
    const log = (line: LogLine) => {
      if (isOver(entry.stored.state)) return;
      entry.stored = { ...entry.stored, logs: [...entry.stored.logs, line] };
      notify(entry);
    };
    try {
      signal.throwIfAborted();
      const output = await work(entry.stored, { log, signal });
      this.durations.push(Date.now() - startedAt);
      this.durations.splice(0, this.durations.length - 10);
      await this.end(entry, { state: 'COMPLETED', output });
    } catch (error) {
      if (signal.reason === CLOSING) {
        // That it did not end is not its fault.
        entry.stored = { ...entry.stored, attempts };
        this.requeue(entry);
        await this.write(entry);
        notify(entry);
      } else {
        const failure = error instanceof JobError ? error.failure : { status: 500, detail: 'Internal error' };
        if (failure.status >= 500 && !signal.aborted) this.options.onError?.(error);
        await this.end(entry, { state: 'COMPLETED', failure });
      }
    } finally {
      delete entry.controller;
    }
  }

  /** Records how a job ended, unless it has ended before, and ends what is done for it. */
  private async end(
    entry: Entry,
    end: { readonly state: JobState; readonly output?: JobRecord['output']; readonly failure?: JobFailure },
  ): Promise<void> {
    if (isOver(entry.stored.state)) return;
    clearTimeout(entry.timer);
    this.takeOut(entry);
    entry.stored = { ...entry.stored, ...end, finishedAt: Date.now() };
    this.ended.add(entry);
    entry.controller?.abort();
    await this.write(entry);
    notify(entry);
    this.tell(entry);
    if (this.ended.size > this.rules.maxEnded) this.sweep();
  }

  /** Tells who asked for the job that it has ended. */
  private tell(entry: Entry): void {
    const { finished } = this.worker?.options ?? {};
    if (!finished) return;
    const telling = (async () => {
      try {
        await finished(this.record(entry));
        entry.stored = { ...entry.stored, told: true };
        if (entry.stored.webhook) await this.write(entry);
      } catch (error) {
        this.options.onError?.(error);
      }
    })();
    this.telling.add(telling);
    void telling.finally(() => this.telling.delete(telling));
  }

  /** Forgets jobs that ended long ago, and those that are too many. */
  private sweep(): void {
    const { maxAge, maxEnded } = this.rules;
    const { folder } = this.options;
    const oldest = Date.now() - maxAge;
    for (const entry of this.ended) {
      if (this.ended.size <= maxEnded && entry.stored.finishedAt! >= oldest) return;
      this.remove(entry);
      if (folder === undefined || entry.stored.isAwaited) continue;
      const path = fileOf(folder, entry);
      entry.written = entry.written.then(() => rm(path, { force: true })).catch(error => this.options.onError?.(error));
    }
  }

  /** Writes the file of a job. What fails is told to who submits it; later the job is only lost if the process ends, too. */
  private async write(entry: Entry, isNew = false): Promise<void> {
    const { folder, onError } = this.options;
    if (folder === undefined || entry.stored.isAwaited) return;
    const text = async function* () {
      yield Buffer.from(JSON.stringify(entry.stored));
    };
    const writing = entry.written
      .catch(() => {})
      .then(() => writeFileBeside(fileOf(folder, entry), text()))
      .then(() => {});
    entry.written = writing;
    try {
      await writing;
    } catch (cause) {
      if (isNew) throw new StorageFullError({ cause });
      onError?.(cause);
    }
  }

  private record(entry: Entry): JobRecord {
    const { order, told, ...record } = entry.stored;
    return { ...record, position: this.positionOf(entry) };
  }

  /** How many jobs begin before one: of each owner in turn, those of its own and as many of each other. */
  private positionOf(entry: Entry): number {
    const { owner, state } = entry.stored;
    const index = state === 'IN_QUEUE' ? (this.waiting.get(owner)?.indexOf(entry) ?? -1) : -1;
    if (index < 0) return 0;
    let before = index;
    let isLater = false;
    for (const [other, { length }] of this.waiting) {
      if (other === owner) isLater = true;
      else before += Math.min(length, isLater ? index : index + 1);
    }
    return before;
  }

  private waitingCount(): number {
    let count = 0;
    for (const { length } of this.waiting.values()) count += length;
    return count;
  }

  /** Seconds until a place is free, as the last jobs went. */
  private retryAfter(): number {
    const { durations } = this;
    const mean = durations.reduce((sum, ms) => sum + ms, 0) / (durations.length || 1) || 5_000;
    return Math.max(1, Math.ceil(mean / 1000));
  }

  private nextOrder(): number {
    this.order = Math.max(this.order + 1, Date.now());
    return this.order;
  }
}

const fileOf = (folder: string, { stored }: Entry): string => join(folder, `${stored.id}.json`);

const notify = ({ watchers }: Entry): void => {
  for (const watcher of watchers) watcher();
};

/** Waits until all are done, but not for longer than so many milliseconds. */
async function within(ms: number, work: () => readonly Promise<unknown>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([Promise.allSettled(work()), late]);
  clearTimeout(timer);
}
