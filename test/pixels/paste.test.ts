// Masks, pasting and colours on the device, against plain arithmetic in double precision.

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Rect } from '../../src/image/geometry.js';
import type { Picture } from '../../src/image/picture.js';
import { intersection, invertAffine } from '../../src/pixels/affine.js';
import { colourStatisticsOnDevice, isGrey, pictureColourStatistics, transferGrey } from '../../src/pixels/colour.js';
import { DevicePicture, DevicePlanes } from '../../src/pixels/device-picture.js';
import { mergePlanes } from '../../src/pixels/filter.js';
import {
  blurOfOnes,
  labelMask,
  minimumGapMask,
  planeTotal,
  shapeMask,
  squareMask,
  squareRect,
} from '../../src/pixels/masks.js';
import { overlaps, Pasting } from '../../src/pixels/paste.js';
import { planWarp, warpDevicePicture, warpPlanes } from '../../src/pixels/warp.js';
import { testDevice } from '../device.js';

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function noise(width: number, height: number, seed = 1): Picture {
  const random = generator(seed);
  return { data: Uint8ClampedArray.from({ length: 4 * width * height }, () => 256 * random()), width, height };
}

let before = 0;
beforeEach(async () => {
  before = (await testDevice()).memory.allocated;
});
afterEach(async () => {
  expect((await testDevice()).memory.allocated, 'memory left on the device').toBe(before);
});

test('overlapping pictures are pasted in order, rounded once', async () => {
  const device = await testDevice();
  const base = noise(60, 50);
  const rects: Rect[] = [
    { x: 0, y: 0, width: 30, height: 30 },
    { x: 20, y: 10, width: 40, height: 25 },
    { x: 25, y: 20, width: 10, height: 30 },
    { x: 40, y: 40, width: 20, height: 10 },
  ];
  const picture = await DevicePicture.upload(device, base);
  const pasting = await Pasting.begin(picture, rects);
  const want = Float64Array.from(base.data);
  for (const [i, rect] of rects.entries()) {
    const pasted = noise(rect.width, rect.height, 2 + i);
    const random = generator(20 + i);
    const mask = Float32Array.from({ length: rect.width * rect.height }, () =>
      Math.min(Math.max(1.4 * random() - 0.2, 0), 1),
    );
    const strength = i === 1 ? 0.5 : 1;
    const [x, m] = [
      await DevicePicture.upload(device, pasted),
      await DevicePlanes.upload(device, { ...rect, data: mask }),
    ];
    await pasting.paste({ rect, pasted: x, mask: m, strength });
    x.destroy();
    m.destroy();
    mask.forEach((value, k) => {
      const at = 4 * ((rect.y + Math.floor(k / rect.width)) * 60 + rect.x + (k % rect.width));
      for (let c = 0; c < 3; c++) want[at + c]! += value * strength * (pasted.data[4 * k + c]! - want[at + c]!);
    });
  }
  await pasting.finish();
  const { data } = await picture.read();
  let off = 0;
  data.forEach((value, i) => {
    const wanted = Math.min(Math.max(Math.floor(want[i]! + 0.5), 0), 255);
    if (value !== wanted) off++;
    expect(Math.abs(value - wanted)).toBeLessThanOrEqual(1);
    if (i % 4 === 3) expect(value).toBe(base.data[i]);
  });
  // Fractions are cut to 10 bits.
  expect(off / data.length).toBeLessThan(0.002);
  pasting.destroy();
  picture.destroy();
});

test('the compat mode truncates, and a mask that lacks almost nothing of 1 drops a level', async () => {
  const device = await testDevice();
  const [width, height] = [4, 1];
  const rect = { x: 0, y: 0, width, height };
  const base = { data: new Uint8ClampedArray(16).fill(10), width, height };
  const face = { data: new Uint8ClampedArray(16).fill(200), width, height };
  const picture = await DevicePicture.upload(device, base);
  const pasted = await DevicePicture.upload(device, face);
  const coverage = await DevicePlanes.upload(device, { ...rect, data: new Float32Array(4).fill(1) });
  const mask = await DevicePlanes.create(device, rect, 2);
  // Mask, then gap: full; short of 1 by 1e-9; half; nothing.
  device.write(mask.buffer, new Float32Array([1, 1, 0.5, 0, 0, 1e-9, 0.5, 1]));
  const pasting = await Pasting.begin(picture, [rect], true);
  await pasting.paste({ rect, pasted, coverage, mask });
  await pasting.finish();
  const { data } = await picture.read();
  expect([data[0], data[4], data[8], data[12]]).toEqual([200, 199, 105, 10]);
  for (const made of [picture, pasted, coverage, mask, pasting]) made.destroy();
});

