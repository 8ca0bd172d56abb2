// The self-test at the first use of a GPU: what is given up where its driver is wrong, and what is remembered. A few kernels on a few inputs
// stand for all, because they run on SwiftShader as they run on GPUs, which it is slow at.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CodeFormerError } from '../src/errors.js';
import { generatedWeights } from '../src/models/networks.js';
import { createRestorer } from '../src/node/restorer.js';
import { deviceWith, wrongWith } from './broken-device.js';
import { TINY } from './tiny.js';

vi.mock(import('../src/kernels/registry.js'), async original => {
  const { kernelTests } = await original();
  const few = kernelTests.filter(({ kernel }) => ['conv', 'codebook/argmax'].includes(kernel.name));
  return { kernelTests: few.map(each => ({ ...each, cases: each.cases.slice(0, 2) })) };
});

const cache = mkdtempSync(join(tmpdir(), 'codeformer-selftest-'));
afterAll(() => rmSync(cache, { recursive: true, force: true }));
beforeEach(() => {
  rmSync(cache, { recursive: true, force: true });
  vi.stubEnv('CODEFORMER_CACHE', cache);
});
afterEach(() => vi.unstubAllEnvs());

const none = { weights: null, detector: null, upscaler: null } as const;
const nets = { ...none, weights: generatedWeights('codeformer', TINY, 5) };

/** Pixels of a face of the tiny network. */
const crop = {
  width: TINY.size,
  height: TINY.size,
  data: Uint8ClampedArray.from({ length: 4 * TINY.size ** 2 }, (_, i) => (i % 4 === 3 ? 255 : (i * 37) % 253)),
};

describe('a GPU', () => {
  const notes = () => readdirSync(join(cache, 'adapters')).map(name => join(cache, 'adapters', name));

  test('whose driver is right is asked once, whatever becomes of the note', async () => {
    const device = await deviceWith(code => code);
    const opened = async () => {
      await using restorer = await createRestorer({ device, ...none });
      return restorer.info.selfTest;
    };
    expect(await opened()).toEqual({ givenUp: [], faults: [], remembered: false });
    expect(await opened()).toEqual({ givenUp: [], faults: [], remembered: true });
    const [file] = notes() as [string];
    for (const broken of ['', '{"key":', 'null', JSON.stringify({ key: 'another', text: '{}' })]) {
      writeFileSync(file, broken);
      expect(await opened()).toMatchObject({ remembered: false });
    }
    const note = JSON.parse(readFileSync(file, 'utf8')) as { key: string };
    writeFileSync(file, JSON.stringify({ ...note, text: '{"givenUp":["everything"],"faults":[]}' }));
    expect(await opened()).toMatchObject({ remembered: false });
    vi.stubEnv('CODEFORMER_CACHE', '/proc/nowhere');
    expect(await opened()).toMatchObject({ remembered: false });
    device.destroy();
  });

  test('whose driver gets Winograd wrong computes without it, and rightly', async () => {
    const device = await deviceWith(wrongWith(/^winograd\/output/, 'sum + to.bias', 'sum - to.bias'));
    const open = () => createRestorer({ device, ...nets });
    await using restorer = await open();
    const { selfTest } = restorer.info;
    expect(selfTest).toMatchObject({ givenUp: ['winograd'], remembered: false });
    expect(selfTest!.faults[0]).toMatch(/^conv \(winograd\): /);
    await using right = await createRestorer({ adapter: 'wasm', ...nets });
    const [got, want] = [await restorer.encode(crop), await right.encode(crop)];
    expect(got.indices).toEqual(want.indices);
    // And at the next start, without a test.
    await using again = await open();
    expect(again.info.selfTest).toMatchObject({ givenUp: ['winograd'], remembered: true });
    expect(await again.selfTest()).toMatchObject({ passed: true, variants: ['workgroup'], givenUp: ['winograd'] });
    device.destroy();
  });

  test('whose driver refuses a tile in workgroup memory computes without', async () => {
    const device = await deviceWith(
      wrongWith(/^conv\/workgroup/, '@workgroup_size(16, 16)', '@workgroup_size(16, 4096)'),
    );
    await using restorer = await createRestorer({ device, ...none });
    expect(restorer.info.selfTest!.givenUp).toContain('workgroup');
    device.destroy();
  });

  test('that is wrong in all ways is not used', async () => {
    const device = await deviceWith(wrongWith(/argmax/, 'first[j] > best', 'first[j] < best'));
    await expect(createRestorer({ device, ...none })).rejects.toMatchObject({
      code: 'GPU_ERROR',
      message: expect.stringMatching(/^Card computes wrongly: codebook\/argmax: /),
    });
    device.destroy();
  });

  test('that is lost in its self-test ends loading, and is asked again', async () => {
    const device = await deviceWith(code => code);
    const create = device.createComputePipelineAsync.bind(device);
    let compiled = 0;
    Object.defineProperty(device, 'createComputePipelineAsync', {
      value: (descriptor: GPUComputePipelineDescriptor) => {
        if (++compiled === 5) device.destroy();
        return create(descriptor);
      },
    });
    await expect(createRestorer({ device, ...none })).rejects.toSatisfy(
      error => error instanceof CodeFormerError && ['DEVICE_LOST', 'DESTROYED'].includes(error.code),
    );
    expect(() => notes()).toThrow();
  });
});
