// What tests use as it is built from the sources: built by the first that asks for it, once for all files of a run.

import { execFile } from 'node:child_process';
import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { withLock } from '../src/node/lock.js';
import { RUN_FOLDER } from './run-folder.js';

const folder = process.env[RUN_FOLDER]!;
const script = (name: string) => fileURLToPath(new URL(`../scripts/${name}`, import.meta.url));

/** Builds `dist`: the package without its types, and the command line. */
export const buildProject = (): Promise<void> => once('dist', script('build.mjs'));

/** Builds the page and returns its folder, which is for reading. Fails where a first visit loads too much. */
export async function buildSite(): Promise<string> {
  const site = join(folder, 'site');
  await once('page', script('demo.mjs'), 'build', site);
  return site;
}

async function once(name: string, ...args: string[]): Promise<void> {
  const done = join(folder, `${name}.done`);
  await withLock(`${done}.lock`, async () => {
    if ((await access(done).catch(() => 'lacking')) !== 'lacking') return;
    await promisify(execFile)(process.execPath, args);
    await writeFile(done, '');
  });
}