test('rectangles of fractions hold all overlaps and do not meet', () => {
  const random = generator(5);
  for (let round = 0; round < 50; round++) {
    const rects = Array.from({ length: 8 }, () => ({
      x: Math.floor(random() * 100),
      y: Math.floor(random() * 100),
      width: 1 + Math.floor(random() * 30),
      height: 1 + Math.floor(random() * 30),
    }));
    const found = overlaps(rects);
    for (const [i, a] of rects.entries()) {
      expect(found.filter(f => intersection(f, a)).length).toBeLessThanOrEqual(1);
      for (const b of rects.slice(i + 1)) {
        const part = intersection(a, b);
        if (part) expect(found.map(f => intersection(f, part))).toContainEqual(part);
      }
    }
    for (const [i, a] of found.entries()) for (const b of found.slice(i + 1)) expect(intersection(a, b)).toBeNull();
  }
});

/** From a crop of 64 into a frame of 120 x 100. */
const PLACE = Float64Array.of(0.9, -0.25, 40, 0.25, 0.9, 12);
const FRAME = { width: 120, height: 100 };

test('the square mask and the shape that stands for it', async () => {
  const device = await testDevice();
  const square = (await squareMask(device, PLACE, 64, FRAME, 2))!;
  const { rect, edge } = square;
  // 64 pixels at 0.93, less four.
  expect(edge).toBe(2);
  expect(square.full).toBeCloseTo(1, 6);
  const soft = await square.soft.read();
  const total = await planeTotal(square.soft);
  expect(total).toBeCloseTo(
    soft.reduce((a, b) => a + b, 0),
    1,
  );
  const shape = await shapeMask(device, PLACE, 64, rect);
  const values = await shape.read();
  const at = (x: number, y: number) => (y - rect.y) * rect.width + x - rect.x;
  const [cx, cy] = [Math.round(40 + 0.65 * 31.5), Math.round(12 + 1.15 * 31.5)];
  expect(values[at(cx, cy)]).toBe(1);
  expect(soft[at(cx, cy)]).toBeCloseTo(1, 6);
  expect(values[0]).toBe(0);
  expect(soft[0]).toBe(0);
  // An even erosion shifts the square by half a pixel; apart from that both have the same edge.
  const difference = values.reduce((sum, value, i) => sum + Math.abs(value - soft[i]!), 0) / values.length;
  expect(difference).toBeLessThan(0.08);
  const ellipse = await shapeMask(device, PLACE, 64, rect, { ellipse: true, within: shape });
  expect(await planeTotal(ellipse)).toBeLessThan(await planeTotal(shape));
  for (const made of [square, shape, ellipse]) made.destroy();
  expect(await squareMask(device, Float64Array.of(1, 0, 500, 0, 1, 0), 64, FRAME, 2)).toBeNull();
  expect(squareRect(Float64Array.of(1, 0, -20, 0, 1, 90), 64, FRAME)).toMatchObject({ x: 0, height: 13 });
});

test('a crop that is cut by the frame has no soft edge there', async () => {
  const device = await testDevice();
  const square = (await squareMask(device, Float64Array.of(2, 0, -30, 0, 2, -30), 64, FRAME, 2))!;
  const soft = await square.soft.read();
  expect(square.rect).toMatchObject({ x: 0, y: 0 });
  expect(soft[0]).toBeCloseTo(1, 5);
  square.destroy();
});

test('masks of labels: blurred, framed, with a gap that goes on below the rounding of 1', async () => {
  const device = await testDevice();
  const size = { width: 64, height: 64 };
  const labels = Uint8Array.from({ length: 64 * 64 }, (_, i) => (i % 64 < 40 ? 1 : i % 64 < 50 ? 2 : 30));
  const values = new Float32Array([0, 1, 0.5]);
  const blur = { size: 21, sigma: 2.5 };
  const exact = await labelMask(device, labels, size, values, { blur, border: 3, gap: true });
  const plain = await labelMask(device, labels, size, values, { blur, border: 3 });
  const wide = await labelMask(device, labels, size, values);
  const both = await exact.read();
  const mask = await plain.read();
  expect(exact.planes).toBe(2);
  const row = 32 * 64;
  mask.forEach((value, i) => {
    expect(Math.abs(value - both[i]!)).toBeLessThan(1e-6);
    expect(Math.abs(1 - value - both[4096 + i]!)).toBeLessThan(1e-6);
  });
  expect([mask[row], mask[row + 61], mask[row + 20]].map(v => Math.round(v! * 1e6) / 1e6)).toEqual([0, 0, 1]);
  // The double blur reaches 20 pixels far: here it is far below what f32 can tell from 1.
  expect(both[4096 + row + 20]).toBeGreaterThan(0);
  expect(both[4096 + row + 20]).toBeLessThan(1e-8);
  expect((await wide.read())[row + 20]).toBeGreaterThan(0.8);
  for (const made of [exact, plain, wide]) made.destroy();
});

test('a warped mask with its gap under the square mask', async () => {
  const device = await testDevice();
  const square = (await squareMask(device, PLACE, 64, FRAME, 2))!;
  const labels = await labelMask(
    device,
    new Uint8Array(64 * 64).fill(1),
    { width: 64, height: 64 },
    new Float32Array([0, 1]),
    {
      border: 4,
      gap: true,
    },
  );
  const warped = await warpPlanes(labels, planWarp(PLACE, true), square.rect, { compat: true });
  const both = await minimumGapMask(warped, square);
  const values = await both.read();
  const count = square.rect.width * square.rect.height;
  for (let i = 0; i < count; i++) expect(Math.abs(values[i]! + values[count + i]! - 1)).toBeLessThan(3e-6);
  for (const made of [square, labels, warped, both]) made.destroy();
});

