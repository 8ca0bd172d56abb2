// The tuner: what it measures, what it refuses, and that networks compute the same afterwards.

import { afterAll, describe, expect, test } from 'vitest';
import { adapterInfo } from '../src/gpu/adapter.js';
import { Device } from '../src/gpu/device.js';
import { implementationOf } from '../src/gpu/implementations.js';
import { CONV_CHOICES, chosenTarget, shapeKey } from '../src/kernels/conv/choice.js';
import { conv } from '../src/kernels/conv/conv.js';
import { layout } from '../src/kernels/kernel.js';
import type { Target } from '../src/kernels/webgpu.js';
import { params as paramsOf } from '../src/kernels/winograd/winograd.cases.js';
import { winogradSide } from '../src/kernels/winograd/winograd.webgpu.js';
import { generatedWeights } from '../src/models/networks.js';
import { RRDBNet } from '../src/models/rrdbnet/rrdbnet.js';
import { createRestorer } from '../src/node/restorer.js';
import { checkKernels } from '../src/selftest/kernels.js';
import { deviceWith, wrongWith } from './broken-device.js';

const params = paramsOf(32, 32, 64, 64);

describe('what was chosen', () => {
  const target: Target = { family: 'workgroup', precision: 'f32', maxBindingSize: 2 ** 28, subgroups: true };
  const shaders = (choice: string | null, changed: Partial<Target> = {}) => {
    const tuned = new Map(choice === null ? [] : [[shapeKey(params), choice]]);
    const own = { ...target, ...changed, tuned };
    const { dispatches } = implementationOf(conv, params, own);
    return [...new Set(dispatches(params, own).map(({ shader }) => shader.name.replace(/\/[04]\/store/, '')))];
  };

  test('is how a shape runs', () => {
    const usual = shaders(null);
    expect(usual).toEqual(['winograd/weights', 'winograd/input', 'winograd/product/workgroup/1x4', 'winograd/output']);
    const run = Object.fromEntries(CONV_CHOICES.map(choice => [choice, shaders(choice).join(' ')]));
    expect(run.workgroup).toBe('conv/workgroup/1x4');
    expect(run['workgroup, 8x4']).toBe('conv/workgroup/8x4');
    expect(run['workgroup, 8x8']).toBe('conv/workgroup/8x8');
    expect(run['workgroup, 8x8, winograd']).toMatch(/winograd\/product\/workgroup\/8x8 /);
    expect(run['workgroup, winograd']).toBe(usual.join(' '));
    expect(run['workgroup, winograd 2x2']).toMatch(
      /^winograd-2x2\/weights .*\/input .*\/workgroup\/2x4 winograd-2x2\/output$/,
    );
    expect(run.registers).toMatch(/^conv\/stage conv\/staged\/4x16$/);
    expect(run['registers, subgroups']).toMatch(/^conv\/stage conv\/staged\/4x16\/subgroups$/);
    expect(run['registers, 8x8']).toMatch(/^conv\/stage conv\/staged\/8x8$/);
    expect(run['registers, subgroups, 8x8']).toMatch(/^conv\/stage conv\/staged\/8x8\/subgroups$/);
    expect(run['registers, 4x8']).toMatch(/^conv\/stage conv\/staged\/4x8$/);
    expect(run['registers, winograd']).toMatch(/winograd\/product\/4x16 /);
    expect(run['registers, subgroups, winograd']).toMatch(/winograd\/product\/4x16\/subgroups/);
  });

  test('is ignored where it is unknown, and brings nothing back that was given up', () => {
    expect(shaders('by magic')).toEqual(shaders(null));
    expect(shaders('workgroup, winograd', { convolution: 'direct' })).toEqual(['conv/workgroup/1x4']);
    expect(shaders('workgroup, winograd', { winograd: [2] })).toEqual(['conv/workgroup/1x4']);
    expect(shaders('workgroup', { family: 'registers' })).not.toContain('conv/workgroup/1x4');
    expect(chosenTarget({ ...target, subgroups: false }, 'registers, subgroups').subgroups).toBe(false);
  });

  test('small tiles of Winograd take the place of large ones that were given up, or whose weights are too large', () => {
    const small = shaders('workgroup, winograd 2x2');
    expect(shaders(null, { winograd: [2] })).toEqual(small);
    const wide = paramsOf(32, 32, 512, 512);
    const bytes = 36 * 512 * 512 * 4;
    expect([bytes, bytes - 4].map(maxBindingSize => winogradSide(wide, { ...target, maxBindingSize }))).toEqual([4, 2]);
    expect(shaders(null, { winograd: [] })).toEqual(['conv/workgroup/1x4']);
    expect(shaders(null, { maxBindingSize: 2 ** 16 })).toEqual(['conv/workgroup/1x4']);
  });

  test('goes by what decides the time of a shape', () => {
    expect(shapeKey(params)).toBe('1x32x32x64 3x3 to 1x32x32x64');
    const residual = { layout: params.y, alpha: 1 };
    expect(shapeKey({ ...params, y: layout(1, 32, 32, 64, 128, 64), upsample: 2, prologue: 'affine', residual })).toBe(
      '1x32x32x64 3x3 to 1x32x32x64, upsampled, affine, residual',
    );
  });
});

const weights = generatedWeights('rrdbnet', { blocks: 1, channels: 8, growth: 4 }, 11);
const size = { width: 8, height: 8 };
const input = Float32Array.from({ length: 3 * 8 * 8 }, (_, i) => ((i * 37) % 101) / 100);
const devices: GPUDevice[] = [];
afterAll(() => {
  for (const device of devices) device.destroy();
});

