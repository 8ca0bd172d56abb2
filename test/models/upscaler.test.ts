// The package's own upscaler against what PyTorch makes of the same weights, its edges and tiles; and how upscalers cut pictures into tiles.
// `python training/upscaler.py --example test/models/residual-upscaler.json` makes the recorded values.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compare } from '../../demo/lab/metrics.js';
import type { Picture } from '../../src/image/picture.js';
import { generatedWeights } from '../../src/models/networks.js';
import { ResidualUpscaler } from '../../src/models/residual-upscaler/residual-upscaler.js';
import { residualUpscalerTensors } from '../../src/models/residual-upscaler/tensors.js';
import { mirrored, tilesOf } from '../../src/models/upscaler/tiles.js';
import { decodeImage, encodeImage, readImageFile } from '../../src/node/images.js';
import { openWeights } from '../../src/node/weights.js';
import { DevicePicture } from '../../src/pixels/device-picture.js';
import * as pixels from '../../src/pixels/pixels.js';
import { elementCount } from '../../src/weights/dtype.js';
import { generatedTensors } from '../../src/weights/generated.js';
import { type Weights, type WeightsEntry, weightsFrom } from '../../src/weights/weights.js';
import { testDevice } from '../device.js';

const recorded = JSON.parse(readFileSync(new URL('residual-upscaler.json', import.meta.url), 'utf8')) as {
  config: { channels: number; blocks: number };
  width: number;
  height: number;
  output: number[];
};

/** The weights of the recorded network. */
function exampleWeights(): Weights {
  const entries = new Map<string, WeightsEntry>();
  for (const [name, shape] of residualUpscalerTensors(recorded.config)) {
    const scale = shape.length > 1 ? 1 / Math.sqrt(elementCount(shape.slice(1))) : 0.1;
    const offset = name === 'conv_last.bias' ? 0.5 : 0;
    const values = Float32Array.from(
      { length: elementCount(shape) },
      (_, i) => scale * Math.sin(0.37 * i + name.length) + offset,
    );
    entries.set(name, { dtype: 'float32', shape, read: async () => new Uint8Array(values.buffer) });
  }
  return weightsFrom('the example', {}, entries);
}

/** A picture without order, RGB or RGBA. */
function pictureOf(width: number, height: number, channels: 3 | 4 = 3) {
  const data = new Uint8Array(channels * width * height);
  for (let i = 0; i < 3 * width * height; i++)
    data[channels * Math.floor(i / 3) + (i % 3)] = (7 * i * i + 31 * i) % 256;
  if (channels === 4) for (let i = 3; i < data.length; i += 4) data[i] = 255;
  return { data, width, height };
}

/** RGB planes in [0, 1], mirrored by two pixels and to even sides. */
function framed({ data, width, height }: Picture) {
  const size = { width: width + (width % 2) + 4, height: height + (height % 2) + 4 };
  const planes = new Float32Array(3 * size.width * size.height);
  for (let c = 0, at = 0; c < 3; c++)
    for (let y = -2; y < size.height - 2; y++)
      for (let x = -2; x < size.width - 2; x++, at++)
        planes[at] = data[3 * (mirrored(y, height) * width + mirrored(x, width)) + c]! / 255;
  return { planes, size };
}

const differences = (a: Picture, b: Picture) => Array.from(a.data, (value, i) => Math.abs(value - b.data[i]!));
const largest = (values: readonly number[]) => values.reduce((most, value) => Math.max(most, value), 0);

let upscaler: ResidualUpscaler;
beforeAll(async () => {
  upscaler = await ResidualUpscaler.load(await testDevice(), exampleWeights());
});
afterAll(() => upscaler?.destroy());

