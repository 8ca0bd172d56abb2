// What `npm run evaluate` measures with: the distance of features, degradations that are repeatable and worse the heavier, the choice of
// held-out pictures, colours inside the face, means over sources.

import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { expect, test } from 'vitest';
import { compare } from '../../demo/lab/metrics.js';
import { encodeImage } from '../../src/node/index.js';
import { randomNumbers } from '../../src/pipeline/sampling.js';
import { heldOutFaces, spread } from '../../training/evaluate/data.js';
import { DEGRADATIONS, degrade, resize } from '../../training/evaluate/degrade.js';
import { distance } from '../../training/evaluate/features.js';
import { colourDifference, meanOverSources } from '../../training/evaluate/measures.js';
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

test('held-out pictures are the last ones of the last tar, as many of each source', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'evaluate-'));
  try {
    const bytes = Buffer.from(await encodeImage(clean, { type: 'png' }));
    for (const [tar, count] of [
      ['faces-512-0.tar', 3],
      ['faces-512-1.tar', 30],
    ] as const) {
      const files = pack();
      for (let i = 0; i < count; i++) files.entry({ name: `${i % 5 ? 'many' : 'few'}-${i}.png` }, bytes);
      files.finalize();
      await pipeline(files, createWriteStream(join(folder, tar)));
    }
    const names = async (limit?: number) => (await heldOutFaces(folder, 512, limit)).map(({ name }) => name);
    expect((await names()).length).toBe(25);
    expect(await names(2)).toEqual(['few-10.png', 'few-20.png', 'many-12.png', 'many-24.png']);
    await expect(heldOutFaces(folder, 256)).rejects.toThrow('faces-256*.tar');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a part of a list is spread over it', () => {
  expect(spread([0, 1, 2, 3, 4, 5, 6, 7, 8], 3)).toEqual([1, 4, 7]);
  expect(spread([0, 1], 5)).toEqual([0, 1]);
});

test('every source counts alike in a mean, and what is not a number does not', () => {
  const all = [
    { source: 'a', value: 1 },
    { source: 'a', value: 3 },
    { source: 'b', value: 10 },
    { source: 'b', value: NaN },
    { source: 'c', value: NaN },
  ];
  expect(meanOverSources(all, ({ value }) => value)).toBe(6);
});

const plain = (r: number, g: number, b: number) => ({
  data: Uint8ClampedArray.from({ length: 4 * 64 * 64 }, (_, i) => [r, g, b, 255][i % 4]!),
  width: 64,
  height: 64,
});

test('colours are compared in Lab, inside the face and without detail', () => {
  expect(colourDifference(plain(255, 255, 255), plain(0, 0, 0))).toBeCloseTo(100, 1);
  // Red and green of sRGB: (53.24, 80.09, 67.20) and (87.73, -86.18, 83.18).
  expect(colourDifference(plain(255, 0, 0), plain(0, 255, 0))).toBeCloseTo(170.57, 1);
  const outside = plain(90, 120, 150);
  outside.data.fill(0, 0, 4 * 64 * 8);
  expect(colourDifference(outside, plain(90, 120, 150))).toBe(0);
  const swapped = plain(0, 0, 0);
  const detailed = plain(0, 0, 0);
  for (let i = 0; i < 64 * 64; i++) {
    const white = (i + (i >> 6)) % 2;
    swapped.data.set([255 * white, 255 * white, 255 * white], 4 * i);
    detailed.data.set([255 - 255 * white, 255 - 255 * white, 255 - 255 * white], 4 * i);
  }
  expect(colourDifference(swapped, detailed)).toBeCloseTo(0, 6);
});

test('resizing keeps means when it shrinks, and flat pictures when it enlarges', () => {
  const small = resize(clean, 32);
  expect([small.width, small.height]).toEqual([32, 32]);
  const average = ({ data }: { data: ArrayLike<number> }) => Array.from(data).reduce((a, b) => a + b) / data.length;
  expect(average(small)).toBeCloseTo(average(clean), 0);
  expect(resize(plain(9, 8, 7), 128).data.slice(0, 4)).toEqual(Uint8ClampedArray.of(9, 8, 7, 255));
  expect(resize(clean, 64)).toBe(clean);
});
