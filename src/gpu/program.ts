// Runs graph programs on the GPU: weights, the arena that programs share, pipelines and bind groups made once.

import { CodeFormerError, throwIfAborted } from '../errors.js';
import type { Call, Parameter, Program, Storage } from '../graph/graph.js';
import { type MemoryPlan, planMemory, storageBytes } from '../graph/memory.js';
import { bytesPerElement, type Dispatch, type Precision, roundUp } from '../kernels/kernel.js';
import { INFINITE_BITS, packWeights } from '../kernels/pack-weights/pack-weights.js';
import { encodeFloat16 } from '../weights/dtype.js';
import { checkFinite } from '../weights/finite.js';
import type { Weights } from '../weights/weights.js';
import type { BoundDispatch, Device } from './device.js';
import { Plans } from './plans.js';
import { submitKernel } from './run-kernel.js';

/** GPU buffers of weights by parameter name, shared by the programs of a network. */
export class ParameterSet {
  private readonly buffers = new Map<string, GPUBuffer>();

  constructor(private readonly device: Device) {}

  get(name: string): GPUBuffer {
    const buffer = this.buffers.get(name);
    if (!buffer) throw new CodeFormerError('DESTROYED', `The parameter ${name} was used after destroy()`);
    return buffer;
  }

  /**
   * Loads what is not there yet, tensor by tensor: read, upload, pack on the GPU.
   * @throws `INVALID_CHECKPOINT` where a value is NaN or infinite, or too large for the device's precision
   */
  async load(parameters: readonly Parameter[], weights: Weights, signal?: AbortSignal): Promise<void> {
    const missing = parameters.filter(p => !this.buffers.has(p.name));
    if (missing.length === 0) return;
    const { device } = this;
    const largest = Math.max(...missing.map(p => (p.packing === 'conv' ? product(p.shape) * 4 : 0)));
    const convs = missing.filter(({ packing }) => packing === 'conv');
    // Packing sees every value anyway: a word for each parameter says whether all are finite.
    const [staging, faults] = await device.checked('the weights', () => [
      device.buffer('weights/staging', Math.max(4, largest)),
      device.buffer('weights/faults', 4 * Math.max(1, convs.length)),
    ]);
    try {
      for (const parameter of missing) {
        throwIfAborted(signal);
        const { name, storage, packing } = parameter;
        const bytes = storage.elements * bytesPerElement(storage.type, device.precision);
        const buffer = await device.checked(`the weights ${name}`, () => device.buffer(name, bytes));
        this.buffers.set(name, buffer);
        if (packing === 'conv') {
          const params = { slot: convs.indexOf(parameter), slots: convs.length };
          await this.loadConv(parameter, weights, { packed: buffer, staging, faults }, params);
        } else await this.loadRows(parameter, weights, buffer);
      }
      const found = new Uint32Array(await device.read(faults)).findIndex(fault => fault !== 0);
      device.check();
      if (found >= 0) await this.refuse(convs[found]!, weights);
    } finally {
      device.release(staging);
      device.release(faults);
    }
  }

  /** Throws for a parameter with a value that is not finite, and names the tensor that has it. */
  private async refuse({ name, parts, batchNorm }: Parameter, weights: Weights): Promise<never> {
    const norm = batchNorm === undefined ? [] : NORM_TENSORS.map(part => `${batchNorm}.${part}`);
    await checkFinite(weights, [...parts.map(({ key }) => key), ...norm]);
    const { precision } = this.device;
    const limit = precision === 'f16' ? ', which ends at 65,504' : '';
    throw new CodeFormerError(
      'INVALID_CHECKPOINT',
      `${weights.name}: not all values of ${name} are finite in ${precision}${limit}`,
    );
  }

  /** Rows padded with zeros to a multiple of 4 values, the whole to the size of the buffer. */
  private async loadRows(parameter: Parameter, weights: Weights, buffer: GPUBuffer): Promise<void> {
    const { parts, shape, storage, packing, batchNorm } = parameter;
    const values = new Float32Array(storage.elements);
    const norm = batchNorm === undefined ? null : await foldBatchNorm(weights, batchNorm);
    if (packing === 'depthwise') {
      const source = await weights.float32(parts[0]!.key);
      const [channels, taps] = [shape[0]!, product(shape.slice(1))];
      for (let c = 0; c < channels; c++)
        for (let tap = 0; tap < taps; tap++)
          values[tap * roundUp(channels, 4) + c] = source[c * taps + tap]! * (norm?.factor[c] ?? 1);
    } else {
      const width = shape.at(-1)!;
      const step = roundUp(width, 4);
      let row = 0;
      for (const part of parts) {
        const source = partRows(await weights.float32(part.key), part.rows, product(shape.slice(1)));
        if (shape.length === 1) {
          values.set(source, row);
          row += source.length;
          continue;
        }
        for (let from = 0; from < source.length; from += width)
          values.set(source.subarray(from, from + width), row++ * step);
      }
      if (norm) for (let i = 0; i < width; i++) values[i] = values[i]! * norm.factor[i]! + norm.shift[i]!;
    }
    const half = storage.type === 'store' && this.device.precision === 'f16';
    if (!areFinite(values, half ? 'f16' : 'f32')) await this.refuse(parameter, weights);
    this.device.write(buffer, half ? (encodeFloat16(values) as Uint16Array<ArrayBuffer>) : values);
  }

