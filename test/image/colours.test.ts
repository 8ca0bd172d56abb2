// Colours of every depth and in every space become those that a viewer shows: sRGB of 8 bits.

import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { type ColourSpace, colourSpaceOf, iccProfile } from '../../src/image/colour-space.js';
import type { Picture } from '../../src/image/picture.js';
import { readPngHeader } from '../../src/image/png.js';
import { decodeImage, encodeImage } from '../../src/node/images.js';
import { END, header, numbers, png, profile, rows, tiff } from './files.js';

/** Colours from everywhere in the cube, pure ones among them. */
const COLOURS = Uint8Array.from({ length: 3 * 125 }, (_, i) => {
  return [0, 51, 128, 204, 255][Math.floor(Math.floor(i / 3) / 5 ** (i % 3)) % 5]!;
});
const COUNT = COLOURS.length / 3;
const GREYS = Uint8Array.from({ length: 256 }, (_, i) => i);
const deep = (values: Uint8Array) => Uint16Array.from(values, value => 257 * value);

const rgb = ({ data }: Picture) => data.filter((_, i) => i % 4 !== 3);
const red = ({ data }: Picture) => data.filter((_, i) => i % 4 === 0);
const alpha = ({ data }: Picture) => data.filter((_, i) => i % 4 === 3);

function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

/** A profile as encoders embed it. */
async function iccOf(name: 'srgb' | 'p3'): Promise<Buffer> {
  const image = sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } });
  return (await sharp(await image.withIccProfile(name).png().toBuffer()).metadata()).icc!;
}

const P3 = colourSpaceOf({ primaries: 12, transfer: 13 })!;
const srgbLight = colourSpaceOf({ primaries: 12, transfer: 13 })!.toLight;
const gamma = (power: number): ColourSpace => ({ ...P3, toLight: value => value ** power });

/** Values of sRGB, as floats, for light from 0 to 1. */
const toSrgb = (light: number) => 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055);

/** Light from 0 to 1 of Display P3 as that of sRGB, and clipped. */
function p3ToSrgb([r, g, b]: readonly number[]): number[] {
  const matrix = [
    [1.2249402, -0.2249402, 0],
    [-0.042057, 1.042057, 0],
    [-0.0196376, -0.0786361, 1.0982736],
  ];
  return matrix.map(row => Math.min(1, Math.max(0, row[0]! * r! + row[1]! * g! + row[2]! * b!)));
}

/** Colours of Display P3 in sRGB. */
const P3_COLOURS = Array.from({ length: COUNT }, (_, i) => {
  const light = [...COLOURS.subarray(3 * i, 3 * i + 3)].map(value => srgbLight(value / 255));
  return p3ToSrgb(light).map(toSrgb);
}).flat();

const ADOBE_RGB: ColourSpace = {
  primaries: [0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06],
  toLight: value => value ** (563 / 256),
};

/** Colours of Adobe RGB in sRGB: only its green is another one. */
const ADOBE_RGB_COLOURS = Array.from({ length: COUNT }, (_, i) => {
  const [r, g, b] = [...COLOURS.subarray(3 * i, 3 * i + 3)].map(value => ADOBE_RGB.toLight(value / 255));
  const light = [1.3983557 * r! - 0.3983557 * g!, g!, 1.0429318 * b! - 0.0429318 * g!];
  return light.map(value => toSrgb(Math.min(1, Math.max(0, value))));
}).flat();

