// Convolutions by matrices of subgroups. Few adapters have them, so that elsewhere only the shaders are checked, by Dawn's adapter that
// knows every feature and computes nothing.

import { afterAll, describe, expect, test } from 'vitest';
import { create } from 'webgpu';
import { adapterInfo } from '../src/gpu/adapter.js';
import { Device } from '../src/gpu/device.js';
import { implementationOf } from '../src/gpu/implementations.js';
import { matrixShape } from '../src/gpu/matrix-shape.js';
import { byMatrices, CONV_CHOICES, chosenTarget } from '../src/kernels/conv/choice.js';
import { conv } from '../src/kernels/conv/conv.js';
import { matrixTest } from '../src/kernels/conv/conv-matrix.cases.js';
import { kernelTests } from '../src/kernels/registry.js';
import type { MatrixShape, Target } from '../src/kernels/webgpu.js';
import { createDevice } from '../src/node/gpu.js';
import { worstOf } from '../src/selftest/kernel-check.js';
import { onWebgpu } from './on-webgpu.js';

const FEATURES = ['chromium-experimental-subgroup-matrix', 'shader-f16', 'subgroups'] as GPUFeatureName[];
const shape: MatrixShape = { m: 16, n: 16, k: 16, subgroup: 32 };
const params = matrixTest.cases[0]!.params;

const target: Target = {
  family: 'workgroup',
  precision: 'f16',
  maxBindingSize: 2 ** 27,
  subgroups: true,
  matrix: shape,
};
const firstName = (own: Target, of = params) => implementationOf(conv, of, own).dispatches(of, own).at(-1)!.shader.name;

describe('are used', () => {
  test('in half precision, with enough channels, unless something else is asked for', () => {
    expect(firstName(target)).toBe('conv/matrix/64x64/0');
    expect(firstName({ ...target, precision: 'f32' })).not.toMatch(/matrix/);
    expect(firstName({ ...target, matrix: undefined })).not.toMatch(/matrix/);
    expect(firstName({ ...target, convolution: 'direct' })).not.toMatch(/matrix/);
    expect(firstName(target, { ...params, outputType: 'f32' })).not.toMatch(/matrix/);
    expect(firstName(target, { ...params, x: { ...params.x, c: 8, stride: 8 } })).not.toMatch(/matrix/);
  });

  test('in large tiles where there is enough work for them, or as a tuner chose', () => {
    const large = {
      ...params,
      x: { ...params.x, h: 128, w: 128 },
      y: { ...params.y, h: 128, w: 128, c: 128, stride: 128 },
    };
    expect(firstName(target, large)).toBe('conv/matrix/128x128/0');
    // Who asks for matrices tests them: the large tiles as well, on small pictures.
    const few = { ...params, y: { ...params.y, c: 72, stride: 72 } };
    expect(firstName(target, few)).toBe('conv/matrix/64x64/0');
    expect(firstName({ ...target, convolution: 'subgroup-matrices' }, few)).toBe('conv/matrix/128x128/0');
    expect(firstName(chosenTarget(target, 'matrices, 128x64'), large)).toBe('conv/matrix/128x64/0');
    expect(firstName(chosenTarget(target, 'workgroup'), large)).not.toMatch(/matrix/);
  });
});

