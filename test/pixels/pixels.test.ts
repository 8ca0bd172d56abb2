// The picture operations for callers: kinds of pictures, sizes beyond one binding, errors.

import { expect, test } from 'vitest';
import type { ErrorCode } from '../../src/errors.js';
import { Device } from '../../src/gpu/device.js';
import type { Picture } from '../../src/image/picture.js';
import { DevicePicture, scoped } from '../../src/pixels/device-picture.js';
import { fillDevicePicture, fillPicture } from '../../src/pixels/fill.js';
import { erode, type FloatPicture, gaussianBlur, resize, warpAffine } from '../../src/pixels/pixels.js';
import { testDevice } from '../device.js';

/** The same values on every run, smooth enough that neighbours resemble each other. */
function picture(width: number, height: number, channels: 3 | 4 = 4): Picture {
  const data = Uint8ClampedArray.from({ length: channels * width * height }, (_, i) => {
    const [pixel, c] = [Math.floor(i / channels), i % channels];
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    return 128 + 90 * Math.sin(0.21 * x + c) + 37 * Math.cos(0.34 * y - c);
  });
  return { data, width, height };
}

function floats(width: number, height: number): FloatPicture {
  const { data } = picture(width, height, 3);
  return { data: Float32Array.from({ length: width * height }, (_, i) => data[3 * i]! / 255), width, height };
}

/** The device as if it had small bindings, so that pictures are taken apart. */
async function smallDevice(bytes: number): Promise<Device> {
  const { gpu, adapter } = await testDevice();
  const device = new Device(gpu, adapter);
  return Object.defineProperty(device, 'limits', { value: { ...device.limits, bufferBytes: bytes } });
}

const code = (expected: ErrorCode) => expect.objectContaining({ name: 'CodeFormerError', code: expected });

const SCALE = [0.8, -0.3, 20, 0.3, 0.8, -5];

test('RGB comes back as RGB, RGBA as RGBA with its alpha, floats as floats', async () => {
  const device = await testDevice();
  const operations: [string, <T extends Picture | FloatPicture>(p: T) => Promise<Picture | FloatPicture>][] = [
    ['linear', p => resize(device, p, { width: 31, height: 17 })],
    ['area', p => resize(device, p, { width: 11, height: 7, filter: 'area' })],
    ['lanczos4', p => resize(device, p, { width: 31, height: 17, filter: 'lanczos4' })],
    ['warp', p => warpAffine(device, p, SCALE, { width: 33, height: 21 })],
    ['erode', p => erode(device, p, { size: 5 })],
    ['blur', p => gaussianBlur(device, p, { size: 7 })],
  ];
  for (const [name, operation] of operations) {
    const rgba = picture(23, 19);
    const rgb = { ...rgba, data: rgba.data.filter((_, i) => i % 4 !== 3) };
    const [four, three, one] = [await operation(rgba), await operation(rgb), await operation(floats(23, 19))];
    expect(four.data.length, name).toBe(4 * four.width * four.height);
    expect(three.data.length, name).toBe(3 * three.width * three.height);
    expect(one.data, name).toBeInstanceOf(Float32Array);
    expect(one.data.length, name).toBe(four.width * four.height);
    expect(
      (four.data as Uint8ClampedArray).filter((_, i) => i % 4 !== 3),
      name,
    ).toEqual(three.data);
  }
});

test('pictures beyond one binding give the same as in one piece', async () => {
  const [whole, small] = [await testDevice(), await smallDevice(12_000)];
  for (const p of [picture(61, 97), picture(97, 61, 3), floats(61, 97)]) {
    const operations: [string, (device: Device) => Promise<Picture | FloatPicture>][] = [
      ['linear', device => resize(device, p, { width: 40, height: 130 })],
      ['factor', device => resize(device, p, { factor: 1.37 })],
      ['area', device => resize(device, p, { width: 31, height: 20, filter: 'area' })],
      ['lanczos4', device => resize(device, p, { width: 50, height: 130, filter: 'lanczos4' })],
      ['warp', device => warpAffine(device, p, SCALE, { width: 80, height: 70, border: [1, 2, 3] })],
      ...(['linear', 'area', 'lanczos4'] as const).map(
        (filter): [string, (device: Device) => Promise<Picture | FloatPicture>] => [
          `premultiplied ${filter}`,
          device => resize(device, p, { width: 40, height: 55, filter, premultiplied: true }),
        ],
      ),
      ['warp, compat', device => warpAffine(device, p, SCALE, { width: 80, height: 70, compat: true })],
      ['shrinking warp', device => warpAffine(device, p, [0.2, 0.1, 5, -0.1, 0.2, 6], { width: 64, height: 64 })],
      ['erode', device => erode(device, p, { size: 4 })],
      ['blur', device => gaussianBlur(device, p, { size: 9 })],
    ];
    for (const [name, operation] of operations) {
      const want = await operation(whole);
      const got = await operation(small);
      expect([got.width, got.height], name).toEqual([want.width, want.height]);
      const first = got.data.findIndex((value: number, i: number) => value !== want.data[i]);
      expect(first, `${name} of ${p.width}x${p.height}`).toBe(-1);
    }
  }
});

