// Results and uploads as files of a folder. The last bytes of each file are its content type: one rename makes both, and viewers show a
// picture that has something behind its end.

import { open, readdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { OPEN_FOR_READING, readError, writeError } from '../../node/file-source.js';
import { removeLeftovers, writeFileBeside } from '../../node/write-file.js';
import { StorageFullError } from '../errors.js';
import type { Storage } from '../types.js';
import { checkContentType, checkKey, isKey } from './keys.js';

/** Bytes behind the content of a file: a mark, and the content type, filled with spaces. */
const TAIL = 128;
const MARK = '\ncodeformer 1 ';

const tailOf = (contentType: string): Buffer => Buffer.from(`${MARK}${contentType}`.padEnd(TAIL), 'latin1');

/** The content type; null where a file has no such tail, as one that nobody put there. */
function typeIn(tail: Buffer): string | null {
  const text = tail.toString('latin1');
  return text.length === TAIL && text.startsWith(MARK) ? text.slice(MARK.length).trimEnd() : null;
}

/** What file systems say when they are full, or a user's share of them is. */
const FULL = ['ENOSPC', 'EDQUOT'];

/** A storage in a folder. Several processes may use one, also on several machines. */
export const folderStorage = (folder: string): Storage => new FolderStorage(folder);

class FolderStorage implements Storage {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = resolve(folder);
  }

  async put(key: string, body: Uint8Array, contentType: string): Promise<void> {
    checkKey(key);
    checkContentType(contentType);
    try {
      await writeFileBeside(this.path(key), pieces(body, tailOf(contentType)));
    } catch (error) {
      const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
      throw FULL.includes(code ?? '') ? new StorageFullError({ cause: error }) : error;
    }
  }

  async get(key: string): Promise<{ body: Uint8Array; contentType: string } | undefined> {
    checkKey(key);
    try {
      const bytes = await readFile(this.path(key), { flag: OPEN_FOR_READING });
      const contentType = typeIn(bytes.subarray(-TAIL));
      return contentType === null ? undefined : { body: bytes.subarray(0, -TAIL), contentType };
    } catch (error) {
      if (isGone(error)) return undefined;
      throw readError(this.path(key), error);
    }
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    await rm(this.path(key), { force: true }).catch(error => {
      if (!isGone(error)) throw writeError(this.path(key), error);
    });
  }

  async *list(prefix: string): AsyncIterable<{ key: string; size: number; modified: number }> {
    yield* this.walk('', prefix);
  }

  async close(): Promise<void> {}

  /** What writers that were killed have left unfinished goes on the way. */
  private async *walk(folder: string, prefix: string): AsyncIterable<{ key: string; size: number; modified: number }> {
    const path = join(this.folder, folder);
    const entries = await readdir(path, { withFileTypes: true }).catch(error => {
      if (isGone(error)) return [];
      throw readError(path, error);
    });
    await removeLeftovers(path);
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const key = folder + entry.name;
      if (!isKey(key)) continue;
      if (entry.isDirectory()) {
        const inside = `${key}/`;
        if (inside.startsWith(prefix) || prefix.startsWith(inside)) yield* this.walk(inside, prefix);
      } else if (entry.isFile() && key.startsWith(prefix)) {
        const found = await this.look(key);
        if (found) yield found;
      }
    }
  }

  private async look(key: string): Promise<{ key: string; size: number; modified: number } | undefined> {
    const path = this.path(key);
    try {
      await using file = await open(path, OPEN_FOR_READING);
      const { size, mtimeMs } = await file.stat();
      if (size < TAIL) return undefined;
      const { buffer } = await file.read(Buffer.alloc(TAIL), 0, TAIL, size - TAIL);
      return typeIn(buffer) === null ? undefined : { key, size: size - TAIL, modified: mtimeMs };
    } catch (error) {
      // Somebody else deleted it meanwhile.
      if (isGone(error)) return undefined;
      throw readError(path, error);
    }
  }

  private path(key: string): string {
    return join(this.folder, ...key.split('/'));
  }
}

/** Nothing is there; also where a key is below another one, or is a folder of others. */
const isGone = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR', 'EISDIR', 'ERR_FS_EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

async function* pieces(...all: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* all;
}