/** SwiftShader as the software adapter that it is. */
async function softwareDevice(driver: (code: string, label: string) => string = code => code): Promise<Device> {
  const gpu = await deviceWith(driver);
  devices.push(gpu);
  return new Device(gpu, { ...adapterInfo(gpu.adapterInfo), software: true });
}

const farthest = (a: Float32Array, b: Float32Array) => a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0);

test('every way is measured, and networks compute the same by another', async () => {
  const device = await softwareDevice();
  const network = await RRDBNet.load(device, weights);
  const want = await network.forward(input, size);
  const held = device.memory.allocated;
  const shares: number[] = [];
  const shapes = await device.tuner.measure({ onProgress: share => shares.push(share) });
  expect(device.memory.allocated).toBe(held);
  expect(shares.at(-1)).toBe(1);
  expect(shapes.length).toBe(Math.min(20, device.shapes.size));
  for (const { choice, times, leftOut } of shapes) {
    expect(leftOut).toEqual([]);
    expect(Object.keys(times)).toContain(choice);
    expect(Object.values(times).every(time => time > 0)).toBe(true);
  }
  network.destroy();
  device.tuner.apply(shapes.map(tuned => ({ ...tuned, choice: 'registers' })));
  const tuned = await RRDBNet.load(device, weights);
  expect(farthest(await tuned.forward(input, size), want)).toBeLessThan(1e-4);
  tuned.destroy();
});

test("the self-test's shapes are not measured", async () => {
  const device = await softwareDevice();
  const network = await RRDBNet.load(device, weights);
  const before = [...device.shapes.keys()];
  expect(before.length).toBeGreaterThan(0);
  await checkKernels(device, undefined, ['conv (direct)', 'conv (winograd)']);
  expect([...device.shapes.keys()]).toEqual(before);
  network.destroy();
});

describe('of small shapes', () => {
  const small = paramsOf(8, 8, 6, 8);
  const key = shapeKey(small);
  const added = (device: Device, params = small) => {
    device.shapes.set(shapeKey(params), { params, target: device.target });
    return device;
  };
  /** What is found of one on a device whose driver gets something wrong. */
  async function found(...driver: Parameters<typeof wrongWith>) {
    const device = added(await softwareDevice(wrongWith(...driver)));
    const held = device.memory.allocated;
    return device.tuner.measure().finally(() => expect(device.memory.allocated).toBe(held));
  }

  test('with few channels there are few ways', async () => {
    const device = await softwareDevice();
    for (const params of [small, paramsOf(4, 4, 4, 12)]) added(device, params);
    const ways = (await device.tuner.measure()).map(({ times }) => Object.keys(times));
    const few = ['registers, subgroups', 'registers'];
    expect(ways).toEqual([few, [...few, 'registers, subgroups, 8x8', 'registers, 8x8', 'registers, 4x8']]);
  });

  const SUBGROUPS = /^conv\/staged\/.*subgroups/;

  test.each([
    ['wrong', 'sum_0_0 += ', 'sum_0_0 -= '],
    ['no number', 'var value = sum;', 'var value = sqrt(-1.0 - abs(sum));'],
    ['refused', '@workgroup_size(16)', '@workgroup_size(65536)'],
  ])('the usual way is left out where its result is %s', async (_, from, to) => {
    const [shape] = await found(SUBGROUPS, from, to);
    expect(shape).toEqual({
      shape: key,
      choice: 'registers',
      times: { registers: expect.any(Number) },
      leftOut: ['registers, subgroups'],
    });
  });

  test('where every way is wrong that is an error', async () => {
    await expect(
      found(/^conv\/staged\//, 'var value = sum;', 'var value = sqrt(-1.0 - abs(sum));'),
    ).rejects.toMatchObject({
      code: 'GPU_ERROR',
      message: `Card (software) computes ${key} wrongly in every way`,
    });
    await expect(found(/^conv\/stage/, '@workgroup_size(', '@workgroup_size(0 * ')).rejects.toMatchObject({
      code: 'GPU_ERROR',
      message: expect.stringMatching(/^The shader conv\/stage.* does not compile/),
    });
  });

  test('a tuner that has been asked before measures all ways again', async () => {
    const device = await softwareDevice(wrongWith(/^conv\/staged\/(?!.*subgroups)/, 'sum_0_0 += ', 'sum_0_0 -= '));
    device.tuner.apply([{ shape: key, choice: 'registers', times: {}, leftOut: [] }]);
    const [shape] = await added(device).tuner.measure();
    expect(shape).toMatchObject({ choice: 'registers, subgroups', leftOut: ['registers'] });
  });

  test('a device without timestamps and subgroups is measured by the clock, and says so where it is lost meanwhile', async () => {
    const { gpu, adapter } = await softwareDevice();
    Object.defineProperty(gpu, 'features', { value: new Set() });
    const device = added(added(new Device(gpu, adapter)), paramsOf(4, 4, 4, 4));
    const shares: number[] = [];
    const onProgress = (share: number) => {
      shares.push(share);
      gpu.destroy();
    };
    await expect(device.tuner.measure({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(device.tuner.measure({ onProgress })).rejects.toMatchObject({ code: 'DESTROYED' });
    expect(shares).toHaveLength(1);
  });

  test('a device that is lost is none that refuses a way', async () => {
    const device: Device = await softwareDevice((code, label) => {
      if (SUBGROUPS.test(label)) device.gpu.destroy();
      return code;
    });
    await expect(added(device).tuner.measure()).rejects.toMatchObject({ code: 'DESTROYED' });
  });
});

test('restorers tune their networks, and there is nothing to tune on WebAssembly', async () => {
  const none = { weights: null, detector: null, upscaler: weights } as const;
  await using wasm = await createRestorer({ ...none, adapter: 'wasm' });
  expect(await wasm.tune()).toMatchObject({ shapes: [] });
  await expect(wasm.tune({ fast: true } as object)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});
