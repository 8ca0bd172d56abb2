// A file as a source of weights, and the typed errors of the file system.

import { close, closeSync, constants, fstat, open as openCallback, read, type Stats } from 'node:fs';
import { type FileHandle, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { CodeFormerError } from '../errors.js';
import type { ByteSource } from '../weights/source.js';

const [openFd, closeFd, statFd, readFd] = [
  promisify(openCallback),
  promisify(close),
  promisify(fstat),
  promisify(read),
];

/**
 * Opening waits for nobody: a named pipe that no one writes to would hold a thread, which neither a signal nor the end of the
 * process can free. Regular files do not know the difference.
 */
export const OPEN_FOR_READING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

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
    // Opening some devices does something, so they are refused before.
    checkKind(await stat(path));
    fd = await openFd(path, OPEN_FOR_READING);
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

/** Writes all of the bytes at the end of what was written before. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done);
    done += bytesWritten;
  }
}
