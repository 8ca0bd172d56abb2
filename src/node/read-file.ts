// Reads all of a file or stream, whatever it is, within a limit: what never ends costs no more memory than what is too large.

import * as fs from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { isatty, ReadStream } from 'node:tty';
import { promisify } from 'node:util';
import { onAbort } from '../abort.js';
import { CodeFormerError, type ErrorCode, throwIfAborted } from '../errors.js';
import { OPEN_FOR_READING, readError } from './file-source.js';

export interface ReadLimits {
  /** Most bytes that are read. */
  readonly maxBytes: number;
  /** Code of the error for more than that. */
  readonly tooLarge: ErrorCode;
  /** Shown the first bytes, at least 4096 of them or all: whether the rest need not be read, because they tell enough. */
  readonly enough?: ((begin: Uint8Array) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes after which `enough` is asked. */
const BEGIN = 4096;
const PIECE = 1 << 20;

// By numbers, as a pipe must not be opened twice: its writer would find the first reader gone.
const open = promisify(fs.open);
const fstat = promisify(fs.fstat);
const read = promisify(fs.read);
const close = promisify(fs.close);

/**
 * Reads a file: a regular one, a device, or a named pipe, whose writer is waited for.
 * @param name how messages call it
 * @returns the bytes, or only the first of them where those are `enough`
 * @throws `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `ABORTED`, and the code of the limits for more bytes than those allow
 */
export async function readBounded(path: string | Buffer, name: string, limits: ReadLimits): Promise<Uint8Array> {
  throwIfAborted(limits.signal);
  let fd: number | null = null;
  try {
    fd = await open(path, OPEN_FOR_READING);
    const info = await fstat(fd);
    if (info.isDirectory()) throw new CodeFormerError('FILE_UNREADABLE', `${name} cannot be read: it is a folder`);
    if (info.isFile() && info.size > limits.maxBytes) throw tooMany(name, limits, info.size);
    if (info.isFile() || (info.isCharacterDevice() && !isatty(fd))) {
      // One byte more than there seem to be tells that there are no more. Some files say that they have none, and do.
      const piece = info.size > 0 ? Math.min(info.size + 1, PIECE) : 1 << 16;
      return await collect(pieces(fd, piece), name, limits);
    }
    // A pipe or terminal: a stream waits without holding a thread, and closes the file.
    const stream = isatty(fd) ? new ReadStream(fd) : new Socket({ fd, readable: true, writable: false });
    fd = null;
    return await collect(stream, name, limits);
  } catch (error) {
    throw readError(name, error);
  } finally {
    if (fd !== null) await close(fd);
  }
}

async function* pieces(fd: number, length: number): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { bytesRead, buffer } = await read(fd, Buffer.allocUnsafe(length), 0, length, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Text of a file that people write by hand, or programs for them: of at most 64 MiB. Throws as `readBounded`. */
export async function readText(path: string, signal?: AbortSignal): Promise<string> {
  const limits = { maxBytes: 2 ** 26, tooLarge: 'FILE_UNREADABLE', signal } as const;
  return new TextDecoder().decode(await readBounded(path, path, limits));
}

/** All of a stream. @throws `ABORTED`, and the code of the limits for more bytes than those allow */
export async function collect(
  stream: Readable | AsyncGenerator<Uint8Array>,
  name: string,
  limits: ReadLimits,
): Promise<Uint8Array> {
  const { maxBytes, enough, signal } = limits;
  // A stream that is waiting for bytes is woken by this; one that works is asked after each piece.
  const stop = onAbort(signal, () => 'destroy' in stream && stream.destroy());
  const parts: Uint8Array[] = [];
  let length = 0;
  let asked = enough === undefined;
  const isEnough = () => {
    asked = true;
    return enough!(Buffer.concat(parts));
  };
  try {
    for await (const part of stream) {
      throwIfAborted(signal);
      parts.push(part as Uint8Array);
      length += (part as Uint8Array).length;
      if (length > maxBytes) throw tooMany(name, limits);
      if (!asked && length >= BEGIN && isEnough()) break;
    }
    throwIfAborted(signal);
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  } finally {
    stop();
  }
}

function tooMany(name: string, { maxBytes, tooLarge }: ReadLimits, got?: number): CodeFormerError {
  const came = got === undefined ? 'there are more' : `it has ${got}`;
  return new CodeFormerError(tooLarge, `${name}: expected at most ${maxBytes} bytes but ${came}`);
}