test('OpenCV leaves blurred ones a few units beside 1', () => {
  expect(blurOfOnes(new Float32Array([0.25, 0.5, 0.25]))).toBe(1);
  const weights = new Float32Array(101).fill(1 / 101);
  expect(Math.abs(blurOfOnes(weights) - 1)).toBeLessThan(1e-5);
});

test('statistics, the grey test and the transfer of colours', async () => {
  const device = await testDevice();
  const p = noise(83, 61);
  const x = await DevicePicture.upload(device, p);
  const got = await colourStatisticsOnDevice(x);
  expect(await pictureColourStatistics(device, p)).toEqual(got);
  const channel = (c: number) => Array.from({ length: 83 * 61 }, (_, i) => p.data[4 * i + c]!);
  const moments = (v: number[]): [number, number] => {
    const mean = v.reduce((a, b) => a + b, 0) / v.length;
    return [mean, v.reduce((a, b) => a + (b - mean) ** 2, 0) / v.length];
  };
  for (let c = 0; c < 3; c++) {
    const [mean, variance] = moments(channel(c));
    const next = channel((c + 1) % 3);
    const [, difference] = moments(channel(c).map((v, i) => v - next[i]!));
    expect(got.mean[c]).toBeCloseTo(mean, 9);
    expect(got.variance[c]).toBeCloseTo(variance, 7);
    expect(got.differenceVariance[c]).toBeCloseTo(difference, 7);
  }
  expect(isGrey(got)).toBe(false);

  // A narrow target, so that nothing is clipped.
  const like = { mean: [120, 130, 110], variance: [200, 300, 100], differenceVariance: [0, 0, 0] } as const;
  const transferred = await transferGrey(x, { statistics: like, tone: null });
  const values = await transferred.read();
  for (let c = 0; c < 3; c++) {
    const [mean, variance] = moments(Array.from(values.subarray(c * 83 * 61, (c + 1) * 83 * 61)));
    expect(mean).toBeCloseTo(like.mean[c]!, 3);
    expect(Math.abs(variance / like.variance[c]! - 1)).toBeLessThan(1e-4);
  }
  const even = { mean: [120, 120, 120], variance: [200, 200, 200], differenceVariance: [0, 0, 0] } as const;
  const grey = await transferGrey(x, { statistics: even, tone: null });
  const merged = await mergePlanes(grey);
  expect(isGrey(await colourStatisticsOnDevice(merged))).toBe(true);
  for (const made of [x, grey, merged, transferred]) made.destroy();
});

test('a part of the target is the same as that part of the whole', async () => {
  const device = await testDevice();
  const x = await DevicePicture.upload(device, noise(64, 64));
  const rect = { x: 33, y: 21, width: 40, height: 30 };
  for (const compat of [false, true]) {
    const plan = planWarp(invertAffine(PLACE), compat);
    const all = await warpDevicePicture(x, plan, { x: 0, y: 0, width: 90, height: 60 }, [1, 2, 3, 4], { compat });
    const part = await warpDevicePicture(x, plan, rect, [1, 2, 3, 4], { compat });
    const [want, got] = [await all.read(), await part.read()];
    for (let row = 0; row < rect.height; row++) {
      const from = 4 * ((rect.y + row) * 90 + rect.x);
      const line = got.data.subarray(4 * 40 * row, 4 * 40 * (row + 1));
      expect(line).toEqual(want.data.subarray(from, from + 4 * 40));
    }
    all.destroy();
    part.destroy();
  }
  x.destroy();
});

test('what is shrunk sharply keeps stripes of three pixels, and evens out those that are finer than pixels', async () => {
  const device = await testDevice();
  const [step, size] = [6.4, { width: 320, height: 32 }];
  const plan = (sharp: boolean) => planWarp([1 / step, 0, 0, 0, 1 / step, 0], false, sharp);
  const contrast = async (period: number, sharp: boolean) => {
    const data = Uint8Array.from({ length: 4 * size.width * size.height }, (_, i) => {
      const column = Math.floor(i / 4) % size.width;
      return i % 4 === 3 ? 255 : 128 + 100 * Math.sin((2 * Math.PI * column) / (period * step));
    });
    const x = await DevicePicture.upload(device, { data, ...size });
    const y = await warpDevicePicture(x, plan(sharp), { x: 2, y: 2, width: 44, height: 1 }, [0, 0, 0, 0]);
    const reds = (await y.read()).data.filter((_, i) => i % 4 === 0);
    for (const made of [x, y]) made.destroy();
    // Their share of the amplitude.
    return Math.sqrt((2 * reds.reduce((sum, red) => sum + (red - 128) ** 2, 0)) / reds.length) / 100;
  };
  expect(await contrast(3, true)).toBeGreaterThan(0.7);
  expect(await contrast(3, false)).toBeLessThan(0.65);
  expect(await contrast(0.7, true)).toBeLessThan(0.2);
});
