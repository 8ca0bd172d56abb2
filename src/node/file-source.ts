// A file as a source of weights, and files written so that nobody ever sees half of one.

import { close, closeSync, fstat, open as openCallback, read, type Stats } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { CodeFormerError, throwIfAborted } from '../errors.js';
import type { ByteSource } from '../weights/source.js';

const [openFd, closeFd, statFd, readFd] = [
  promisify(openCallback),
  promisify(close),
  promisify(fstat),
  promisify(read),
];

/**
 * Opens a file for reading at any place. One that is dropped without being closed is closed when it is collected, without a word: file
 * handles of Node warn then, and in newer versions end the process.
 * @throws `FILE_NOT_FOUND`, `FILE_UNREADABLE`
 */
export async function fileSource(path: string): Promise<ByteSource> {
  let fd: number | undefined;
  const checkKind = (info: Stats): void => {
    if (!info.isFile()) throw new CodeFormerError('FILE_UNREADABLE', `Expected a file but ${path} is not one`);
  };
  try {
    // Before, because opening a pipe waits until somebody writes into it.
    checkKind(await stat(path));
    fd = await openFd(path, 'r');
    const info = await statFd(fd);
    checkKind(info);
    return openedSource(path, info.size, new OpenFile(fd));
  } catch (error) {
    if (fd !== undefined) await closeFd(fd);
    throw readError(path, error);
  }
}

function openedSource(path: string, size: number, file: OpenFile): ByteSource {
  return {
    name: path,
    size,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        try {
          const count = await file.read(bytes, done, offset + done);
          if (count === 0) break;
          done += count;
        } catch (error) {
          throw readError(path, error);
        }
      }
      return done === length ? bytes : bytes.slice(0, done);
    },
    close: () => file.close(),
    crc32: zlib.crc32,
  };
}

/** A descriptor that lives as long as anything can read from it. */
class OpenFile {
  private static readonly dropped = new FinalizationRegistry<number>(fd => closeSync(fd));
  private closing: Promise<void> | null = null;
  private reads = 0;
  private idle = () => {};

  constructor(private readonly fd: number) {
    OpenFile.dropped.register(this, fd, this);
  }

  /** Fills the bytes from a place on, as far as one read reaches, and returns how far that is. */
  async read(bytes: Uint8Array, from: number, position: number): Promise<number> {
    if (this.closing) throw new Error('it was closed');
    this.reads++;
    try {
      return (await readFd(this.fd, bytes, from, bytes.length - from, position)).bytesRead;
    } finally {
      if (--this.reads === 0) this.idle();
    }
  }

  /** Closes it after the reads that are under way: their descriptor must not become that of another file. */
  close(): Promise<void> {
    this.closing ??= this.closeWhenIdle();
    return this.closing;
  }

  private async closeWhenIdle(): Promise<void> {
    OpenFile.dropped.unregister(this);
    if (this.reads > 0) {
      await new Promise<void>(resolve => {
        this.idle = resolve;
      });
    }
    await closeFd(this.fd);
  }
}

/** The typed form of an error of the file system while reading. */
export function readError(path: string, error: unknown): CodeFormerError {
  if (error instanceof CodeFormerError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new CodeFormerError('FILE_NOT_FOUND', `There is no file ${path}`, { cause: error });
  }
  return new CodeFormerError('FILE_UNREADABLE', `${path} cannot be read: ${(error as Error).message}`, {
    cause: error,
  });
}

/** The typed form of an error of the file system while writing. */
export function writeError(path: string, error: unknown): CodeFormerError {
  if (error instanceof CodeFormerError) return error;
  return new CodeFormerError('FILE_UNWRITABLE', `${path} cannot be written: ${(error as Error).message}`, {
    cause: error,
  });
}

/**
 * Writes a file from pieces: beside its place first, then renamed, so that the name never stands for half a file. Folders
 * on the way are made. On failure or abort nothing is left. Errors of the pieces pass through; those of the file system
 * become `FILE_UNWRITABLE`.
 * @returns bytes written
 */
export async function writeFileBeside(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  options: { signal?: AbortSignal; onProgress?: (written: number) => void } = {},
): Promise<number> {
  const beside = `${path}.${process.pid}-${Math.random().toString(36).slice(2, 8)}.tmp`;
  const existing = await stat(path).catch(() => null);
  if (existing?.isDirectory()) throw new CodeFormerError('FILE_UNWRITABLE', `${path} is a folder`);
  let handle: FileHandle;
  try {
    await mkdir(dirname(path), { recursive: true });
    handle = await open(beside, 'wx');
  } catch (error) {
    throw writeError(path, error);
  }
  try {
    let written = 0;
    for await (const piece of pieces) {
      throwIfAborted(options.signal);
      await writeAll(handle, piece).catch(error => {
        throw writeError(path, error);
      });
      written += piece.length;
      options.onProgress?.(written);
    }
    await handle.close();
    await rename(beside, path).catch(error => {
      throw writeError(path, error);
    });
    return written;
  } catch (error) {
    await handle.close();
    await rm(beside, { force: true });
    throw error;
  }
}

/** Writes all of the bytes at the end of what was written before. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done);
    done += bytesWritten;
  }
}
