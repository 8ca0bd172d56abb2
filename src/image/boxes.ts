// The boxes of AVIF and HEIC (ISO base media files), as far as they tell sizes, colours and notes.

import type { CodePoints } from './colour-space.js';

export interface BoxesHeader {
  /** The largest picture among those that the file has: it may be made of tiles, and have thumbnails. */
  readonly width: number;
  readonly height: number;
  /** Where colours are told by numbers and not by a profile. */
  readonly codePoints: CodePoints | null;
  readonly exif: Uint8Array | null;
  readonly xmp: Uint8Array | null;
}

interface Box {
  readonly type: string;
  readonly body: Uint8Array;
}

/** Boxes with nothing but boxes inside, and the bytes before these. */
const CONTAINERS: Readonly<Record<string, number>> = { meta: 4, iprp: 0, ipco: 0 };

/** Most boxes that are looked at: a picture has some tens, with thousands of tiles some thousands. */
const MOST_BOXES = 20_000;

function* boxes(bytes: Uint8Array, budget: { left: number }): Generator<Box> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 8 <= bytes.length && budget.left-- > 0; ) {
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    let [head, length] = [8, view.getUint32(at)];
    if (length === 1 && at + 16 <= bytes.length) [head, length] = [16, Number(view.getBigUint64(at + 8))];
    if (length === 0) length = bytes.length - at;
    if (length < head) return;
    const body = bytes.subarray(at + head, at + length);
    yield { type, body };
    const skipped = CONTAINERS[type];
    if (skipped !== undefined) yield* boxes(body.subarray(skipped), budget);
    at += length;
  }
}

/** Reads the boxes of a file; null where there is no size. */
export function readBoxes(bytes: Uint8Array): BoxesHeader | null {
  let size = { width: 0, height: 0 };
  let codePoints: CodePoints | null = null;
  let profile = false;
  let items: Items = { exif: null, xmp: null };
  let locations: Uint8Array | null = null;
  for (const { type, body } of boxes(bytes, { left: MOST_BOXES })) {
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    if (type === 'ispe' && body.length >= 12) {
      const [width, height] = [view.getUint32(4), view.getUint32(8)];
      if (width * height > size.width * size.height) size = { width, height };
    } else if (type === 'colr' && body.length >= 8) {
      const kind = String.fromCharCode(...body.subarray(0, 4));
      if (kind === 'nclx') codePoints ??= { primaries: view.getUint16(4), transfer: view.getUint16(6) };
      else profile = true;
    } else if (type === 'iinf') items = itemsOf(body);
    else if (type === 'iloc') locations = body;
  }
  if (size.width === 0) return null;
  const at = (item: number | null) => (item === null || !locations ? null : itemAt(bytes, locations, item));
  const exif = at(items.exif);
  return { ...size, codePoints: profile ? null : codePoints, exif: exif && exifIn(exif), xmp: at(items.xmp) };
}

/** The numbers of the items with notes. */
interface Items {
  exif: number | null;
  xmp: number | null;
}

function itemsOf(info: Uint8Array): Items {
  const items: Items = { exif: null, xmp: null };
  for (const { type, body } of boxes(info.subarray(info[0] === 0 ? 6 : 8), { left: MOST_BOXES })) {
    if (type !== 'infe' || body.length < 12) continue;
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    // Version 2 has numbers of 16 bits, version 3 of 32.
    const wide = body[0] === 3;
    const name = String.fromCharCode(...body.subarray(wide ? 10 : 8, wide ? 14 : 12));
    const id = wide ? view.getUint32(4) : view.getUint16(4);
    if (name === 'Exif') items.exif ??= id;
    // Behind the name of the item is that of its kind.
    const kind = String.fromCharCode(...body.subarray(wide ? 14 : 12, 256));
    if (name === 'mime' && kind.includes('\0application/rdf+xml\0')) items.xmp ??= id;
  }
  return items;
}

/** Four bytes say where in the item the EXIF data begin. */
function exifIn(item: Uint8Array): Uint8Array | null {
  if (item.length < 4) return null;
  const begin = 4 + new DataView(item.buffer, item.byteOffset, item.byteLength).getUint32(0);
  return begin < item.length ? item.subarray(begin) : null;
}

/** The bytes of an item that lies in one piece of the file; null for others and for broken tables. */
function itemAt(bytes: Uint8Array, table: Uint8Array, wanted: number): Uint8Array | null {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  let at = 6;
  const read = (size: number): number => {
    const from = at;
    at += size;
    if (size === 0) return 0;
    if (size === 2) return view.getUint16(from);
    return size === 4 ? view.getUint32(from) : Number(view.getBigUint64(from));
  };
  try {
    const version = view.getUint8(0);
    const sizes = view.getUint16(4);
    const [offsetSize, lengthSize, baseSize] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15];
    const indexSize = version === 0 ? 0 : sizes & 15;
    const count = read(version < 2 ? 2 : 4);
    for (let i = 0; i < count; i++) {
      const id = read(version < 2 ? 2 : 4);
      const method = version === 0 ? 0 : read(2) & 15;
      at += 2;
      const base = read(baseSize);
      const extents = read(2);
      for (let j = 0; j < extents; j++) {
        at += indexSize;
        const [offset, length] = [base + read(offsetSize), read(lengthSize)];
        if (id !== wanted || method !== 0 || extents !== 1) continue;
        const item = bytes.subarray(offset, offset + length);
        return item.length === length ? item : null;
      }
    }
  } catch (error) {
    // Broken notes are no reason to refuse a picture.
    if (!(error instanceof RangeError)) throw error;
  }
  return null;
}
