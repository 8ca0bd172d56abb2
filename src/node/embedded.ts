// The weights that ship with the package.

import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CodeFormerError } from '../errors.js';
import { type Manifest, parseManifest } from '../weights/manifest.js';
import { readError } from './file-source.js';

const PACKAGE = 'codeformer-webgpu';

/** The folder of embedded weights, and what its manifest says of them. Throws `FILE_NOT_FOUND` where the package is incomplete. */
export async function embeddedWeights(): Promise<{ folder: string; manifest: Manifest }> {
  const folder = join(await packageRoot(), 'weights');
  const path = join(folder, 'manifest.json');
  const text = await readFile(path, 'utf8').catch(error => {
    throw readError(path, error);
  });
  return { folder, manifest: parseManifest(text, path) };
}

/** The folder of the package, which this file is somewhere in, as source or bundled. */
async function packageRoot(): Promise<string> {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => null);
    if (text !== null && (JSON.parse(text) as { name?: unknown }).name === PACKAGE) return folder;
    if (folder === dirname(folder)) {
      throw new CodeFormerError('FILE_NOT_FOUND', `No folder above ${start} is the package ${PACKAGE}`);
    }
  }
}
