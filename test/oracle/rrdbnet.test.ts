// The upscaler against the recorded outputs of the original, on generated weights: the network alone, and pictures in tiles.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { generatedWeights } from '../../src/models/networks.js';
import { RRDBNet } from '../../src/models/rrdbnet/rrdbnet.js';
import { openWeights } from '../../src/node/weights.js';
import type { Weights } from '../../src/weights/weights.js';
import { EXECUTORS, executorNamed } from '../device.js';
import { oracle, shared } from '../shared.js';

oracle.each(EXECUTORS)('rrdbnet on %s', name => {
  let recorded: Weights;
  let upscaler: RRDBNet;
  beforeAll(async () => {
    recorded = await openWeights(shared('fixtures', 'rrdbnet.safetensors'));
    const weights = generatedWeights('rrdbnet', {}, Number(recorded.metadata.seed));
    upscaler = await RRDBNet.load(await executorNamed(name, false), weights);
  }, 300_000);
  afterAll(async () => {
    upscaler?.destroy();
    await recorded?.close();
  });

  test('the network', async () => {
    const [, , height, width] = recorded.shape('input') as [number, number, number, number];
    const got = await upscaler.forward(await recorded.float32('input'), { width, height });
    const want = await recorded.float32('output');
    expect(got.length).toBe(want.length);
    const errors = Float64Array.from(want, (value, i) => Math.abs(got[i]! - value)).sort();
    const mean = errors.reduce((a, b) => a + b, 0) / errors.length;
    const shown = `mean ${mean}, max ${errors.at(-1)}`;
    expect(mean, shown).toBeLessThanOrEqual(1e-4);
    expect(errors[Math.floor(errors.length * 0.999)]!, shown).toBeLessThanOrEqual(2e-3);
    expect(errors.at(-1)!, shown).toBeLessThanOrEqual(2e-2);
  });

  test.each(['1.5', '2', '3'])('tiles, scale %s', async scale => {
    const { shape, data } = await recorded.tensor('image_bgr');
    const swap = (bgr: Uint8Array) => bgr.map((_, i) => bgr[i - (i % 3) + 2 - (i % 3)]!);
    const picture = { data: swap(data as Uint8Array), width: shape[1]!, height: shape[0]! };
    const { tile, tile_pad } = recorded.metadata;
    const options = { scale: Number(scale), tile: Number(tile), tilePad: Number(tile_pad) };
    const got = await upscaler.upscale(picture, options);
    const want = await recorded.tensor(`tiled.s${scale}`);
    expect([got.height, got.width]).toEqual(want.shape.slice(0, 2));
    const pixels = swap(want.data as Uint8Array);
    const differences = Array.from(pixels, (value, i) => Math.abs(value - got.data[i]!));
    const off = differences.filter(difference => difference > 0).length;
    // Sums near half a level may be rounded either way; Lanczos spreads such a level over its neighbours.
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
    expect(off / pixels.length).toBeLessThanOrEqual(5e-4);
  });
});
