// WebAssembly SIMD as an executor: for machines without a GPU. Activations are f32.

import { CodeFormerError, throwIfAborted } from '../errors.js';
import {
  type AdapterInfo,
  type CompiledProgram,
  type CompileOptions,
  type CopyRegion,
  type DeviceBuffer,
  type DeviceOptions,
  type Executor,
  missingBuffer,
  type RunOptions,
  type Variant,
  type Workspace,
} from '../executor.js';
import type { Program } from '../graph/graph.js';
import { bytesPerElement, type Kernel, type NumberArray, roundUp } from '../kernels/kernel.js';
import { ALIGNMENT, Heap } from './heap.js';
import { implementationOf } from './implementations.js';
import { CONTROL } from './jobs.js';
import { bindJob, bufferOf, type Lowered, lower } from './program.js';
import { instantiate } from './thread.js';
import { OneThread, type StartThread, ThreadPool, type Workers } from './workers.js';

/** Largest buffer: half of what a module can address would leave no room for a second one beside the weights. */
const BUFFER_BYTES = 2 ** 30;

/** In pages of 64 KiB: 4 GiB, and less where a browser does not reserve so much. */
const MAXIMUM_PAGES = [65536, 32768, 16384];

/** How many are started unless told: more wait for each other longer than they work on one face. */
export const MOST_THREADS = 16;

interface WasmBuffer extends DeviceBuffer {
  readonly address: number;
}

const addressOf = (buffer: DeviceBuffer): number => (buffer as WasmBuffer).address;

/** What the platform gives. */
export interface WasmPlatform {
  /** 1 to as many as there are processors. */
  readonly threads: number;
  /** Null where memory cannot be shared with threads. */
  readonly startThread: StartThread | null;
  /** The module of `kernels.as.ts`, for shared memory where there are threads. */
  readonly module: WebAssembly.Module;
  readonly precision: DeviceOptions['precision'];
  /** Why no GPU is used instead. */
  readonly reason: string | undefined;
}

/**
 * @param bytes of the module
 * @throws `NO_ADAPTER` where WebAssembly does not know SIMD, or the page forbids to compile
 */
export async function compileModule(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    const { message } = cause as Error;
    throw new CodeFormerError(
      'NO_ADAPTER',
      `Expected WebAssembly with SIMD but the module cannot be compiled: ${message}`,
      { cause },
    );
  }
}

/** A device that computes with WebAssembly SIMD, on threads where memory can be shared. */
export class WasmExecutor implements Executor {
  readonly adapter: AdapterInfo;
  readonly precision = 'f32';
  readonly features: readonly string[] = ['simd128'];
  readonly variants: readonly Variant[] = [];
  readonly limits = { bufferBytes: BUFFER_BYTES, pictureSide: 2 ** 16 };
  readonly lost: Promise<string>;
  private readonly heap: Heap;
  private readonly workers: Workers;
  private readonly live = new Set<DeviceBuffer>();
  private allocated = 0;
  private peak = 0;
  private destroyed = false;
  private end: (reason: string) => void = () => {};
  /** What was submitted; done one after another. */
  private queue: Promise<unknown> = Promise.resolve();
  private queued = 0;
  /** Memory that each thread has for itself: where that of the first one begins, and how much. */
  private local = { address: 0, bytes: 0 };

  constructor({ threads, startThread, module, precision, reason }: WasmPlatform) {
    if (precision === 'f16')
      throw new CodeFormerError(
        'ADAPTER_LIMITS',
        'Expected an adapter with f16 for precision "f16" but WebAssembly has none',
      );
    const memory = newMemory(startThread !== null);
    const functions = instantiate(module, memory);
    this.heap = new Heap(memory, functions.heapBase!()! >>> 0);
    const control = this.heap.allocate(4 * Object.keys(CONTROL).length, 'the threads');
    const count = startThread ? threads : 1;
    this.workers = startThread
      ? new ThreadPool({ module, memory, control, threads: count }, startThread)
      : new OneThread(functions);
    this.adapter = {
      vendor: '',
      architecture: 'wasm',
      device: '',
      description: `WebAssembly SIMD on ${count} thread${count === 1 ? '' : 's'}`,
      software: true,
      reason,
    };
    this.lost = new Promise(resolve => {
      this.end = resolve;
    });
  }

