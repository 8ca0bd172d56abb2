// Whether an official file on this machine is what was released.

import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { OfficialFile } from '../weights/official.js';
import { sha256File } from './pull.js';
import { writeFileBeside } from './write-file.js';

/**
 * What is wrong with an official file, or null: what was expected of its size or SHA-256, as far as they are known, and what it has. In the
 * cache folder the SHA-256 is compared once, and again when size, time or place of the file are others than then, which is kept beside
 * it. What changes without that, zip archives find by sums of their own.
 * @param path of a file that exists
 * @param cache the folder of weights in the cache
 */
export async function officialFault(
  path: string,
  { bytes, sha256 }: OfficialFile,
  { cache, signal }: { readonly cache: string; readonly signal?: AbortSignal | undefined },
): Promise<string | null> {
  const info = await stat(path);
  if (bytes !== undefined && info.size !== bytes) return `${bytes} bytes but it has ${info.size}`;
  if (sha256 === undefined) return null;
  const record = resolve(dirname(path)) === resolve(cache) ? `${path}.checked` : null;
  const state = `${sha256} ${info.size} ${info.mtimeMs} ${info.ino}\n`;
  if (record && (await readFile(record, 'utf8').catch(() => '')) === state) return null;
  const hash = await sha256File(path, signal);
  if (hash !== sha256) return `SHA-256 ${sha256} but it has ${hash}`;
  // Where the folder cannot be written, it is compared each time.
  if (record) await writeFileBeside(record, pieces(Buffer.from(state))).catch(() => {});
  return null;
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
