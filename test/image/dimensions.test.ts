// Sizes from headers: what decoders find, for every format, and nothing for what is cut off or broken.

import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { encodedDimensions } from '../../src/image/dimensions.js';

const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#4080c0' } });

const FILES: Record<string, () => Promise<Uint8Array>> = {
  png: () => picture(301, 17).png().toBuffer(),
  'png, interlaced': () => picture(301, 17).png({ progressive: true }).toBuffer(),
  jpeg: () => picture(301, 17).jpeg().toBuffer(),
  'jpeg, progressive': () => picture(301, 17).jpeg({ progressive: true }).toBuffer(),
  'jpeg with EXIF and a profile': () =>
    picture(301, 17)
      .withExif({ IFD0: { Artist: 'A' } })
      .withIccProfile('p3')
      .jpeg()
      .toBuffer(),
  'jpeg with a marker that is filled up': async () => {
    const bytes = await picture(301, 17).jpeg().toBuffer();
    return Buffer.concat([bytes.subarray(0, 2), Buffer.from([0xff, 0xff, 0xff]), bytes.subarray(2)]);
  },
  'webp, lossy': () => picture(301, 17).webp().toBuffer(),
  'webp, lossless': () => picture(301, 17).webp({ lossless: true }).toBuffer(),
  'webp, extended': () => picture(301, 17).withIccProfile('p3').webp().toBuffer(),
  gif: () => picture(301, 17).gif().toBuffer(),
  'gif with a small screen': async () => {
    const bytes = await picture(301, 17).gif().toBuffer();
    bytes.writeUInt16LE(1, 6);
    bytes.writeUInt16LE(1, 8);
    return bytes;
  },
  avif: () => picture(301, 17).avif({ effort: 0 }).toBuffer(),
  bmp: async () => bmp(301, 17),
  'bmp from top to bottom': async () => bmp(301, -17),
};

/** A bitmap's headers. */
function bmp(width: number, height: number): Uint8Array {
  const bytes = Buffer.alloc(54);
  bytes.write('BM');
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(height, 22);
  return bytes;
}

describe('the size of an encoded picture', () => {
  test.each(Object.keys(FILES))('%s', async name => {
    const bytes = await FILES[name]!();
    expect(encodedDimensions(bytes)).toEqual({ width: 301, height: 17 });
    // Also as a part of a larger buffer.
    const shifted = new Uint8Array(bytes.length + 7);
    shifted.set(bytes, 7);
    expect(encodedDimensions(shifted.subarray(7))).toEqual({ width: 301, height: 17 });
  });

  test('the largest of several images counts', async () => {
    const bytes = Buffer.from(await FILES.avif!());
    const property = bytes.indexOf('ispe') - 4;
    const second = Buffer.from(bytes.subarray(property, property + 20));
    second.writeUInt32BE(40_000, 12);
    const grown = Buffer.concat([bytes.subarray(0, property), second, bytes.subarray(property)]);
    for (const type of ['meta', 'iprp', 'ipco']) {
      const at = grown.indexOf(type) - 4;
      grown.writeUInt32BE(grown.readUInt32BE(at) + 20, at);
    }
    expect(encodedDimensions(grown)).toEqual({ width: 40_000, height: 17 });
  });

  test.each(Object.keys(FILES))('%s, cut off or changed anywhere, gives a size or none', async name => {
    const bytes = await FILES[name]!();
    const head = bytes.subarray(0, 400);
    for (let end = 0; end < head.length; end++) {
      const size = encodedDimensions(head.subarray(0, end));
      if (size && !name.startsWith('gif')) expect(size).toEqual({ width: 301, height: 17 });
    }
    for (let at = 0; at < head.length; at++)
      for (const value of [0, 1, 0x7f, 0xff]) encodedDimensions(Uint8Array.from(head).fill(value, at, at + 4));
  });

  test('of other files is not known', () => {
    for (const text of ['', 'letter', 'RIFF....WAVE....', '<svg width="9" height="9"/>'])
      expect(encodedDimensions(Buffer.from(text))).toBeNull();
  });
});