  get memory(): { readonly allocated: number; readonly peak: number } {
    return { allocated: this.allocated, peak: this.peak };
  }

  describe(): string {
    return this.adapter.description;
  }

  /** There is one way. */
  use(): void {}

  check(): void {
    if (this.destroyed) throw new CodeFormerError('DESTROYED', 'The device was used after destroy()');
  }

  async allocate<K extends string>(
    owner: string,
    sizes: Readonly<Record<K, number>>,
  ): Promise<Record<K, DeviceBuffer>> {
    this.check();
    const made: [string, DeviceBuffer][] = [];
    try {
      for (const [name, bytes] of Object.entries<number>(sizes))
        made.push([name, this.buffer(`${owner}/${name}`, bytes)]);
    } catch (error) {
      for (const [, buffer] of made) this.release(buffer);
      throw error;
    }
    return Object.fromEntries(made) as Record<K, DeviceBuffer>;
  }

  release(buffer: DeviceBuffer): void {
    if (!this.live.delete(buffer)) return;
    this.allocated -= buffer.size;
    const free = () => this.heap.release(addressOf(buffer), buffer.size);
    if (this.queued === 0) free();
    else this.submit(async () => free());
  }

  write(buffer: DeviceBuffer, data: ArrayBufferView, offset = 0): void {
    this.check();
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (this.queued === 0) this.bytesOf(buffer, offset, bytes.length).set(bytes);
    else {
      const copy = bytes.slice();
      this.submit(async () => this.bytesOf(buffer, offset, copy.length).set(copy));
    }
  }

  async read(buffer: DeviceBuffer, offset = 0, size = buffer.size - offset): Promise<ArrayBuffer> {
    this.check();
    return this.submit(async () => {
      const copy = new Uint8Array(size);
      copy.set(this.bytesOf(buffer, offset, size));
      return copy.buffer;
    });
  }

  copy(from: DeviceBuffer, to: DeviceBuffer, regions: readonly CopyRegion[]): Promise<void> {
    this.check();
    return this.submit(async () => {
      for (const { from: at, to: place, bytes } of regions)
        this.bytesOf(to, place, bytes).set(this.bytesOf(from, at, bytes));
    });
  }

  async run<P>(
    kernel: Kernel<P>,
    params: P,
    operands: Readonly<Record<string, DeviceBuffer | NumberArray>>,
    { signal }: Pick<RunOptions, 'signal'> = {},
  ): Promise<void> {
    this.check();
    throwIfAborted(signal);
    const { scratch, jobs } = implementationOf(kernel, params, {});
    const contents = kernel.tables?.(params) ?? {};
    const temporary: DeviceBuffer[] = [];
    const buffers: Record<string, DeviceBuffer> = {};
    const make = (name: string, bytes: number): DeviceBuffer => {
      const buffer = this.buffer(`${kernel.name}/${name}`, bytes);
      temporary.push(buffer);
      buffers[name] = buffer;
      return buffer;
    };
    try {
      for (const name of Object.keys(kernel.operands(params))) {
        const given = operands[name] ?? contents[name];
        if (!given) throw missingBuffer(kernel.name, name);
        if (ArrayBuffer.isView(given)) this.write(make(name, given.byteLength), given);
        else buffers[name] = given;
      }
      for (const [name, { type, elements }] of Object.entries(scratch))
        make(name, elements * bytesPerElement(type, 'f32'));
      const bound = jobs.map(job => bindJob(job, name => addressOf(buffers[name]!)));
      await this.submit(async () => this.workers.run(bound, this.locals(jobs), { signal }));
    } finally {
      for (const buffer of temporary) this.release(buffer);
    }
  }

  workspace(label: string): Workspace {
    return new WasmWorkspace(this, label);
  }

