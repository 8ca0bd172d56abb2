// Codecs on pictures that are made here: every kind that is read, what they keep, and what is refused.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import sharp from 'sharp';
import { afterAll, describe, expect, test } from 'vitest';
import type { Picture } from '../../src/image/picture.js';
import { decodeImage, encodeImage, readImageFile, writeImageFile } from '../../src/node/images.js';

const folder = mkdtempSync(join(tmpdir(), 'codeformer-images-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A picture with smooth colours, so that lossy formats keep them. */
function smooth(width: number, height: number, alpha = false): Picture {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      data.set([40 + (160 * x) / width, 40 + (160 * y) / height, 128, alpha ? 200 - y : 255], 4 * (y * width + x));
    }
  return { data, width, height };
}

const raw = ({ data, width, height }: Picture) => sharp(data, { raw: { width, height, channels: 4 } });

function difference(a: Picture, b: Picture): number {
  expect([a.width, a.height]).toEqual([b.width, b.height]);
  let worst = 0;
  for (let i = 0; i < a.data.length; i++) worst = Math.max(worst, Math.abs(a.data[i]! - b.data[i]!));
  return worst;
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    error => error.code,
  );

/** A PNG chunk by chunk, for what no encoder writes. */
function png(chunks: readonly (readonly [string, Uint8Array])[]): Buffer {
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

function crc(bytes: Uint8Array): number {
  let value = ~0;
  for (const byte of bytes) {
    value ^= byte;
    for (let i = 0; i < 8; i++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return ~value >>> 0;
}

function header(width: number, height: number, depth: number, colour: number, interlace = 0): [string, Uint8Array] {
  const body = Buffer.alloc(13);
  body.writeUInt32BE(width);
  body.writeUInt32BE(height, 4);
  body.set([depth, colour, 0, 0, interlace], 8);
  return ['IHDR', body];
}

const END: [string, Uint8Array] = ['IEND', new Uint8Array(0)];
function unfinished(): [string, Uint8Array] {
  const bytes = deflateSync(Uint8Array.from({ length: 80 }, (_, i) => i % 16 && i * 7));
  return ['IDAT', bytes.subarray(0, bytes.length - 6)];
}

const data = (...bytes: number[]): [string, Uint8Array] => ['IDAT', deflateSync(Uint8Array.from(bytes))];

describe('decodeImage', () => {
  test('PNG comes back as it was, with and without alpha', async () => {
    for (const alpha of [false, true]) {
      const picture = smooth(33, 17, alpha);
      const bytes = await encodeImage(picture);
      // The colour type of the header: opaque pictures have no alpha in the file.
      expect(bytes[25]).toBe(alpha ? 6 : 2);
      expect(difference(await decodeImage(bytes), picture)).toBe(0);
    }
  });

  test('1x1 in every format', async () => {
    for (const format of ['png', 'jpeg', 'webp', 'avif', 'tiff', 'gif'] as const) {
      const bytes = await raw(smooth(1, 1))[format]().toBuffer();
      const { data: pixels, width, height } = await decodeImage(bytes);
      expect([width, height, pixels.length, pixels[3]], format).toEqual([1, 1, 4, 255]);
    }
  });

  test.each(['jpeg', 'webp', 'avif', 'tiff', 'gif'] as const)('%s', async format => {
    const picture = smooth(48, 32);
    const options = format === 'gif' ? {} : { quality: 95 };
    const bytes = await raw(picture)[format](options).toBuffer();
    expect(difference(await decodeImage(bytes), picture)).toBeLessThan(format === 'gif' ? 24 : 12);
  });

  test.each(['webp', 'avif', 'tiff'] as const)('alpha of %s', async format => {
    const picture = smooth(48, 32, true);
    const options = format === 'tiff' ? { compression: 'lzw' } : { lossless: true };
    const decoded = await decodeImage(
      await raw(picture)
        [format](options as object)
        .toBuffer(),
    );
    expect(difference(decoded, picture)).toBeLessThanOrEqual(2);
  });

  test('of 16 bits the upper 8 are kept, whoever decodes', async () => {
    const values = [0x0000, 0x0080, 0x00ff, 0x0100, 0x017f, 0x0180, 0x7fff, 0xff7f, 0xffff];
    const rows = [0, ...values.flatMap(v => [v >> 8, v & 255])];
    const upper = values.map(v => v >> 8);
    const colours = await decodeImage(png([header(3, 1, 16, 2), data(...rows), END]));
    expect([...colours.data].filter((_, i) => i % 4 !== 3)).toEqual(upper);
    const greys = await decodeImage(png([header(9, 1, 16, 0), data(...rows), END]));
    expect([...greys.data].filter((_, i) => i % 4 === 1)).toEqual(upper);
    const tiff = sharp(Uint16Array.from(values), { raw: { width: 3, height: 1, channels: 3 } });
    const other = await decodeImage(await tiff.toColourspace('rgb16').tiff({ compression: 'lzw' }).toBuffer());
    expect([...other.data].filter((_, i) => i % 4 !== 3)).toEqual(upper);
  });

  test('palettes, with transparency', async () => {
    const palette: [string, Uint8Array] = ['PLTE', Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255)];
    const transparency: [string, Uint8Array] = ['tRNS', Uint8Array.of(255, 128)];
    // Two bits each: entries 0, 1, 2 and 1.
    const decoded = await decodeImage(png([header(4, 1, 2, 3), palette, transparency, data(0, 0b00011001), END]));
    expect([...decoded.data]).toEqual([255, 0, 0, 255, 0, 255, 0, 128, 0, 0, 255, 255, 0, 255, 0, 128]);
  });

  test('grey of one bit, grey with alpha, grey JPEG', async () => {
    const bits = await decodeImage(png([header(4, 1, 1, 0), data(0, 0b01010000), END]));
    expect([...bits.data].filter((_, i) => i % 4 === 0)).toEqual([0, 255, 0, 255]);
    const alpha = await decodeImage(png([header(2, 1, 8, 4), data(0, 10, 20, 200, 255), END]));
    expect([...alpha.data]).toEqual([10, 10, 10, 20, 200, 200, 200, 255]);
    const jpeg = await decodeImage(await raw(smooth(16, 16)).greyscale().jpeg().toBuffer());
    expect(jpeg.data.length).toBe(4 * 256);
    expect(jpeg.data[0]).toBe(jpeg.data[2]);
  });

  test('interlaced PNG', async () => {
    const picture = smooth(19, 23, true);
    expect(difference(await decodeImage(await raw(picture).png({ progressive: true }).toBuffer()), picture)).toBe(0);
  });

  test('CMYK JPEG becomes sRGB', async () => {
    const background = { r: 192, g: 64, b: 32 };
    const image = sharp({ create: { width: 8, height: 8, channels: 3, background } });
    const bytes = await image.toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(bytes).metadata()).space).toBe('cmyk');
    const decoded = await decodeImage(bytes);
    expect(Math.abs(decoded.data[0]! - 192)).toBeLessThan(30);
    expect(Math.abs(decoded.data[1]! - 64)).toBeLessThan(30);
    expect(decoded.data[3]).toBe(255);
  });

  test('colours in another profile become sRGB; a profile of sRGB changes nothing', async () => {
    const picture = smooth(20, 20);
    const same = await raw(picture).withIccProfile('srgb').png().toBuffer();
    expect(difference(await decodeImage(same), picture)).toBe(0);
    const wide = await raw(picture).withIccProfile('p3').png().toBuffer();
    expect(Uint8ClampedArray.from(PNG.sync.read(wide).data)).not.toEqual(picture.data);
    expect(difference(await decodeImage(wide), picture)).toBeLessThanOrEqual(3);
  });

  test('EXIF orientation of JPEG, WebP and PNG, as sharp understands it', async () => {
    const picture = smooth(24, 16);
    for (let orientation = 1; orientation <= 8; orientation++) {
      const upright = await raw(picture).png().withMetadata({ orientation }).toBuffer();
      const want = await sharp(upright).autoOrient().ensureAlpha().raw().toBuffer({ resolveWithObject: true });
      const wanted = { data: want.data, width: want.info.width, height: want.info.height };
      expect(difference(await decodeImage(upright), wanted), `png ${orientation}`).toBe(0);
      for (const format of ['jpeg', 'webp'] as const) {
        const bytes = await raw(picture)[format]({ quality: 95 }).withMetadata({ orientation }).toBuffer();
        expect(difference(await decodeImage(bytes), wanted), `${format} ${orientation}`).toBeLessThan(12);
      }
    }
  });

  test('EXIF orientation in a PNG without profile', async () => {
    const exif = Uint8Array.from([0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0]);
    const decoded = await decodeImage(png([header(2, 1, 8, 0), ['eXIf', exif], data(0, 7, 9), END]));
    expect([decoded.width, decoded.height, decoded.data[0], decoded.data[4]]).toEqual([1, 2, 7, 9]);
  });

  test('bytes behind the end of a PNG do not matter', async () => {
    const bytes = Buffer.concat([await encodeImage(smooth(4, 4)), Buffer.from('more')]);
    expect(difference(await decodeImage(bytes), smooth(4, 4))).toBe(0);
  });

  test('more pixels than there have to be', async () => {
    const decoded = await decodeImage(png([header(2, 1, 8, 0), data(0, 7, 9, 0, 1, 1), END]));
    expect([...decoded.data]).toEqual([7, 7, 7, 255, 9, 9, 9, 255]);
  });

  test('the first frame of an animation', async () => {
    const negative = { ...smooth(8, 8), data: smooth(8, 8).data.map((v, i) => (i % 4 === 3 ? v : 255 - v)) };
    const pictures = await Promise.all([smooth(8, 8), negative].map(p => encodeImage(p)));
    const frames = sharp(pictures as Buffer[], { join: { animated: true } });
    for (const bytes of [await frames.clone().webp({ lossless: true }).toBuffer(), await frames.gif().toBuffer()]) {
      expect((await sharp(bytes).metadata()).pages).toBe(2);
      const { width, height } = await decodeImage(bytes);
      expect([width, height]).toEqual([8, 8]);
    }
  });

  test.each(['png', 'jpeg', 'webp', 'avif', 'tiff', 'gif'] as const)('truncated %s', async format => {
    const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 31) % 253);
    const image = sharp(noise, { raw: { width: 64, height: 64, channels: 3 } });
    const bytes = await image[format]().toBuffer();
    for (const share of [0.02, 0.3, 0.9]) {
      const cut = decodeImage(bytes.subarray(0, Math.max(12, bytes.length * share)), { name: 'cut.picture' });
      await expect(cut, `${share}`).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
      await expect(cut, `${share}`).rejects.toThrow(/^cut\.picture: /);
    }
  });

  test.each([
    ['empty', new Uint8Array(0), /is empty/],
    ['text', Buffer.from('not a picture'), /expected a PNG, JPEG, WebP, AVIF, TIFF or GIF but it begins with 6e 6f/],
    ['random bytes', Uint8Array.from({ length: 1000 }, (_, i) => (i * 7919) % 256), /expected a PNG/],
    ['a vector graphic', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), /expected a PNG/],
    ['one byte', Uint8Array.of(0x89), /expected a PNG/],
    ['the mark of a PNG alone', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), /the PNG is broken/],
    ['a PNG of no size', png([header(0, 5, 8, 2), END]), /width or height is 0/],
    ['a PNG without pixels', png([header(5, 5, 8, 2), END]), /the PNG is broken/],
    [
      'a PNG of too few pixels',
      png([header(5, 5, 8, 2), data(0, 1, 2), END]),
      /expected 80 bytes of pixels but there are 3/,
    ],
    [
      'a PNG of unfinished data',
      png([header(5, 5, 8, 2), unfinished(), END]),
      /the PNG is broken: unexpected end of file/,
    ],
    ['a PNG of an unknown kind', png([header(5, 5, 8, 9), data(0), END]), /there is no colour type 9 of 8 bits/],
    ['a PNG of an unknown depth', png([header(5, 5, 4, 2), data(0), END]), /there is no colour type 2 of 4 bits/],
    ['a PNG with a wrong checksum', corrupted(png([header(1, 1, 8, 0), data(0, 1), END])), /the PNG is broken/],
    ['a JPEG of nothing', Uint8Array.of(0xff, 0xd8, 0xff, 0xd9), /the JPEG is broken/],
  ])('refuses %s', async (_, bytes, message) => {
    await expect(decodeImage(bytes)).rejects.toThrow(message);
    expect(await codeOf(decodeImage(bytes))).toBe('INVALID_IMAGE');
  });

  test('checks the size before it decodes', async () => {
    // 400 megapixels in a file of 60 bytes: whoever decoded it would fail in another way.
    const bomb = png([header(20_000, 20_000, 8, 6), data(0), END]);
    await expect(decodeImage(bomb, { name: 'bomb.png' })).rejects.toThrow(
      /^bomb\.png: expected at most 100000000 pixels/,
    );
    expect(await codeOf(decodeImage(bomb))).toBe('IMAGE_TOO_LARGE');
    expect(await codeOf(decodeImage(png([header(20_000, 20_000, 8, 6, 1), data(0), END])))).toBe('IMAGE_TOO_LARGE');
    for (const format of ['jpeg', 'webp', 'avif', 'tiff', 'gif'] as const) {
      const bytes = await raw(smooth(20, 20))[format]().toBuffer();
      expect(await codeOf(decodeImage(bytes, { maxPixels: 399 })), format).toBe('IMAGE_TOO_LARGE');
      expect(await codeOf(decodeImage(bytes, { maxPixels: 400 })), format).toBe(null);
    }
  });

  test('refuses what is not bytes, and limits that are none', async () => {
    expect(await codeOf(decodeImage('photo.png' as unknown as Uint8Array))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(decodeImage(new Uint8Array(1), { maxPixels: -1 }))).toBe('INVALID_ARGUMENT');
  });
});

