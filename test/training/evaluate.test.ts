// What `npm run evaluate` measures with: the distance of features, and degradations that are repeatable, and worse the heavier.

import { expect, test } from 'vitest';
import { compare } from '../../src/image/metrics.js';
import { randomNumbers } from '../../src/pipeline/sampling.js';
import { DEGRADATIONS, degrade } from '../../training/evaluate/degrade.js';
import { distance } from '../../training/evaluate/features.js';
import { scene } from '../pipeline/scene.js';

const clean = scene(64, 64);
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
  expect(compare(bad, clean).psnr).toBeLessThan(45);
});

test('heavier degradations are worse', async () => {
  const quality = async (kind: (typeof DEGRADATIONS)[number]) =>
    compare(await degrade(clean, kind, randomNumbers(7, 2)), clean).psnr;
  const [light, medium, heavy] = [await quality('light'), await quality('medium'), await quality('heavy')];
  expect(light).toBeGreaterThan(medium);
  expect(medium).toBeGreaterThan(heavy);
});