  /** Uploads the parts one after another and packs them on the GPU; the queue keeps the order of writes and submits. */
  private async loadConv(
    { name, parts, shape, batchNorm }: Parameter,
    weights: Weights,
    { packed, staging, faults }: Readonly<Record<'packed' | 'staging' | 'faults', GPUBuffer>>,
    place: { readonly slot: number; readonly slots: number },
  ): Promise<void> {
    const { device } = this;
    let offset = 0;
    for (const part of parts) {
      const values = partRows(await weights.float32(part.key), part.rows, product(shape.slice(1)));
      device.write(staging, values, offset);
      offset += values.byteLength;
    }
    const [out, inputs, height = 1, width = 1] = shape as [number, number, number?, number?];
    const params = { out, in: inputs, size: height * width, factor: batchNorm !== undefined, ...place };
    const operands: Record<string, GPUBuffer> = { weights: staging, packed, faults };
    if (batchNorm !== undefined) {
      const { factor } = await foldBatchNorm(weights, batchNorm);
      operands.factor = await device.checked(name, () => device.buffer(`${name}/factor`, factor.byteLength));
      device.write(operands.factor, factor);
    }
    try {
      await submitKernel(device, packWeights, params, operands);
    } finally {
      if (operands.factor) device.release(operands.factor);
    }
  }

  destroy(): void {
    for (const buffer of this.buffers.values()) this.device.release(buffer);
    this.buffers.clear();
  }
}

const BATCH_NORM_EPS = 1e-5;
const NORM_TENSORS = ['weight', 'bias', 'running_mean', 'running_var'] as const;

/** A batch norm in inference as y = x * factor + shift for each channel. */
async function foldBatchNorm(weights: Weights, path: string) {
  const [gamma, beta, mean, variance] = (await Promise.all(
    NORM_TENSORS.map(name => weights.float32(`${path}.${name}`)),
  )) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const factor = Float32Array.from(gamma, (value, i) => value / Math.sqrt(variance[i]! + BATCH_NORM_EPS));
  const shift = Float32Array.from(beta, (value, i) => value - mean[i]! * factor[i]!);
  return { factor, shift };
}

/** Whether all values are finite numbers in a precision. */
function areFinite(values: Float32Array, precision: Precision): boolean {
  const infinite = INFINITE_BITS[precision];
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & 0x7fffffff) >= infinite) return false;
  return true;
}

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function partRows(values: Float32Array, range: readonly [number, number] | undefined, row: number) {
  const part = range ? values.subarray(range[0] * row, range[1] * row) : values;
  return part as Float32Array<ArrayBuffer>;
}

/** Room for the plans of small networks at any size of their pictures; larger networks need a few times as much. */
const PLAN_BYTES = 2 ** 16;

/** Buffers for intermediate values and for plans, shared by programs that never run at the same time. */
export class Arena {
  private slots: GPUBuffer[] = [];
  private plans: GPUBuffer | null = null;
  /** Changes when a slot is replaced by a larger one. */
  generation = 0;

  constructor(
    private readonly device: Device,
    private readonly label: string,
  ) {}

