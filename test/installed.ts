// The package in projects of other people: installed by npm, or for the quick tests by links; and the programs that are run there.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { withLock } from '../src/node/lock.js';
import { cleanCopy, pack, shellEnv } from './packed.js';

const root = fileURLToPath(new URL('..', import.meta.url));

const execute = promisify(execFile);

/** Milliseconds that a program may take. */
const LIMIT = 300_000;

/** What a program wrote. It fails with all of that in the message, and where it does not end in time. */
export async function run(folder: string, program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  try {
    const options = { cwd: folder, env: { ...environment(), ...env }, timeout: LIMIT, maxBuffer: 2 ** 26 };
    const running = execute(program, args, options);
    running.child.stdin?.end();
    return await running;
  } catch (error) {
    const { stdout, stderr, message } = error as { stdout: string; stderr: string; message: string };
    throw new Error(`${message}\n${stdout}\n${stderr}`, { cause: error });
  }
}

/** The environment of a person at a terminal, but for where npm is told to find packages. */
export function environment(): NodeJS.ProcessEnv {
  const registry = Object.entries(process.env).filter(([name]) =>
    /^npm_config_(registry|cache|userconfig)$/i.test(name),
  );
  return { ...shellEnv(), ...Object.fromEntries(registry) };
}

/** Packages from npm, taken from its cache where they are there. */
export async function npmInstall(folder: string, ...packages: readonly string[]): Promise<void> {
  await run(folder, 'npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages]);
}

/** Path of the tarball of the project as it is now: made once for each state of what it is made of. */
export async function packProject(): Promise<string> {
  const hash = createHash('sha256');
  for (const part of ['bin', 'src', 'scripts', 'weights', 'package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']) {
    const inside = /\./.test(part) || part === 'LICENSE' ? [''] : readdirSync(join(root, part), { recursive: true });
    for (const name of inside.map(String).sort()) {
      const path = join(root, part, name);
      // Folders cannot be read.
      const bytes = await readFile(path).catch(() => '');
      hash.update(`${part}/${name}\n`).update(bytes);
    }
  }
  const folder = join(root, '.cache/packed');
  const tarball = join(folder, `${hash.digest('hex').slice(0, 16)}.tgz`);
  await mkdir(folder, { recursive: true });
  const making = async () => {
    if (existsSync(tarball)) return;
    for (const old of readdirSync(folder)) await rm(join(folder, old));
    const copy = cleanCopy(await mkdtemp(join(tmpdir(), 'codeformer-packed-')));
    try {
      // It may lie on another disk.
      await cp(pack(copy), `${tarball}.part`);
      await rename(`${tarball}.part`, tarball);
    } finally {
      await rm(copy, { recursive: true });
    }
  };
  // It gives no sign of life while npm packs.
  await withLock(`${folder}.lock`, making, { stale: LIMIT });
  return tarball;
}

/** A copy of an example in a folder of its own, with this project's package and others from npm. */
export async function installExample(name: string, folder: string): Promise<string> {
  const copy = await copyExample(name, folder);
  const path = join(copy, 'package.json');
  const project = JSON.parse(readFileSync(path, 'utf8'));
  project.dependencies['codeformer-webgpu'] = `file:${await packProject()}`;
  await writeFile(path, JSON.stringify(project));
  await npmInstall(copy);
  return copy;
}

/** A copy of an example inside of a project that has what it needs. */
export async function copyExample(name: string, project: string): Promise<string> {
  const copy = join(project, name);
  const own = /[\\/](node_modules|dist|\.next|\.parcel-cache)$/;
  await cp(join(root, 'examples', name), copy, { recursive: true, filter: source => !own.test(source) });
  return copy;
}

/** An environment in which the programs of this project's packages are found. */
export const withOwnPrograms = (): NodeJS.ProcessEnv => ({
  PATH: [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter),
});
