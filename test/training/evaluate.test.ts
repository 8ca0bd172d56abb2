// The measures of `npm run evaluate` on pictures whose figures are known, and the degradations: repeatable, and worse the heavier.

import { expect, test } from 'vitest';
import type { Picture } from '../../src/node/index.js';
import { randomNumbers } from '../../src/pipeline/sampling.js';
import { DEGRADATIONS, degrade } from '../../training/evaluate/degrade.js';
import { distance } from '../../training/evaluate/features.js';
import { meanGradient, psnr, ssim } from '../../training/evaluate/metrics.js';
import { scene } from '../pipeline/scene.js';

const clean = scene(64, 64);
const changed = (change: (value: number, i: number) => number): Picture => ({
  ...clean,
  data: clean.data.map((value, i) => (i % 4 === 3 ? value : change(value, i))),
});

test('PSNR of a known error', () => {
  const off = changed((value, i) => value + (i % 8 < 4 ? 5 : -5));
  expect(psnr(off, clean)).toBeCloseTo(20 * Math.log10(255 / 5), 2);
  // Alpha counts for nothing.
  expect(psnr({ ...clean, data: clean.data.map((v, i) => (i % 4 === 3 ? 0 : v)) }, clean)).toBeGreaterThan(100);
});

test('SSIM is 1 of the same, unmoved by brightness alone, and low of noise', () => {
  expect(ssim(clean, clean)).toBeCloseTo(1, 9);
  expect(
    ssim(
      changed(value => value + 3),
      clean,
    ),
  ).toBeGreaterThan(0.99);
  const random = randomNumbers(1, 0);
  expect(
    ssim(
      changed(() => 255 * random()),
      clean,
    ),
  ).toBeLessThan(0.2);
});

test('the mean gradient of a ramp is its slope over two', () => {
  const data = Uint8ClampedArray.from({ length: 4 * 16 * 16 }, (_, i) => 10 * (Math.floor(i / 4) % 16));
  expect(meanGradient({ data, width: 16, height: 16 })).toBeCloseTo(5, 9);
});

test('the distance of features is that of their directions', () => {
  const one = [{ data: Float32Array.of(1, 0, 0, 1), pixels: 2 }];
  const other = [{ data: Float32Array.of(0, 0, 1, 1), pixels: 2 }];
  expect(distance(one, one)).toBe(0);
  expect(distance(one, other)).toBe(1);
});

test.each(DEGRADATIONS)('%s degradation', async kind => {
  const bad = await degrade(clean, kind, randomNumbers(7, 2));
  expect([bad.width, bad.height]).toEqual([64, 64]);
  expect((await degrade(clean, kind, randomNumbers(7, 2))).data).toEqual(bad.data);
  expect(psnr(bad, clean)).toBeLessThan(45);
});

test('heavier degradations are worse', async () => {
  const quality = async (kind: (typeof DEGRADATIONS)[number]) =>
    psnr(await degrade(clean, kind, randomNumbers(7, 2)), clean);
  const [light, medium, heavy] = [await quality('light'), await quality('medium'), await quality('heavy')];
  expect(light).toBeGreaterThan(medium);
  expect(medium).toBeGreaterThan(heavy);
});