function corrupted(bytes: Buffer): Buffer {
  bytes[30]! ^= 1;
  return bytes;
}

describe('encodeImage', () => {
  test.each(['jpeg', 'webp'] as const)('%s, of RGB and RGBA', async type => {
    const picture = smooth(40, 30);
    const rgb = { ...picture, data: picture.data.filter((_, i) => i % 4 !== 3) };
    const bytes = await encodeImage(picture, { type });
    expect(difference(await decodeImage(bytes), picture)).toBeLessThan(12);
    expect(Buffer.from(await encodeImage(rgb, { type })).equals(bytes)).toBe(true);
    expect((await encodeImage(picture, { type, quality: 10 })).length).toBeLessThan(bytes.length);
  });

  test('WebP keeps alpha, JPEG drops it', async () => {
    const picture = smooth(40, 30, true);
    expect((await decodeImage(await encodeImage(picture, { type: 'webp' }))).data[3]).toBe(200);
    expect((await decodeImage(await encodeImage(picture, { type: 'jpeg' }))).data[3]).toBe(255);
  });

  test('the same picture gives the same bytes', async () => {
    const picture = smooth(40, 30);
    for (const type of ['png', 'jpeg', 'webp'] as const) {
      expect(await encodeImage(picture, { type })).toEqual(await encodeImage(picture, { type }));
    }
  });

  test('refuses unknown types, qualities out of range and sizes beyond the format', async () => {
    const picture = smooth(2, 2);
    expect(await codeOf(encodeImage(picture, { type: 'bmp' as 'png' }))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(encodeImage(picture, { type: 'jpeg', quality: 0 }))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(encodeImage(smooth(16_384, 1), { type: 'webp' }))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(encodeImage({ ...picture, width: 3 }))).toBe('INVALID_IMAGE');
  });
});