  /**
   * Makes sure that there is room for a program. Where there is not enough memory all that was there is given back: programs ask again before
   * they run.
   */
  async make(label: string, memory: MemoryPlan, plans: Plans): Promise<void> {
    try {
      await this.device.checked(`the memory of ${label}`, () => {
        this.reserve(memory.slots);
        this.reservePlans(plans.contents.byteLength);
      });
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  /** Makes sure that slot i holds at least sizes[i] bytes. */
  private reserve(sizes: readonly number[]): void {
    sizes.forEach((size, i) => {
      const old = this.slots[i];
      if (old && old.size >= size) return;
      if (old) {
        this.device.release(old);
        this.generation++;
      }
      this.slots[i] = this.device.buffer(`${this.label}/slot ${i}`, size);
    });
  }

  /** Makes sure that the buffer for the plans of the program that runs holds at least so many bytes. */
  private reservePlans(bytes: number): void {
    if (this.plans && this.plans.size >= bytes) return;
    if (this.plans) {
      this.device.release(this.plans);
      this.generation++;
    }
    this.plans = Plans.buffer(this.device, this.label, Math.max(PLAN_BYTES, 2 * bytes));
  }

  /** The buffer that `reservePlans` made; what it holds is that of the program that ran last. */
  get planBuffer(): GPUBuffer {
    return this.plans!;
  }

  slot(index: number): GPUBuffer {
    return this.slots[index]!;
  }

  destroy(): void {
    for (const slot of this.slots) this.device.release(slot);
    this.slots = [];
    if (this.plans) this.device.release(this.plans);
    this.plans = null;
    this.generation++;
  }
}

/** How long work on the device may be stopped, and who hears of it. */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Gets the share done, 0 to 1. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

interface Step {
  readonly call: Call;
  readonly dispatch: Dispatch;
  readonly pipeline: GPUComputePipeline;
  readonly storages: readonly Storage[];
  readonly external: boolean;
  bound: (BoundDispatch & { readonly call: Call }) | null;
}

/** A program compiled for a device. */
export class GpuProgram {
  private generation = -1;
  private planOf: ReturnType<Plans['bind']> = () => null;

  private constructor(
    private readonly device: Device,
    private readonly label: string,
    private readonly program: Program,
    private readonly memory: MemoryPlan,
    private readonly steps: Step[],
    private readonly plans: Plans,
    private readonly arena: Arena,
    private readonly parameters: ParameterSet,
  ) {}

  /** Compiles the pipelines (all at once) and reserves memory; the parameters must be loaded before the first run. */
  static async compile(
    device: Device,
    label: string,
    program: Program,
    arena: Arena,
    parameters: ParameterSet,
  ): Promise<GpuProgram> {
    const memory = planMemory(program);
    const calls = program.calls.flatMap(call =>
      call.kernel.dispatches(call.params, program.target).map(dispatch => ({ call, dispatch })),
    );
    const plans = Plans.pack(
      device,
      calls.map(({ dispatch }) => dispatch),
    );
    // First, because it is what an adapter that is too small refuses, and before the arena may be destroyed.
    await arena.make(label, memory, plans);
    const steps = await Promise.all(
      calls.map(async ({ call, dispatch }) => {
        const storages = dispatch.operands.map(name => call.operands[name]!);
        const external = storages.some(s => s.kind === 'external');
        return { call, dispatch, pipeline: await device.pipeline(dispatch.shader), storages, external, bound: null };
      }),
    );
    return new GpuProgram(device, label, program, memory, steps, plans, arena, parameters);
  }

  /** Bytes that an external tensor of this name needs. */
  externalBytes(name: string): number {
    for (const { operands } of this.program.calls) {
      for (const storage of Object.values(operands)) {
        if (storage.kind === 'external' && storage.name === name) return storageBytes(this.program, storage);
      }
    }
    throw new CodeFormerError('SHAPE_MISMATCH', `${this.label}: there is no external tensor ${name}`);
  }

  /** Names of the external tensors. */
  externals(): string[] {
    const names = this.program.calls.flatMap(c => Object.values(c.operands).filter(s => s.kind === 'external'));
    return [...new Set(names.map(s => s.name))];
  }

  async run(externals: Readonly<Record<string, GPUBuffer>>, options: RunOptions = {}): Promise<void> {
    if (this.generation !== this.arena.generation) await this.arena.make(this.label, this.memory, this.plans);
    await this.device.run(this.bind(externals), { label: this.label, ...options });
  }

  /** What a run submits, and the call that each dispatch is part of: for benches. */
  bind(externals: Readonly<Record<string, GPUBuffer>>): (BoundDispatch & { readonly call: Call })[] {
    const fresh = this.generation !== this.arena.generation;
    this.generation = this.arena.generation;
    // Another program may have run on the arena meanwhile.
    this.device.write(this.arena.planBuffer, this.plans.contents);
    if (fresh) this.planOf = this.plans.bind(this.arena.planBuffer);
    return this.steps.map(step => {
      if (step.bound && !fresh && !step.external) return step.bound;
      const buffers = step.storages.map(storage => this.buffer(storage, externals));
      const bindGroup = this.device.bindGroup(step.dispatch, buffers, `${this.label}/${step.call.label}`);
      const { call, dispatch, pipeline } = step;
      step.bound = { call, pipeline, bindGroup, plan: this.planOf(dispatch), dispatch };
      return step.bound;
    });
  }

  private buffer(storage: Storage, externals: Readonly<Record<string, GPUBuffer>>): GPUBuffer {
    if (storage.kind === 'transient') return this.arena.slot(this.memory.slotOf.get(storage.id)!);
    if (storage.kind === 'parameter') return this.parameters.get(storage.name);
    const buffer = externals[storage.name];
    if (!buffer)
      throw new CodeFormerError(
        'SHAPE_MISMATCH',
        `${this.label}: expected a buffer for ${storage.name} but received none`,
      );
    return buffer;
  }
}