describe('16 bits with a profile', () => {
  test('of sRGB stay what they are', async () => {
    const icc = await iccOf('srgb');
    const own = png([header(COUNT, 1, 16, 2), profile(icc), rows(3 * COUNT, deep(COLOURS)), END]);
    expect(rgb(await decodeImage(own))).toEqual(new Uint8ClampedArray(COLOURS));
    const tagged = tiff(COUNT, 1, deep(COLOURS), { 34675: icc });
    expect(rgb(await decodeImage(tagged))).toEqual(new Uint8ClampedArray(COLOURS));
  });

  test('of another space are what they are in 8 bits, with alpha and without', async () => {
    for (const icc of [await iccOf('p3'), iccProfile(gamma(1.8), false)]) {
      const eight = png([header(COUNT, 1, 8, 2), profile(icc), rows(3 * COUNT, COLOURS), END]);
      const want = rgb(await decodeImage(eight));
      expect(worst(want, COLOURS)).toBeGreaterThan(15);
      const sixteen = png([header(COUNT, 1, 16, 2), profile(icc), rows(3 * COUNT, deep(COLOURS)), END]);
      expect(worst(rgb(await decodeImage(sixteen)), want)).toBeLessThanOrEqual(1);
      expect(worst(rgb(await decodeImage(tiff(COUNT, 1, deep(COLOURS), { 34675: icc }))), want)).toBeLessThanOrEqual(1);
      const clear = Uint8Array.from({ length: 4 * COUNT }, (_, i) => (i % 4 === 3 ? i % 256 : COLOURS[i - (i >> 2)]!));
      const seen = await decodeImage(png([header(COUNT, 1, 16, 6), profile(icc), rows(4 * COUNT, deep(clear)), END]));
      expect(worst(rgb(seen), want)).toBeLessThanOrEqual(1);
      expect([...alpha(seen)]).toEqual([...clear].filter((_, i) => i % 4 === 3));
    }
  });

  test('of grey, with alpha and without', async () => {
    const icc = iccProfile(gamma(1.8), true);
    const eight = png([header(256, 1, 8, 0), profile(icc), rows(256, GREYS), END]);
    const want = red(await decodeImage(eight));
    const expected = Array.from(GREYS, value => toSrgb((value / 255) ** 1.8));
    expect(worst(want, expected)).toBeLessThanOrEqual(2);
    const sixteen = png([header(256, 1, 16, 0), profile(icc), rows(256, deep(GREYS)), END]);
    expect(worst(red(await decodeImage(sixteen)), want)).toBeLessThanOrEqual(1);
    expect(worst(red(await decodeImage(tiff(256, 1, deep(GREYS), { 34675: icc }))), want)).toBeLessThanOrEqual(1);
    const pairs = Uint8Array.from({ length: 512 }, (_, i) => (i % 2 ? 255 - (i >> 1) : i >> 1));
    const seen = await decodeImage(png([header(256, 1, 16, 4), profile(icc), rows(512, deep(pairs)), END]));
    expect(worst(red(seen), want)).toBeLessThanOrEqual(1);
    expect(alpha(seen)[1]).toBe(254);
  });
});

describe('8 bits with a profile', () => {
  test('a palette', async () => {
    const icc = await iccOf('p3');
    const palette = ['PLTE', COLOURS] as const;
    const indices = Uint8Array.from({ length: COUNT }, (_, i) => i);
    const decoded = await decodeImage(png([header(COUNT, 1, 8, 3), profile(icc), palette, rows(COUNT, indices), END]));
    expect(worst(rgb(decoded), P3_COLOURS)).toBeLessThanOrEqual(4);
  });

  test('JPEG and WebP', async () => {
    const patch = sharp({ create: { width: 16, height: 16, channels: 3, background: '#c86432' } });
    for (const format of ['jpeg', 'webp'] as const) {
      const bytes = await patch.clone().withIccProfile('p3')[format]({ quality: 100 }).toBuffer();
      expect((await sharp(bytes).metadata()).hasProfile).toBe(true);
      expect(worst(rgb(await decodeImage(bytes)).subarray(0, 3), [200, 100, 50]), format).toBeLessThanOrEqual(4);
    }
  });
});

describe('photos of wide spaces come back in sRGB', () => {
  test.each([
    ['Display P3', P3, P3_COLOURS],
    ['Adobe RGB', ADOBE_RGB, ADOBE_RGB_COLOURS],
  ])('%s', async (_, space, expected) => {
    const photo = png([header(COUNT, 1, 8, 2), profile(iccProfile(space, false)), rows(3 * COUNT, COLOURS), END]);
    const decoded = await decodeImage(photo);
    expect(worst(rgb(decoded), expected)).toBeLessThanOrEqual(2);
    expect(rgb(decoded)).not.toEqual(new Uint8ClampedArray(COLOURS));
    expect(rgb(await decodeImage(await encodeImage(decoded)))).toEqual(rgb(decoded));
  });

  test('and the files say so, without another value', async () => {
    const picture = { data: COLOURS, width: COUNT, height: 1 };
    const made = await encodeImage(picture);
    expect(readPngHeader(made).chunks.get('sRGB')).toEqual(Uint8Array.of(0));
    for (const type of ['jpeg', 'webp'] as const) {
      const bytes = await encodeImage(picture, { type });
      expect((await sharp(bytes).metadata()).icc?.toString('latin1').replaceAll('\0', ''), type).toContain('sRGB');
      const untagged = sharp(COLOURS, { raw: { width: COUNT, height: 1, channels: 3 } });
      const plain = await untagged[type]({
        quality: 95,
        ...(type === 'jpeg' && { chromaSubsampling: '4:4:4' }),
      }).toBuffer();
      expect(rgb(await decodeImage(bytes)), type).toEqual(rgb(await decodeImage(plain)));
    }
  });
});

