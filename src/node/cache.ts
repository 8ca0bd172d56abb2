// Where this machine keeps what the library downloads and builds.

import { lstat, mkdir, mkdtemp } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';

const NAME = 'codeformer-webgpu';

/**
 * The cache folder: `CODEFORMER_CACHE` where it is set, else a folder of the library in the user's cache folder as the
 * system has it (`XDG_CACHE_HOME` or `~/.cache`, `~/Library/Caches`, `%LOCALAPPDATA%`), or a temporary one for users without a home. It
 * need not exist.
 */
export function cacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env.CODEFORMER_CACHE) return env.CODEFORMER_CACHE;
  // The XDG specification says to ignore relative paths.
  if (env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME)) return join(env.XDG_CACHE_HOME, NAME);
  const home = homeFolder();
  if (home === null) return temporaryPath();
  if (platform === 'darwin') return join(home, 'Library', 'Caches', NAME);
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? join(home, 'AppData', 'Local'), NAME, 'Cache');
  return join(home, '.cache', NAME);
}

/** Null for users that the system does not know, as containers have them. */
function homeFolder(): string | null {
  try {
    return homedir();
  } catch {
    return null;
  }
}

/** The folder of downloaded weights, under their official file names. */
export function weightsCacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheFolder(env), 'weights');
}

/** Where things go that are not kept: one folder for all processes of a user. It may belong to somebody else. */
export function temporaryPath(): string {
  const user = process.getuid?.();
  return join(tmpdir(), user === undefined ? NAME : `${NAME}-${user}`);
}

/**
 * Makes a folder for libraries that are loaded: that of `temporaryPath`, or another one where others could write to it.
 */
export async function ownTemporaryFolder(): Promise<string> {
  const path = temporaryPath();
  const user = process.getuid?.();
  await mkdir(path, { mode: 0o700 }).catch(() => undefined);
  const info = await lstat(path).catch(() => null);
  const own = info?.isDirectory() && (user === undefined || (info.uid === user && (info.mode & 0o022) === 0));
  return own ? path : mkdtemp(`${path}-`);
}
