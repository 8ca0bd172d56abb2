// Files over HTTP in a browser: continued where the connection broke, checked, and kept in Cache Storage where their hash is known.

import { CodeFormerError, throwIfAborted } from '../errors.js';
import { failed, MemoryStore, parseAddress, transfer } from '../weights/transfer.js';

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
  /** Milliseconds without a byte after which a connection counts as broken. Default 30,000. */
  readonly stallTimeout?: number | undefined;
}

/** The one cache of the library. Its keys are addresses with the hash as a parameter. */
const CACHE = 'codeformer-webgpu';
const KEY = 'codeformer-sha256=';

/**
 * Downloads a file, or takes it from the cache. Without a cache, or with a full one, all works but for that.
 * @param from address; a relative one as `fetch` takes it
 * @throws `INTEGRITY` for another size or hash than expected, `DOWNLOAD_FAILED`, `ABORTED`
 */
export async function download(from: string, options: DownloadOptions): Promise<Blob> {
  const { url, shown, sha256: named } = parseAddress(from, location.href);
  const sha256 = options.sha256?.toLowerCase() ?? named;
  // The store below has no base for relative addresses.
  const address = new URL(from, location.href).href;
  throwIfAborted(options.signal);
  if (sha256 === undefined) return fetched(address, false, options);
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
  const blob = await fetched(address, true, options, { cache: 'no-cache' });
  const hash = await sha256Of(blob);
  if (hash !== sha256) throw new CodeFormerError('INTEGRITY', `${shown}: expected SHA-256 ${sha256} but got ${hash}`);
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

/** What the cache does; undefined where there is none, or where it is full. */
const quietly = <T>(work: () => Promise<T>): Promise<T | undefined> => work().catch(() => undefined);

/** In lower-case hexadecimal. */
export async function sha256Of(blob: Blob): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
  return [...new Uint8Array(digest)].map(byte => byte.toString(16).padStart(2, '0')).join('');
}

async function fetched(
  address: string,
  hashed: boolean,
  options: DownloadOptions,
  init: RequestInit = {},
): Promise<Blob> {
  const { size, signal, onProgress, retryDelay, stallTimeout } = options;
  const store = new MemoryStore();
  const ifRange = new URL(address).origin === location.origin;
  await transfer(address, store, { hashed, ifRange, init, size, signal, onProgress, retryDelay, stallTimeout });
  return new Blob(store.pieces);
}
