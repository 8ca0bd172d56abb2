// Encoded pictures made byte by byte, for what no encoder writes.

import { deflateSync } from 'node:zlib';

export type Chunk = readonly [type: string, body: Uint8Array];

/** A PNG chunk by chunk. */
export function png(chunks: readonly Chunk[]): Buffer {
  const parts = chunks.map(([type, body]) => {
    const content = Buffer.concat([Buffer.from(type, 'latin1'), body]);
    const chunk = Buffer.alloc(content.length + 8);
    chunk.writeUInt32BE(body.length);
    content.copy(chunk, 4);
    chunk.writeUInt32BE(crc(content), content.length + 4);
    return chunk;
  });
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...parts]);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let i = 0; i < 8; i++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc(bytes: Uint8Array): number {
  let value = ~0;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255]! ^ (value >>> 8);
  return ~value >>> 0;
}

export function header(width: number, height: number, depth: number, colour: number, interlace = 0): Chunk {
  const body = Buffer.alloc(13);
  body.writeUInt32BE(width);
  body.writeUInt32BE(height, 4);
  body.set([depth, colour, 0, 0, interlace], 8);
  return ['IHDR', body];
}

export const END: Chunk = ['IEND', new Uint8Array(0)];

/** Pixels, each row with the byte that names its filter. */
export const data = (...bytes: number[]): Chunk => ['IDAT', deflateSync(Uint8Array.from(bytes))];

/** Rows of samples without filters, of 8 bits or of 16. */
export function rows(width: number, samples: Uint8Array | Uint16Array): Chunk {
  const size = samples.BYTES_PER_ELEMENT;
  const height = samples.length / width;
  const raw = Buffer.alloc(height * (1 + size * width));
  samples.forEach((value, i) => {
    const at = Math.floor(i / width) * (1 + size * width) + 1 + size * (i % width);
    if (size === 2) raw.writeUInt16BE(value, at);
    else raw[at] = value;
  });
  return ['IDAT', deflateSync(raw)];
}

/** An ICC profile as a chunk. */
export const profile = (icc: Uint8Array): Chunk => [
  'iCCP',
  Buffer.concat([Buffer.from('name\0\0', 'latin1'), deflateSync(icc)]),
];

export const numbers = (type: string, ...values: number[]): Chunk => {
  const body = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    body.writeUInt32BE(value, 4 * i);
  });
  return [type, body];
};

type Samples = Float32Array | Float64Array | Uint8Array | Uint16Array | Uint32Array | Int16Array | Int32Array;

/** A TIFF of one strip without compression. Extra tags have one number of 32 bits, or bytes. */
export function tiff(
  width: number,
  height: number,
  samples: Samples,
  extra: Readonly<Record<number, number | Uint8Array>> = {},
): Buffer {
  const channels = samples.length / (width * height);
  const bits = 8 * samples.BYTES_PER_ELEMENT;
  const kind = /^F/.test(samples.constructor.name) ? 3 : /^I/.test(samples.constructor.name) ? 2 : 1;
  const shorts = (value: number) => Buffer.from(Uint16Array.from({ length: channels }, () => value).buffer);
  const pixels = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
  const tags: Record<number, number | Uint8Array> = {
    256: width,
    257: height,
    258: shorts(bits),
    259: 1,
    262: channels < 3 ? 1 : 2,
    273: 0,
    277: channels,
    278: height,
    279: pixels.length,
    ...((channels === 2 || channels === 4) && { 338: 2 }),
    339: shorts(kind),
    ...extra,
  };
  const numbersOf = Object.keys(tags).map(Number);
  const head = Buffer.alloc(8 + 2 + 12 * numbersOf.length + 4);
  head.write('II*\0', 'latin1');
  head.writeUInt32LE(8, 4);
  head.writeUInt16LE(numbersOf.length, 8);
  const tail: Buffer[] = [];
  let end = head.length;
  const put = (bytes: Uint8Array) => {
    const padded = Buffer.concat([bytes, Buffer.alloc(bytes.length % 2)]);
    tail.push(padded);
    end += padded.length;
    return end - padded.length;
  };
  numbersOf.forEach((tag, i) => {
    const at = 10 + 12 * i;
    const value = tags[tag]!;
    const isShorts = tag === 258 || tag === 339;
    head.writeUInt16LE(tag, at);
    head.writeUInt16LE(typeof value === 'number' ? 4 : isShorts ? 3 : 7, at + 2);
    if (typeof value === 'number') {
      head.writeUInt32LE(1, at + 4);
      head.writeUInt32LE(tag === 273 ? put(pixels) : value, at + 8);
    } else {
      head.writeUInt32LE(isShorts ? value.length / 2 : value.length, at + 4);
      if (value.length <= 4) head.set(value, at + 8);
      else head.writeUInt32LE(put(value), at + 8);
    }
  });
  return Buffer.concat([head, ...tail]);
}

/** A BMP of an info header (40 bytes), tables and pixels. */
export function bmp(
  width: number,
  height: number,
  bits: number,
  pixels: Uint8Array,
  { tables = new Uint8Array(0), compression = 0 }: { tables?: Uint8Array; compression?: number } = {},
): Buffer {
  const head = Buffer.alloc(54);
  head.write('BM');
  head.writeUInt32LE(54 + tables.length + pixels.length, 2);
  head.writeUInt32LE(54 + tables.length, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(width, 18);
  head.writeInt32LE(height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(bits, 28);
  head.writeUInt32LE(compression, 30);
  return Buffer.concat([head, tables, pixels]);
}
