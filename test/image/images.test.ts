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
import { bmp, type Chunk, data, END, header, png, rows } from './files.js';

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

function unfinished(): Chunk {
  const bytes = deflateSync(Uint8Array.from({ length: 80 }, (_, i) => i % 16 && i * 7));
  return ['IDAT', bytes.subarray(0, bytes.length - 6)];
}

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
    const palette: Chunk = ['PLTE', Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255)];
    const transparency: Chunk = ['tRNS', Uint8Array.of(255, 128)];
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

  test('BMP: colours, palettes, masks, runs, from the top or from the bottom', async () => {
    const rgb = ({ data }: Picture) => [...data].filter((_, i) => i % 4 !== 3);
    // Blue, green, red; the lower row is the first, and rows have a multiple of four bytes.
    const two = Uint8Array.of(1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0);
    expect(rgb(await decodeImage(bmp(2, 2, 24, two)))).toEqual([9, 8, 7, 12, 11, 10, 3, 2, 1, 6, 5, 4]);
    expect(rgb(await decodeImage(bmp(2, -2, 24, two)))).toEqual([3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10]);
    const deep = await decodeImage(bmp(1, 1, 32, Uint8Array.of(1, 2, 3, 0)));
    expect([...deep.data]).toEqual([3, 2, 1, 255]);
    expect(rgb(await decodeImage(bmp(1, 1, 16, Uint8Array.of(0x1f, 0x7c, 0, 0))))).toEqual([255, 0, 255]);
    const masks = new Uint8Array(Uint32Array.of(0xf800, 0x07e0, 0x001f, 0).buffer);
    const masked = bmp(1, 1, 16, Uint8Array.of(0xe0, 0x07, 0, 0), { tables: masks, compression: 3 });
    expect(rgb(await decodeImage(masked))).toEqual([0, 255, 0]);
    const tables = Uint8Array.of(0, 0, 0, 0, 30, 20, 10, 0);
    expect(rgb(await decodeImage(bmp(3, 1, 1, Uint8Array.of(0b01000000, 0, 0, 0), { tables })))).toEqual([
      0, 0, 0, 10, 20, 30, 0, 0, 0,
    ]);
    // Three pixels of index 1, the end of the row, two of no run (1, 0), the end.
    const runs = Uint8Array.of(3, 1, 0, 0, 0, 3, 1, 0, 1, 0, 0, 1);
    const coded = await decodeImage(bmp(3, 2, 8, runs, { tables, compression: 1 }));
    expect(rgb(coded).filter((_, i) => i % 3 === 0)).toEqual([10, 0, 10, 10, 10, 10]);
    // The last row needs no end of its own, all others do.
    expect(rgb(await decodeImage(bmp(2, 1, 8, Uint8Array.of(2, 1), { tables, compression: 1 })))[0]).toBe(10);
    const cut = bmp(9000, 9000, 8, new Uint8Array(100), { tables, compression: 1 });
    await expect(decodeImage(cut)).rejects.toThrow(/ends after 100 bytes of runs/);
    expect(await codeOf(decodeImage(bmp(200, 200, 24, two)))).toBe('INVALID_IMAGE');
    expect(await codeOf(decodeImage(bmp(20_000, 20_000, 24, two)))).toBe('IMAGE_TOO_LARGE');
    expect(await codeOf(decodeImage(bmp(2, 2, 24, two, { compression: 4 })))).toBe('INVALID_IMAGE');
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

  const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 31) % 253);
  const noisy = () => sharp(noise, { raw: { width: 64, height: 64, channels: 3 } });

  test.each(['png', 'jpeg', 'webp', 'avif', 'tiff', 'gif'] as const)('truncated %s', async format => {
    const bytes = await noisy()[format]().toBuffer();
    for (const share of [0.02, 0.3, format === 'jpeg' ? 0.8 : 0.9]) {
      const cut = decodeImage(bytes.subarray(0, Math.max(12, bytes.length * share)), { name: 'cut.picture' });
      await expect(cut, `${share}`).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
      await expect(cut, `${share}`).rejects.toThrow(/^cut\.picture: /);
    }
  });

  describe('a JPEG that ends early', () => {
    test('is read, with a warning', async () => {
      const bytes = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
        .jpeg()
        .toBuffer();
      const whole = await decodeImage(bytes);
      expect(whole.warnings).toEqual([]);
      // Without the mark of its end nothing is missing.
      const marked = await decodeImage(bytes.subarray(0, -2));
      expect(marked.warnings).toEqual(['the JPEG ends early: hardly anything is missing']);
      expect(difference(marked, whole)).toBe(0);
      const cut = await decodeImage(bytes.subarray(0, -200));
      expect(cut.warnings).toEqual([
        expect.stringMatching(/^the JPEG ends early: the last \d\.\d % of its pixels are grey$/),
      ]);
      expect([...cut.data.subarray(-4)]).toEqual([128, 128, 128, 255]);
      expect([...cut.data.subarray(0, 4 * 64 * 40)]).toEqual([...whole.data.subarray(0, 4 * 64 * 40)]);
    });

    test('is turned upright, and may end with pixels of one colour', async () => {
      const plain = sharp({ create: { width: 48, height: 32, channels: 3, background: '#fff' } });
      const bytes = await plain.jpeg().withMetadata({ orientation: 6 }).toBuffer();
      const { width, height, warnings, data } = await decodeImage(bytes.subarray(0, -2));
      expect([width, height, data.at(-2)]).toEqual([32, 48, 255]);
      expect(warnings).toHaveLength(1);
    });

    test('in several passes, of which the last one has begun', async () => {
      const bytes = await raw(smooth(128, 96)).jpeg({ progressive: true }).toBuffer();
      expect((await decodeImage(bytes)).warnings).toEqual([]);
      const cut = await decodeImage(bytes.subarray(0, bytes.length - 40));
      expect(cut.warnings).toHaveLength(1);
      expect(difference(cut, await decodeImage(bytes))).toBeLessThan(20);
      expect(await codeOf(decodeImage(bytes.subarray(0, bytes.length / 2)))).toBe('INVALID_IMAGE');
    });

    test('a PNG without its last chunk', async () => {
      const bytes = await encodeImage(smooth(9, 7));
      const cut = await decodeImage(bytes.subarray(0, -12));
      expect(cut.warnings).toEqual(['the PNG lacks its end, but no pixels']);
      expect(difference(cut, smooth(9, 7))).toBe(0);
      expect(difference(await decodeImage(bytes.subarray(0, -5)), smooth(9, 7))).toBe(0);
    });
  });

  test.each([
    ['empty', new Uint8Array(0), /is empty/],
    ['text', Buffer.from('not a picture'), /expected a PNG, JPEG, WebP, AVIF, TIFF, BMP or GIF but it is text$/],
    ['random bytes', Uint8Array.from({ length: 1000 }, (_, i) => (i * 7919) % 256), /but it is none of them$/],
    ['zeros', new Uint8Array(100), /but it is nothing but zeros$/],
    ['a vector graphic', Buffer.from('<?xml version="1.0"?>\n<svg xmlns="a:b"/>'), /but it is an SVG drawing$/],
    ['a page', Buffer.from('<!DOCTYPE html><title>404'), /but it is a web page$/],
    ['a document', Buffer.from('%PDF-1.7'), /but it is a PDF document$/],
    ['a video', Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom'), /but it is a video$/],
    ['HEIC', Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic'), /it is HEIC, which is not read here: convert it/],
    ['one byte', Uint8Array.of(0x89), /expected a PNG/],
    ['the mark of a PNG alone', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), /the PNG is broken/],
    ['a PNG of no size', png([header(0, 5, 8, 2), END]), /width or height is 0/],
    ['a PNG without pixels', png([header(5, 5, 8, 2), END]), /the PNG is broken/],
    [
      'a PNG of too few pixels',
      png([header(5, 5, 8, 2), data(0, 1, 2), END]),
      /the PNG is broken: its pixels are damaged or end early/,
    ],
    [
      'a PNG of unfinished data',
      png([header(5, 5, 8, 2), unfinished(), END]),
      /the PNG is broken: its pixels are damaged or end early/,
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

  test('refuses pictures of a pixel across that would keep decoders busy for minutes', async () => {
    for (const [width, height] of [
      [1, 100_000_000],
      [1, 10_000_000],
      [100_000_000, 1],
      [65_536, 1],
    ] as const) {
      const bomb = png([header(width, height, 1, 0), data(0), END]);
      await expect(decodeImage(bomb), `${width}x${height}`).rejects.toThrow(/sides of at most 65535 pixels/);
      expect(await codeOf(decodeImage(bomb))).toBe('IMAGE_TOO_LARGE');
    }
    expect((await decodeImage(png([header(1, 65_535, 8, 0), rows(1, new Uint8Array(65_535)), END]))).height).toBe(
      65_535,
    );
  });

  test('others go on while a large picture is read and written', async () => {
    const side = 4000;
    const bytes = png([header(side, side, 16, 0), rows(side, new Uint16Array(side * side)), END]);
    let ticks = 0;
    const beat = setInterval(() => ticks++, 1);
    const picture = await decodeImage(bytes);
    const read = ticks;
    await encodeImage({ ...picture, data: picture.data.subarray(0, 4 * side * 1000), height: 1000 });
    clearInterval(beat);
    expect(read).toBeGreaterThan(5);
    expect(ticks - read).toBeGreaterThan(5);
  });

  test('a header that says other sizes than the frame', async () => {
    // The canvas of a GIF is small, its frame is not.
    const gif = await raw(smooth(20, 20)).gif().toBuffer();
    const small = Buffer.from(gif);
    small.writeUInt16LE(2, 6);
    small.writeUInt16LE(2, 8);
    expect(await codeOf(decodeImage(small, { maxPixels: 100 }))).toBe('IMAGE_TOO_LARGE');
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

  test('WebP keeps alpha; in JPEG white lies under it, or another colour', async () => {
    const picture = smooth(40, 30, true);
    expect((await decodeImage(await encodeImage(picture, { type: 'webp' }))).data[3]).toBe(200);
    expect((await decodeImage(await encodeImage(picture, { type: 'jpeg' }))).data[3]).toBe(255);
    const clear = { data: new Uint8ClampedArray(4 * 64), width: 8, height: 8 };
    const half = { ...clear, data: clear.data.map((_, i) => (i % 4 === 3 ? 128 : 0)) };
    const pixel = async (picture: Picture, background?: string) => {
      return [...(await decodeImage(await encodeImage(picture, { type: 'jpeg', background }))).data.subarray(0, 3)];
    };
    expect(await pixel(clear)).toEqual([255, 255, 255]);
    expect(await pixel(clear, '#808080')).toEqual([128, 128, 128]);
    expect(await pixel(clear, '#000')).toEqual([0, 0, 0]);
    expect(await pixel(half)).toEqual([127, 127, 127]);
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
    for (const [type, most] of [
      ['webp', 16_383],
      ['jpeg', 65_500],
    ] as const) {
      expect(await codeOf(encodeImage(smooth(most + 1, 1), { type })), type).toBe('IMAGE_TOO_LARGE');
      expect(await codeOf(encodeImage(smooth(1, most + 1), { type })), type).toBe('IMAGE_TOO_LARGE');
      expect(await codeOf(encodeImage(smooth(most, 1), { type })), type).toBe(null);
    }
    expect(await codeOf(encodeImage(picture, { speed: 3 } as object))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(encodeImage(picture, null as unknown as object))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(encodeImage(null as unknown as Picture))).toBe('INVALID_ARGUMENT');
    for (const background of ['red', '#12', '#12345g', 5 as unknown as string])
      expect(await codeOf(encodeImage(picture, { type: 'jpeg', background })), background).toBe('INVALID_ARGUMENT');
    expect(await codeOf(encodeImage(picture, { metadata: { exif: 'x' } as never }))).toBe('INVALID_ARGUMENT');
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
