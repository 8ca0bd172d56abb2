// Every registered kernel against its float64 reference: all cases, both families, every precision the adapter has.

import { describe, expect, test } from 'vitest';
import { prepareKernel } from '../src/gpu/run-kernel.js';
import type { Case, Family, Kernel, KernelTest, NumberArray, Operand, Precision } from '../src/kernels/kernel.js';
import { kernelTests } from '../src/kernels/registry.js';
import { testDevice } from './device.js';

/** Marks what a kernel must leave alone; exact in f16. */
const UNTOUCHED = 77;

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** Whether an element belongs to an operand's layout, and whether it is one of its channels or padding. */
function place(operand: Operand, index: number): 'channel' | 'padding' | 'outside' {
  const l = operand.layout;
  if (!l) return 'channel';
  if (index >= l.n * l.h * l.w * l.stride) return 'outside';
  const c = (index % l.stride) - l.offset;
  if (c < 0 || c >= Math.ceil(l.c / 4) * 4) return 'outside';
  return c < l.c ? 'channel' : 'padding';
}

/** Whether the contents before mean something to the kernel. */
const given = ({ access }: Operand): boolean => access === 'read' || access === 'update';

function fill(name: string, operand: Operand, test: Case<unknown>): NumberArray {
  const random = generator(name.length * 7919 + operand.elements);
  const make = test.fill?.[name] ?? (() => random());
  const arrays = { store: Float32Array, f32: Float32Array, i32: Int32Array, u32: Uint32Array };
  const data = new arrays[operand.type](operand.elements);
  for (let i = 0; i < data.length; i++) {
    const where = given(operand) ? place(operand, i) : 'outside';
    // What lies outside a layout belongs to others and may be anything, NaN in the worst case.
    data[i] =
      where === 'channel'
        ? make(i, random)
        : where === 'padding'
          ? 0
          : operand.access === 'read'
            ? Number.NaN
            : UNTOUCHED;
  }
  return data;
}

async function run<P>(spec: KernelTest<P>, item: Case<P>, family: Family, precision: Precision): Promise<void> {
  const device = await testDevice(true, precision);
  const target = { ...device.target, family };
  const operands = spec.kernel.operands(item.params, target);
  const tables = spec.kernel.tables?.(item.params) ?? {};
  const values = Object.fromEntries(Object.entries(operands).map(([n, o]) => [n, tables[n] ?? fill(n, o, item)]));
  for (const [name, { elements }] of Object.entries(operands)) expect(values[name]!.length, name).toBe(elements);
  const inputs = Object.fromEntries(Object.entries(values).filter(([n]) => given(operands[n]!)));
  const want = spec.reference(item.params, inputs);
  const prepared = await prepareKernel(device, spec.kernel, item.params, values, target);
  try {
    await device.run(prepared.dispatches);
    for (const [name, operand] of Object.entries(operands)) {
      if (operand.access !== 'write' && operand.access !== 'update') continue;
      const got = await prepared.read(name);
      const expected = want[name]!;
      let worst = 0;
      let at = -1;
      for (let i = 0; i < operand.elements; i++) {
        const where = place(operand, i);
        const wanted = where === 'channel' ? expected[i]! : where === 'padding' ? 0 : UNTOUCHED;
        // NaN and infinite values have no distance; they must be the same.
        const error = Object.is(got[i], wanted) ? 0 : Math.abs(got[i]! - wanted) / Math.max(1, Math.abs(wanted));
        if (!(error <= worst)) {
          worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
          at = i;
        }
      }
      const shown = at < 0 ? '' : `${name}[${at}] = ${got[at]}, expected ${expected[at]}`;
      expect(worst, shown).toBeLessThanOrEqual(item.tolerance[device.precision]);
    }
  } finally {
    prepared.destroy();
  }
}

describe('plans', () => {
  const kernel = (plan: Record<string, number>): Kernel<null> => ({
    name: 'planned',
    operands: () => ({ y: { access: 'write', type: 'f32', elements: 4 } }),
    dispatches: () => [
      {
        shader: {
          name: 'planned',
          code: `struct Plan {
  start: u32, // of what is written, not count: u32
  below: i32,
  value: f32,
}
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> plan: Plan;
@compute @workgroup_size(1)
fn main() { y[plan.start] = plan.value + f32(plan.below); }`,
        },
        plan,
        workgroups: [1, 1, 1],
        operands: ['y'],
        flops: 0,
        bytes: 4,
      },
    ],
  });

  test('every dispatch reads its own', async () => {
    const device = await testDevice();
    const [first] = kernel({ start: 1, below: -3, value: 0.5 }).dispatches(null, device.target);
    const [second] = kernel({ start: 2, below: -4, value: 0.25 }).dispatches(null, device.target);
    const both = { ...kernel({}), dispatches: () => [first!, second!] };
    const before = device.memory.allocated;
    const prepared = await prepareKernel(device, both, null, {});
    await device.run(prepared.dispatches);
    expect([...(await prepared.read('y'))]).toEqual([0, -2.5, -3.75, 0]);
    prepared.destroy();
    expect(device.memory.allocated).toBe(before);
  });

  test.each([
    [{ start: 1, below: 0 }, /planned: expected value but received none/],
    [{ start: 1, below: 0, value: 0, count: 5 }, /expected no field count but received 5/],
    [{ start: 1.5, below: 0, value: 0 }, /expected a whole number for start but received 1.5/],
  ])('%o is refused', async (plan, message) => {
    const device = await testDevice();
    await expect(prepareKernel(device, kernel(plan as Record<string, number>), null, {})).rejects.toThrow(message);
  });
});

const f16 = (await testDevice()).gpu.features.has('shader-f16');

for (const spec of kernelTests) {
  describe(spec.kernel.name, () => {
    for (const item of spec.cases) {
      for (const family of ['registers', 'workgroup'] as const) {
        for (const precision of f16 ? (['f32', 'f16'] as const) : (['f32'] as const)) {
          test(`${item.name}, ${family}, ${precision}`, () => run(spec, item, family, precision));
        }
      }
    }
  });
}
