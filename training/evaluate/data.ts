// The pictures of `faces-256-*.tar` and `faces-512*.tar` that training never sees, without unpacking them.

import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { extract } from 'tar-stream';
import { decodeImage, type Picture } from '../../src/node/index.js';

/** How many of the last pictures of the last tar are held out, by their size; as in ../data.py. */
export const HELD_OUT: Readonly<Record<number, number>> = { 256: 200, 512: 25 };

export interface Face {
  readonly name: string;
  /** Where the picture is from: what its name begins with. */
  readonly source: string;
  readonly picture: Picture;
}

/** Held-out pictures of a size, at most `limit` of each source, spread over all of them. */
export async function heldOutFaces(folder: string, size: number, limit = Infinity): Promise<Face[]> {
  const tars = (await readdir(folder)).filter(name => name.startsWith(`faces-${size}`) && name.endsWith('.tar')).sort();
  const last = tars.at(-1);
  if (last === undefined) throw new Error(`Expected faces-${size}*.tar in ${folder}`);
  const files: { name: string; source: string; bytes: Uint8Array }[] = [];
  const unpack = createReadStream(join(folder, last)).pipe(extract());
  for await (const entry of unpack) {
    const parts: Buffer[] = [];
    for await (const part of entry) parts.push(part as Buffer);
    if (entry.header.type !== 'file') continue;
    const { name } = entry.header;
    files.push({ name, source: name.split('-')[0]!, bytes: Buffer.concat(parts) });
    if (files.length > HELD_OUT[size]!) files.shift();
  }
  const chosen = bySource(files).flatMap(([, all]) => spread(all, limit));
  return Promise.all(chosen.map(async ({ bytes, ...face }) => ({ ...face, picture: await decodeImage(bytes) })));
}

/** Groups with a source, in the order in which the sources first come. */
export function bySource<T extends { readonly source: string }>(all: readonly T[]): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const item of all) groups.set(item.source, [...(groups.get(item.source) ?? []), item]);
  return [...groups];
}

/** At most `count` of a list, at equal distances. */
export function spread<T>(all: readonly T[], count: number): T[] {
  const taken = Math.min(count, all.length);
  return Array.from({ length: taken }, (_, i) => all[Math.floor(((i + 0.5) * all.length) / taken)]!);
}
