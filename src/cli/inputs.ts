// The pictures that arguments name: files, folders, patterns for shells that expand none, and `-` for stdin.

import { stat } from 'node:fs/promises';
import { basename, dirname, extname, sep } from 'node:path';
import { CodeFormerError } from '../errors.js';
import type { Picture } from '../image/picture.js';
import { decodeImage, pictureReading } from '../node/images.js';
import { collect, readBounded } from '../node/read-file.js';
import { entries, type Found, inside, isPattern, matching, type Path } from './glob.js';
import type { Io } from './io.js';

/** Endings of the files that are taken from folders. */
const ENDINGS = [
  '.png',
  '.jpg',
  '.jpeg',
  '.jpe',
  '.jfif',
  '.webp',
  '.avif',
  '.tif',
  '.tiff',
  '.bmp',
  '.gif',
  '.heic',
  '.heif',
];

/** Whether a name is that of a picture by its ending. */
export const looksLikePicture = (name: string): boolean => ENDINGS.includes(extname(name).toLowerCase());

export interface Inputs {
  readonly files: readonly Found[];
  /** Whether there may be any number of them, so that results need a folder. */
  readonly several: boolean;
  /** What could not be looked into. */
  readonly warnings: readonly string[];
}

/**
 * Expands arguments. What is a file stays as it is; a folder stands for the pictures in it, a pattern (`*`, `?`, `[abc]`, `**`) for the
 * pictures that match, both in the order of their names.
 * @throws `FILE_NOT_FOUND` for folders and patterns without pictures, `FILE_UNREADABLE`, `INVALID_ARGUMENT` for addresses
 */
export async function expandInputs(args: readonly string[]): Promise<Inputs> {
  const files = new Map<string, Found>();
  const warnings: string[] = [];
  // Stdin twice is for others to refuse, so it is not made one.
  const add = (found: Found) =>
    files.set(found.name === '-' ? `${files.size}` : `/${Buffer.from(found.path as string).toString('latin1')}`, found);
  let several = args.length > 1;
  for (const arg of args) {
    const path = arg === '-' ? arg : await existing(arg);
    if (path === null && /^[a-z]+:\/\//i.test(arg)) {
      throw new CodeFormerError(
        'INVALID_ARGUMENT',
        `Expected files but received the address ${arg}: download it first, or pipe it into \`codeformer restore -\``,
      );
    }
    const info = arg === '-' || path === null ? null : await stat(path).catch(() => null);
    const pattern = path === null && isPattern(arg);
    if (!info?.isDirectory() && !pattern) {
      add({ name: arg, path: path ?? arg });
      continue;
    }
    several = true;
    const unreadable = (folder: string, error: Error) => {
      warnings.push(`the folder ${folder} cannot be read: ${error.message}`);
    };
    const found = pattern ? await matching(arg, looksLikePicture, unreadable) : await picturesIn(path!, arg);
    for (const warning of found.length === 0 ? warnings : []) throw new CodeFormerError('FILE_UNREADABLE', warning);
    if (found.length === 0) throw new CodeFormerError('FILE_NOT_FOUND', `There are no pictures in ${arg}`);
    found.forEach(add);
  }
  return { files: [...files.values()], several, warnings };
}

/** The pictures that are in a folder, hidden ones and deeper ones apart. */
async function picturesIn(folder: Path, shown: string): Promise<Found[]> {
  try {
    const listed = await entries(folder, shown.replace(/(?<=.)[/\\]+$/, sep));
    return listed.filter(({ base, file }) => file && !base.startsWith('.') && looksLikePicture(base));
  } catch (cause) {
    throw new CodeFormerError('FILE_UNREADABLE', `The folder ${shown} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/**
 * The path of an argument, null where nothing is there. Arguments come as text, in which a name that is no UTF-8 cannot be told from
 * others like it: where one file only looks like that, it is meant.
 */
async function existing(arg: string): Promise<Path | null> {
  if (await stat(arg).catch(() => null)) return arg;
  if (!arg.includes('\ufffd')) return null;
  const folder = dirname(arg);
  const found = await entries(folder, folder).catch(() => []);
  const alike = found.filter(({ base }) => base === basename(arg));
  return alike.length === 1 ? inside(folder, lastPart(alike[0]!.path)) : null;
}

function lastPart(path: Path): Buffer {
  const bytes = Buffer.from(path as string);
  return bytes.subarray(bytes.lastIndexOf(sep) + 1);
}

/** Reads a picture from a file, or from stdin where the name is `-`. */
export async function readPicture({ name, path }: Found, maxPixels: number | undefined, io: Io): Promise<Picture> {
  const limits = pictureReading(maxPixels, io.signal);
  const shown = nameOf(name);
  const bytes = await (name === '-' ? collect(io.stdin, shown, limits) : readBounded(path, shown, limits));
  return decodeImage(bytes, { maxPixels, name: shown });
}

/** How messages name an input. */
export const nameOf = (input: string): string => (input === '-' ? 'stdin' : input);