  /** Runs the jobs of a program on its memory. */
  async runProgram(
    label: string,
    { steps, memory }: Lowered,
    places: Parameters<typeof bufferOf>[2],
    { signal, onProgress }: RunOptions,
  ): Promise<void> {
    this.check();
    throwIfAborted(signal);
    // Progress counts parts: how many are done after so many jobs.
    const done = [0];
    for (const { job } of steps) done.push(done.at(-1)! + job.parts);
    const total = done.at(-1)!;
    const jobs = steps.map(({ job, operands }) =>
      bindJob(job, name => addressOf(bufferOf(operands[name]!, memory, places, label))),
    );
    const onJobs = onProgress && ((count: number) => onProgress(done[count]! / total));
    await this.submit(async () => this.workers.run(jobs, this.locals(steps.map(({ job }) => job)), { signal, onJobs }));
    onProgress?.(1);
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.workers.stop();
    this.live.clear();
    this.allocated = 0;
    this.end('destroyed');
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  /**
   * A zeroed buffer.
   * @throws `ADAPTER_LIMITS`, `OUT_OF_MEMORY`
   * @internal
   */
  buffer(what: string, bytes: number): DeviceBuffer {
    this.check();
    const size = Math.max(16, Math.ceil(bytes / 4) * 4);
    if (size > BUFFER_BYTES)
      throw new CodeFormerError(
        'ADAPTER_LIMITS',
        `Expected an adapter with buffers of at least ${size} bytes for ${what} but ${this.describe()} allows ${BUFFER_BYTES}`,
      );
    const buffer: WasmBuffer = { size, address: this.heap.allocate(size, what) };
    this.live.add(buffer);
    this.allocated += size;
    this.peak = Math.max(this.peak, this.allocated);
    return buffer;
  }

  private bytesOf(buffer: DeviceBuffer, offset: number, size: number): Uint8Array {
    if (offset + size > buffer.size)
      throw new RangeError(`Expected at most ${buffer.size} bytes but received ${offset + size}`);
    return new Uint8Array(this.heap.memory.buffer, addressOf(buffer) + offset, size);
  }

  /** Addresses of the memory that each thread has for itself, as much as any of these jobs needs. */
  private locals(jobs: readonly { readonly local?: number }[]): number[] {
    const bytes = roundUp(Math.max(0, ...jobs.map(({ local = 0 }) => local)), ALIGNMENT);
    const { threads } = this.workers;
    if (bytes > this.local.bytes) {
      if (this.local.bytes > 0) this.heap.release(this.local.address, threads * this.local.bytes);
      this.local = { address: 0, bytes: 0 };
      this.local = { address: this.heap.allocate(threads * bytes, 'the threads'), bytes };
    }
    return Array.from({ length: threads }, (_, i) => this.local.address + i * this.local.bytes);
  }

  /** Does work when all that came before is done. */
  private submit<T>(work: () => Promise<T>): Promise<T> {
    this.queued++;
    const result = this.queue.then(() => {
      this.check();
      // Work that destroy() has ended has no result.
      return work().finally(() => this.check());
    });
    this.queue = result.then(
      () => this.queued--,
      () => this.queued--,
    );
    return result;
  }
}

/** Memory for intermediate values, shared by programs that never run at the same time. */
class WasmWorkspace implements Workspace {
  private slots: DeviceBuffer[] = [];

  constructor(
    private readonly executor: WasmExecutor,
    private readonly label: string,
  ) {}

  async compile(
    label: string,
    program: Program,
    parameters: { get(name: string): DeviceBuffer },
    options: CompileOptions = {},
  ): Promise<CompiledProgram> {
    const lowered = lower(program, options);
    this.reserve(lowered.memory.slots);
    return {
      program,
      run: async (externals, runOptions = {}) => {
        this.reserve(lowered.memory.slots);
        await this.executor.runProgram(label, lowered, { slots: this.slots, parameters, externals }, runOptions);
      },
    };
  }

  destroy(): void {
    for (const slot of this.slots) this.executor.release(slot);
    this.slots = [];
  }

  /** Makes sure that slot i holds at least sizes[i] bytes; where there is not enough memory all that was there is given back. */
  private reserve(sizes: readonly number[]): void {
    try {
      for (const [i, size] of sizes.entries()) {
        const old = this.slots[i];
        if (old && old.size >= size) continue;
        if (old) this.executor.release(old);
        this.slots[i] = this.executor.buffer(`${this.label}/slot ${i}`, size);
      }
    } catch (error) {
      this.destroy();
      throw error;
    }
  }
}

function newMemory(shared: boolean): WebAssembly.Memory {
  let reason: unknown;
  for (const maximum of MAXIMUM_PAGES) {
    try {
      return new WebAssembly.Memory({ initial: 32, maximum, shared });
    } catch (error) {
      reason = error;
    }
  }
  const { message } = reason as Error;
  throw new CodeFormerError('OUT_OF_MEMORY', `Not enough address space for WebAssembly: ${message}`, { cause: reason });
}
