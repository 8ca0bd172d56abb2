// The degradation model of the CodeFormer paper, as in ../degrade.py: blur, shrinking, noise, JPEG, enlarging.

import { decodeImage, encodeImage } from '../../src/node/images.js';
import type { Picture } from '../../src/node/index.js';

/** Ranges for pictures of 512 pixels. Sigma of the blur and the factor of shrinking scale with the size, noise and quality do not. */
const RANGES = {
  small: { blur: [0.1, 10], down: [1, 12], noise: [0, 15], jpeg: [60, 100] },
  large: { blur: [1, 15], down: [4, 30], noise: [0, 20], jpeg: [30, 80] },
} as const;

/** Three fixed strengths, for pictures of 512 pixels. */
const LEVELS = {
  light: { blur: 1, down: 2, noise: 4, jpeg: 85 },
  medium: { blur: 4, down: 5, noise: 8, jpeg: 65 },
  heavy: { blur: 8, down: 12, noise: 15, jpeg: 40 },
} as const;

export type Degradation = keyof typeof RANGES | keyof typeof LEVELS;

export const DEGRADATIONS = [...Object.keys(LEVELS), ...Object.keys(RANGES)] as Degradation[];

interface Parameters {
  /** Standard deviations along two axes, and the angle of the first one. */
  readonly sx: number;
  readonly sy: number;
  readonly angle: number;
  /** Side after shrinking. */
  readonly small: number;
  /** Standard deviation of the noise, of 255. */
  readonly noise: number;
  readonly quality: number;
}

/** RGB planes side by side, 0 to 1. */
interface Image {
  readonly data: Float64Array;
  readonly size: number;
}

/** A square picture degraded. The same random numbers give the same picture. */
export async function degrade(clean: Picture, kind: Degradation, random: () => number): Promise<Picture> {
  const size = clean.width;
  const { sx, sy, angle, small, noise, quality } = draw(kind, size, random);
  const blurred = Math.max(sx, sy) > 0.15 ? blur(fromPicture(clean), sx, sy, angle) : fromPicture(clean);
  const shrunk = resized(blurred, small);
  const noisy = shrunk.data.map(value => value + (noise / 255) * normal(random));
  const jpeg = await encodeImage(toPicture({ data: noisy, size: small }), { type: 'jpeg', quality });
  return toPicture(resized(fromPicture(await decodeImage(jpeg)), size));
}

function draw(kind: Degradation, size: number, random: () => number): Parameters {
  const scale = size / 512;
  const between = ([low, high]: readonly [number, number]) => low + (high - low) * random();
  if (kind === 'small' || kind === 'large') {
    const { blur, down, noise, jpeg } = RANGES[kind];
    const even = random() < 0.5;
    const sx = scale * between(blur);
    const sy = even ? sx : scale * between(blur);
    const angle = even ? 0 : Math.PI * between([-1, 1]);
    const factor = between([Math.max(1, scale * down[0]), Math.max(1, scale * down[1])]);
    const small = Math.max(1, Math.floor(size / factor));
    return { sx, sy, angle, small, noise: between(noise), quality: Math.floor(between(jpeg)) };
  }
  const { blur, down, noise, jpeg } = LEVELS[kind];
  const small = Math.floor(size / Math.max(1, scale * down));
  return { sx: scale * blur, sy: scale * blur, angle: 0, small, noise, quality: jpeg };
}

/** Convolution with a Gaussian of 41 taps at 512 pixels; the border is mirrored without repeating it. */
function blur({ data, size }: Image, sx: number, sy: number, angle: number): Image {
  const half = Math.floor((20 * size) / 512);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const taps: [dx: number, dy: number, weight: number][] = [];
  for (let dy = -half; dy <= half; dy++)
    for (let dx = -half; dx <= half; dx++) {
      const [u, v] = [dx * cos + dy * sin, -dx * sin + dy * cos];
      const weight = Math.exp(-0.5 * ((u / sx) ** 2 + (v / sy) ** 2));
      if (weight > 1e-9) taps.push([dx, dy, weight]);
    }
  const total = taps.reduce((sum, [, , weight]) => sum + weight, 0);
  const mirrored = Int32Array.from({ length: size + 2 * half }, (_, i) => {
    const at = Math.abs(i - half);
    return at < size ? at : 2 * (size - 1) - at;
  });
  const out = new Float64Array(data.length);
  for (let plane = 0; plane < 3; plane++)
    for (const [dx, dy, weight] of taps)
      for (let y = 0; y < size; y++) {
        const from = (plane * size + mirrored[y + dy + half]!) * size;
        const to = (plane * size + y) * size;
        for (let x = 0; x < size; x++) out[to + x]! += (weight / total) * data[from + mirrored[x + dx + half]!]!;
      }
  return { data: out, size };
}

/** A square picture with another side: the mean where it shrinks by a whole number, else bilinear. */
export function resize(picture: Picture, size: number): Picture {
  const { data, width } = picture;
  const factor = width / size;
  if (factor === 1) return picture;
  if (!Number.isInteger(factor)) return toPicture(resized(fromPicture(picture), size));
  const out = new Uint8ClampedArray(4 * size * size);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++)
      for (let channel = 0; channel < 4; channel++) {
        let sum = 0;
        for (let v = 0; v < factor; v++)
          for (let u = 0; u < factor; u++) sum += data[4 * ((y * factor + v) * width + x * factor + u) + channel]!;
        out[4 * (y * size + x) + channel] = sum / factor ** 2;
      }
  return { data: out, width: size, height: size };
}

/** Bilinear, with pixel centres in the middle and no filter before. */
function resized({ data, size }: Image, to: number): Image {
  const taps = Array.from({ length: to }, (_, i) => {
    const at = Math.min(Math.max(((i + 0.5) * size) / to - 0.5, 0), size - 1);
    const low = Math.min(Math.floor(at), Math.max(size - 2, 0));
    return [low, Math.min(low + 1, size - 1), at - low] as const;
  });
  const out = new Float64Array(3 * to * to);
  for (let plane = 0; plane < 3; plane++)
    for (const [y, [top, bottom, fy]] of taps.entries())
      for (const [x, [left, right, fx]] of taps.entries()) {
        const value = (row: number, column: number) => data[(plane * size + row) * size + column]!;
        const upper = value(top, left) * (1 - fx) + value(top, right) * fx;
        const lower = value(bottom, left) * (1 - fx) + value(bottom, right) * fx;
        out[(plane * to + y) * to + x] = upper * (1 - fy) + lower * fy;
      }
  return { data: out, size: to };
}

/** A number from the normal distribution, by Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function fromPicture({ data, width }: Picture): Image {
  const pixels = width * width;
  const planes = Float64Array.from({ length: 3 * pixels }, (_, i) => {
    return data[4 * (i % pixels) + Math.floor(i / pixels)]! / 255;
  });
  return { data: planes, size: width };
}

function toPicture({ data, size }: Image): Picture {
  const pixels = size * size;
  const out = new Uint8ClampedArray(4 * pixels).fill(255);
  for (let i = 0; i < 3 * pixels; i++) out[4 * (i % pixels) + Math.floor(i / pixels)] = 255 * data[i]!;
  return { data: out, width: size, height: size };
}
