// Runs kernels by their references, in TypeScript on the CPU: slow, and right by definition. It shows that programs ask nothing of WebGPU, and
// other executors are measured by it.

import { CodeFormerError, throwIfAborted } from '../errors.js';
import {
  type CompiledProgram,
  type CopyRegion,
  type DeviceBuffer,
  type Executor,
  missingBuffer,
  type RunOptions,
  type Variant,
  type Workspace,
} from '../executor.js';
import type { Program, Storage } from '../graph/graph.js';
import { planMemory } from '../graph/memory.js';
import { type Kernel, type NumberArray, type Operand, pixelIndex, roundUp } from '../kernels/kernel.js';
import { kernelTests } from '../kernels/registry.js';

const REFERENCES = new Map(kernelTests.map(({ kernel, reference }) => [kernel.name, reference]));
const ARRAYS = { store: Float32Array, f32: Float32Array, i32: Int32Array, u32: Uint32Array };

interface Memory extends DeviceBuffer {
  readonly bytes: ArrayBuffer;
}

const bytesOf = (buffer: DeviceBuffer): ArrayBuffer => (buffer as Memory).bytes;

const viewOf = (bytes: ArrayBuffer, { type, elements }: Operand): NumberArray => new ARRAYS[type](bytes, 0, elements);

/** Runs kernels and programs on the CPU, in TypeScript and always in f32: slow, and as exact as the references are. */
export class ReferenceExecutor implements Executor {
  readonly adapter = { vendor: '', architecture: '', device: '', description: 'references', software: true };
  readonly precision = 'f32';
  readonly features: readonly string[] = [];
  readonly variants: readonly Variant[] = [];
  readonly limits = { bufferBytes: 2 ** 31, pictureSide: 2 ** 16 };
  readonly lost: Promise<string>;
  private readonly live = new Set<DeviceBuffer>();
  private peak = 0;
  private destroyed = false;
  private end: (reason: string) => void = () => {};

  constructor() {
    this.lost = new Promise(resolve => {
      this.end = resolve;
    });
  }

  get memory(): { readonly allocated: number; readonly peak: number } {
    const allocated = [...this.live].reduce((sum, { size }) => sum + size, 0);
    return { allocated, peak: Math.max(this.peak, allocated) };
  }

  describe(): string {
    return 'references in TypeScript';
  }

  use(): void {}

  check(): void {
    if (this.destroyed) throw new CodeFormerError('DESTROYED', 'The device was used after destroy()');
  }

  async allocate<K extends string>(
    owner: string,
    sizes: Readonly<Record<K, number>>,
  ): Promise<Record<K, DeviceBuffer>> {
    this.check();
    const made = Object.entries<number>(sizes).map(([name, bytes]): [string, Memory] => {
      const size = Math.max(16, roundUp(bytes, 4));
      if (size > this.limits.bufferBytes)
        throw new CodeFormerError(
          'ADAPTER_LIMITS',
          `Expected less than 2 GiB for ${owner}/${name} but received ${size}`,
        );
      return [name, { size, bytes: new ArrayBuffer(size) }];
    });
    for (const [, buffer] of made) this.live.add(buffer);
    this.peak = this.memory.peak;
    return Object.fromEntries(made) as unknown as Record<K, DeviceBuffer>;
  }

  release(buffer: DeviceBuffer): void {
    this.live.delete(buffer);
  }

  write(buffer: DeviceBuffer, data: ArrayBufferView, offset = 0): void {
    this.check();
    const source = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    new Uint8Array(bytesOf(buffer), offset).set(source);
  }

  async read(buffer: DeviceBuffer, offset = 0, size = buffer.size - offset): Promise<ArrayBuffer> {
    this.check();
    return bytesOf(buffer).slice(offset, offset + size);
  }

  async copy(from: DeviceBuffer, to: DeviceBuffer, regions: readonly CopyRegion[]): Promise<void> {
    for (const { from: at, to: place, bytes } of regions)
      new Uint8Array(bytesOf(to), place).set(new Uint8Array(bytesOf(from), at, bytes));
  }

  async run<P>(
    kernel: Kernel<P>,
    params: P,
    operands: Readonly<Record<string, DeviceBuffer | NumberArray>>,
    { signal }: Pick<RunOptions, 'signal'> = {},
  ): Promise<void> {
    this.check();
    throwIfAborted(signal);
    const tables = kernel.tables?.(params) ?? {};
    call(kernel, params, (name, operand) => {
      const given = operands[name] ?? tables[name];
      if (!given) throw missingBuffer(kernel.name, name);
      return ArrayBuffer.isView(given) ? given : viewOf(bytesOf(given), operand);
    });
  }

  workspace(label: string): Workspace {
    return {
      compile: async (_, program, parameters): Promise<CompiledProgram> => ({
        program,
        run: (externals, options) => this.runProgram(label, program, parameters, externals, options),
      }),
      destroy: () => {},
    };
  }

  destroy(): void {
    this.destroyed = true;
    this.live.clear();
    this.end('destroyed');
  }

  private async runProgram(
    label: string,
    { calls }: Program,
    parameters: { get(name: string): DeviceBuffer },
    externals: Readonly<Record<string, DeviceBuffer>>,
    { signal, onProgress }: RunOptions = {},
  ): Promise<void> {
    const { slots, slotOf } = planMemory(calls, this.precision);
    const memory = slots.map(size => new ArrayBuffer(size));
    const bytes = ({ id, kind, name }: Storage): ArrayBuffer => {
      if (kind === 'transient') return memory[slotOf.get(id)!]!;
      const buffer = kind === 'parameter' ? parameters.get(name) : externals[name];
      if (!buffer) throw missingBuffer(label, name);
      return bytesOf(buffer);
    };
    for (const [i, { kernel, params, operands }] of calls.entries()) {
      // Aborts come between calls.
      await new Promise(resolve => setTimeout(resolve));
      this.check();
      throwIfAborted(signal);
      call(kernel, params, (name, operand) => viewOf(bytes(operands[name]!), operand));
      onProgress?.((i + 1) / calls.length);
    }
  }
}

/** Computes a kernel on the contents of its operands. */
function call<P>(kernel: Kernel<P>, params: P, contents: (name: string, operand: Operand) => NumberArray): void {
  const reference = REFERENCES.get(kernel.name);
  if (!reference) throw new RangeError(`The kernel ${kernel.name} has no reference`);
  const operands = Object.entries(kernel.operands(params));
  const values = new Map(operands.map(([name, operand]) => [name, contents(name, operand)]));
  const inputs = operands.filter(([, { access }]) => access !== 'write').map(([name]) => [name, values.get(name)!]);
  const results = reference(params, Object.fromEntries(inputs));
  for (const [name, operand] of operands)
    if (operand.access !== 'read') store(results[name]!, values.get(name)!, operand);
}

/** Writes what a reference returned, and nothing outside of the layout. */
function store(result: NumberArray, into: NumberArray, { layout: l }: Operand): void {
  if (!l) {
    into.set(result.subarray(0, into.length));
    return;
  }
  for (let n = 0; n < l.n; n++)
    for (let y = 0; y < l.h; y++)
      for (let x = 0; x < l.w; x++) {
        const at = pixelIndex(l, n, y, x);
        into.set(result.subarray(at, at + l.c), at);
        into.fill(0, at + l.c, at + roundUp(l.c, 4));
      }
}