test('a mirrored border, and pictures without transparent parts, beyond one binding', async () => {
  const [whole, small] = [await testDevice(), await smallDevice(12_000)];
  const p = picture(61, 97);
  for (const matrix of [SCALE, [0.3, 0.1, 15, -0.1, 0.3, 20], [2, 0, -40, 0, 2, 90], [0.9, 0, 400, 0, 0.9, -300]]) {
    const mirrored = (device: Device) => warpAffine(device, p, matrix, { width: 80, height: 70, border: 'mirror' });
    expect((await mirrored(small)).data).toEqual((await mirrored(whole)).data);
  }
  const filled = await fillPicture(whole, p);
  expect((await fillPicture(small, p)).data).toEqual(filled.data);
  const onDevice = await scoped(async keep => {
    return keep(await fillDevicePicture(keep(await DevicePicture.upload(whole, p)))).read();
  });
  expect(onDevice.data).toEqual(filled.data);
});

test('pictures at the smallest and at odd sizes', async () => {
  const device = await testDevice();
  for (const [width, height] of [
    [1, 1],
    [1, 500],
    [500, 1],
  ] as const) {
    const p = picture(width, height);
    for (const filter of ['linear', 'area', 'lanczos4'] as const)
      expect((await resize(device, p, { width: 3, height: 2, filter })).data.length).toBe(24);
    expect((await erode(device, p, { size: 0 })).data.length).toBe(p.data.length);
    expect((await gaussianBlur(device, p, { size: 31 })).data.length).toBe(p.data.length);
  }
  const flat = { data: new Uint8Array(4).fill(200), width: 1, height: 1 };
  const enlarged = await resize(device, flat, { width: 4, height: 4, filter: 'lanczos4' });
  expect(enlarged.data.every(value => value === 200)).toBe(true);
});

test('the same size is a copy, and a view of bytes may begin anywhere', async () => {
  const device = await testDevice();
  const bytes = new Uint8Array(4 * 35 + 3).map((_, i) => 7 * i);
  const view = { data: bytes.subarray(3), width: 7, height: 5 };
  const copy = await resize(device, view, { width: 7, height: 5 });
  expect(Array.from(copy.data)).toEqual(Array.from(view.data));
});

test('a warp that shrinks averages, unless OpenCV is asked for', async () => {
  const device = await testDevice();
  // Columns of one pixel, black and white.
  const data = Uint8Array.from({ length: 3 * 256 * 256 }, (_, i) => (Math.floor(i / 3) % 2 === 0 ? 0 : 255));
  const stripes = { data, width: 256, height: 256 };
  for (const scale of [1 / 2, 1 / 3, 1 / 5.3]) {
    const matrix = [scale, 0, (scale - 1) / 2, 0, scale, (scale - 1) / 2];
    const size = { width: Math.floor(256 * scale) - 2, height: 20 };
    const smooth = await warpAffine(device, stripes, matrix, size);
    // Away from the border.
    const inner = smooth.data.filter((_, i) => Math.floor(i / 3) % size.width > 1);
    expect(Math.max(...inner) - Math.min(...inner), `${scale}`).toBeLessThan(scale < 0.4 ? 110 : 2);
    if (scale === 1 / 3) {
      const sharp = await warpAffine(device, stripes, matrix, { ...size, compat: true });
      expect(Math.max(...sharp.data) - Math.min(...sharp.data)).toBe(255);
    }
  }
});

