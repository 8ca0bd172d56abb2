// Every registered kernel against its float64 reference: all cases, both families, every precision the adapter has. On devices with the least
// limits that the specification allows, so that every variant is known to stay within them.

import { describe, expect, test } from 'vitest';
import { adapterInfo } from '../src/gpu/adapter.js';
import { Device } from '../src/gpu/device.js';
import { CONV_CHOICES, chosenTarget, isDistinct } from '../src/kernels/conv/choice.js';
import { convTest } from '../src/kernels/conv/conv.cases.js';
import type { Kernel } from '../src/kernels/kernel.js';
import { kernelTests } from '../src/kernels/registry.js';
import type { Dispatch } from '../src/kernels/webgpu.js';
import { smallWinogradTest, winogradTest } from '../src/kernels/winograd/winograd.cases.js';
import { worstOf } from '../src/selftest/kernel-check.js';
import { leastDevice, testDevice } from './device.js';
import { onWebgpu } from './on-webgpu.js';
import { prepareKernel } from './prepared-kernel.js';

describe('uniforms', () => {
  const kernel: Kernel<null> = {
    name: 'planned',
    operands: () => ({ y: { access: 'write', type: 'f32', elements: 4 } }),
  };
  const dispatch = (uniforms: Record<string, number>): Dispatch => ({
    shader: {
      name: 'planned',
      code: `struct Uniforms {
  start: u32, // of what is written, not count: u32
  below: i32,
  value: f32,
}
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;
@compute @workgroup_size(1)
fn main() { y[uniforms.start] = uniforms.value + f32(uniforms.below); }`,
    },
    uniforms,
    workgroups: [1, 1, 1],
    operands: ['y'],
    flops: 0,
    bytes: 4,
  });
  const prepare = (device: Device, uniforms: readonly Record<string, number>[]) =>
    prepareKernel(device, kernel, null, {}, device.target, { dispatches: () => uniforms.map(dispatch) });

  test('every dispatch reads its own', async () => {
    const device = await testDevice();
    const before = device.memory.allocated;
    const prepared = await prepare(device, [
      { start: 1, below: -3, value: 0.5 },
      { start: 2, below: -4, value: 0.25 },
    ]);
    await device.execute(prepared.dispatches, 'planned');
    expect([...(await prepared.read('y'))]).toEqual([0, -2.5, -3.75, 0]);
    prepared.destroy();
    expect(device.memory.allocated).toBe(before);
  });

  test.each([
    [{ start: 1, below: 0 }, /planned: expected value but received none/],
    [{ start: 1, below: 0, value: 0, count: 5 }, /expected no field count but received 5/],
    [{ start: 1.5, below: 0, value: 0 }, /expected a whole number for start but received 1.5/],
  ])('%o is refused', async (uniforms, message) => {
    const device = await testDevice();
    await expect(prepare(device, [uniforms as Record<string, number>])).rejects.toThrow(message);
  });
});

const { features } = (await testDevice()).gpu;
const has = (['shader-f16', 'subgroups'] as const).filter(name => features.has(name));
const precisions = has.includes('shader-f16') ? (['f32', 'f16'] as const) : (['f32'] as const);
const devices = new Map(
  await Promise.all(
    precisions.map(async precision => {
      const gpu = await leastDevice(has);
      return [precision, new Device(gpu, adapterInfo(gpu.adapterInfo), { precision })] as const;
    }),
  ),
);

// Those by matrices of subgroups are in matrices.test.ts.
for (const spec of kernelTests.filter(({ convolution }) => convolution !== 'subgroup-matrices')) {
  describe([spec.convolution, spec.kernel.name].filter(Boolean).join(' '), () => {
    for (const item of spec.cases) {
      for (const family of ['registers', 'workgroup'] as const) {
        for (const [precision, device] of devices) {
          test(`${item.name}, ${family}, ${precision}`, async () => {
            const { where, error } = await worstOf(spec, item, onWebgpu(device, { family }));
            expect(error, where).toBeLessThanOrEqual(item.tolerance[precision]);
          });
        }
      }
    }
  });
}

// What the families do without being asked is tested above.
const others = CONV_CHOICES.filter(choice =>
  choice.startsWith('registers') ? !choice.includes('subgroups') || choice.endsWith('x8') : /[48]x[48]/.test(choice),
);

// Small cases make few workgroups, and so have the smallest of them.
describe.each([2, 4] as const)('conv by tiles of %i rows', rows => {
  for (const spec of [convTest, winogradTest])
    for (const [precision, device] of devices)
      test.each(spec.cases)(`${spec.convolution}: $name, ${precision}`, async item => {
        const target = { family: 'workgroup', workgroupTile: { rows, columns: 4 } } as const;
        const { where, error } = await worstOf(spec, item, onWebgpu(device, target));
        expect(error, where).toBeLessThanOrEqual(item.tolerance[precision]);
      });
});

describe.each(others)('conv as a tuner may choose it, %s', choice => {
  const spec = choice.endsWith('2x2') ? smallWinogradTest : choice.endsWith('winograd') ? winogradTest : convTest;
  for (const [precision, device] of devices)
    test.each(spec.cases.filter(({ params }) => isDistinct(params, choice)))(`$name, ${precision}`, async item => {
      const { where, error } = await worstOf(
        spec,
        item,
        onWebgpu(device, chosenTarget({ ...device.target, family: 'workgroup' }, choice)),
      );
      expect(error, where).toBeLessThanOrEqual(item.tolerance[precision]);
    });
});
