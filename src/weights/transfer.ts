// Files over HTTP, the same everywhere: continued where the connection broke, never mixed from two versions of a file, and bounded in
// bytes and in silence. What is done with the bytes is the platform's business.

import { onAbort, pause } from '../abort.js';
import { CodeFormerError, invalidArgument, throwIfAborted } from '../errors.js';

/** Larger files are no weights of these networks: the official ones have 377 MB. */
export const MAX_WEIGHTS = 2 ** 30;

/** Where the bytes go. */
export interface TransferStore {
  /** Bytes that are there. */
  readonly length: number;
  append(bytes: Uint8Array<ArrayBuffer>): Promise<void> | void;
  /** Forgets all bytes. */
  clear(): Promise<void> | void;
}

export interface TransferOptions {
  /** Bytes that the file must have. */
  readonly size?: number | undefined;
  /** Bytes that a file of unknown size may have. Default 1 GiB. */
  readonly maxBytes?: number | undefined;
  /**
   * Whether all bytes are compared with a hash in the end. Only then are bytes continued that another call left, or that a server does
   * not tell the version of.
   */
  readonly hashed: boolean;
  /** Whether a request to continue may ask for the version: across origins browsers would ask the server first. Default true. */
  readonly ifRange?: boolean | undefined;
  readonly init?: RequestInit | undefined;
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes that are there, and all of them where known. Never fewer than before. */
  readonly onProgress?: ((received: number, total: number | undefined) => void) | undefined;
  /** Milliseconds before the first retry; doubles with each. Default 500. */
  readonly retryDelay?: number | undefined;
  /** Milliseconds without a byte after which a connection counts as broken. Default 30,000. */
  readonly stallTimeout?: number | undefined;
}

/** Attempts in a row that bring no byte, before a download fails. */
const MAX_ATTEMPTS = 5;

/** A failure that another attempt may cure. */
class Transient extends Error {}

/** What is known of the file that comes. */
interface Version {
  /** All bytes, where known. */
  total: number | undefined;
  /** Strong entity tag or date that tells this version of the file from others. */
  tag: string | null;
}

/**
 * Splits an address into the one to fetch, the SHA-256 that its fragment may name (`#sha256=` and 64 hexadecimal digits, given back in
 * lower case), and a form without user and password for messages.
 * @param base what relative addresses are relative to
 * @throws `INVALID_ARGUMENT`
 */
export function parseAddress(
  address: string,
  base?: string,
): { url: string; shown: string; authorization: string | undefined; sha256: string | undefined } {
  if (!URL.canParse(address, base)) throw invalidArgument('a URL', 'url', address);
  const parsed = new URL(address, base);
  const sha256 = /^#sha256=([\da-f]{64})$/i.exec(parsed.hash)?.[1]?.toLowerCase();
  const { username, password } = parsed;
  // The methods of URL would leave an empty fragment or user behind.
  const plain = new URL(parsed.href.slice(0, parsed.href.length - parsed.hash.length));
  plain.username = '';
  plain.password = '';
  const authorization = username || password ? `Basic ${basic(username, password)}` : undefined;
  return { url: plain.href, shown: plain.href, authorization, sha256 };
}