describe('the network', () => {
  const { width, height, output } = recorded;

  test('gives the values of PyTorch', async () => {
    expect(upscaler.config).toEqual(recorded.config);
    const { planes, size } = framed(pictureOf(width, height));
    const got = await upscaler.forward(planes, size);
    const off = output.map((want, i) => {
      const [c, y, x] = [
        Math.floor(i / (4 * width * height)),
        Math.floor(i / (2 * width)) % (2 * height),
        i % (2 * width),
      ];
      return Math.abs(got[(c * 2 * size.height + y + 4) * 2 * size.width + x + 4]! - want);
    });
    expect(largest(off)).toBeLessThan(2e-5);
  });

  test('gives them, rounded, for pictures of odd sides: as bytes, unrounded and on the device', async () => {
    const picture = pictureOf(width, height);
    const levels = (i: number) => 255 * output[(i % 3) * 4 * width * height + Math.floor(i / 3)]!;
    const got = await upscaler.upscale(picture);
    expect([got.width, got.height, got.data.length]).toEqual([18, 14, 3 * 18 * 14]);
    for (let i = 0; i < got.data.length; i++)
      expect(Math.abs(got.data[i]! - Math.min(255, Math.max(0, levels(i))))).toBeLessThanOrEqual(0.51);
    const planes = new Float32Array(picture.data.length);
    planes.forEach((_, i) => {
      const pixel = i % (width * height);
      planes[i] = picture.data[3 * pixel + Math.floor(i / (width * height))]!;
    });
    const unrounded = await upscaler.upscaleFloat({ data: planes, width, height });
    const opaque = await upscaler.upscale(pictureOf(width, height, 4));
    expect(largest(differences(unrounded, opaque))).toBeLessThanOrEqual(1);
    const uploaded = await DevicePicture.upload(upscaler.device, picture);
    const onDevice = await upscaler.upscaleOnDevice(uploaded);
    expect((await onDevice.read()).data).toEqual(opaque.data);
    onDevice.destroy();
    uploaded.destroy();
  });

  test('refuses weights of other shapes', async () => {
    const device = await testDevice();
    const shapes = residualUpscalerTensors({ channels: 8, blocks: 1 });
    const missing = new Map([...shapes].filter(([name]) => name !== 'blocks.0.conv2.bias'));
    const code = { code: 'WEIGHTS_MISMATCH' };
    await expect(ResidualUpscaler.load(device, generatedTensors(missing, 1))).rejects.toMatchObject(code);
    const six = residualUpscalerTensors({ channels: 6, blocks: 1 });
    await expect(ResidualUpscaler.load(device, generatedTensors(six, 1))).rejects.toMatchObject(code);
    expect(() => generatedWeights('residual-upscaler', { channels: 6 }, 1)).toThrow(/a multiple of 4/);
    expect(() => generatedWeights('residual-upscaler', { growth: 8 }, 1)).toThrow(/only the keys/);
  });
});

describe('pictures', () => {
  test.each([
    [1, 1],
    [1, 9],
    [2, 3],
    [31, 22],
  ])('%i x %i pixels in tiles, on the CPU and on the device', async (width, height) => {
    const picture = pictureOf(width, height, 4);
    const options = { tile: 8, tilePad: 4 };
    const got = await upscaler.upscale(picture, options);
    expect([got.width, got.height]).toEqual([2 * width, 2 * height]);
    const uploaded = await DevicePicture.upload(upscaler.device, picture);
    const { allocated } = upscaler.device.memory;
    const onDevice = await upscaler.upscaleOnDevice(uploaded, options);
    expect((await onDevice.read()).data).toEqual(got.data);
    onDevice.destroy();
    expect(upscaler.device.memory.allocated).toBe(allocated);
    uploaded.destroy();
  });

  test('tiles make no seams: by default they see all that matters, and no less', async () => {
    const picture = pictureOf(70, 53);
    const whole = await upscaler.upscale(picture);
    const off = async (tilePad?: number) => differences(await upscaler.upscale(picture, { tile: 24, tilePad }), whole);
    const tiled = await off();
    // The order of sums differs where the grid of Winograd's squares lies elsewhere.
    expect(largest(tiled)).toBeLessThanOrEqual(1);
    expect(tiled.filter(value => value > 0).length).toBeLessThan(0.001 * tiled.length);
    expect((await off(4)).filter(value => value > 0).length).toBeGreaterThan(0.01 * tiled.length);
  });
});