describe('files', () => {
  test('the kind is told from the bytes, not from the name', async () => {
    const path = join(folder, 'really.jpg');
    writeFileSync(path, await encodeImage(smooth(6, 5)));
    expect(difference(await readImageFile(path), smooth(6, 5))).toBe(0);
  });

  test('are written in the format of their ending, and whole', async () => {
    const into = join(folder, 'written');
    mkdirSync(into);
    for (const [name, format] of Object.entries({
      'a.png': 'png',
      'a.JPG': 'jpeg',
      'a.jpeg': 'jpeg',
      'a.webp': 'webp',
    })) {
      await writeImageFile(join(into, name), smooth(9, 9));
      expect((await sharp(readFileSync(join(into, name))).metadata()).format).toBe(format);
    }
    await writeImageFile(join(into, 'a.png'), smooth(3, 3));
    expect((await readImageFile(join(into, 'a.png'))).width).toBe(3);
    expect(readdirSync(into).sort()).toEqual(['a.JPG', 'a.jpeg', 'a.png', 'a.webp']);
  });

  test('that are missing, folders, broken or too large', async () => {
    const path = join(folder, 'large.png');
    writeFileSync(path, await encodeImage(smooth(10, 10)));
    expect(await codeOf(readImageFile(join(folder, 'none.png')))).toBe('FILE_NOT_FOUND');
    expect(await codeOf(readImageFile(join(path, 'below.png')))).toBe('FILE_NOT_FOUND');
    expect(await codeOf(readImageFile(folder))).toBe('FILE_UNREADABLE');
    expect(await codeOf(readImageFile(path, { maxPixels: 99 }))).toBe('IMAGE_TOO_LARGE');
    writeFileSync(path, 'text');
    await expect(readImageFile(path)).rejects.toThrow(path);
  });

  test('that cannot be written leave nothing behind', async () => {
    const picture = smooth(4, 4);
    const file = join(folder, 'a-file.png');
    writeFileSync(file, 'x');
    expect(await codeOf(writeImageFile(join(folder, 'none', 'a.png'), picture))).toBe('FILE_UNWRITABLE');
    expect(existsSync(join(folder, 'none'))).toBe(false);
    expect(await codeOf(writeImageFile(join(file, 'a.png'), picture))).toBe('FILE_UNWRITABLE');
    mkdirSync(join(folder, 'folder.png'));
    expect(await codeOf(writeImageFile(join(folder, 'folder.png'), picture))).toBe('FILE_UNWRITABLE');
    expect(await codeOf(writeImageFile(join(folder, 'a.bmp'), picture))).toBe('INVALID_ARGUMENT');
    const aborted = AbortSignal.abort();
    expect(await codeOf(writeImageFile(join(folder, 'aborted.png'), picture, { signal: aborted }))).toBe('ABORTED');
    expect(readdirSync(folder).filter(name => /aborted|tmp|bmp/.test(name))).toEqual([]);
  });

  test('without rights', { skip: process.getuid?.() === 0 }, async () => {
    const locked = join(folder, 'locked');
    mkdirSync(locked);
    writeFileSync(join(locked, 'a.png'), await encodeImage(smooth(2, 2)));
    chmodSync(join(locked, 'a.png'), 0);
    chmodSync(locked, 0o500);
    expect(await codeOf(readImageFile(join(locked, 'a.png')))).toBe('FILE_UNREADABLE');
    expect(await codeOf(writeImageFile(join(locked, 'b.png'), smooth(2, 2)))).toBe('FILE_UNWRITABLE');
    chmodSync(locked, 0o700);
  });

  test('in a folder that takes none', { skip: !existsSync('/proc/self') }, async () => {
    expect(await codeOf(writeImageFile('/proc/a.png', smooth(2, 2)))).toBe('FILE_UNWRITABLE');
  });
});
