// What callers of the network rely on, on a tiny geometry with generated weights: that it is deterministic, that its options mean what
// they say, and that every failure is a typed error after which the next call works.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Device } from '../../src/gpu/device.js';
import { CodeFormer, type Encoded } from '../../src/models/codeformer/codeformer.js';
import { generatedWeights } from '../../src/models/networks.js';
import { createDevice } from '../../src/node/gpu.js';
import type { Weights } from '../../src/weights/weights.js';
import { testDevice } from '../device.js';

const config = {
  size: 32,
  channels: 8,
  multipliers: [1, 2, 3],
  res_blocks: 1,
  attention: [4],
  embedding: 12,
  codebook: 30,
  width: 16,
  heads: 2,
  layers: 2,
  mlp: 24,
  fuse: [8, 16],
  groups: 4,
  patch: 2,
};
const weights = () => generatedWeights('codeformer', config, 3);
const count = 3 * config.size ** 2;

function picture(seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(i * 0.37 + seed) * Math.cos(i * 0.011 * seed));
}

let device: Device;
let net: CodeFormer;
let encoded: Encoded;
beforeAll(async () => {
  device = await testDevice();
  net = await CodeFormer.load(device, weights());
  encoded = await net.encode(picture(1));
});
afterAll(() => {
  encoded.destroy();
  net.destroy();
});

describe('results', () => {
  test('the same call gives the same bytes', async () => {
    using again = await net.encode(picture(1));
    expect(again.indices).toEqual(encoded.indices);
    expect(await again.feature()).toEqual(await encoded.feature());
    expect(await net.decode(again, { fidelity: 0.7 })).toEqual(await net.decode(encoded, { fidelity: 0.7 }));
  });

  test('a batch of two is the two pictures', async () => {
    const both = new Float32Array(2 * count);
    both.set(picture(1));
    both.set(picture(2), count);
    using pair = await net.encode(both, { batch: 2 });
    using second = await net.encode(picture(2));
    expect([...pair.indices]).toEqual([...encoded.indices, ...second.indices]);
    const output = await net.decode(pair, { fidelity: 0.5 });
    const single = await net.decode(second, { fidelity: 0.5 });
    const difference = single.map((v, i) => Math.abs(v - output[count + i]!));
    expect(Math.max(...difference)).toBeLessThan(1e-5);
  });

  test('concurrent calls do not disturb each other', async () => {
    const alone = await net.decode(encoded, { fidelity: 0.25 });
    const [a, b] = await Promise.all([
      net.decode(encoded, { fidelity: 0.25 }),
      net.decode(encoded, { fidelity: 0.75 }),
      net.encode(picture(2)).then(e => e.destroy()),
    ]);
    expect(a).toEqual(alone);
    expect(b).not.toEqual(alone);
  });

  test('logits decide the codes and their margins', async () => {
    const logits = await encoded.logits();
    expect(logits.length).toBe(encoded.indices.length * config.codebook);
    encoded.indices.forEach((index, t) => {
      const row = logits.subarray(t * config.codebook, (t + 1) * config.codebook);
      const [best, second] = [...row].sort((a, b) => b - a) as [number, number];
      expect(row[index]).toBe(best);
      expect(encoded.margin[t]).toBeCloseTo(best - second, 5);
    });
  });

  test('fidelity 0 and below skip the fusion, which changes the picture', async () => {
    const none = await net.decode(encoded, { fidelity: 0 });
    expect(await net.decode(encoded, { fidelity: -1 })).toEqual(none);
    expect(await net.decode(encoded, { fidelity: 1 })).not.toEqual(none);
  });

  test('a constant map of fidelity is that number', async () => {
    const map = new Float32Array(config.size ** 2).fill(0.5);
    expect(await net.decode(encoded, { fidelity: map })).toEqual(await net.decode(encoded, { fidelity: 0.5 }));
  });

  test('a map with fidelity on one half changes mostly that half', async () => {
    const left = new Float32Array(config.size ** 2).map((_, i) => (i % config.size < config.size / 2 ? 1 : 0));
    const [none, half] = [await net.decode(encoded, { fidelity: 0 }), await net.decode(encoded, { fidelity: left })];
    const change = [0, 0];
    half.forEach((v, i) => {
      change[i % config.size < config.size / 2 ? 0 : 1]! += Math.abs(v - none[i]!);
    });
    expect(change[0]).toBeGreaterThan(1.2 * change[1]!);
  });

  test('a network can have a curve by which fidelity is weighed', async () => {
    const curved = generatedWeights('codeformer', { ...config, fidelity: [0, 0.125, 0.25, 0.5, 1] }, 3);
    const other = await CodeFormer.load(device, curved);
    using same = await other.encode(picture(1));
    const map = new Float32Array(config.size ** 2).fill(0.625);
    const [made, byMap] = [await other.decode(same, { fidelity: 0.625 }), await other.decode(same, { fidelity: map })];
    const { output } = await other.trace(picture(1), { names: ['output'], fidelity: 0.625 });
    const expected = await net.decode(encoded, { fidelity: 0.375 });
    expect([made, byMap, output]).toEqual([expected, expected, expected]);
    for (const w of [-1, 0, 1, 1.5])
      expect(await other.decode(same, { fidelity: w })).toEqual(await net.decode(encoded, { fidelity: w }));
    other.destroy();
  });

  test('codes of the caller', async () => {
    const same = await net.decode(encoded, { indices: Int32Array.from(encoded.indices) });
    expect(same).toEqual(await net.decode(encoded));
    const other = Int32Array.from(encoded.indices, i => (i + 1) % config.codebook);
    expect(await net.decode(encoded, { indices: other })).not.toEqual(same);
  });

  test('without AdaIN', async () => {
    expect(await net.decode(encoded, { adain: false })).not.toEqual(await net.decode(encoded));
  });

  test('a picture of bytes is its tensor, and comes back clamped and rounded', async () => {
    const data = Uint8Array.from({ length: 4 * config.size ** 2 }, (_, i) => (i % 4 === 3 ? 255 : (i * 37) % 256));
    const tensor = new Float32Array(count);
    for (let p = 0; p < config.size ** 2; p++)
      for (let c = 0; c < 3; c++) {
        tensor[c * config.size ** 2 + p] = Math.fround(Math.fround(Math.fround(data[4 * p + c]! / 255) - 0.5) / 0.5);
      }
    using bytes = await net.encodePicture({ data, width: config.size, height: config.size });
    using floats = await net.encode(tensor);
    expect(bytes.indices).toEqual(floats.indices);
    const output = await net.decode(floats);
    const { data: got } = await net.decodePicture(bytes);
    for (let p = 0; p < config.size ** 2; p++) {
      const wanted = ((Math.min(1, Math.max(-1, output[p]!)) + 1) / 2) * 255;
      expect(Math.abs(got[4 * p]! - wanted)).toBeLessThanOrEqual(0.5001);
      expect(got[4 * p + 3]).toBe(255);
    }
  });

  test('trace names what it sees', async () => {
    const seen = await net.trace(picture(1), { names: ['tap.8', 'generator.4', 'output', 'indices'], fidelity: 0.5 });
    expect(seen['tap.8']!.length).toBe(16 * 8 * 8);
    expect(seen.indices).toEqual(encoded.indices);
    expect(seen.output).toEqual(await net.decode(encoded, { fidelity: 0.5 }));
    await expect(net.trace(picture(1), { names: ['tap.99'] })).rejects.toThrow(/tap\.8.*tap\.99/);
  });
});