test('a shift by whole pixels moves them, far from the origin as well', async () => {
  const device = await testDevice();
  const p = picture(5000, 3);
  const shifted = await warpAffine(device, p, [1, 0, -4950, 0, 1, 0], { width: 50, height: 3 });
  for (let y = 0; y < 3; y++) {
    const want = p.data.subarray(4 * (5000 * y + 4950), 4 * (5000 * y + 5000));
    expect(Array.from(shifted.data.subarray(200 * y, 200 * y + 200))).toEqual(Array.from(want));
  }
});

test('results do not change from run to run', async () => {
  const device = await testDevice();
  const p = picture(61, 47);
  const once = await warpAffine(device, p, SCALE, { width: 90, height: 80 });
  const again = await warpAffine(device, p, SCALE, { width: 90, height: 80 });
  expect(again.data).toEqual(once.data);
});

test('nothing stays behind on the device, errors included', async () => {
  const device = await testDevice();
  const before = device.memory.allocated;
  await resize(device, picture(20, 20), { width: 9, height: 9, filter: 'lanczos4' });
  await gaussianBlur(device, picture(20, 20), { size: 5 });
  const signal = AbortSignal.abort();
  const aborted = warpAffine(device, picture(20, 20), SCALE, { width: 9, height: 9, signal });
  await expect(aborted).rejects.toEqual(code('ABORTED'));
  expect(device.memory.allocated).toBe(before);
});

test('what is wrong is said', async () => {
  const device = await testDevice();
  const p = picture(8, 6);
  const size = { width: 4, height: 4 };
  const broken = { ...p, data: p.data.subarray(1) };
  const nothing = null as unknown as Picture;
  const wrong: [() => Promise<unknown>, ErrorCode][] = [
    [() => resize(device, nothing, size), 'INVALID_ARGUMENT'],
    [() => resize(device, broken, size), 'INVALID_IMAGE'],
    [() => resize(device, { ...floats(4, 4), width: 5 }, size), 'INVALID_IMAGE'],
    [() => resize(device, { data: new Float32Array(0), width: 0, height: 4 }, size), 'INVALID_ARGUMENT'],
    [() => resize(device, p, { width: 0, height: 4 }), 'INVALID_ARGUMENT'],
    [() => resize(device, p, { width: 2.5, height: 4 }), 'INVALID_ARGUMENT'],
    [() => resize(device, p, { width: 1e9, height: 4 }), 'INVALID_ARGUMENT'],
    [() => resize(device, p, {}), 'INVALID_ARGUMENT'],
    [() => resize(device, p, { factor: 0 }), 'INVALID_ARGUMENT'],
    [() => resize(device, p, { factor: Number.NaN }), 'INVALID_ARGUMENT'],
    [() => resize(device, p, { factor: 2, width: 4 }), 'INVALID_ARGUMENT'],
    [() => resize(device, p, { factor: 2, filter: 'area' }), 'INVALID_ARGUMENT'],
    [() => resize(device, p, { ...size, filter: 'cubic' as 'area' }), 'INVALID_ARGUMENT'],
    [() => warpAffine(device, p, [1, 0, 0, 0, 1], size), 'INVALID_ARGUMENT'],
    [() => warpAffine(device, p, [1, 0, Number.NaN, 0, 1, 0], size), 'INVALID_ARGUMENT'],
    [() => warpAffine(device, p, [1, 2, 0, 2, 4, 0], size), 'INVALID_ARGUMENT'],
    [() => warpAffine(device, p, SCALE, { ...size, border: [1, 2] }), 'INVALID_ARGUMENT'],
    [() => warpAffine(device, p, SCALE, { ...size, border: [1, 2, 300] }), 'INVALID_ARGUMENT'],
    [() => erode(device, p, { size: -1 }), 'INVALID_ARGUMENT'],
    [() => erode(device, p, { size: 1.5 }), 'INVALID_ARGUMENT'],
    [() => gaussianBlur(device, p, { size: 4 }), 'INVALID_ARGUMENT'],
    [() => gaussianBlur(device, p, { size: 5, sigma: -1 }), 'INVALID_ARGUMENT'],
  ];
  for (const [result, expected] of wrong) await expect(result()).rejects.toEqual(code(expected));
});
