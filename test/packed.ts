// The package as users get it: packed by npm from a copy of the sources in which nothing is built, and installed in projects of its own.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What is installed, built or kept locally, as `.gitignore` has it. */
const LOCAL = new Set(['node_modules', 'dist', '.cache', '.runs', '.git']);

/** Copies the sources of the project, as a clone has them, and its installed packages as a link. */
export function cleanCopy(folder: string): string {
  cpSync(root, folder, { recursive: true, filter: source => !LOCAL.has(basename(source)) });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** The variables of a shell in which no npm runs: one that runs the tests says its own settings by them. */
export const shellEnv = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|VITEST|NODE_ENV$)/i.test(name)));

/** Packs a copy of the sources and returns the path of the tarball. */
export function pack(copy: string): string {
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--silent'], { cwd: copy, env: shellEnv(), encoding: 'utf8' }).replace(
      /^[^[]*/,
      '',
    ),
  ) as [{ filename: string }];
  return join(copy, filename);
}

/**
 * A project in `folder` that has a tarball of the package installed: what the package says that it depends on is linked from the
 * project's own packages, nothing else is there.
 * @param others further packages of the project's own to link
 */
export function install(tarball: string, folder: string, others: readonly string[] = []): string {
  const installed = join(folder, 'node_modules', 'codeformer-webgpu');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed]);
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of [...Object.keys(dependencies), ...others]) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), link);
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  return folder;
}

/** A project in `folder` that has the package as it is built in this checkout. */
export function installBuilt(folder: string): string {
  const installed = join(folder, 'node_modules', 'codeformer-webgpu');
  for (const name of ['package.json', 'dist', 'weights'])
    cpSync(join(root, name), join(installed, name), { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  return folder;
}

/** Every file of a folder by its path in it, with slashes. */
export const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();