describe('colours that a PNG tells by numbers', () => {
  const coded = (...chunks: Parameters<typeof png>[0]) =>
    png([header(COUNT, 1, 8, 2), ...chunks, rows(3 * COUNT, COLOURS), END]);
  const cicp = (...bytes: number[]) => ['cICP', Uint8Array.from(bytes)] as const;

  test('cICP of Display P3, in 8 and 16 bits', async () => {
    const decoded = await decodeImage(coded(cicp(12, 13, 0, 1)));
    expect(worst(rgb(decoded), P3_COLOURS)).toBeLessThanOrEqual(2);
    const chunks = [header(COUNT, 1, 16, 2), cicp(12, 13, 0, 1), rows(3 * COUNT, deep(COLOURS)), END];
    expect(worst(rgb(await decodeImage(png(chunks))), P3_COLOURS)).toBeLessThanOrEqual(2);
  });

  test('cICP wins over a profile; that of sRGB, or of nothing known, changes nothing', async () => {
    const icc = await iccOf('p3');
    for (const chunk of [cicp(1, 13, 0, 1), cicp(1, 1, 0, 1), cicp(2, 2, 0, 1)])
      expect(rgb(await decodeImage(coded(chunk)))).toEqual(new Uint8ClampedArray(COLOURS));
    const both = await decodeImage(coded(cicp(12, 13, 0, 1), profile(iccProfile(gamma(1), false))));
    expect(worst(rgb(both), P3_COLOURS)).toBeLessThanOrEqual(2);
    expect(worst(rgb(await decodeImage(coded(profile(icc)))), P3_COLOURS)).toBeLessThanOrEqual(4);
  });

  test('gAMA, of colours and of grey', async () => {
    const want = Array.from(COLOURS, value => toSrgb((value / 255) ** 1.8));
    expect(worst(rgb(await decodeImage(coded(numbers('gAMA', 55_556)))), want)).toBeLessThanOrEqual(2);
    const old = png([header(256, 1, 8, 0), numbers('gAMA', 55_556), rows(256, GREYS), END]);
    const light = Array.from(GREYS, value => toSrgb((value / 255) ** 1.8));
    expect(worst(red(await decodeImage(old)), light)).toBeLessThanOrEqual(2);
  });

  test('cHRM', async () => {
    const p3 = numbers('cHRM', 31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000);
    expect(worst(rgb(await decodeImage(coded(p3))), P3_COLOURS)).toBeLessThanOrEqual(2);
  });

  test('what means sRGB changes nothing, and broken numbers neither', async () => {
    const srgb = ['sRGB', Uint8Array.of(0)] as const;
    const own = numbers('cHRM', 31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000);
    for (const chunks of [
      [numbers('gAMA', 45_455), own],
      [srgb, numbers('gAMA', 100_000)],
      [numbers('gAMA', 0)],
      [numbers('cHRM', 0, 0, 0, 0, 0, 0, 0, 0)],
    ])
      expect(rgb(await decodeImage(coded(...chunks)))).toEqual(new Uint8ClampedArray(COLOURS));
  });
});

test('AVIF that tells Display P3 by numbers', async () => {
  const patch = sharp({ create: { width: 64, height: 64, channels: 3, background: '#c86432' } });
  const bytes = await patch.avif({ lossless: true }).toBuffer();
  const at = bytes.indexOf('colrnclx', 0, 'latin1');
  expect(at).toBeGreaterThan(0);
  const plain = rgb(await decodeImage(bytes)).subarray(0, 3);
  expect(worst(plain, [200, 100, 50])).toBeLessThanOrEqual(3);
  bytes.writeUInt16BE(12, at + 8);
  bytes.writeUInt16BE(13, at + 10);
  const want = p3ToSrgb([200, 100, 50].map(value => srgbLight(value / 255))).map(toSrgb);
  expect(worst(rgb(await decodeImage(bytes)).subarray(0, 3), want)).toBeLessThanOrEqual(4);
});

