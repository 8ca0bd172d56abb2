// Gets a file of weights from an address or a folder: resumed where it broke off, checked, and only then given its name.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CodeFormerError, invalidArgument, throwIfAborted } from '../errors.js';
import { readError, writeAll, writeError } from './file-source.js';
import { makeFolder } from './write-file.js';

export interface PullOptions {
  /** Where the file is: an address, or a folder that holds it under the same name. */
  readonly from: { readonly url: string } | { readonly directory: string };
  /** Path of the result. Until it is complete and right, the bytes are in `<to>.part`. */
  readonly to: string;
  /** Bytes and SHA-256 (lower-case hexadecimal) that the file must have. */
  readonly size?: number | undefined;
  readonly sha256?: string | undefined;
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes so far, and in all where known. */
  readonly onProgress?: ((progress: { received: number; total: number | undefined }) => void) | undefined;
  /** Milliseconds before the first retry; doubles with each. Default 500. */
  readonly retryDelay?: number | undefined;
}

/** Attempts in a row that bring no byte, before a download fails. */
const MAX_ATTEMPTS = 5;

/** A failure that another attempt may cure. */
class Transient extends Error {}

/**
 * Brings a file to `to`. A file that is there already and right stays as it is.
 *
 * With a SHA-256 to check the result, a `.part` of an earlier call is continued; without one it is replaced, because
 * nothing would tell halves of different files apart. Within one call, broken connections continue either way. Aborting
 * leaves the `.part`; a file of wrong size or hash is deleted.
 *
 * @returns whether anything was transferred, or the file was there before
 * @throws INTEGRITY for a wrong size or SHA-256, DOWNLOAD_FAILED for refusals and broken connections (five attempts),
 *   FILE_NOT_FOUND for a folder without the file, FILE_UNWRITABLE, ABORTED
 */
export async function pullFile(options: PullOptions): Promise<'pulled' | 'present'> {
  const { from, to, signal } = options;
  throwIfAborted(signal);
  if ('url' in from && !(/^https?:/i.test(from.url) && URL.canParse(from.url))) {
    throw invalidArgument('an http or https address', 'url', from.url);
  }
  if (await isPresent(options)) return 'present';
  const part = `${to}.part`;
  await makeFolder(dirname(to));
  if ('directory' in from) await copy(join(from.directory, basename(to)), part, options);
  else await download(from.url, part, options);
  await verify(part, options);
  await rename(part, to).catch(error => {
    throw writeError(to, error);
  });
  return 'pulled';
}

/** SHA-256 of a file, in lower-case hexadecimal. */
export async function sha256File(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const bytes of createReadStream(path, { highWaterMark: 1 << 20 })) {
      throwIfAborted(signal);
      hash.update(bytes as Uint8Array);
    }
  } catch (error) {
    throw readError(path, error);
  }
  return hash.digest('hex');
}

async function sizeOf(path: string): Promise<number | null> {
  const info = await stat(path).catch(() => null);
  return info?.isFile() ? info.size : null;
}

async function isPresent({ to, size, sha256, signal }: PullOptions): Promise<boolean> {
  const present = await sizeOf(to);
  if (present === null || (size !== undefined && present !== size)) return false;
  return sha256 === undefined || (await sha256File(to, signal)) === sha256;
}

/** Deletes a file that is wrong and says what is wrong with it. */
async function verify(part: string, { to, size, sha256, signal }: PullOptions): Promise<void> {
  const got = await sizeOf(part);
  let fault: string | undefined;
  if (size !== undefined && got !== size) fault = `${size} bytes but got ${got}`;
  else if (sha256 !== undefined) {
    const hash = await sha256File(part, signal);
    if (hash !== sha256) fault = `SHA-256 ${sha256} but got ${hash}`;
  }
  if (fault === undefined) return;
  await rm(part, { force: true });
  throw new CodeFormerError('INTEGRITY', `${basename(to)}: expected ${fault}`);
}

async function copy(path: string, part: string, { size, signal, onProgress }: PullOptions): Promise<void> {
  const total = await stat(path).then(
    info => (info.isFile() ? info.size : null),
    error => {
      throw readError(path, error);
    },
  );
  if (total === null) throw new CodeFormerError('FILE_UNREADABLE', `Expected a file but ${path} is not one`);
  if (size !== undefined && total !== size) {
    throw new CodeFormerError('INTEGRITY', `${path}: expected ${size} bytes but got ${total}`);
  }
  const handle = await openPart(part, 'w');
  try {
    let received = 0;
    for await (const bytes of createReadStream(path, { highWaterMark: 1 << 20 })) {
      throwIfAborted(signal);
      await writeAll(handle, bytes as Uint8Array).catch(error => {
        throw writeError(part, error);
      });
      received += (bytes as Uint8Array).length;
      onProgress?.({ received, total });
    }
  } catch (error) {
    throw readError(path, error);
  } finally {
    await handle.close();
  }
}

