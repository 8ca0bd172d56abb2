// What a request may take of the server, and an owner of all.

import { JobError } from './errors.js';

/** Sizes are bytes, times milliseconds. `docs/serve.md` has a table of them. */
export const LIMITS = {
  /** The headers of a request. */
  headerBytes: 16_384,
  /** The body of a request with a picture as data URI: 50 MB in base64, and the rest. */
  bodyBytes: 70_000_000,
  /** A file that is uploaded. */
  uploadBytes: 50_000_000,
  /** A picture that is fetched. */
  downloadBytes: 50_000_000,
  /** Until the headers of a request are there. */
  headerTime: 10_000,
  /** Until all of a request is there. */
  requestTime: 300_000,
  /** Without a byte of a body, or more than its size takes at `bodyRate`. */
  bodyPause: 20_000,
  /** Bytes in a second. */
  bodyRate: 10_000,
  /** For fetching a picture, redirects and all. */
  downloadTime: 30_000,
  /** Until a connection that is not used is closed: longer than proxies keep theirs. */
  idleTime: 65_000,
  connections: 4096,
  redirects: 5,
  /** Requests that wait; where there are several keys, one takes half of it at most. */
  queue: 1000,
  /** What one key may upload, in files or in data URIs, within an hour. */
  uploadBytesPerHour: 2_000_000_000,
  webhookAttempts: 8,
  /** Before the second attempt; doubles with each. */
  webhookDelay: 1000,
  /** For one attempt. */
  webhookTime: 15_000,
  /** Requests to receivers at once. */
  webhookConcurrency: 8,
  /** Webhooks that are under way. */
  webhookBacklog: 10_000,
  /** For jobs that run when the server is asked to end. */
  drainTime: 30_000,
} as const;

/**
 * Reads the body of a request.
 * @param maxBytes that it may have
 * @param pause milliseconds that it may pause
 * @throws JobError 413 for more bytes, 408 where it is too slow, 400 where it breaks off
 */
export async function readBody(
  request: Request,
  maxBytes: number,
  pause: number = LIMITS.bodyPause,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => new JobError(413, `The request is too large: more than ${maxBytes} bytes`);
  const announced = request.headers.get('content-length');
  if (Number(announced) > maxBytes) throw tooLarge();
  try {
    // No more than what is announced gets here, and to read it in one go is several times as fast.
    if (announced !== null)
      return new Uint8Array(await within(request.arrayBuffer(), pause + (Number(announced) * 1000) / LIMITS.bodyRate));
    return request.body ? await readStream(request.body.getReader(), maxBytes, pause) : new Uint8Array();
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge();
    throw error instanceof JobError ? error : new JobError(400, 'The request broke off', { cause: error });
  }
}

/** Throws RangeError for more than `maxBytes`. */
async function readStream(reader: ReadableStreamDefaultReader<Uint8Array>, maxBytes: number, pause: number) {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), pause);
      if (done) break;
      size += value.length;
      if (size > maxBytes) throw new RangeError();
      parts.push(value);
    }
  } catch (error) {
    // What still comes is for nobody.
    reader.cancel().catch(() => {});
    throw error;
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Throws JobError 408 where it takes longer. */
function within<T>(work: Promise<T>, time: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new JobError(408, 'The request came too slowly')), time);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** How much each owner may use: an allowance that comes back evenly over a time. */
export class Quota {
  private readonly used = new Map<string, { amount: number; at: number }>();

  /**
   * @param amount for each owner
   * @param period milliseconds after which all of it is back
   * @param now the clock
   */
  constructor(
    private readonly amount: number,
    private readonly period: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** Takes some of an owner's allowance. Returns 0, or the seconds after which there is enough, where nothing was taken. */
  take(owner: string, amount: number): number {
    const [now, rate] = [this.now(), this.amount / this.period];
    // Whoever has all back is like whoever never came.
    for (const [name, { amount, at }] of this.used) {
      if (amount > (now - at) * rate) break;
      this.used.delete(name);
    }
    const last = this.used.get(owner);
    const left = last ? Math.max(0, last.amount - (now - last.at) * rate) : 0;
    if (left + amount > this.amount) return Math.ceil((left + amount - this.amount) / rate / 1000);
    this.used.delete(owner);
    this.used.set(owner, { amount: left + amount, at: now });
    return 0;
  }
}
