// The pictures of `faces-256-*.tar`, without unpacking them.

import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { extract } from 'tar-stream';
import { decodeImage, type Picture } from '../../src/node/index.js';

export interface Face {
  readonly name: string;
  readonly picture: Picture;
}

/** The last pictures of the last tar in a folder: training never sees the last 200. */
export async function heldOutFaces(folder: string, count: number): Promise<Face[]> {
  const tars = (await readdir(folder)).filter(name => /^faces-256-.*\.tar$/.test(name)).sort();
  const last = tars.at(-1);
  if (last === undefined) throw new Error(`Expected faces-256-*.tar in ${folder}`);
  const files: { name: string; bytes: Uint8Array }[] = [];
  const unpack = createReadStream(join(folder, last)).pipe(extract());
  for await (const entry of unpack) {
    const parts: Buffer[] = [];
    for await (const part of entry) parts.push(part as Buffer);
    if (entry.header.type !== 'file') continue;
    files.push({ name: entry.header.name, bytes: Buffer.concat(parts) });
    if (files.length > count) files.shift();
  }
  return Promise.all(files.map(async ({ name, bytes }) => ({ name, picture: await decodeImage(bytes) })));
}
