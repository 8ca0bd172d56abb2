// Upscalers as callers use them, on a small generated network of Real-ESRGAN; what its numbers are, the oracle tests check.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Device } from '../../src/gpu/device.js';
import type { Picture } from '../../src/image/picture.js';
import { generatedWeights } from '../../src/models/networks.js';
import { rrdbNetProgram } from '../../src/models/rrdbnet/network.js';
import { RRDBNet } from '../../src/models/rrdbnet/rrdbnet.js';
import { NetworkRuntime } from '../../src/models/runtime.js';
import { DevicePicture } from '../../src/pixels/device-picture.js';
import { resize } from '../../src/pixels/pixels.js';
import { testDevice } from '../device.js';

const config = { blocks: 1, channels: 8, growth: 4 };
const weights = generatedWeights('rrdbnet', config, 11);

function pictureOf(width: number, height: number, channels = 4, alpha = 255) {
  const data = Uint8Array.from(
    { length: channels * width * height },
    (_, i) => (Math.imul(i, 2654435761) >>> 11) & 255,
  );
  if (channels === 4) for (let i = 3; i < data.length; i += 4) data[i] = alpha;
  return { data, width, height };
}

/** RGB planes in [0, 1]. */
const planesOf = ({ data, width, height }: ReturnType<typeof pictureOf>) =>
  Float32Array.from({ length: 3 * width * height }, (_, i) => {
    const pixel = i % (width * height);
    return data[(data.length / (width * height)) * pixel + Math.floor(i / (width * height))]! / 255;
  });

let upscaler: RRDBNet;
beforeAll(async () => {
  upscaler = await RRDBNet.load(await testDevice(), weights);
});
afterAll(() => upscaler.destroy());

describe('the network', () => {
  test('both kernels and both families give the same', async () => {
    const size = { width: 14, height: 10 };
    const input = planesOf(pictureOf(14, 10));
    const want = await upscaler.forward(input, size);
    expect(want.length).toBe(3 * 28 * 20);
    const device = await testDevice();
    for (const family of ['registers', 'workgroup'] as const)
      for (const convolution of ['direct', 'winograd'] as const) {
        // Direct kernels of the workgroup family cannot write next to what they read: there values are copied.
        const own = new Device(device.gpu, device.adapter, { target: { family } });
        const runtime = new NetworkRuntime(own, 'test', { convolution });
        const program = rrdbNetProgram(config, size, 'tensor');
        await runtime.load({ whole: program }, weights);
        const got = await runtime.with(
          'whole',
          () => program,
          compiled =>
            runtime.allocated(compiled, undefined, async buffers => {
              own.write(buffers.input!, input);
              await compiled.run(buffers);
              return new Float32Array(await own.read(buffers.output!));
            }),
        );
        const worst = got.reduce((most, value, i) => Math.max(most, Math.abs(value - want[i]!)), 0);
        expect(worst, `${family}, ${convolution}`).toBeLessThan(1e-4);
        runtime.destroy();
      }
  });

  test('wrong arguments', async () => {
    const code = { code: 'INVALID_ARGUMENT' };
    await expect(upscaler.forward(new Float32Array(3 * 15 * 10), { width: 15, height: 10 })).rejects.toMatchObject(
      code,
    );
    await expect(upscaler.forward(new Float32Array(5), { width: 14, height: 10 })).rejects.toMatchObject(code);
    const device = await testDevice();
    const odd = generatedWeights('rrdbnet', { blocks: 1, channels: 8, growth: 6 }, 1);
    await expect(RRDBNet.load(device, odd)).rejects.toMatchObject({ code: 'WEIGHTS_MISMATCH' });
    const other = await RRDBNet.load(device, weights);
    other.destroy();
    await expect(other.upscale(pictureOf(4, 4))).rejects.toMatchObject({ code: 'DESTROYED' });
  });
});

