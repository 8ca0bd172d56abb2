// The self-test at the first use of a GPU: what is given up where its driver is wrong. A few kernels on a few inputs stand for all, because they
// run on SwiftShader as they run on GPUs, which it is slow at.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { CodeFormerError } from '../src/errors.js';
import { adapterInfo } from '../src/gpu/adapter.js';
import { Device } from '../src/gpu/device.js';
import { generatedWeights } from '../src/models/networks.js';
import { RRDBNet } from '../src/models/rrdbnet/rrdbnet.js';
import { NOTES } from '../src/node/notes.js';
import { createRestorer } from '../src/node/restorer.js';
import { loadNetworks, type Sources } from '../src/pipeline/networks.js';
import { loadTested } from '../src/pipeline/tested.js';
import { deviceWith, wrongWith } from './broken-device.js';
import { testExecutor } from './device.js';

vi.mock(import('../src/kernels/picture-tests.js'), () => ({ pictureTests: [] }));
vi.mock(import('../src/kernels/network-tests.js'), async original => {
  const { networkTests } = await original();
  const counts: Readonly<Record<string, number>> = { 'conv direct': 1, 'conv winograd': 1, 'conv winograd-2x2': 1 };
  const few = networkTests.map(each => {
    const count = counts[`${each.kernel.name} ${each.convolution}`] ?? 0;
    return { ...each, cases: each.cases.slice(0, count) };
  });
  return { networkTests: few.filter(({ cases }) => cases.length > 0) };
});

/** Cards that the machine has; each is taken once, and without one there is WebAssembly. */
const cards: (() => Promise<Device>)[] = [];

vi.mock(import('../src/node/gpu.js'), async original => {
  const { createDevice, ...others } = await original();
  const withCards = async (options: Parameters<typeof createDevice>[0] = {}) => {
    const card = (options.adapter ?? 'auto') === 'software' || options.adapter === 'wasm' ? undefined : cards.shift();
    return card && !options.device ? card() : createDevice(options);
  };
  return { ...others, createDevice: withCards as typeof createDevice };
});

const cache = mkdtempSync(join(tmpdir(), 'codeformer-selftest-'));
afterAll(() => rmSync(cache, { recursive: true, force: true }));
beforeEach(() => {
  rmSync(cache, { recursive: true, force: true });
  vi.stubEnv('CODEFORMER_CACHE', cache);
  return () => vi.unstubAllEnvs();
});

const none = { weights: null, detector: null, upscaler: null } as const;

test('a GPU whose driver gets large tiles of Winograd wrong computes by small ones, and rightly', async () => {
  const wrong = wrongWith(/^winograd\/output/, 'sum + to.bias', 'sum - to.bias');
  const compiled: string[] = [];
  const gpu = await deviceWith((code, name) => {
    compiled.push(name);
    return wrong(code, name);
  });
  const device = new Device(gpu, adapterInfo(gpu.adapterInfo));
  const weights = generatedWeights('rrdbnet', { blocks: 1, channels: 8, growth: 4 }, 11);
  const source = { weights, kind: 'rrdbnet', owned: false, name: 'test' } as const;
  const sources: Sources = { restorer: null, detector: null, parser: null, upscaler: source };
  const load = () => loadNetworks(device, sources, undefined);
  const testing = { load, notes: NOTES, signal: undefined, fresh: false, fixed: [], half: true };
  const { networks, verdict } = await loadTested(device, sources, testing);
  expect(verdict).toMatchObject({ givenUp: ['winograd'], remembered: false });
  expect(verdict!.faults[0]).toMatch(/^conv \(winograd\): one pixel/);
  const input = Float32Array.from({ length: 3 * 16 * 16 }, (_, i) => ((i * 37) % 101) / 100);
  const size = { width: 16, height: 16 };
  const right = await RRDBNet.load(await testExecutor(), weights);
  const [got, want] = [await networks.upscaler!.forward(input, size), await right.forward(input, size)];
  const worst = got.reduce((most, value, i) => Math.max(most, Math.abs(value - want[i]!)), 0);
  expect(worst).toBeLessThan(1e-4);
  expect(device.target.winograd).toEqual([2]);
  expect(compiled).toContain('winograd-2x2/output');
  for (const network of [networks, right]) network.destroy();
  expect(device.memory.allocated).toBe(0);
  gpu.destroy();
});