/** User and password of an address, which are percent-encoded there, as HTTP wants them. */
function basic(username: string, password: string): string {
  const text = [username, password].map(part => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return btoa(String.fromCharCode(...new TextEncoder().encode(text.join(':'))));
}

/**
 * Brings all bytes of a file into a store, in as many attempts as it takes.
 * @throws `INVALID_ARGUMENT` for what is no address; `INTEGRITY` for another size than expected; `DOWNLOAD_FAILED` for refusals, broken
 *   connections (five attempts without a new byte) and files above the limit; `ABORTED`; what the store throws
 */
export async function transfer(address: string, store: TransferStore, options: TransferOptions): Promise<void> {
  const { size, signal, hashed, retryDelay = 500 } = options;
  const { shown } = parseAddress(address);
  const version: Version = { total: size, tag: null };
  throwIfAborted(signal);
  if (!hashed || (size !== undefined && store.length > size)) await store.clear();
  // Only bytes beyond all earlier attempts are progress: a server whose file is shorter would else go on forever.
  let furthest = store.length;
  for (let failures = 0; ; ) {
    if (size !== undefined && store.length === size) return;
    try {
      await attempt(address, store, version, options, furthest);
      return;
    } catch (error) {
      if (signal?.aborted)
        throw new CodeFormerError('ABORTED', `The download of ${shown} was aborted`, { cause: signal.reason });
      if (!(error instanceof Transient)) throw error;
      failures = store.length > furthest ? 1 : failures + 1;
      furthest = Math.max(furthest, store.length);
      if (failures >= MAX_ATTEMPTS) {
        throw failed(shown, `${error.message} (${MAX_ATTEMPTS} attempts)`, error.cause);
      }
      await pause(retryDelay * 2 ** (failures - 1), signal);
    }
  }
}

/** One request, for what is lacking. Starts anew where the server does not continue with the same file. */
async function attempt(
  address: string,
  store: TransferStore,
  version: Version,
  options: TransferOptions,
  furthest: number,
): Promise<void> {
  const { size, hashed, ifRange = true, init, fetch = globalThis.fetch, onProgress } = options;
  const { url, shown, authorization } = parseAddress(address);
  if (store.length > 0 && version.tag === null && !hashed) await forget(store, version, size);
  const from = store.length;
  // Compressed on the way, places and lengths would be those of the compressed bytes.
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (authorization !== undefined) headers.authorization = authorization;
  if (from > 0) headers.range = `bytes=${from}-`;
  if (from > 0 && version.tag !== null && ifRange) headers['if-range'] = version.tag;

  const watch = new Watch(options);
  try {
    const response = await watch.over(fetch(url, { ...init, headers, signal: watch.signal })).catch(cause => {
      const message = `no connection (${reason(cause)})`;
      // Before the first byte it is more likely the address than a connection that broke, unless it says so.
      if (from === 0 && !mayPass(cause)) throw failed(shown, message, cause);
      throw new Transient(message, { cause });
    });
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
    try {
      const most = await begin(response, store, version, options, shown);
      reader = response.body?.getReader();
      let received = 0;
      while (reader) {
        const { done, value } = await watch.over(reader.read()).catch((cause: unknown) => {
          throw new Transient(`the connection broke after ${store.length} bytes (${reason(cause)})`, { cause });
        });
        if (done) break;
        received += value.length;
        if (received > most) throw tooMany(shown, options, version, store.length + value.length);
        await store.append(value as Uint8Array<ArrayBuffer>);
        if (store.length > furthest) onProgress?.(store.length, version.total);
      }
    } finally {
      // What is left of a body would hold the connection. Nobody waits for its end.
      (reader ?? response.body)?.cancel().catch(() => {});
      watch.abort();
    }
  } finally {
    watch.stop();
  }
  if (version.total !== undefined && store.length < version.total) {
    throw new Transient(`the connection ended after ${store.length} of ${version.total} bytes`);
  }
}

/**
 * Looks at the head of an answer, and prepares the store for its body.
 * @returns the most bytes that the body may have
 */
async function begin(
  response: Response,
  store: TransferStore,
  version: Version,
  { size, maxBytes = MAX_WEIGHTS, hashed }: TransferOptions,
  shown: string,
): Promise<number> {
  const { status, statusText } = response;
  const header = (name: string) => response.headers.get(name);
  const from = store.length;
  const encoded = !/^(identity)?$/i.test(header('content-encoding') ?? '');
  const length = encoded ? undefined : wholeNumber(header('content-length'));

  if (status === 206) {
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(header('content-range') ?? '');
    const [first, last] = range ? [Number(range[1]), Number(range[2])] : [from, from + (length ?? Number.NaN) - 1];
    const all = range && range[3] !== '*' ? Number(range[3]) : version.total;
    const same = version.tag === null ? hashed : tagOf(response) === version.tag;
    const count = last - first + 1;
    const whole = all === undefined || last < all;
    // Across origins browsers do not show the range; then it must be just what is lacking.
    const fits = range ? count > 0 && whole : all !== undefined && last === all - 1;
    const agree = (length ?? count) === count && all === (version.total ?? all);
    if (from > 0 && first === from && same && fits && agree && !encoded) {
      if (all !== undefined && all > maxBytes && size === undefined) throw tooLarge(shown, maxBytes, all);
      version.total = all;
      return count;
    }
    await forget(store, version, size);
    throw new Transient(`the server continued with something else than byte ${from} of the same file`);
  }
  if (status === 416) {
    const there = /^bytes \*\/(\d+)$/.exec(header('content-range') ?? '');
    const all = there ? Number(there[1]) : undefined;
    if (from > 0 && size === undefined && all === from && hashed) {
      version.total = all;
      return 0;
    }
    await forget(store, version, size);
    if (size !== undefined && all !== undefined && all !== size) throw wrongSize(shown, size, all);
    throw new Transient('the server has no more bytes than were there');
  }
  if (status !== 200) {
    const message = `the server answered ${status} ${statusText}`.trimEnd();
    if (status >= 500 || status === 408 || status === 429) throw new Transient(message);
    throw failed(shown, message);
  }

  await forget(store, version, size);
  version.tag = encoded ? null : tagOf(response);
  version.total = size ?? length;
  if (size !== undefined && length !== undefined && length !== size) throw wrongSize(shown, size, length);
  if (length !== undefined && length > maxBytes && size === undefined) throw tooLarge(shown, maxBytes, length);
  return size ?? length ?? maxBytes;
}

async function forget(store: TransferStore, version: Version, size: number | undefined): Promise<void> {
  await store.clear();
  version.total = size;
  version.tag = null;
}

/** What tells a version: a strong entity tag, else the date. A weak tag says that files mean the same, not that their bytes are equal. */
function tagOf({ headers }: Response): string | null {
  const tag = headers.get('etag');
  return tag?.startsWith('"') ? tag : headers.get('last-modified');
}

function wholeNumber(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Ends a request when nothing comes for a while, or when the caller aborts. */
class Watch {
  private readonly controller = new AbortController();
  private readonly limit: number;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly unlink: () => void;
  private stalled: ((error: Error) => void) | undefined;

  constructor(options: TransferOptions) {
    this.limit = options.stallTimeout ?? 30_000;
    this.unlink = onAbort(options.signal, () => {
      this.controller.abort(options.signal?.reason);
      this.stalled?.(new Error('aborted'));
    });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** A step that must be done in time. It is given up also where whoever does it ignores the signal. */
  over<T>(step: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.stalled = reject;
      this.timer = setTimeout(() => {
        this.controller.abort();
        reject(new Error(`nothing came for ${this.limit} ms`));
      }, this.limit);
      step.then(resolve, reject);
    }).finally(() => clearTimeout(this.timer));
  }

  abort(): void {
    this.controller.abort();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.unlink();
  }
}

/** Whether the reason of a failed request is one that passes: connections that break, and name servers that are busy. */
function mayPass(error: unknown): boolean {
  const code = ((error as { cause?: unknown }).cause as { code?: unknown } | undefined)?.code;
  const stalled = error instanceof Error && error.message.startsWith('nothing came');
  return stalled || (typeof code === 'string' && /^(ECONNRESET|ETIMEDOUT|EPIPE|EAI_AGAIN|UND_ERR_\w+)$/.test(code));
}

/** What fetch says of a failure: the cause names it, the error itself only says that it failed. */
function reason(error: unknown): string {
  const { cause, message } = error as { cause?: unknown; message?: unknown };
  return String((cause instanceof Error && (cause.message || (cause as { code?: unknown }).code)) || message || error);
}

export const failed = (shown: string, why: string, cause?: unknown): CodeFormerError =>
  new CodeFormerError(
    'DOWNLOAD_FAILED',
    `${shown} could not be downloaded: ${why}`,
    cause === undefined ? {} : { cause },
  );

const wrongSize = (shown: string, size: number, got: number): CodeFormerError =>
  new CodeFormerError(
    'INTEGRITY',
    `${shown}: expected ${size} bytes but got ${got > size ? 'more' : 'fewer'} (${got})`,
  );

const tooLarge = (shown: string, limit: number, got: number): CodeFormerError =>
  failed(shown, `a file of ${got} bytes or more is above the limit of ${limit}`);

/** The error for a body that goes on where it should end. */
function tooMany(shown: string, { size, maxBytes = MAX_WEIGHTS }: TransferOptions, version: Version, got: number) {
  if (size !== undefined) return wrongSize(shown, size, got);
  if (version.total === undefined) return tooLarge(shown, maxBytes, got);
  return failed(shown, `the server sent more than the ${version.total} bytes that it announced`);
}

/** A store in memory, in the pieces that came. */
export class MemoryStore implements TransferStore {
  readonly pieces: Uint8Array<ArrayBuffer>[] = [];
  length = 0;

  /** Takes the next bytes, which are not copied. */
  append(bytes: Uint8Array<ArrayBuffer>): void {
    this.pieces.push(bytes);
    this.length += bytes.length;
  }

  clear(): void {
    this.pieces.length = 0;
    this.length = 0;
  }
}
