// Files written so that nobody ever sees half of one, and that nothing is lost or left where writing breaks off.

import { createHash } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { access, constants, type FileHandle, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { CodeFormerError, throwIfAborted } from '../errors.js';
import { writeAll, writeError } from './file-source.js';

export interface WriteFileOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((written: number) => void) | undefined;
  /** Whether a file that is there already is replaced. Default true. */
  readonly overwrite?: boolean | undefined;
}

/**
 * Writes a file from pieces: beside its place first, then renamed, so that the name never stands for half a file. Folders
 * on the way are made. On failure or abort nothing is left. Errors of the pieces pass through; those of the file system
 * become `FILE_UNWRITABLE`, as does a file of that name that must not be replaced, whoever made it and when.
 * @returns bytes written
 */
export async function writeFileBeside(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  options: WriteFileOptions = {},
): Promise<number> {
  const existing = await stat(path).catch(() => null);
  if (existing?.isDirectory()) throw new CodeFormerError('FILE_UNWRITABLE', `${path} is a folder`);
  const beside = temporaryIn(dirname(path));
  let handle: FileHandle;
  try {
    handle = await open(beside, 'wx').catch(async error => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
      await makeFolder(dirname(path));
      return open(beside, 'wx');
    });
  } catch (error) {
    throw error instanceof CodeFormerError ? error : writeError(path, error);
  }
  try {
    let written = 0;
    for await (const piece of pieces) {
      throwIfAborted(options.signal);
      await writeAll(handle, piece).catch(error => {
        throw writeError(path, error);
      });
      written += piece.length;
      options.onProgress?.(written);
    }
    await handle.close();
    await (options.overwrite === false ? settle(beside, path) : rename(beside, path)).catch(error => {
      throw writeError(path, error);
    });
    return written;
  } catch (error) {
    await handle.close();
    await rm(beside, { force: true });
    throw error;
  }
}

/** The error for a file that is in the place of another one. */
export function existsError(path: string, cause?: unknown): CodeFormerError {
  return new CodeFormerError('FILE_UNWRITABLE', `${path} exists already: --overwrite replaces it`, { cause });
}

/** What file systems without hard links say of one. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL', 'UNKNOWN'];

/** Gives a file its name, unless that is taken: to ask first would not do, as another process may be faster. */
async function settle(beside: string, path: string): Promise<void> {
  const code = (error: unknown) => (error as NodeJS.ErrnoException).code ?? '';
  try {
    await link(beside, path);
  } catch (error) {
    if (code(error) === 'EEXIST') throw existsError(path, error);
    if (!NO_LINKS.includes(code(error))) throw error;
    // An empty file keeps the name until the whole one takes its place.
    const handle = await open(path, 'wx').catch(cause => {
      throw code(cause) === 'EEXIST' ? existsError(path, cause) : cause;
    });
    await handle.close();
    await rename(beside, path).catch(async cause => {
      await rm(path, { force: true });
      throw cause;
    });
    return;
  }
  await rm(beside, { force: true });
}

/**
 * Makes a folder and those above it. One that is there is fine. `mkdir` with `recursive` would try for ever where the system says
 * that there is no such place, as below `/proc`.
 * @throws `FILE_UNWRITABLE`
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await made(path, true);
  } catch (cause) {
    throw new CodeFormerError(
      'FILE_UNWRITABLE',
      `The folder ${path} cannot be made: ${(cause as NodeJS.ErrnoException).message}`,
      { cause },
    );
  }
}

async function made(path: string, above: boolean): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && above && dirname(path) !== path) {
      await made(dirname(path), true);
      return made(path, false);
    }
    // The root of a read-only system is there although it cannot be made, so the code alone does not tell.
    if (!(await stat(path).catch(() => null))?.isDirectory()) throw error;
  }
}

/**
 * Throws `FILE_UNWRITABLE` where a file could not be written: its folder does not exist or takes no files, or the path is a folder
 * itself or too long. To be called before work whose result goes there.
 */
export async function checkWritable(path: string): Promise<void> {
  const refuse = (reason: string, cause?: unknown) =>
    new CodeFormerError('FILE_UNWRITABLE', `${path} cannot be written: ${reason}`, { cause });
  const existing = await stat(path).catch(cause => {
    if (cause.code === 'ENAMETOOLONG') throw refuse('its name is too long', cause);
    return null;
  });
  if (existing?.isDirectory()) throw refuse('it is a folder');
  const folder = dirname(path);
  const info = await stat(folder).catch(cause => {
    throw refuse(`there is no folder ${folder}`, cause);
  });
  if (!info.isDirectory()) throw refuse(`${folder} is not a folder`);
  await access(folder, constants.W_OK).catch(cause => {
    throw refuse(`no right to write in ${folder}`, cause);
  });
  // Rights are not all: only a file that is made shows that files can be.
  const probe = temporaryIn(folder);
  try {
    await (await open(probe, 'wx')).close();
  } catch (cause) {
    throw refuse((cause as Error).message.replace(/, open .*$/s, ''), cause);
  } finally {
    await rm(probe, { force: true });
  }
}

let place: string | undefined;

/** Tells machines, and containers on one, apart: ids of processes mean something only where they were given. */
function placeId(): string {
  place ??= foundPlaceId();
  return place;
}

function foundPlaceId(): string {
  let namespace = '';
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    // No Linux: there the name of the machine has to do.
  }
  return createHash('sha256').update(`${hostname()}\n${namespace}`).digest('hex').slice(0, 8);
}

/** A name for a file that is not finished. It says whose it is, and is short, as the name of the result may be as long as names can be. */
function temporaryIn(folder: string): string {
  return join(folder, `.codeformer-${placeId()}-${process.pid}-${Math.random().toString(36).slice(2, 10)}.tmp`);
}

const TEMPORARY = /^\.codeformer-([0-9a-f]{8})-(\d+)-[0-9a-z]*\.tmp$/;

/** After this time, in ms, nobody writes to an unfinished file any more whose writer cannot be asked. */
const FORGOTTEN = 24 * 60 * 60 * 1000;

/** Deletes what runs that were killed have left unfinished in a folder; files that somebody may still write to stay. */
export async function removeLeftovers(folder: string): Promise<void> {
  const here = placeId();
  for (const name of await readdir(folder).catch(() => [])) {
    const [, place, process] = TEMPORARY.exec(name) ?? [];
    if (place === undefined) continue;
    const path = join(folder, name);
    if (place === here ? runs(Number(process)) : Date.now() - (await modified(path)) < FORGOTTEN) continue;
    await rm(path, { force: true }).catch(() => {});
  }
}

const modified = async (path: string): Promise<number> =>
  stat(path).then(
    info => info.mtimeMs,
    () => Date.now(),
  );

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
