// Checks and conversions of pictures that callers hand in.

import { describe, expect, test } from 'vitest';
import { upright } from '../../src/image/orientation.js';
import { checkPicture, isOpaque, type Picture, toRgb, toRgba } from '../../src/image/picture.js';

const picture = (width: number, height: number, channels: number): Picture => ({
  data: Uint8ClampedArray.from({ length: width * height * channels }, (_, i) => (i * 37) % 251),
  width,
  height,
});

const code = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return null;
};

describe('checkPicture', () => {
  test('tells RGB and RGBA by the number of values', () => {
    expect(checkPicture(picture(3, 2, 3))).toBe(3);
    expect(checkPicture(picture(3, 2, 4))).toBe(4);
  });

  test.each([
    ['null', null, 'INVALID_ARGUMENT'],
    ['text', 'picture', 'INVALID_ARGUMENT'],
    ['floats', { data: new Float32Array(4), width: 1, height: 1 }, 'INVALID_ARGUMENT'],
    ['no width', { data: new Uint8Array(4), height: 1 }, 'INVALID_ARGUMENT'],
    ['a width that is not whole', { data: new Uint8Array(4), width: 0.5, height: 2 }, 'INVALID_ARGUMENT'],
    ['no pixels', { data: new Uint8Array(0), width: 0, height: 0 }, 'INVALID_ARGUMENT'],
    ['too few values', { data: new Uint8Array(11), width: 2, height: 2 }, 'INVALID_IMAGE'],
  ])('refuses %s', (_, value, expected) => {
    expect(code(() => checkPicture(value as Picture))).toBe(expected);
  });

  test('has a pixel limit, of 100 megapixels unless told otherwise', () => {
    const huge = { data: new Uint8Array(0), width: 20_000, height: 20_000 };
    expect(() => checkPicture(huge)).toThrow(/at most 100000000 pixels but it has 20000x20000/);
    expect(code(() => checkPicture(picture(3, 3, 4), { maxPixels: 8 }))).toBe('IMAGE_TOO_LARGE');
    expect(code(() => checkPicture(picture(3, 3, 4), { maxPixels: 9 }))).toBe(null);
    expect(code(() => checkPicture(picture(3, 3, 4), { maxPixels: Number.NaN }))).toBe('INVALID_ARGUMENT');
  });
});

test('RGB becomes opaque RGBA and comes back unchanged', () => {
  const rgb = picture(5, 3, 3);
  const rgba = toRgba(rgb);
  expect(rgba.data.length).toBe(60);
  expect([...rgba.data.slice(4, 8)]).toEqual([...rgb.data.slice(3, 6), 255]);
  expect(isOpaque(rgba)).toBe(true);
  expect(toRgb(rgba).data).toEqual(rgb.data);
  expect(toRgba(rgba)).toBe(rgba);
  expect(isOpaque(picture(5, 3, 4))).toBe(false);
});

describe('orientation', () => {
  // A picture of 2x3 with its pixels numbered in reading order, and how it stands in each orientation.
  test.each([
    [1, [2, 3], [0, 1, 2, 3, 4, 5]],
    [2, [2, 3], [1, 0, 3, 2, 5, 4]],
    [3, [2, 3], [5, 4, 3, 2, 1, 0]],
    [4, [2, 3], [4, 5, 2, 3, 0, 1]],
    [5, [3, 2], [0, 2, 4, 1, 3, 5]],
    [6, [3, 2], [4, 2, 0, 5, 3, 1]],
    [7, [3, 2], [5, 3, 1, 4, 2, 0]],
    [8, [3, 2], [1, 3, 5, 0, 2, 4]],
    [9, [2, 3], [0, 1, 2, 3, 4, 5]],
  ])('%i', (orientation, size, pixels) => {
    const stored = { data: Uint8Array.from({ length: 24 }, (_, i) => Math.floor(i / 4)), width: 2, height: 3 };
    const { data, width, height } = upright(stored, orientation);
    expect([width, height]).toEqual(size);
    expect([...data].filter((_, i) => i % 4 === 0)).toEqual(pixels);
  });
});
