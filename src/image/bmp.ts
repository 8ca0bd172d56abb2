// Reads BMP: palettes of 1, 2, 4 and 8 bits, also run-length coded, and colours of 16, 24 and 32 bits, with masks or without. Writes one kind.

import type { Picture } from './picture.js';

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: number;
  readonly compression: number;
  /** Where the pixels begin. */
  readonly offset: number;
  /** Where palette or masks begin. */
  readonly tables: number;
  readonly headerSize: number;
  readonly colours: number;
}

/** Compression of pixels, by its number. */
const RUNS_OF_8 = 1;
const RUNS_OF_4 = 2;
const MASKS = 3;
const ALPHA_MASKS = 6;

const CORE_HEADER = 12;
const INFO_HEADER = 40;

function readLayout(bytes: Uint8Array): Layout {
  if (bytes.length < 26) throw new Error(`it ends after ${bytes.length} bytes, inside of its header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerSize = view.getUint32(14, true);
  const tables = 14 + headerSize;
  if (tables > bytes.length) throw new Error(`it ends after ${bytes.length} bytes, inside of its header`);
  const core = headerSize === CORE_HEADER;
  const width = core ? view.getUint16(18, true) : view.getInt32(18, true);
  const height = core ? view.getUint16(20, true) : view.getInt32(22, true);
  if (width <= 0 || height === 0) throw new Error('its width or height is 0');
  const bits = view.getUint16(core ? 24 : 28, true);
  const compression = headerSize >= INFO_HEADER ? view.getUint32(30, true) : 0;
  const colours = headerSize >= INFO_HEADER ? view.getUint32(46, true) : 0;
  const offset = view.getUint32(10, true);
  return {
    width,
    height: Math.abs(height),
    topDown: height < 0,
    bits,
    compression,
    offset,
    tables,
    headerSize,
    colours,
  };
}

/** Pixels that are read before others may do something. */
const PIXELS_AT_ONCE = 1 << 20;

/**
 * Decodes a BMP to RGBA, without keeping others waiting for long.
 * @throws an `Error` that says what is wrong
 */
export async function decodeBmp(bytes: Uint8Array): Promise<Picture> {
  const layout = readLayout(bytes);
  const { width, height, topDown, bits, compression, offset } = layout;
  const runs = (compression === RUNS_OF_8 && bits === 8) || (compression === RUNS_OF_4 && bits === 4);
  const masked = compression === MASKS || compression === ALPHA_MASKS;
  if (!runs && compression !== 0 && !(masked && (bits === 16 || bits === 32)))
    throw new Error(`there is no compression ${compression} of ${bits} bits`);
  const stride = 4 * Math.ceil((width * bits) / 32);
  if (!runs && offset + stride * height - (stride - Math.ceil((width * bits) / 8)) > bytes.length)
    throw new Error(`expected ${stride * height} bytes of pixels but there are ${Math.max(0, bytes.length - offset)}`);
  const data = new Uint8ClampedArray(4 * width * height);
  const picture = { data, width, height };
  const rowOf = (y: number) => 4 * width * (topDown ? y : height - 1 - y);
  const rowsAtOnce = Math.max(1, Math.floor(PIXELS_AT_ONCE / width));
  if (bits <= 8) {
    const palette = new Uint32Array(readPalette(bytes, layout).buffer);
    const pixels = new Uint32Array(data.buffer);
    const coded = runs ? expanded(bytes.subarray(offset), layout) : null;
    for (let y = 0; y < height; y++) {
      if (y % rowsAtOnce === rowsAtOnce - 1) await pause();
      for (let x = 0, to = rowOf(y) / 4; x < width; x++, to++) {
        const bit = x * bits;
        const index = coded
          ? coded[y * width + x]!
          : (bytes[offset + y * stride + (bit >> 3)]! >> (8 - bits - (bit & 7))) & (2 ** bits - 1);
        pixels[to] = palette[index]!;
      }
    }
    return picture;
  }
  if (![16, 24, 32].includes(bits)) throw new Error(`there are no pixels of ${bits} bits`);
  const samples = samplesOf(bytes, layout);
  const step = bits / 8;
  const value = (at: number) => {
    const low = bytes[at]! | (bytes[at + 1]! << 8);
    if (step === 2) return low;
    return (low | (bytes[at + 2]! << 16) | (step === 4 ? bytes[at + 3]! << 24 : 0)) >>> 0;
  };
  let visible = 0;
  for (let y = 0; y < height; y++) {
    if (y % rowsAtOnce === rowsAtOnce - 1) await pause();
    for (let x = 0, to = rowOf(y), from = offset + y * stride; x < width; x++, to += 4, from += step) {
      const pixel = value(from);
      for (let i = 0; i < 4; i++) {
        const { shift, most } = samples[i]!;
        data[to + i] = most === 0 ? 255 : (((pixel >>> shift) & most) / most) * 255;
      }
      visible |= data[to + 3]!;
    }
  }
  // Where all alpha is 0, whoever wrote the file knew of none.
  if (visible === 0) for (let i = 3; i < data.length; i += 4) data[i] = 255;
  return picture;
}

const pause = () => new Promise(resolve => setTimeout(resolve, 0));

function readPalette(bytes: Uint8Array, { bits, tables, headerSize, colours, compression }: Layout): Uint8Array {
  if (![1, 2, 4, 8].includes(bits)) throw new Error(`there are no pixels of ${bits} bits`);
  const size = headerSize === CORE_HEADER ? 3 : 4;
  const count = Math.min(colours || 2 ** bits, 2 ** bits);
  const begin = tables + (compression === MASKS && headerSize === INFO_HEADER ? 12 : 0);
  // Indices beyond the palette are black.
  const palette = new Uint8Array(4 * 256);
  for (let i = 0; i < 256; i++) {
    const at = begin + size * i;
    if (i < count) for (let c = 0; c < 3; c++) palette[4 * i + c] = bytes[at + 2 - c] ?? 0;
    palette[4 * i + 3] = 255;
  }
  return palette;
}

interface Sample {
  readonly shift: number;
  /** Largest value; 0 where there is no such sample. */
  readonly most: number;
}

/** Where red, green, blue and alpha are in a pixel. */
function samplesOf(bytes: Uint8Array, { bits, compression, tables, headerSize }: Layout): readonly Sample[] {
  let masks = bits === 16 ? [0x7c00, 0x3e0, 0x1f, 0] : [0xff0000, 0xff00, 0xff, 0];
  if (compression === MASKS || compression === ALPHA_MASKS) {
    const alpha = compression === ALPHA_MASKS || headerSize >= 56;
    // Headers longer than the shortest have the masks inside of them, at the same place.
    const at = headerSize > INFO_HEADER ? 14 + INFO_HEADER : tables;
    if (at + 16 > bytes.length) throw new Error(`it ends after ${bytes.length} bytes, inside of its masks`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    masks = [0, 4, 8, 12].map(i => (i === 12 && !alpha ? 0 : view.getUint32(at + i, true)));
  }
  return masks.map(mask => {
    if (mask === 0) return { shift: 0, most: 0 };
    const shift = 31 - Math.clz32(mask & -mask);
    return { shift, most: mask >>> shift };
  });
}

/**
 * The indices of run-length coded pixels; what is left out has index 0.
 * @throws an `Error` where the runs end before the picture does
 */
function expanded(coded: Uint8Array, { width, height, bits }: Layout): Uint8Array {
  const half = bits === 4;
  // Looked through before there is memory for the pixels, of which few bytes can promise many.
  if (!eachRun(coded, height, half, () => {})) throw new Error(`it ends after ${coded.length} bytes of runs`);
  const indices = new Uint8Array(width * height);
  eachRun(coded, height, half, (x, y, count, indexOf) => {
    const end = Math.min(count, width - x);
    for (let i = 0; i < end; i++) indices[y * width + x + i] = indexOf(i);
  });
  return indices;
}

/**
 * Goes over run-length coded pixels, and returns whether they come to an end.
 * @param visit gets where a run begins, how long it is, and the index of each of its pixels
 */
function eachRun(
  coded: Uint8Array,
  height: number,
  half: boolean,
  visit: (x: number, y: number, count: number, indexOf: (i: number) => number) => void,
): boolean {
  const part = (byte: number, i: number) => (half ? (i % 2 ? byte & 15 : byte >> 4) : byte);
  let [x, y] = [0, 0];
  for (let at = 0; at + 1 < coded.length; ) {
    if (y >= height) return true;
    const [count, value] = [coded[at]!, coded[at + 1]!];
    at += 2;
    if (count > 0) {
      visit(x, y, count, i => part(value, i));
      x += count;
    } else if (value === 0) {
      [x, y] = [0, y + 1];
    } else if (value === 1) {
      return true;
    } else if (value === 2) {
      x += coded[at] ?? 0;
      y += coded[at + 1] ?? 0;
      at += 2;
    } else {
      const from = at;
      visit(x, y, value, i => part(coded[from + (half ? i >> 1 : i)] ?? 0, i));
      x += value;
      // Pixels that are not coded take an even number of bytes.
      const length = half ? (value + 1) >> 1 : value;
      at += length + (length % 2);
    }
  }
  // The last row needs no end.
  return y >= height - 1 && x > 0;
}

/** A picture as BMP of 24 bits: pixels as they are, alpha left out. */
export function encodeBmp({ data, width, height }: Picture): Uint8Array<ArrayBuffer> {
  const channels = data.length / (width * height);
  const rowBytes = 4 * Math.ceil((3 * width) / 4);
  const pixels = 14 + INFO_HEADER;
  const bytes = new Uint8Array(pixels + rowBytes * height);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, pixels, true);
  view.setUint32(14, INFO_HEADER, true);
  view.setInt32(18, width, true);
  // Below 0: from top to bottom.
  view.setInt32(22, -height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  for (let y = 0, from = 0; y < height; y++)
    for (let x = 0, to = pixels + y * rowBytes; x < width; x++, from += channels, to += 3) {
      bytes[to] = data[from + 2]!;
      bytes[to + 1] = data[from + 1]!;
      bytes[to + 2] = data[from]!;
    }
  return bytes;
}