test('a GPU whose driver refuses a tile in workgroup memory computes without', async () => {
  const device = await deviceWith(wrongWith(/^conv\/workgroup/, '@workgroup_size(256)', '@workgroup_size(65536)'));
  await using restorer = await createRestorer({ device, ...none });
  const { selfTest } = restorer.info;
  expect(selfTest!.givenUp).toContain('workgroup');
  expect(selfTest!.faults[0]).toMatch(/^conv \(direct\): .*conv\/workgroup.* does not compile/);
  device.destroy();
});

test('a GPU that is lost in its self-test ends loading, and is asked again', async () => {
  const device = await deviceWith(code => code);
  const create = device.createComputePipelineAsync.bind(device);
  Object.defineProperty(device, 'createComputePipelineAsync', {
    value: (descriptor: GPUComputePipelineDescriptor) => {
      device.destroy();
      return create(descriptor);
    },
  });
  await expect(createRestorer({ device, ...none })).rejects.toSatisfy(
    error => error instanceof CodeFormerError && ['DEVICE_LOST', 'DESTROYED'].includes(error.code),
  );
  expect(() => readdirSync(join(cache, 'adapters'))).toThrow();
});

describe('a card of the machine', () => {
  const photo = { data: new Uint8ClampedArray(4 * 8 * 8).fill(128), width: 8, height: 8 };

  /** The card of a device, which can be lost as others are. */
  function cardOf(gpu: GPUDevice, software = false) {
    let lose = () => {};
    const lost = new Promise<{ reason: string; message: string }>(resolve => {
      lose = () => {
        resolve({ reason: 'unknown', message: 'pulled out' });
        gpu.destroy();
      };
    });
    Object.defineProperty(gpu, 'lost', { value: lost });
    cards.push(async () => new Device(gpu, { ...adapterInfo(gpu.adapterInfo), software }, {}, true));
    return { lose, destroyed: vi.spyOn(gpu, 'destroy') };
  }
  const losing = async () => {
    const gpu = await deviceWith(code => code);
    const card = cardOf(gpu);
    const create = gpu.createComputePipelineAsync.bind(gpu);
    const value = (descriptor: GPUComputePipelineDescriptor) => {
      card.lose();
      return create(descriptor);
    };
    Object.defineProperty(gpu, 'createComputePipelineAsync', { value });
    return card;
  };
  const broken = async () =>
    cardOf(await deviceWith((code, label) => (/^(conv|winograd)/.test(label) ? 'none' : code)));

  test.each([
    [
      'that compiles no convolution',
      broken,
      'GPU_ERROR',
      /^Card computes wrongly: conv \(direct\): .* does not compile/,
    ],
    ['that is lost in its self-test', losing, 'DEVICE_LOST', /^The GPU device was lost: pulled out$/],
  ])('%s leaves the work to WebAssembly, which says so', async (_, card, code, reason) => {
    const { destroyed } = await card();
    {
      await using restorer = await createRestorer(none);
      expect(restorer.info).toMatchObject({
        software: true,
        selfTest: null,
        adapterReason: expect.stringMatching(reason),
      });
      expect(restorer.info.adapter).toMatch(/^WebAssembly/);
      expect(destroyed).toHaveBeenCalled();
      expect((await restorer.restore(photo, { faces: [] })).width).toBe(16);
    }
    await card();
    const asked = createRestorer({ ...none, adapter: 'gpu' });
    await expect(asked).rejects.toMatchObject({ code, message: expect.stringMatching(reason) });
    expect(() => readdirSync(join(cache, 'adapters'))).toThrow();
  });

  test('that is lost while it is tuned changes nothing, and the next call has another device', async () => {
    const { lose } = cardOf(await deviceWith(code => code), true);
    const upscaler = generatedWeights('residual-upscaler', { blocks: 1, channels: 8 }, 11);
    await using restorer = await createRestorer({ ...none, upscaler });
    expect(restorer.info.adapter).toBe('Card (software)');
    await expect(restorer.tune({ onProgress: lose })).rejects.toMatchObject({ code: 'DEVICE_LOST' });
    expect(() => readdirSync(join(cache, 'adapters'))).toThrow();
    expect((await restorer.restore(photo, { faces: [] })).width).toBe(16);
    expect(restorer.info.adapter).toMatch(/^WebAssembly/);
  });
});
