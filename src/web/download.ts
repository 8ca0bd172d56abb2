// Files over HTTP in a browser: continued where the connection broke, checked, and kept in Cache Storage where their hash is known.

import { CodeFormerError, invalidArgument, throwIfAborted } from '../errors.js';

export interface DownloadOptions {
  /**
   * SHA-256 in hexadecimal. What it is known of is checked, and kept in Cache Storage, so that it is there without a network later. A URL
   * can also name it itself: `https://example.org/codeformer.pth#sha256=1009e5...`.
   */
  readonly sha256?: string | undefined;
  /** Bytes that there must be. */
  readonly size?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes that are there, and all of them where known. Never fewer than before. */
  readonly onProgress?: ((received: number, total: number | undefined) => void) | undefined;
  /** Milliseconds before the first retry; doubles with each. Default 500. */
  readonly retryDelay?: number | undefined;
}

/** The one cache of the library. Its keys are addresses with the hash as a parameter. */
const CACHE = 'codeformer-webgpu';
const KEY = 'codeformer-sha256=';

/** Attempts in a row that bring no byte, before a download fails. */
const MAX_ATTEMPTS = 5;

/** A failure that another attempt may cure. */
class Transient extends Error {}

/**
 * Downloads a file, or takes it from the cache. Without a cache, or with a full one, all works but for that.
 * @param from address; a relative one as `fetch` takes it
 * @throws `INTEGRITY` for another size or hash than expected, `DOWNLOAD_FAILED`, `ABORTED`
 */
export async function download(from: string, options: DownloadOptions): Promise<Blob> {
  const [url, sha256] = hashOf(from, options.sha256);
  throwIfAborted(options.signal);
  if (sha256 === undefined) return transfer(url, options, {});
  const key = `${url}${url.includes('?') ? '&' : '?'}${KEY}${sha256}`;
  const kept = await quietly(async () => {
    const found = await (await (await caches.open(CACHE)).match(key))?.blob();
    return found && (await sha256Of(found)) === sha256 ? found : undefined;
  });
  throwIfAborted(options.signal);
  if (kept) {
    options.onProgress?.(kept.size, kept.size);
    return kept;
  }
  // A copy in the browser's own cache may be of an earlier version.
  const blob = await transfer(url, options, { cache: 'no-cache' });
  const hash = await sha256Of(blob);
  if (hash !== sha256) throw wrong(url, `SHA-256 ${sha256}`, hash);
  await quietly(async () => {
    const cache = await caches.open(CACHE);
    const older = key.slice(0, -sha256.length);
    for (const request of await cache.keys()) if (request.url.startsWith(older)) await cache.delete(request);
    await cache.put(key, new Response(blob));
  });
  return blob;
}

/**
 * The text of a small file, as the server has it now; where there is no network, as it was the last time.
 * @throws `DOWNLOAD_FAILED`, `ABORTED`
 */
export async function downloadText(url: string, signal: AbortSignal | undefined): Promise<string> {
  let response: Response | undefined;
  try {
    response = await fetch(url, { cache: 'no-cache', signal: signal ?? null });
  } catch (cause) {
    throwIfAborted(signal);
    const kept = await quietly(async () => (await caches.open(CACHE)).match(url));
    if (kept) return kept.text();
    throw failed(url, (cause as Error).message, cause);
  }
  if (!response.ok) throw failed(url, `the server answered ${response.status}`);
  const text = await response.text().catch(cause => {
    throwIfAborted(signal);
    throw failed(url, cause.message, cause);
  });
  await quietly(async () => (await caches.open(CACHE)).put(url, new Response(text)));
  return text;
}

/** The absolute address without fragment, and the hash that was given or that the fragment has. */
function hashOf(from: string, given: string | undefined): [url: string, sha256: string | undefined] {
  if (!URL.canParse(from, location.href)) throw invalidArgument('a URL', 'weights', from);
  const { href, hash } = new URL(from, location.href);
  return [
    href.slice(0, href.length - hash.length),
    (given ?? /^#sha256=([\da-f]{64})$/i.exec(hash)?.[1])?.toLowerCase(),
  ];
}

/** What the cache does; undefined where there is none, or where it is full. */
const quietly = <T>(work: () => Promise<T>): Promise<T | undefined> => work().catch(() => undefined);

async function sha256Of(blob: Blob): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
  return [...new Uint8Array(digest)].map(byte => byte.toString(16).padStart(2, '0')).join('');
}