async function openPart(part: string, flags: 'w' | 'a'): Promise<FileHandle> {
  return open(part, flags).catch(error => {
    throw writeError(part, error);
  });
}

async function download(url: string, part: string, options: PullOptions): Promise<void> {
  const { signal, size, sha256, retryDelay = 500 } = options;
  if (sha256 === undefined) await rm(part, { force: true });
  // Only bytes beyond all earlier attempts count as progress: a server whose file is shorter would else go on forever.
  let furthest = (await sizeOf(part)) ?? 0;
  for (let failures = 0; ; ) {
    const have = (await sizeOf(part)) ?? 0;
    if (have === size) return;
    try {
      await transfer(url, part, have, options);
      return;
    } catch (error) {
      if (signal?.aborted) throw new CodeFormerError('ABORTED', `Getting ${url} was aborted`, { cause: signal.reason });
      if (!(error instanceof Transient)) throw error;
      const reached = (await sizeOf(part)) ?? 0;
      failures = reached > furthest ? 1 : failures + 1;
      furthest = Math.max(furthest, reached);
      if (failures >= MAX_ATTEMPTS) {
        throw new CodeFormerError('DOWNLOAD_FAILED', `${url}: ${error.message} (${MAX_ATTEMPTS} attempts)`, {
          cause: error.cause,
        });
      }
      await sleep(retryDelay * 2 ** (failures - 1), undefined, signal ? { signal } : {}).catch(() =>
        throwIfAborted(signal),
      );
    }
  }
}

/** One request: appends to the part what it lacks, or writes it anew where the server does not continue. */
async function transfer(url: string, part: string, have: number, options: PullOptions): Promise<void> {
  const { size, signal, onProgress, fetch = globalThis.fetch } = options;
  const resume = have > 0 && (size === undefined || have < size);
  // Compressed on the way, positions and lengths would be those of the compressed bytes.
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (resume) headers.range = `bytes=${have}-`;
  let response: Response;
  try {
    response = await fetch(url, { headers, signal: signal ?? null, redirect: 'follow' });
  } catch (cause) {
    throw new Transient(`no connection (${reason(cause)})`, { cause });
  }

  const { status } = response;
  if (status === 416) {
    await response.body?.cancel();
    const there = /^bytes \*\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
    const length = there ? Number(there[1]) : undefined;
    if (size === undefined && length === have) return;
    await rm(part, { force: true });
    if (size !== undefined && length !== undefined && length !== size) throw wrongSize(url, size, length);
    throw new Transient('the server has no more bytes than the part that was there');
  }
  const continued = status === 206 && resume && rangeStart(response) === have;
  if (status !== 200 && !continued) {
    await response.body?.cancel();
    if (status === 206) {
      await rm(part, { force: true });
      throw new Transient(`the server continued at another place than byte ${have}`);
    }
    const message = `the server answered ${status} ${response.statusText}`.trimEnd();
    if (status >= 500 || status === 408 || status === 429) throw new Transient(message);
    throw new CodeFormerError('DOWNLOAD_FAILED', `${url}: ${message}`);
  }

  let received = continued ? have : 0;
  const length = response.headers.get('content-length');
  const encoded = response.headers.has('content-encoding');
  const offered = length === null || encoded ? undefined : received + Number(length);
  const total = size ?? offered;
  const reader = response.body?.getReader();
  let handle: FileHandle | undefined;
  try {
    if (size !== undefined && offered !== undefined && offered !== size) throw wrongSize(url, size, offered);
    handle = await openPart(part, continued ? 'a' : 'w');
    while (reader) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw new Transient(`the connection broke after ${received} bytes (${reason(cause)})`, { cause });
      });
      if (done) break;
      received += value.length;
      if (size !== undefined && received > size) throw wrongSize(url, size, received);
      await writeAll(handle, value).catch(error => {
        throw writeError(part, error);
      });
      onProgress?.({ received, total });
    }
    await handle.sync();
  } catch (error) {
    if (error instanceof CodeFormerError && error.code === 'INTEGRITY') await rm(part, { force: true });
    throw error;
  } finally {
    await reader?.cancel().catch(() => {});
    await handle?.close();
  }
  if (total !== undefined && received < total) {
    throw new Transient(`the connection ended after ${received} of ${total} bytes`);
  }
}

function wrongSize(url: string, size: number, got: number): CodeFormerError {
  return new CodeFormerError('INTEGRITY', `${url}: expected ${size} bytes but the server has ${got}`);
}

/** First byte of a partial answer. */
function rangeStart(response: Response): number | null {
  const match = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '');
  return match ? Number(match[1]) : null;
}

/** What fetch says of a failure: the cause names it, the error itself only says that it failed. */
function reason(error: unknown): string {
  const cause = (error as { cause?: unknown }).cause;
  return (cause instanceof Error && cause.message) || (error as Error).message;
}
