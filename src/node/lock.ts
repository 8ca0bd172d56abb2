// One process at a time: a file that is there as long as somebody works, and that is touched meanwhile, so that one that was left behind
// is told from one that is held.

import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { throwIfAborted } from '../errors.js';
import { writeError } from './file-source.js';

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds without a sign of life after which a lock counts as left behind. Default 15,000. */
  readonly stale?: number | undefined;
}

/**
 * Does `work` while no other process does any with the same lock, and waits for that.
 * @param path of the file that is the lock
 * @throws `ABORTED` while it waits, `FILE_UNWRITABLE`, and what the work throws
 */
export async function withLock<T>(path: string, work: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  const { signal, stale = 15_000 } = options;
  const token = randomUUID();
  // By its own clock, because that of a file system may be another one: how long the file has looked as it does.
  let seen = '';
  let since = performance.now();
  while (!(await create(path, token))) {
    throwIfAborted(signal);
    const state = await look(path);
    if (state !== seen) {
      seen = state;
      since = performance.now();
    } else if (performance.now() - since > stale) {
      await takeAway(path, state);
      continue;
    }
    await new Promise(resolve => setTimeout(resolve, Math.min(100, stale / 4)));
  }
  const beat = setInterval(() => utimes(path, new Date(), new Date()).catch(() => {}), stale / 5);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    // Somebody may have taken it for left behind.
    if ((await readFile(path, 'utf8').catch(() => '')) === token) await rm(path, { force: true });
  }
}

async function create(path: string, token: string): Promise<boolean> {
  try {
    const handle = await open(path, 'wx');
    try {
      await handle.writeFile(token);
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw writeError(path, error);
  }
}

/** What changes while somebody holds the lock: who, and the time of the last sign of life. */
async function look(path: string): Promise<string> {
  const info = await stat(path).catch(() => null);
  const token = await readFile(path, 'utf8').catch(() => '');
  return `${token} ${info?.mtimeMs}`;
}

/** Takes away a lock that was left behind; puts it back where another process was faster and it is theirs now. */
async function takeAway(path: string, state: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await look(aside)) !== state) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}
