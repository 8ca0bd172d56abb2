// The chunks of a PNG: what they say of the picture, and chunks of our own put among them. Nothing is decompressed here.

import { crc32 } from '../weights/crc32.js';

/** A part of a PNG: a name of four letters, and what is in it. */
export interface PngChunk {
  readonly type: string;
  readonly body: Uint8Array;
}

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample. */
  readonly depth: number;
  readonly grey: boolean;
  readonly interlaced: boolean;
  /** Chunks other than those with pixels, the last of each name; those with text are told apart by what they say they are: `iTXt keyword`. */
  readonly chunks: ReadonlyMap<string, Uint8Array>;
  /** Whether the last chunk is there, behind which nothing matters. */
  readonly complete: boolean;
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10);

/** Bytes of the signature and of the first chunk, which is always the header. */
const HEADER_END = 8 + 12 + 13;

/** Depths that samples may have, by colour type. */
const COLOUR_TYPES: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/**
 * Reads the chunks of a PNG. What lies behind the pixels may be missing.
 * @throws an `Error` that says what is wrong
 */
export function readPngHeader(bytes: Uint8Array): PngHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: Omit<PngHeader, 'chunks' | 'complete'> | null = null;
  let pixels = false;
  const chunks = new Map<string, Uint8Array>();
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) {
      if (header && pixels) return { ...header, chunks, complete: false };
      throw new Error(`it ends after ${bytes.length} bytes, before its pixels`);
    }
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = at + 8;
    const end = body + length + 4;
    if (!header) {
      if (type !== 'IHDR' || length !== 13 || end > bytes.length) throw new Error('it does not begin with a header');
      const [width, height] = [view.getUint32(body), view.getUint32(body + 4)];
      if (width === 0 || height === 0) throw new Error('its width or height is 0');
      const [depth, colour] = [bytes[body + 8]!, bytes[body + 9]!];
      if (!COLOUR_TYPES[colour]?.includes(depth)) throw new Error(`there is no colour type ${colour} of ${depth} bits`);
      header = { width, height, depth, grey: colour === 0 || colour === 4, interlaced: bytes[body + 12] !== 0 };
    }
    if (end > bytes.length) {
      if (pixels && type !== 'IDAT') return { ...header, chunks, complete: false };
      throw new Error(`it ends after ${bytes.length} bytes, inside of the chunk ${type}`);
    }
    if (type === 'IEND') return { ...header, chunks, complete: true };
    if (type === 'IDAT') pixels = true;
    else {
      const keyword = type === 'iTXt' ? ` ${keywordOf(bytes.subarray(body, body + length))}` : '';
      chunks.set(type + keyword, bytes.subarray(body, body + length));
    }
    at = end;
  }
}

/** What a text is, as it says itself. */
const keywordOf = (text: Uint8Array): string =>
  String.fromCharCode(...text.subarray(0, Math.max(0, text.indexOf(0))).subarray(0, 79));

const XMP_KEYWORD = 'XML:com.adobe.xmp';

/** The key of an XMP packet among the chunks of a PNG. */
export const XMP_CHUNK = `iTXt ${XMP_KEYWORD}`;

/** Behind the keyword: its end, whether the text is compressed and how, and no language and translation. */
const XMP_HEAD = Uint8Array.from(`${XMP_KEYWORD}\0\0\0\0\0`, letter => letter.charCodeAt(0));

/** The XMP packet in a chunk; null where it is compressed. */
export const xmpOfChunk = (chunk: Uint8Array): Uint8Array | null =>
  XMP_HEAD.every((byte, i) => chunk[i] === byte) ? chunk.subarray(XMP_HEAD.length) : null;

/** A chunk with an XMP packet. */
export const xmpChunk = (xmp: Uint8Array): PngChunk => ({ type: 'iTXt', body: joined([XMP_HEAD, xmp]) });

/** A PNG with chunks put behind its header, and without others of some names. */
export function pngWith(
  png: Uint8Array,
  added: readonly PngChunk[],
  dropped: readonly string[] = [],
): Uint8Array<ArrayBuffer> {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const parts = [SIGNATURE, png.subarray(8, HEADER_END), ...added.map(encodeChunk)];
  for (let at = HEADER_END; at + 12 <= png.length; ) {
    const end = Math.min(png.length, at + 12 + view.getUint32(at));
    const type = String.fromCharCode(...png.subarray(at + 4, at + 8));
    if (!dropped.includes(type)) parts.push(png.subarray(at, end));
    at = end;
  }
  return joined(parts);
}

/** A PNG that says that its colours are those of sRGB, to be shown as in photos. */
export const pngInSrgb = (png: Uint8Array): Uint8Array<ArrayBuffer> =>
  pngWith(png, [{ type: 'sRGB', body: Uint8Array.of(0) }], ['sRGB']);

/** A PNG that lacks its last chunk, with it. */
export const pngCompleted = (png: Uint8Array): Uint8Array<ArrayBuffer> => {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  let at = 8;
  while (at + 12 <= png.length && at + 12 + view.getUint32(at) <= png.length) at += 12 + view.getUint32(at);
  return joined([png.subarray(0, at), encodeChunk({ type: 'IEND', body: new Uint8Array(0) })]);
};

function encodeChunk({ type, body }: PngChunk): Uint8Array {
  const chunk = new Uint8Array(body.length + 12);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, body.length);
  for (let i = 0; i < 4; i++) chunk[4 + i] = type.charCodeAt(i);
  chunk.set(body, 8);
  view.setUint32(8 + body.length, crc32(chunk.subarray(4, 8 + body.length)));
  return chunk;
}

/** Byte arrays one after another. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