describe('the weights of the package', () => {
  test('enlarge a photo better than Lanczos, clean as well as compressed', async () => {
    const device = await testDevice();
    const photo = await readImageFile(fileURLToPath(new URL('../../docs/samples/astronaut.png', import.meta.url)));
    const weights = await openWeights('embedded', { role: 'upscaler' });
    const own = await ResidualUpscaler.load(device, weights);
    const clean = await pixels.warpAffine(device, photo, [1, 0, -130, 0, 1, -30], { width: 192, height: 160 });
    const small = await pixels.resize(device, clean, { width: 96, height: 80, filter: 'area' });
    const compressed = await decodeImage(await encodeImage(small, { type: 'jpeg', quality: 60 }));
    for (const picture of [small, compressed]) {
      const lanczos = await pixels.resize(device, picture, { width: 192, height: 160, filter: 'lanczos4' });
      const [network, filter] = [await own.upscale(picture), lanczos].map(made => compare(made, clean));
      expect(network!.psnr).toBeGreaterThan(filter!.psnr + 0.5);
      expect(network!.ssim).toBeGreaterThan(filter!.ssim);
    }
    own.destroy();
    await weights.close();
  });
});

describe('tiles', () => {
  test('cores cover the picture once, inputs are even and inside of the padded picture', () => {
    for (const [width, height] of [
      [1, 1],
      [57, 41],
      [48, 24],
      [25, 100],
    ] as const) {
      const counts = new Uint8Array(width * height);
      for (const { input, core } of tilesOf({ width, height }, 24, 8)) {
        for (const value of [input.x, input.y, input.width, input.height, core.x, core.y]) expect(value % 2).toBe(0);
        expect(input.x + input.width).toBeLessThanOrEqual(width + (width % 2));
        expect(input.y + input.height).toBeLessThanOrEqual(height + (height % 2));
        for (let y = core.y; y < core.y + core.height; y++)
          for (let x = core.x; x < core.x + core.width; x++) counts[y * width + x]!++;
      }
      expect(counts.every(count => count === 1)).toBe(true);
    }
  });

  test('inputs reach as far as the padding', () => {
    const tiles = tilesOf({ width: 57, height: 41 }, 24, 8);
    expect(tiles.length).toBe(6);
    expect(tiles[1]).toEqual({
      input: { x: 16, y: 0, width: 40, height: 32 },
      core: { x: 24, y: 0, width: 24, height: 24 },
    });
    expect(tiles[5]).toEqual({
      input: { x: 40, y: 16, width: 18, height: 26 },
      core: { x: 48, y: 24, width: 9, height: 17 },
    });
    expect(tilesOf({ width: 57, height: 41 }, 0, 40)).toEqual([
      { input: { x: 0, y: 0, width: 58, height: 42 }, core: { x: 0, y: 0, width: 57, height: 41 } },
    ]);
  });

  test('inputs reach beyond the picture as far as the edge', () => {
    const tiles = tilesOf({ width: 57, height: 41 }, 24, 8, 2);
    expect(tiles[0]).toEqual({
      input: { x: -2, y: -2, width: 34, height: 34 },
      core: { x: 0, y: 0, width: 24, height: 24 },
    });
    expect(tiles[5]).toEqual({
      input: { x: 40, y: 16, width: 20, height: 28 },
      core: { x: 48, y: 24, width: 9, height: 17 },
    });
    expect(tilesOf({ width: 57, height: 41 }, 24, 0, 2)[1]!.input).toEqual({ x: 22, y: -2, width: 28, height: 28 });
  });

  test('beyond its ends a picture is mirrored without repeating its border', () => {
    expect([mirrored(3, 5), mirrored(5, 5), mirrored(6, 5), mirrored(-1, 5), mirrored(-2, 5)]).toEqual([3, 3, 2, 1, 2]);
    expect([mirrored(-2, 2), mirrored(-1, 2), mirrored(2, 2), mirrored(3, 2)]).toEqual([0, 1, 0, 1]);
    expect([mirrored(-2, 1), mirrored(0, 1), mirrored(3, 1)]).toEqual([0, 0, 0]);
  });
});
