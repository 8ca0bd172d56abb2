// The chunks of a WebP: its notes, and notes put into one; several of them made into one that moves.

import { joined } from './png.js';

const ascii = (bytes: Uint8Array, at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));

interface Size {
  readonly width: number;
  readonly height: number;
}

const ANIMATION_FLAG = 0x02;
const NO_BLENDING = 0x02;
const XMP_FLAG = 0x04;
const EXIF_FLAG = 0x08;
const ALPHA_FLAG = 0x10;

function* webpChunks(bytes: Uint8Array): Generator<{ type: string; at: number; body: Uint8Array }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Chunks have an even length.
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    yield { type: ascii(bytes, at), at, body: bytes.subarray(at + 8, at + 8 + length) };
    at += 8 + length + (length % 2);
  }
}

/** EXIF data: a TIFF header and its directories. */
export function webpExif(bytes: Uint8Array): Uint8Array | null {
  for (const { type, body } of webpChunks(bytes)) {
    if (type !== 'EXIF') continue;
    // Some writers put the mark of the JPEG segment before them.
    return ascii(body, 0) === 'Exif' ? body.subarray(6) : body;
  }
  return null;
}

/** An XMP packet. */
export function webpXmp(bytes: Uint8Array): Uint8Array | null {
  for (const { type, body } of webpChunks(bytes)) if (type === 'XMP ') return body;
  return null;
}

/** A WebP of a size, without notes, with them. */
export function webpWith(
  webp: Uint8Array,
  { exif, xmp }: Partial<Record<'exif' | 'xmp', Uint8Array | null | undefined>>,
  size: Size,
): Uint8Array<ArrayBuffer> {
  const chunks = [...webpChunks(webp)];
  const extended = chunks[0]!.type === 'VP8X' ? new Uint8Array(chunks.shift()!.body) : new Uint8Array(10);
  if (chunks[0]?.type === 'VP8L' && (chunks[0].body[4]! & 0x10) !== 0) extended[0]! |= ALPHA_FLAG;
  if (exif) extended[0]! |= EXIF_FLAG;
  if (xmp) extended[0]! |= XMP_FLAG;
  setSize(extended, 4, size);
  const notes = [...(exif ? [chunk('EXIF', exif)] : []), ...(xmp ? [chunk('XMP ', xmp)] : [])];
  return riff([chunk('VP8X', extended), ...chunks.map(({ type, body }) => chunk(type, body)), ...notes]);
}

/**
 * A WebP that shows others one after another, for ever.
 * @param frames without alpha, of one size
 * @param duration of each, in milliseconds
 */
export function animatedWebp(frames: readonly Uint8Array[], size: Size, duration: number): Uint8Array<ArrayBuffer> {
  const extended = new Uint8Array(10);
  extended[0] = ANIMATION_FLAG;
  setSize(extended, 4, size);
  const parts = frames.map(frame => {
    const head = new Uint8Array(16);
    setSize(head, 6, size);
    new DataView(head.buffer).setUint32(12, Math.round(duration), true);
    // Each frame covers the one before: nothing is mixed.
    head[15] = NO_BLENDING;
    const pixels = [...webpChunks(frame)].filter(({ type }) => type.startsWith('VP8') && type !== 'VP8X');
    return chunk('ANMF', joined([head, ...pixels.map(({ type, body }) => chunk(type, body))]));
  });
  return riff([chunk('VP8X', extended), chunk('ANIM', new Uint8Array(6)), ...parts]);
}

/** Sizes are stored without the 1 that each side has at least, in 24 bits. */
function setSize(bytes: Uint8Array, at: number, { width, height }: Size): void {
  for (let i = 0; i < 3; i++) {
    bytes[at + i] = (width - 1) >> (8 * i);
    bytes[at + 3 + i] = (height - 1) >> (8 * i);
  }
}

function riff(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const head = Uint8Array.from('RIFF....WEBP', letter => letter.charCodeAt(0));
  const length = chunks.reduce((sum, part) => sum + part.length, 4);
  new DataView(head.buffer).setUint32(4, length, true);
  return joined([head, ...chunks]);
}

function chunk(type: string, body: Uint8Array): Uint8Array {
  const whole = new Uint8Array(8 + body.length + (body.length % 2));
  for (let i = 0; i < 4; i++) whole[i] = type.charCodeAt(i);
  new DataView(whole.buffer).setUint32(4, body.length, true);
  whole.set(body, 8);
  return whole;
}
