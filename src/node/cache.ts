// Where this machine keeps what the library downloads and builds.

import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

const NAME = 'codeformer-webgpu';

/**
 * The cache folder: `CODEFORMER_CACHE` where it is set, else a folder of the library in the user's cache folder as the
 * system has it (`XDG_CACHE_HOME` or `~/.cache`, `~/Library/Caches`, `%LOCALAPPDATA%`). It need not exist.
 */
export function cacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env.CODEFORMER_CACHE) return env.CODEFORMER_CACHE;
  // The XDG specification says to ignore relative paths.
  if (env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME)) return join(env.XDG_CACHE_HOME, NAME);
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', NAME);
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), NAME, 'Cache');
  return join(homedir(), '.cache', NAME);
}

/** The folder of downloaded weights, under their official file names. */
export function weightsCacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheFolder(env), 'weights');
}