/** Downloads all, in as many attempts as it takes. */
async function transfer(url: string, options: DownloadOptions, init: RequestInit): Promise<Blob> {
  const { size, signal, onProgress, retryDelay = 500 } = options;
  const part: Part = { pieces: [], received: 0, total: size, tag: null };
  // Only bytes beyond all earlier attempts are progress: a server whose file is shorter would else go on forever.
  let furthest = 0;
  const report = () => {
    if (part.received > furthest) onProgress?.(part.received, part.total);
  };
  for (let failures = 0; ; ) {
    try {
      await attempt(url, part, options, init, report);
      return new Blob(part.pieces);
    } catch (error) {
      if (signal?.aborted)
        throw new CodeFormerError('ABORTED', `The download of ${url} was aborted`, { cause: signal.reason });
      if (!(error instanceof Transient)) throw error;
      failures = part.received > furthest ? 1 : failures + 1;
      furthest = Math.max(furthest, part.received);
      if (failures === MAX_ATTEMPTS) throw failed(url, `${error.message} (${MAX_ATTEMPTS} attempts)`, error.cause);
      await new Promise(resolve => {
        setTimeout(resolve, retryDelay * 2 ** (failures - 1));
        signal?.addEventListener('abort', resolve, { once: true });
      });
    }
  }
}

/** What has come of a file. */
interface Part {
  pieces: Uint8Array<ArrayBuffer>[];
  received: number;
  /** All bytes, where known. */
  total: number | undefined;
  /** Tells versions of the file apart. */
  tag: string | null;
}

/** One request, for what is lacking. Starts anew where the server does not continue with the same file. */
async function attempt(
  url: string,
  part: Part,
  { size, signal }: DownloadOptions,
  init: RequestInit,
  report: () => void,
) {
  const from = part.received;
  const headers = from > 0 ? { range: `bytes=${from}-` } : {};
  const response = await fetch(url, { ...init, headers, signal: signal ?? null }).catch(cause => {
    // Without a single byte it is more likely the address, or no network, than a connection that broke.
    if (from === 0) throw failed(url, cause.message, cause);
    throw new Transient(`no connection (${cause.message})`, { cause });
  });
  const { status, ok, body } = response;
  const header = (name: string) => response.headers.get(name);
  // The length of what is compressed on the way is another one.
  const length = header('content-encoding') ? undefined : Number(header('content-length')) || undefined;
  const start = /^bytes (\d+)-/.exec(header('content-range') ?? '')?.[1];
  const lacking = part.total === undefined ? length : part.total - from;
  const continued =
    status === 206 && header('etag') === part.tag && Number(start ?? from) === from && (length ?? lacking) === lacking;
  if (!ok || !body || (status === 206 && !continued)) {
    await body?.cancel();
    if (status === 416 && size !== undefined) throw wrong(url, `${size} bytes`, 'fewer');
    const message = `the server answered ${status} ${response.statusText}`.trimEnd();
    if (status === 206 || status === 416) forget(part, size);
    else if (status < 500 && status !== 408 && status !== 429) throw failed(url, message);
    throw new Transient(message);
  }
  if (!continued) {
    forget(part, size);
    part.total ??= length;
    part.tag = header('etag');
  }
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(cause => {
        throw new Transient(`the connection broke after ${part.received} bytes (${cause.message})`, { cause });
      });
      if (done) break;
      part.pieces.push(value);
      part.received += value.length;
      if (size !== undefined && part.received > size) throw wrong(url, `${size} bytes`, 'more');
      report();
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
  if (part.total !== undefined && part.received < part.total)
    throw new Transient(`the connection ended after ${part.received} of ${part.total} bytes`);
}

function forget(part: Part, size: number | undefined): void {
  Object.assign(part, { pieces: [], received: 0, total: size, tag: null });
}

const failed = (url: string, why: string, cause?: unknown) =>
  new CodeFormerError(
    'DOWNLOAD_FAILED',
    `${url} could not be downloaded: ${why}`,
    cause === undefined ? {} : { cause },
  );

const wrong = (url: string, expected: string, got: string) =>
  new CodeFormerError('INTEGRITY', `${url}: expected ${expected} but got ${got}`);
