// Gets a file of weights from an address or a folder: resumed where it broke off, checked, and only then given its name.

import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, lstat, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CodeFormerError, invalidArgument, throwIfAborted } from '../errors.js';
import { openWeightsSource } from '../weights/open.js';
import { MAX_WEIGHTS, type TransferStore, transfer } from '../weights/transfer.js';
import { fileSource, readError, writeError } from './file-source.js';
import { withLock } from './lock.js';
import { makeFolder } from './write-file.js';

export interface PullOptions {
  /** Where the file is: an address, or a folder that holds it under the same name. */
  readonly from: { readonly url: string } | { readonly directory: string };
  /** Path of the result. Until it is complete and right, the bytes are in `<to>.part`, and `<to>.lock` says that somebody gets it. */
  readonly to: string;
  /** Bytes and SHA-256 (lower-case hexadecimal) that the file must have. */
  readonly size?: number | undefined;
  readonly sha256?: string | undefined;
  /** Bytes that a file of unknown size may have. Default 1 GiB. */
  readonly maxBytes?: number | undefined;
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes so far, and in all where known. */
  readonly onProgress?: ((progress: { received: number; total: number | undefined }) => void) | undefined;
  /** Milliseconds before the first retry; doubles with each. Default 500. */
  readonly retryDelay?: number | undefined;
  /** Milliseconds without a byte after which a connection counts as broken. Default 30,000. */
  readonly stallTimeout?: number | undefined;
  /** Milliseconds after which a lock without a sign of life counts as left behind. Default 15,000. */
  readonly staleLock?: number | undefined;
}

/**
 * Brings a file to `to`. A file that is there already and right stays as it is. Calls for the same file follow one another, also those of
 * other processes: who comes second finds the file there.
 *
 * With a SHA-256 to check the result, a `.part` of an earlier call is continued; without one it is replaced, because
 * nothing would tell halves of different files apart. Within one call, broken connections continue where the server tells the version of
 * its file. What is no file of weights is refused. Aborting leaves a `.part` that can be continued; a file of wrong size, hash or content is
 * deleted.
 *
 * @returns whether anything was transferred, or the file was there before
 * @throws INTEGRITY for a wrong size or SHA-256, INVALID_CHECKPOINT for what is no file of weights, DOWNLOAD_FAILED for refusals, broken
 *   connections (five attempts) and files above the limit, FILE_NOT_FOUND for a folder without the file, FILE_UNWRITABLE, ABORTED
 */
export async function pullFile(options: PullOptions): Promise<'pulled' | 'present'> {
  const { from, to, signal, staleLock } = options;
  throwIfAborted(signal);
  if ('url' in from && !(/^https?:/i.test(from.url) && URL.canParse(from.url))) {
    throw invalidArgument('an http or https address', 'url', from.url);
  }
  if (await isPresent(options)) return 'present';
  await makeFolder(dirname(to));
  const work = async () => {
    if (await isPresent(options)) return 'present';
    await bring(options);
    return 'pulled';
  };
  return withLock(`${to}.lock`, work, { signal, stale: staleLock });
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
  if (sha256 !== undefined) return (await sha256File(to, signal)) === sha256;
  return checkContent(to, to).then(
    () => true,
    () => false,
  );
}

/** Throws for what is no file of weights. */
async function checkContent(path: string, name: string): Promise<void> {
  await (await openWeightsSource({ ...(await fileSource(path)), name })).close();
}

/** Gets the file into its part, checks it there, and gives it its name. */
async function bring(options: PullOptions): Promise<void> {
  const { from, to, sha256 } = options;
  const path = `${to}.part`;
  const part = await Part.open(path, sha256 !== undefined);
  let wrong = true;
  try {
    const continued = part.length > 0 && 'url' in from;
    await fill(part, options);
    // A part that another file left cannot be told from a broken file but by getting it whole.
    if (continued && sha256 !== undefined && (await sha256File(path, options.signal)) !== sha256) {
      await part.clear();
      await fill(part, options);
    }
    await part.sync();
    await verify(path, options);
    wrong = false;
    await part.rename(to);
  } catch (error) {
    // What came of a file so far is for the next call, if a hash will tell whether the rest fits.
    wrong = wrong && error instanceof CodeFormerError && ['INTEGRITY', 'INVALID_CHECKPOINT'].includes(error.code);
    if (wrong || part.length === 0 || sha256 === undefined) await part.remove();
    throw error;
  } finally {
    await part.close();
  }
}

