// How many pixels encoded pictures have by their headers, for decoders that would make them all before they can be asked: a few kilobytes
// can be hundreds of megapixels. Only what a decoder goes by is read, and of several sizes the largest counts.

import { readTiffHeader } from './tiff.js';

export interface Dimensions {
  readonly width: number;
  readonly height: number;
}

/** The size that PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF and HEIC say they have before they are turned upright; null where none is found. */
export function encodedDimensions(bytes: Uint8Array): Dimensions | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (from: number, length: number) => String.fromCharCode(...bytes.subarray(from, from + length));
  try {
    if (text(0, 4) === '\x89PNG') return { width: view.getUint32(16), height: view.getUint32(20) };
    if (text(0, 2) === '\xff\xd8') return ofJpeg(view);
    if (text(0, 4) === 'RIFF' && text(8, 4) === 'WEBP') return ofWebp(view, text(12, 4));
    if (text(0, 4) === 'GIF8') return ofGif(view);
    if (text(0, 2) === 'BM') return ofBmp(view);
    if (['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].includes(text(0, 4))) return readTiffHeader(bytes);
    if (text(4, 4) === 'ftyp') return ofHeif(view);
  } catch (error) {
    // It ends before it has said its size.
    if (!(error instanceof RangeError)) throw error;
  }
  return null;
}

/** Goes from marker to marker as far as the frame header. */
function ofJpeg(view: DataView): Dimensions | null {
  for (let at = 2; ; ) {
    while (view.getUint8(at) !== 0xff) at++;
    while (view.getUint8(at) === 0xff) at++;
    const marker = view.getUint8(at++);
    const frame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (frame) return { width: view.getUint16(at + 5), height: view.getUint16(at + 3) };
    // Pixels begin.
    if (marker === 0xda) return null;
    const alone = marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd9);
    if (!alone) at += view.getUint16(at);
  }
}

function ofWebp(view: DataView, chunk: string): Dimensions | null {
  const uint24 = (at: number) => view.getUint16(at, true) + 65_536 * view.getUint8(at + 2);
  if (chunk === 'VP8X') return { width: 1 + uint24(24), height: 1 + uint24(27) };
  if (chunk === 'VP8 ') return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (chunk !== 'VP8L') return null;
  const bits = view.getUint32(21, true);
  return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
}

/** The screen, or the first frame where that is larger. */
function ofGif(view: DataView): Dimensions {
  const size = { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  const tableBytes = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  let at = 13 + tableBytes(view.getUint8(10));
  try {
    while (view.getUint8(at) === 0x21) {
      for (at += 2; view.getUint8(at) !== 0; ) at += 1 + view.getUint8(at);
      at++;
    }
    if (view.getUint8(at) !== 0x2c) return size;
    const side = (offset: number) => view.getUint16(at + offset, true) + view.getUint16(at + offset + 4, true);
    return { width: Math.max(size.width, side(1)), height: Math.max(size.height, side(3)) };
  } catch {
    // It has no frame.
    return size;
  }
}

function ofBmp(view: DataView): Dimensions {
  // The first kind of header has 16 bits for a side; a negative height is that of rows from top to bottom.
  if (view.getUint32(14, true) === 12) return { width: view.getUint16(18, true), height: view.getUint16(20, true) };
  return { width: view.getUint32(18, true), height: Math.abs(view.getInt32(22, true)) };
}

/** The boxes in a part of a file: their type, and where their contents are. */
function* boxes(view: DataView, from: number, to: number): Generator<{ type: string; from: number; to: number }> {
  for (let at = from; at + 8 <= to; ) {
    let length = view.getUint32(at);
    const type = String.fromCharCode(...[4, 5, 6, 7].map(i => view.getUint8(at + i)));
    const long = length === 1;
    if (long) length = Number(view.getBigUint64(at + 8));
    const end = length === 0 ? to : Math.min(to, at + length);
    const contents = at + (long ? 16 : 8);
    if (end < contents) return;
    yield { type, from: contents, to: end };
    at = end;
  }
}

/** The largest of the images: that of a grid is the whole picture. */
function ofHeif(view: DataView): Dimensions | null {
  let largest: Dimensions | null = null;
  for (const meta of boxes(view, 0, view.byteLength)) {
    if (meta.type !== 'meta') continue;
    // Four bytes of version and flags come first.
    for (const properties of boxes(view, meta.from + 4, meta.to)) {
      if (properties.type !== 'iprp') continue;
      for (const container of boxes(view, properties.from, properties.to)) {
        if (container.type !== 'ipco') continue;
        for (const { type, from } of boxes(view, container.from, container.to)) {
          if (type !== 'ispe') continue;
          const size = { width: view.getUint32(from + 4), height: view.getUint32(from + 8) };
          if (!largest || size.width * size.height > largest.width * largest.height) largest = size;
        }
      }
    }
  }
  return largest;
}
