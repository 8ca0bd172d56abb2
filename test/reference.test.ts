// The reference executor: it leaves in operands what the references say and nothing else, and runs the networks' programs.

import { afterAll, describe, expect, test } from 'vitest';
import { kernelTests } from '../src/kernels/registry.js';
import { CodeFormer } from '../src/models/codeformer/codeformer.js';
import { generatedWeights } from '../src/models/networks.js';
import { resize } from '../src/pixels/pixels.js';
import { ReferenceExecutor } from '../src/reference/executor.js';
import { onExecutor, worstOf } from '../src/selftest/kernel-check.js';
import { testDevice } from './device.js';

import { TINY } from './tiny.js';

const executor = new ReferenceExecutor();
afterAll(() => executor.destroy());

describe('kernels', () => {
  // One reference for all that convolutions are computed by.
  for (const spec of kernelTests.filter(({ convolution = 'direct' }) => convolution === 'direct'))
    test(spec.kernel.name, async () => {
      for (const item of spec.cases) {
        const { where, error } = await worstOf(spec, item, onExecutor(executor));
        expect(error, `${item.name}: ${where}`).toBeLessThan(1e-6);
      }
    });
});

test('a network gives what it gives on WebGPU', async () => {
  const weights = generatedWeights('codeformer', TINY, 5);
  const device = await testDevice();
  const [here, there] = [await CodeFormer.load(executor, weights), await CodeFormer.load(device, weights)];
  const input = Float32Array.from({ length: 3 * here.size ** 2 }, (_, i) => Math.sin(0.01 * i * (1 + (i % 7))));
  const shares: number[] = [];
  const [own, other] = [await here.encode(input, { onProgress: done => shares.push(done) }), await there.encode(input)];
  expect(shares.at(-1)).toBe(1);
  expect([...own.indices]).toEqual([...other.indices]);
  for (const fidelity of [0, 0.5]) {
    const [got, want] = [await here.decode(own, { fidelity }), await there.decode(other, { fidelity })];
    const worst = got.reduce((most, value, i) => Math.max(most, Math.abs(value - want[i]!)), 0);
    expect(worst).toBeLessThan(1e-3);
  }
  for (const made of [own, other, here, there]) made.destroy();
  expect(executor.memory.allocated).toBe(0);
});

test('an abort comes between calls', async () => {
  const net = await CodeFormer.load(executor, generatedWeights('codeformer', TINY, 5));
  const controller = new AbortController();
  const input = new Float32Array(3 * net.size ** 2);
  const encoding = net.encode(input, { signal: controller.signal, onProgress: () => controller.abort() });
  await expect(encoding).rejects.toMatchObject({ code: 'ABORTED' });
  net.destroy();
});

test('pictures are resized as on WebGPU', async () => {
  const picture = { data: Uint8Array.from({ length: 4 * 21 * 17 }, (_, i) => (i * 89) % 251), width: 21, height: 17 };
  for (const filter of ['linear', 'area', 'lanczos4'] as const) {
    const to = { width: 9, height: 30, filter };
    expect((await resize(executor, picture, to)).data).toEqual((await resize(await testDevice(), picture, to)).data);
  }
});

test('what was destroyed is not used', async () => {
  const other = new ReferenceExecutor();
  other.destroy();
  await expect(other.lost).resolves.toBe('destroyed');
  await expect(other.allocate('test', { x: 4 })).rejects.toMatchObject({ code: 'DESTROYED' });
});
