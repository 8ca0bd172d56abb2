// What is remembered of adapters, in the cache folder: a small file for each.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Notes } from '../pipeline/platform.js';
import { cacheFolder } from './cache.js';
import { writeFileBeside } from './write-file.js';

/** The file of a key. */
const pathOf = (key: string): string =>
  join(cacheFolder(), 'adapters', `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`);

/** Dawn's version: it compiles the shaders. */
function dawnVersion(): string {
  try {
    return (createRequire(import.meta.url)('webgpu/package.json') as { version: string }).version;
  } catch {
    return 'unknown';
  }
}

export const NOTES: Notes = {
  get host() {
    return `webgpu ${dawnVersion()}`;
  },
  async read(key) {
    try {
      const note = JSON.parse(await readFile(pathOf(key), 'utf8')) as { key?: unknown; text?: unknown } | null;
      return note?.key === key && typeof note.text === 'string' ? note.text : null;
    } catch {
      return null;
    }
  },
  async write(key, text) {
    const bytes = new TextEncoder().encode(JSON.stringify({ key, text }));
    await writeFileBeside(
      pathOf(key),
      (async function* () {
        yield bytes;
      })(),
    ).catch(() => {});
  },
};