describe('an adapter', () => {
  const config = (componentType: string, resultComponentType: string, M: number, N = M, K = M) => ({
    componentType,
    resultComponentType,
    M,
    N,
    K,
  });
  const found = (subgroupMatrixConfigs: object[], changed: object = {}, features = FEATURES) => {
    const info = { subgroupMinSize: 32, subgroupMaxSize: 32, subgroupMatrixConfigs, ...changed };
    const limits = { maxComputeWorkgroupStorageSize: 32768, maxComputeInvocationsPerWorkgroup: 256 };
    Object.assign(limits, { maxComputeWorkgroupSizeX: 256 }, changed);
    return matrixShape({ features: new Set(features), limits, adapterInfo: info } as unknown as GPUDevice);
  };
  const both = [config('f16', 'f16', 16), config('u8', 'u32', 16), config('f16', 'f32', 16)];

  test('has them where sums are f32, in the largest size that the tiles are made of', () => {
    expect(found(both)).toEqual(shape);
    expect(found([config('f16', 'f32', 16, 8, 16), config('f16', 'f32', 16)])).toEqual(shape);
    expect(found([config('f16', 'f32', 16, 8, 16), config('f16', 'f32', 16, 32, 16)])).toEqual({ ...shape, n: 8 });
    expect(found([config('f16', 'f32', 8), config('f16', 'f32', 24)])).toBeUndefined();
    const sixteen = { subgroupMinSize: 16, subgroupMaxSize: 16 };
    expect(found([config('f16', 'f32', 8)], sixteen)).toEqual({ m: 8, n: 8, k: 8, subgroup: 16 });
  });

  test('has none without the features, the memory, the invocations or one size of subgroups', () => {
    expect(found(both, {}, FEATURES.slice(1))).toBeUndefined();
    expect(found(both, {}, FEATURES.slice(0, 2))).toBeUndefined();
    expect(found(both, { maxComputeWorkgroupStorageSize: 16384 })).toBeUndefined();
    expect(found(both, { maxComputeInvocationsPerWorkgroup: 128 })).toBeUndefined();
    expect(found(both, { maxComputeWorkgroupSizeX: 128 })).toBeUndefined();
    expect(found(both, { subgroupMinSize: 16 })).toBeUndefined();
    expect(found(both, { subgroupMinSize: 8, subgroupMaxSize: 8 })).toBeUndefined();
    expect(found([])).toBeUndefined();
  });
});

// Dawn ends the process when an instance is collected while its devices live.
const knowing = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);

describe('on an adapter that knows every feature', async () => {
  const adapter = (await knowing.requestAdapter())!;
  const device = await adapter.requestDevice({ requiredFeatures: FEATURES });
  afterAll(() => device.destroy());
  const own = (changed: Partial<Target>) =>
    new Device(device, adapterInfo(adapter.info), {
      precision: 'f16',
      target: { family: 'workgroup', ...changed },
    } as object);

  test.each(CONV_CHOICES.filter(byMatrices))('%s compiles', async choice => {
    const using = own({ matrix: shape });
    const large = choice !== 'matrices, 64x64';
    for (const { params } of matrixTest.cases)
      for (const { shader } of implementationOf(conv, params, chosenTarget(using.target, choice)).dispatches(
        params,
        chosenTarget(using.target, choice),
      )) {
        const compiled = using.pipeline(shader);
        // Validated as a whole, but for the memory, of which there is the least that the specification allows.
        if (large && shader.name.startsWith('conv/matrix/'))
          await expect(compiled).rejects.toThrow(/workgroup storage/);
        else await compiled;
      }
  });

  test.each(['workgroup', 'registers'] as const)('every kernel compiles in half precision, by %s', async family => {
    const using = own({ family });
    for (const { kernel, cases } of kernelTests)
      for (const { params } of cases)
        for (const { shader } of implementationOf(kernel, params, using.target).dispatches(params, using.target))
          await using.pipeline(shader);
  });
});

const real = await createDevice({
  adapter: process.env.CODEFORMER_TEST_ADAPTER === 'gpu' ? 'gpu' : 'software',
  robust: true,
  subgroupMatrices: true,
});

describe.skipIf(!real.features.includes(FEATURES[0]!))('on this adapter', () => {
  real.use(['subgroup-matrices', 'f16', 'workgroup']);

  describe.each(CONV_CHOICES.filter(byMatrices))('%s', choice => {
    test.each(matrixTest.cases)('$name', async item => {
      const own = chosenTarget(real.target, choice);
      expect(firstName(own, item.params)).toMatch(/^conv\/matrix\//);
      const { where, error } = await worstOf(matrixTest, item, onWebgpu(real, own));
      expect(error, where).toBeLessThanOrEqual(item.tolerance.f16);
    });
  });

  test('are given up by themselves', () => {
    const { variants } = real;
    real.use(variants.filter(variant => variant !== 'subgroup-matrices'));
    expect(firstName(real.target)).not.toMatch(/matrix/);
    real.use(variants);
    expect(firstName(real.target)).toMatch(/matrix/);
  });
});