describe('pictures', () => {
  test('one tile is the network, rounded', async () => {
    const picture = pictureOf(12, 8, 3);
    const got = await upscaler.upscale(picture, { tile: 0 });
    const planes = await upscaler.forward(planesOf(picture), picture);
    expect([got.width, got.height, got.data.length]).toEqual([24, 16, 3 * 24 * 16]);
    for (let i = 0; i < got.data.length; i++) {
      const value = planes[(i % 3) * 24 * 16 + Math.floor(i / 3)]! * 255;
      expect(Math.abs(got.data[i]! - Math.min(255, Math.max(0, value)))).toBeLessThanOrEqual(0.501);
    }
  });

  test.each([
    [1, 1],
    [1, 9],
    [15, 11],
    [16, 12],
  ])('%i x %i pixels in tiles, on the CPU and on the device', async (width, height) => {
    const picture = pictureOf(width, height);
    const progress: number[] = [];
    const onProgress = (done: number) => progress.push(done);
    const got = await upscaler.upscale(picture, { tile: 8, tilePad: 4, onProgress });
    expect([got.width, got.height]).toEqual([2 * width, 2 * height]);
    expect(progress.at(-1)).toBe(1);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    const uploaded = await DevicePicture.upload(upscaler.device, picture);
    const { allocated } = upscaler.device.memory;
    const onDevice = await upscaler.upscaleOnDevice(uploaded, { tile: 8, tilePad: 4 });
    expect((await onDevice.read()).data).toEqual(got.data);
    onDevice.destroy();
    expect(upscaler.device.memory.allocated).toBe(allocated);
    uploaded.destroy();
  });

  test('planes of whole levels give what the picture gives, in tiles, and fractions count', async () => {
    const picture = pictureOf(15, 11);
    const planes = { data: planesOf(picture).map(value => 255 * value), width: 15, height: 11 };
    const options = { tile: 8, tilePad: 4, scale: 3 };
    const [got, want] = [await upscaler.upscaleFloat(planes, options), await upscaler.upscale(picture, options)];
    expect([got.width, got.height]).toEqual([45, 33]);
    const off = ({ data }: Picture) =>
      Array.from(data).reduce((sum, value, i) => sum + Math.abs(value - got.data[i]!), 0);
    // Inputs in floats and in bytes reach the network along different ways, which may round a level differently.
    expect(off(want)).toBeLessThan(0.001 * got.data.length);
    const raised = { ...planes, data: planes.data.map(value => value + 0.45) };
    expect(off(await upscaler.upscaleFloat(raised, options))).toBeGreaterThan(0.005 * got.data.length);
  });

  test('tiles that see everything around them make no seams', async () => {
    const picture = pictureOf(40, 36);
    const whole = await upscaler.upscale(picture, { tile: 0 });
    const tiled = await upscaler.upscale(picture, { tile: 20, tilePad: 40 });
    expect(tiled).toEqual(whole);
  });

  test('other scales are cut off and resized by Lanczos', async () => {
    const picture = pictureOf(9, 7);
    const twice = await upscaler.upscale(picture);
    for (const [scale, width, height] of [
      [1.5, 13, 10],
      [3, 27, 21],
      [0.01, 1, 1],
    ] as const) {
      const got = await upscaler.upscale(picture, { scale });
      expect([got.width, got.height]).toEqual([width, height]);
      const want = await resize(upscaler.device, twice, { width, height, filter: 'lanczos4' });
      expect(got.data).toEqual(want.data);
    }
  });

  test('alpha is kept', async () => {
    const got = await upscaler.upscale(pictureOf(6, 4, 4, 100));
    expect(got.data.every((value, i) => i % 4 !== 3 || value === 100)).toBe(true);
    const opaque = await upscaler.upscale(pictureOf(6, 4));
    expect(got.data.every((value, i) => i % 4 === 3 || value === opaque.data[i])).toBe(true);
  });

  test('an abort between tiles ends the call, and the next one works', async () => {
    const picture = pictureOf(24, 24);
    const want = await upscaler.upscale(picture, { tile: 8, tilePad: 2 });
    const { allocated } = upscaler.device.memory;
    const controller = new AbortController();
    const onProgress = (done: number) => done > 0.4 && controller.abort();
    const options = { tile: 8, tilePad: 2, signal: controller.signal, onProgress };
    await expect(upscaler.upscale(picture, options)).rejects.toMatchObject({ code: 'ABORTED' });
    expect(upscaler.device.memory.allocated).toBe(allocated);
    expect(await upscaler.upscale(picture, { tile: 8, tilePad: 2 })).toEqual(want);
  });

  test('wrong arguments', async () => {
    const picture = pictureOf(4, 4);
    for (const options of [
      { scale: 0 },
      { scale: Number.NaN },
      { scale: -2 },
      { tile: 7 },
      { tile: -2 },
      { tilePad: 3 },
      { tilePad: 2.5 },
    ])
      await expect(upscaler.upscale(picture, options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