describe('refusals', () => {
  const code = (value: string) => expect.objectContaining({ code: value });

  test('inputs of the wrong size or kind', async () => {
    await expect(net.encode(new Float32Array(5))).rejects.toThrow(/Expected a Float32Array of 3072 values/);
    await expect(net.encode(picture(1), { batch: 0 })).rejects.toEqual(code('INVALID_ARGUMENT'));
    await expect(net.encodePicture({ data: new Uint8Array(16), width: 2, height: 2 })).rejects.toEqual(
      code('INVALID_ARGUMENT'),
    );
    await expect(net.decode(encoded, { fidelity: Number.NaN })).rejects.toEqual(code('INVALID_ARGUMENT'));
    await expect(net.decode(encoded, { fidelity: new Float32Array(7) })).rejects.toEqual(code('INVALID_ARGUMENT'));
    await expect(net.decode(encoded, { indices: new Int32Array(3) })).rejects.toEqual(code('INVALID_ARGUMENT'));
    const wild = Int32Array.from(encoded.indices).fill(config.codebook);
    await expect(net.decode(encoded, { indices: wild })).rejects.toThrow(/codes from 0 to 29.*received 30/);
  });

  test('weights that do not fit are all listed', async () => {
    const all = weights();
    const gone = ['encoder.blocks.0.weight', 'feat_emb.bias'];
    const broken: Weights = { ...all, names: () => all.names().filter(name => !gone.includes(name)) };
    await expect(CodeFormer.load(device, broken)).rejects.toThrow(/encoder\.blocks\.0\.weight[\s\S]*feat_emb\.bias/);
  });

  test('an abort stops the run, and the next call works', async () => {
    const abort = new AbortController();
    abort.abort();
    await expect(net.encode(picture(1), { signal: abort.signal })).rejects.toEqual(code('ABORTED'));
    await expect(net.decode(encoded, { signal: abort.signal })).rejects.toEqual(code('ABORTED'));
    using again = await net.encode(picture(1));
    expect(again.indices).toEqual(encoded.indices);
  });

  test('progress ends at 1', async () => {
    const seen: number[] = [];
    await net.decode(encoded, { onProgress: done => seen.push(done) });
    expect(seen.at(-1)).toBeCloseTo(1, 6);
    expect([...seen].sort((a, b) => a - b)).toEqual(seen);
  });

  test('use after destroy, and memory that is given back', async () => {
    const before = device.memory.allocated;
    const other = await CodeFormer.load(device, weights());
    const face = await other.encode(picture(1));
    face.destroy();
    await expect(other.decode(face)).rejects.toEqual(code('DESTROYED'));
    other.destroy();
    await expect(other.encode(picture(1))).rejects.toEqual(code('DESTROYED'));
    expect(device.memory.allocated).toBe(before);
  });

  test('a device that is gone is told as such', async () => {
    const own = await createDevice({ adapter: 'software' });
    const other = await CodeFormer.load(own, weights());
    own.gpu.destroy();
    await expect(other.encode(picture(1))).rejects.toEqual(code('DESTROYED'));
  });

  test('a device of the caller is used as it is and not destroyed', async () => {
    const wrapped = new Device(device.gpu, device.adapter, { precision: 'f32' });
    wrapped.destroy();
    using again = await net.encode(picture(1));
    expect(again.indices).toEqual(encoded.indices);
  });

  test('an adapter that is too small is refused by name', async () => {
    const limited = await createDevice({ adapter: 'software' });
    const small = new Device(limited.gpu, limited.adapter, { target: { maxBindingSize: 1000 } });
    await expect(CodeFormer.load(small, weights())).rejects.toEqual(code('ADAPTER_LIMITS'));
    limited.destroy();
  });
});
