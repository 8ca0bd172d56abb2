// Patterns for shells that expand none: `*`, `?`, `[a-z]`, `[!abc]`, and `**` for folders of any depth. Globbers that translate patterns
// to regular expressions take minutes for several stars and a long name, and they lose names that are not UTF-8.

import { readdir, stat } from 'node:fs/promises';
import { sep } from 'node:path';

/** A path as the system has it: a text, or bytes where those are no UTF-8. */
export type Path = string | Buffer;

/** A file and the name that people see of it. */
export interface Found {
  readonly name: string;
  readonly path: Path;
}

const SEPARATORS = sep === '\\' ? /[/\\]/ : /\//;

export const isPattern = (text: string): boolean => /[*?[]/.test(text);

/** The path in a folder, of bytes where one of both is. */
export function inside(folder: Path, name: Buffer): Path {
  const text = name.toString();
  const isText = Buffer.from(text).equals(name);
  const start = folder.length === 0 || String(folder).endsWith(sep) ? '' : sep;
  if (typeof folder === 'string' && isText) return `${folder}${start}${text}`;
  return Buffer.concat([Buffer.from(folder as string), Buffer.from(start), name]);
}

export interface Entry extends Found {
  /** Without the folder. */
  readonly base: string;
  readonly link: boolean;
  readonly directory: boolean;
  readonly file: boolean;
}

/** What is in a folder, by name; what is a link counts as what it leads to. Errors are those of the file system. */
export async function entries(folder: Path, shown: string): Promise<Entry[]> {
  const listed = await readdir(folder.length === 0 ? '.' : folder, { encoding: 'buffer', withFileTypes: true });
  const found: Entry[] = [];
  for (const entry of listed) {
    // The types of Node call the name a text also where it is bytes.
    const name = entry.name as unknown as Buffer;
    const path = inside(folder, name);
    const base = name.toString();
    const known = entry.isFile() || entry.isDirectory();
    const type = known ? entry : await stat(path).catch(() => null);
    const directory = type?.isDirectory() ?? false;
    const start = shown === '' || shown.endsWith(sep) ? '' : sep;
    found.push({
      name: `${shown}${start}${base}`,
      base,
      path,
      link: !known,
      directory,
      // Neither a pipe, which may have no end, nor a device.
      file: type?.isFile() ?? false,
    });
  }
  return found.sort((a, b) => (a.base < b.base ? -1 : a.base > b.base ? 1 : 0));
}

/**
 * The files that a pattern matches, by name. A folder that several links lead to is gone through once at each place of the pattern,
 * so loops of links end. Names that begin with a point are for patterns that do so as well.
 * @param wanted which of the files count
 * @param unreadable told of folders that cannot be read
 */
export async function matching(
  pattern: string,
  wanted: (name: string) => boolean,
  unreadable: (folder: string, error: Error) => void,
): Promise<Found[]> {
  const absolute = SEPARATORS.test(pattern[0] ?? '');
  const segments = pattern.split(SEPARATORS).filter(segment => segment !== '');
  const matchers = segments.map(segment => (segment === '**' ? null : wildcard(segment)));
  const found = new Map<string, Found>();
  const seen = new Set<string>();

  // Not by recursion: folders may be nested deeper than the stack is. Links come last, so that what is found has the name of its place.
  const root = absolute ? sep : '';
  const open: { path: Path; name: string; at: number }[] = [{ path: root, name: root, at: 0 }];
  const links: typeof open = [];
  for (let next = open.pop(); next; next = open.pop() ?? links.shift()) {
    const { path, name, at } = next;
    const segment = segments[at];
    if (segment === undefined) continue;
    const last = at === segments.length - 1;
    if (!isPattern(segment)) {
      const joined = inside(path, Buffer.from(segment));
      const info = await stat(joined).catch(() => null);
      const shown = `${name}${name === '' || name.endsWith(sep) ? '' : sep}${segment}`;
      if (info?.isDirectory() && !last) open.push({ path: joined, name: shown, at: at + 1 });
      if (info && !info.isDirectory() && last && wanted(segment)) found.set(shown, { name: shown, path: joined });
      continue;
    }
    const matcher = matchers[at]!;
    if (matcher === null) {
      const info = await stat(path.length === 0 ? '.' : path).catch(() => null);
      const key = info && `${info.dev}:${info.ino}:${at}`;
      if (key === null || seen.has(key)) continue;
      seen.add(key);
      // `**` also stands for no folder at all.
      open.push({ path, name, at: at + 1 });
    }
    const listed = await entries(path, name).catch(error => {
      unreadable(name || '.', error);
      return [];
    });
    for (const entry of listed) {
      if (matcher === null ? entry.base.startsWith('.') : !matcher(entry.base)) continue;
      if (entry.directory) {
        const { path, name } = entry;
        if (matcher === null) (entry.link ? links : open).push({ path, name, at });
        else if (!last) (entry.link ? links : open).push({ path, name, at: at + 1 });
      } else if (last && entry.file && wanted(entry.base)) {
        found.set(entry.name, { name: entry.name, path: entry.path });
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** One character of a pattern: what it matches, or null for any number of any. */
type Piece = ((character: string) => boolean) | null;

/**
 * A test for names that one segment of a pattern matches. Only the last star that was met is ever tried with more characters, so the
 * time is at most the product of both lengths.
 */
export function wildcard(segment: string): (name: string) => boolean {
  const pieces = piecesOf([...segment]);
  const hidden = segment.startsWith('.');
  return text => {
    const name = [...text];
    if (name[0] === '.' && !hidden) return false;
    let i = 0;
    let at = 0;
    let star = -1;
    let from = 0;
    while (i < name.length) {
      const piece = pieces[at];
      if (piece === null) [star, from, at] = [at, i, at + 1];
      else if (piece?.(name[i]!)) [i, at] = [i + 1, at + 1];
      else if (star >= 0) [from, i, at] = [from + 1, from + 1, star + 1];
      else return false;
    }
    while (pieces[at] === null) at++;
    return at === pieces.length;
  };
}

function piecesOf(segment: readonly string[]): Piece[] {
  const pieces: Piece[] = [];
  for (let i = 0; i < segment.length; i++) {
    const character = segment[i]!;
    if (character === '*') pieces.push(null);
    else if (character === '?') pieces.push(() => true);
    else {
      // The first character of a set may be the bracket itself; one that is not closed is a character as any other.
      const start = i + (segment[i + 1] === '!' || segment[i + 1] === '^' ? 2 : 1);
      const end = character === '[' ? segment.indexOf(']', start + 1) : -1;
      if (end < 0) pieces.push(other => other === character);
      else {
        pieces.push(characterSet(segment.slice(start, end), start > i + 1));
        i = end;
      }
    }
  }
  return pieces;
}

/** Characters and ranges of them; a range whose end comes before its beginning has none. */
function characterSet(content: readonly string[], negated: boolean): (character: string) => boolean {
  const ranges: [string, string][] = [];
  for (let i = 0; i < content.length; i++) {
    const from = content[i]!;
    const isRange = content[i + 1] === '-' && i + 2 < content.length;
    ranges.push([from, isRange ? content[i + 2]! : from]);
    if (isRange) i += 2;
  }
  const point = (text: string) => text.codePointAt(0)!;
  return character => {
    const within = ranges.some(([from, to]) => point(character) >= point(from) && point(character) <= point(to));
    return within !== negated;
  };
}
