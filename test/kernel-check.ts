// A kernel beside its reference, on one of its cases.

import type { Device } from '../src/gpu/device.js';
import { prepareKernel } from '../src/gpu/run-kernel.js';
import type { Case, Family, KernelTest, NumberArray, Operand } from '../src/kernels/kernel.js';

/** Marks what a kernel must leave alone; exact in f16. */
const UNTOUCHED = 77;

/** The value of an operand that is farthest from what it should be. */
export interface Worst {
  readonly where: string;
  /** |got - want| / max(1, |want|). */
  readonly error: number;
}

/** Random numbers in [-1, 1), always the same. */
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

/** Runs a case; the worst value of everything that the kernel writes. */
export async function worstOf<P>(
  device: Device,
  { kernel, reference }: KernelTest<P>,
  item: Case<P>,
  family: Family,
): Promise<Worst> {
  const target = { ...device.target, family };
  const operands = kernel.operands(item.params, target);
  const tables = kernel.tables?.(item.params) ?? {};
  const values = Object.fromEntries(Object.entries(operands).map(([n, o]) => [n, tables[n] ?? fill(n, o, item)]));
  for (const [name, { elements }] of Object.entries(operands)) {
    const { length } = values[name]!;
    if (length !== elements)
      throw new Error(`${kernel.name}/${name}: expected ${elements} values but there are ${length}`);
  }
  const inputs = Object.fromEntries(Object.entries(values).filter(([n]) => given(operands[n]!)));
  const want = reference(item.params, inputs);
  const prepared = await prepareKernel(device, kernel, item.params, values, target);
  let worst: Worst = { where: '', error: 0 };
  try {
    await device.run(prepared.dispatches);
    for (const [name, operand] of Object.entries(operands)) {
      if (operand.access !== 'write' && operand.access !== 'update') continue;
      const got = await prepared.read(name);
      for (let i = 0; i < operand.elements; i++) {
        const where = place(operand, i);
        const wanted = where === 'channel' ? want[name]![i]! : where === 'padding' ? 0 : UNTOUCHED;
        // NaN and infinite values have no distance; they must be the same.
        const distance = Object.is(got[i], wanted) ? 0 : Math.abs(got[i]! - wanted) / Math.max(1, Math.abs(wanted));
        const error = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance;
        if (error > worst.error) worst = { where: `${name}[${i}] = ${got[i]}, expected ${wanted}`, error };
      }
    }
    return worst;
  } finally {
    prepared.destroy();
  }
}
