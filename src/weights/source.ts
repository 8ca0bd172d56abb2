// Where bytes of weights come from: the one interface between the readers of this folder and the platforms.

import { CodeFormerError } from '../errors.js';

/** Random access to the bytes of one file. Platforms implement it for files, blobs and HTTP ranges. */
export interface ByteSource {
  /** How messages name it: a path, an address or a word. */
  readonly name: string;
  /** Length in bytes. */
  readonly size: number;
  /**
   * Bytes [offset, offset + length). The array belongs to the caller: it begins at offset 0 of a buffer of its own, and nothing else
   * writes to it.
   * @param offset in bytes; callers keep the range within `size`
   * @param length in bytes
   * @throws what the platform says of a file that cannot be read, as `FILE_UNREADABLE`
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  /**
   * Ends reading.
   * @throws what the platform says
   */
  close?(): Promise<void>;
  /** The platform's own CRC-32, where it has one: the sum of bytes that follow those whose sum is `before`. */
  readonly crc32?: ((bytes: Uint8Array, before: number) => number) | undefined;
}

/** A source over bytes in memory. Reads are copies, so that nobody can change the weights through a tensor. */
export function bytesSource(bytes: Uint8Array, name: string): ByteSource {
  return {
    name,
    size: bytes.length,
    // Not `bytes.slice`: that of a Buffer is a view. Bytes that were detached have no part either.
    read: async (offset, length) =>
      bytes.length === 0 ? new Uint8Array() : new Uint8Array(bytes.subarray(offset, offset + length)),
  };
}

/**
 * Reads within the bounds of the source or throws `INVALID_CHECKPOINT`.
 * @param what what the bytes are, for the message
 */
export async function readExactly(
  source: ByteSource,
  offset: number,
  length: number,
  what: string,
): Promise<Uint8Array> {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
    throw broken(source.name, `${what} has an impossible place: ${length} bytes at offset ${offset}`);
  }
  if (offset + length > source.size) {
    throw broken(
      source.name,
      `expected ${what} (${length} bytes at offset ${offset}) but the file ends after ${source.size} bytes`,
    );
  }
  const bytes = await source.read(offset, length);
  if (bytes.length !== length) {
    throw broken(source.name, `expected ${length} bytes for ${what} but the source gave ${bytes.length}`);
  }
  return bytes;
}

/** The error for a file that is not what it claims to be. The message begins with the name of the file. */
export function broken(name: string, fault: string, cause?: unknown): CodeFormerError {
  return new CodeFormerError('INVALID_CHECKPOINT', `${name}: ${fault}`, cause === undefined ? undefined : { cause });
}