async function fill(part: Part, options: PullOptions): Promise<void> {
  const { from, to, sha256, onProgress, size, maxBytes, fetch, signal, retryDelay, stallTimeout } = options;
  if ('directory' in from) return copy(join(from.directory, basename(to)), part, options);
  await transfer(from.url, part, {
    hashed: sha256 !== undefined,
    size,
    maxBytes,
    fetch,
    signal,
    retryDelay,
    stallTimeout,
    onProgress: (received, total) => onProgress?.({ received, total }),
  });
}

/** Says what is wrong with a file. */
async function verify(part: string, { to, size, sha256, signal }: PullOptions): Promise<void> {
  const got = await sizeOf(part);
  let fault: string | undefined;
  if (size !== undefined && got !== size) fault = `${size} bytes but got ${got}`;
  else if (sha256 !== undefined) {
    const hash = await sha256File(part, signal);
    if (hash !== sha256) fault = `SHA-256 ${sha256} but got ${hash}`;
  }
  if (fault !== undefined) throw new CodeFormerError('INTEGRITY', `${basename(to)}: expected ${fault}`);
  if (sha256 === undefined) await checkContent(part, basename(to));
}

async function copy(path: string, part: Part, options: PullOptions): Promise<void> {
  const { size, maxBytes = MAX_WEIGHTS, signal, onProgress } = options;
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
  if (total > maxBytes) {
    throw new CodeFormerError('INTEGRITY', `${path}: ${total} bytes are above the limit of ${maxBytes}`);
  }
  await part.clear();
  try {
    // Not more than it had, if it grows meanwhile.
    for await (const bytes of createReadStream(path, { highWaterMark: 1 << 20, end: Math.max(0, total - 1) })) {
      throwIfAborted(signal);
      await part.append(bytes as Uint8Array);
      onProgress?.({ received: part.length, total });
    }
  } catch (error) {
    throw readError(path, error);
  }
}

/** Not present on Windows, where only administrators make symbolic links. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

/** The file that a transfer writes to. It is always one of its own: links to other files are replaced and not followed. */
class Part implements TransferStore {
  private constructor(
    private readonly path: string,
    private readonly handle: FileHandle,
    public length: number,
  ) {}

  /** @param keep whether what an earlier call left is continued */
  static async open(path: string, keep: boolean): Promise<Part> {
    try {
      const info = await lstat(path).catch(() => null);
      if (keep && info?.isFile() && info.nlink === 1) {
        const handle = await open(path, constants.O_RDWR | NO_FOLLOW);
        return new Part(path, handle, (await handle.stat()).size);
      }
      if (info) await rm(path, { recursive: info.isDirectory() });
      return new Part(path, await open(path, 'wx+'), 0);
    } catch (error) {
      throw writeError(path, error);
    }
  }

  async append(bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, this.length);
        done += bytesWritten;
        this.length += bytesWritten;
      }
    } catch (error) {
      throw writeError(this.path, error);
    }
  }

  async clear(): Promise<void> {
    if (this.length === 0) return;
    await this.handle.truncate(0).catch(error => {
      throw writeError(this.path, error);
    });
    this.length = 0;
  }

  async sync(): Promise<void> {
    await this.handle.sync().catch(error => {
      throw writeError(this.path, error);
    });
  }

  /** Gives the file its name; throws where something else has taken its place meanwhile. */
  async rename(to: string): Promise<void> {
    try {
      const [own, there] = [await this.handle.stat(), await lstat(this.path)];
      if (own.ino !== there.ino || own.dev !== there.dev) throw new Error('another process replaced the part of it');
      await rename(this.path, to);
    } catch (error) {
      throw writeError(to, error);
    }
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}
