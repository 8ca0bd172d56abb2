// The pictures that arguments name: files, folders, patterns for shells that expand none, and `-` for stdin.

import { readdir, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { CodeFormerError } from '../errors.js';
import type { Picture } from '../image/picture.js';
import { decodeImage, readImageFile } from '../node/images.js';
import { type Io, readStdin } from './io.js';

/** Endings of the files that are taken from folders. */
const ENDINGS = ['.png', '.jpg', '.jpeg', '.webp', '.avif', '.tif', '.tiff', '.gif'];

const isPicture = (name: string): boolean => !name.startsWith('.') && ENDINGS.includes(extname(name).toLowerCase());

export interface Inputs {
  readonly files: readonly string[];
  /** Whether there may be any number of them, so that results need a folder. */
  readonly several: boolean;
}

/**
 * Expands arguments. What is a file stays as it is; a folder stands for the pictures in it, a pattern (`*`, `?`, `[abc]`, `**`) for the
 * pictures that match, both in the order of their names.
 * @throws `FILE_NOT_FOUND` for folders and patterns without pictures, `FILE_UNREADABLE`
 */
export async function expandInputs(args: readonly string[]): Promise<Inputs> {
  const files: string[] = [];
  let several = args.length > 1;
  for (const arg of args) {
    const info = arg === '-' ? null : await stat(arg).catch(() => null);
    const pattern = !info && arg !== '-' && /[*?[]/.test(arg);
    if (!info?.isDirectory() && !pattern) {
      files.push(arg);
      continue;
    }
    several = true;
    const found = pattern ? await matching(arg) : (await entries(arg)).filter(isPicture).map(name => join(arg, name));
    if (found.length === 0) throw new CodeFormerError('FILE_NOT_FOUND', `There are no pictures in ${arg}`);
    files.push(...found);
  }
  return { files: files.filter((file, i) => file === '-' || files.indexOf(file) === i), several };
}

async function entries(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    throw new CodeFormerError('FILE_UNREADABLE', `The folder ${folder} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** The pictures that a pattern matches. */
async function matching(pattern: string): Promise<string[]> {
  const segments = pattern.split(/[/\\]/);
  const root = segments[0] === '' ? sep : '';
  const found = await walk(root, root ? segments.slice(1) : segments);
  return [...new Set(found)].sort();
}

async function walk(folder: string, [segment, ...rest]: readonly string[]): Promise<string[]> {
  if (segment === undefined) return [];
  if (!/[*?[]/.test(segment)) {
    const path = join(folder, segment);
    const info = await stat(path).catch(() => null);
    if (rest.length > 0) return info?.isDirectory() ? walk(path, rest) : [];
    return info?.isFile() && isPicture(segment) ? [path] : [];
  }
  const found: string[] = [];
  if (segment === '**') found.push(...(await walk(folder, rest)));
  const matches = segment === '**' ? () => true : wildcard(segment);
  for (const name of await entries(folder || '.')) {
    if (name.startsWith('.') || !matches(name)) continue;
    const path = join(folder, name);
    const info = await stat(path).catch(() => null);
    if (info?.isDirectory()) found.push(...(await walk(path, segment === '**' ? ['**', ...rest] : rest)));
    else if (info?.isFile() && isPicture(name) && (rest.length === 0 || segment !== '**') && rest.length === 0)
      found.push(path);
  }
  return found;
}

/** A test for names that one segment of a pattern matches. */
function wildcard(segment: string): (name: string) => boolean {
  const source = segment.replace(/\[[^\]]+\]|[\s\S]/g, part => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    if (part.length > 1) return part.replace(/^\[!/, '[^').replace(/\\/g, '\\\\');
    return part.replace(/[.+^${}()|[\]\\]/, '\\$&');
  });
  const expression = new RegExp(`^${source}$`, 's');
  return name => expression.test(name);
}

/** Reads a picture from a file, or from stdin where the name is `-`. */
export async function readPicture(input: string, maxPixels: number | undefined, io: Io): Promise<Picture> {
  if (input !== '-') return readImageFile(input, { maxPixels });
  return decodeImage(await readStdin(io), { maxPixels, name: 'stdin' });
}

/** How messages name an input. */
export const nameOf = (input: string): string => (input === '-' ? 'stdin' : input);
