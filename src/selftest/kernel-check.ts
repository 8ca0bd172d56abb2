// A kernel beside its reference, on one of its cases.

import type { CompiledProgram, DeviceBuffer, Executor, RunOptions } from '../executor.js';
import type { Storage } from '../graph/graph.js';
import {
  bytesPerElement,
  type Case,
  type ElementType,
  type KernelTest,
  type NumberArray,
  type Operand,
  type Precision,
} from '../kernels/kernel.js';
import { decodeFloat16, encodeFloat16 } from '../weights/dtype.js';

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

/** Contents of an operand before a kernel runs. */
export function fill(name: string, operand: Operand, test: Pick<Case<unknown>, 'fill'>): NumberArray {
  // Operands of one size have values of their own.
  const seed = [...name].reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0), operand.elements);
  const random = generator(seed);
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

/** Runs a kernel on operands with given contents; returns those of all that it writes. */
export type Runner = <P>(
  test: KernelTest<P>,
  params: P,
  values: Readonly<Record<string, NumberArray>>,
) => Promise<Readonly<Record<string, NumberArray>>>;

/** Whether a kernel leaves something there. */
export const written = ({ access }: Operand): boolean => access === 'write' || access === 'update';

/** Contents of an operand as an executor stores them. */
export const stored = (values: NumberArray, type: ElementType, precision: Precision): ArrayBufferView =>
  type === 'store' && precision === 'f16' ? encodeFloat16(values as Float32Array) : values;

/** The contents that an executor has stored. */
export function contents(bytes: ArrayBuffer, { type, elements }: Operand, precision: Precision): NumberArray {
  if (type === 'i32') return new Int32Array(bytes, 0, elements);
  if (type === 'u32') return new Uint32Array(bytes, 0, elements);
  return type === 'store' && precision === 'f16'
    ? decodeFloat16(new Uint16Array(bytes, 0, elements))
    : new Float32Array(bytes, 0, elements);
}

/** Does something with a kernel as a program of one call, and with memory for its operands. */
export async function withProgram<P, T>(
  executor: Executor,
  label: string,
  { kernel, convolution }: Pick<KernelTest<P>, 'kernel' | 'convolution'>,
  params: P,
  work: (program: CompiledProgram, buffers: Readonly<Record<string, DeviceBuffer>>) => Promise<T>,
): Promise<T> {
  const entries = Object.entries(kernel.operands(params));
  const sizes = entries.map(([n, { type, elements }]) => [n, elements * bytesPerElement(type, executor.precision)]);
  const buffers = await executor.allocate<string>(label, Object.fromEntries(sizes));
  const workspace = executor.workspace(label);
  try {
    const storages = entries.map(([name, { type, elements }], id): [string, Storage] => [
      name,
      { id, kind: 'external', name, type, elements },
    ]);
    const call = { label: kernel.name, kernel, params, operands: Object.fromEntries(storages) };
    const parameters = { get: (name: string) => buffers[name]! };
    const program = await workspace.compile(label, { calls: [call], parameters: [] }, parameters, {
      convolution,
      tuned: false,
    });
    return await work(program, buffers);
  } finally {
    workspace.destroy();
    for (const buffer of Object.values(buffers)) executor.release(buffer);
  }
}

/** By an executor, as networks run them. */
export const onExecutor =
  (executor: Executor, options?: RunOptions): Runner =>
  (test, params, values) =>
    withProgram(executor, 'test', test, params, async (program, buffers) => {
      const { precision } = executor;
      const operands = test.kernel.operands(params);
      for (const [name, buffer] of Object.entries(buffers))
        executor.write(buffer, stored(values[name]!, operands[name]!.type, precision));
      await program.run(buffers, options);
      const names = Object.keys(operands).filter(name => written(operands[name]!));
      const read = async (name: string) => contents(await executor.read(buffers[name]!), operands[name]!, precision);
      return Object.fromEntries(await Promise.all(names.map(async name => [name, await read(name)])));
    });

/** Runs a case; the worst value of everything that the kernel writes. */
export async function worstOf<P>(test: KernelTest<P>, item: Case<P>, run: Runner): Promise<Worst> {
  const { kernel, reference } = test;
  const operands = kernel.operands(item.params);
  const tables = kernel.tables?.(item.params) ?? {};
  const values = Object.fromEntries(Object.entries(operands).map(([n, o]) => [n, tables[n] ?? fill(n, o, item)]));
  for (const [name, { elements }] of Object.entries(operands)) {
    const { length } = values[name]!;
    if (length !== elements)
      throw new Error(`${kernel.name}/${name}: expected ${elements} values but there are ${length}`);
  }
  const inputs = Object.fromEntries(Object.entries(values).filter(([n]) => given(operands[n]!)));
  const results = await run(test, item.params, values);
  // Not before the run: shaders of many cases compile side by side, and this would hold them up.
  const want = reference(item.params, inputs);
  let worst: Worst = { where: '', error: 0 };
  for (const [name, got] of Object.entries(results)) {
    const operand = operands[name]!;
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
}