describe('TIFF', () => {
  const floats = Float32Array.from(COLOURS, value => value / 255);

  test('of floats from 0 to 1: grey, colours, with alpha', async () => {
    const greys = tiff(
      256,
      1,
      Float32Array.from(GREYS, value => value / 255),
    );
    expect(worst(red(await decodeImage(greys)), GREYS)).toBe(0);
    expect(worst(rgb(await decodeImage(tiff(COUNT, 1, floats))), COLOURS)).toBe(0);
    const clear = Float32Array.from({ length: 4 * COUNT }, (_, i) => (i % 4 === 3 ? 0.2 : floats[i - (i >> 2)]!));
    const seen = await decodeImage(tiff(COUNT, 1, clear));
    expect(worst(rgb(seen), COLOURS)).toBe(0);
    expect(alpha(seen)[0]).toBe(51);
  });

  test('of floats with a profile', async () => {
    const decoded = await decodeImage(tiff(COUNT, 1, floats, { 34675: iccProfile(P3, false) }));
    expect(worst(rgb(decoded), P3_COLOURS)).toBeLessThanOrEqual(2);
  });

  test('of floats beyond 1: lights are white, numbers of integers are those, and others are refused', async () => {
    const lights = await decodeImage(tiff(3, 1, Float32Array.of(0, 0.5, 2.5)));
    expect([...red(lights)]).toEqual([0, 128, 255]);
    expect(lights.warnings).toEqual(['its samples reach beyond 1: 1 is taken for white']);
    expect([...red(await decodeImage(tiff(3, 1, Float32Array.of(0, 100, 250))))]).toEqual([0, 100, 250]);
    expect([...red(await decodeImage(tiff(3, 1, Float32Array.of(0, 25_700, 65_535))))]).toEqual([0, 100, 255]);
    expect([...red(await decodeImage(tiff(3, 1, Float32Array.of(-1, 0.2, 1))))]).toEqual([0, 51, 255]);
    const nothing = decodeImage(tiff(3, 1, Float32Array.of(0, 1, 1e20)));
    await expect(nothing).rejects.toThrow('the TIFF is broken: expected floats from 0 to 1, but there are far larger');
  });

  test('of integers of 32 bits, and of signed ones', async () => {
    const unsigned = Uint32Array.from(COLOURS, value => (value / 255) * (2 ** 32 - 1));
    expect(worst(rgb(await decodeImage(tiff(COUNT, 1, unsigned))), COLOURS)).toBeLessThanOrEqual(1);
    const signed = Int16Array.from(COLOURS, value => (value / 255) * 32_767);
    expect(worst(rgb(await decodeImage(tiff(COUNT, 1, signed))), COLOURS)).toBeLessThanOrEqual(1);
    const greys = Uint32Array.from(GREYS, value => (value / 255) * (2 ** 32 - 1));
    expect(worst(red(await decodeImage(tiff(256, 1, greys))), GREYS)).toBeLessThanOrEqual(1);
  });

  test('of 64 bits is refused in plain words, and so is a raw file', async () => {
    await expect(decodeImage(tiff(2, 1, new Float64Array(2)))).rejects.toThrow(/samples have 64 bits, and at most 32/);
    await expect(decodeImage(tiff(2, 1, new Uint8Array(6), { 50706: 1 }))).rejects.toThrow(/camera's raw file/);
  });

  test('in Lab, of one bit, and in CMYK', async () => {
    const patch = sharp({ create: { width: 16, height: 16, channels: 3, background: '#c86432' } });
    const lab = await patch.clone().toColourspace('lab').tiff({ compression: 'none' }).toBuffer();
    expect((await sharp(lab).metadata()).space).toBe('lab');
    expect(worst(rgb(await decodeImage(lab)).subarray(0, 3), [200, 100, 50])).toBeLessThanOrEqual(2);
    const bits = await sharp(Buffer.from([0, 255, 255, 0, 255, 0, 0, 255]), {
      raw: { width: 8, height: 1, channels: 1 },
    })
      .tiff({ bitdepth: 1, compression: 'none' })
      .toBuffer();
    expect([...red(await decodeImage(bits))]).toEqual([0, 255, 255, 0, 255, 0, 0, 255]);
    const cmyk = await patch.clone().toColourspace('cmyk').tiff({ compression: 'lzw' }).toBuffer();
    expect(worst(rgb(await decodeImage(cmyk)).subarray(0, 3), [200, 100, 50])).toBeLessThanOrEqual(30);
  });
});
