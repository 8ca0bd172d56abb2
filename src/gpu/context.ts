// A WebGPU device with what everything here needs of it: capabilities, pipelines, buffers, errors with their meaning.

import { CodeFormerError } from '../errors.js';
import {
  type AdapterInfo,
  type DeviceBuffer,
  type DeviceOptions,
  type RunOptions,
  VARIANTS,
  type Variant,
} from '../executor.js';
import type { ConvParams } from '../kernels/conv/conv.js';
import { ceilDiv, type Precision } from '../kernels/kernel.js';
import type { Dispatch, Shader, Target } from '../kernels/webgpu.js';
import { BufferUsage, MapMode } from './flags.js';
import type { ShaderInterface } from './interface.js';
import { matrixShape } from './matrix-shape.js';
import { PipelineCache } from './pipelines.js';
import { type BoundDispatch, Scheduler } from './scheduler.js';

/** A buffer that this executor has made. */
export const gpuBuffer = (buffer: DeviceBuffer): GPUBuffer => buffer as GPUBuffer;

/** How a device is used. */
export interface ContextOptions extends Pick<DeviceOptions, 'precision'> {
  /**
   * What implementations are to go by instead of what suits the adapter: for tests and benches.
   * @internal
   */
  readonly target?: Partial<Target>;
}

/** A WebGPU device with the caches that belong to it. */
export class Context {
  readonly adapter: AdapterInfo;
  private settings: Target;
  /** How subgroups multiply matrices, whether they are to or not. */
  private readonly matrix: Target['matrix'];
  /** Resolves with the reason when the device is lost or destroyed. */
  readonly lost: Promise<string>;
  private loss: CodeFormerError | null = null;
  private pipelines: PipelineCache;
  private allocated = 0;
  private peak = 0;
  /** Buffers that have not been given back. */
  private readonly live = new WeakSet<GPUBuffer>();
  /** Those that the work of `checked` has made so far. */
  private made: GPUBuffer[] | null = null;
  private readonly scheduler: Scheduler;

  constructor(
    readonly gpu: GPUDevice,
    adapter: AdapterInfo,
    options: ContextOptions = {},
    private readonly owned = false,
  ) {
    this.adapter = adapter;
    const f16 = gpu.features.has('shader-f16');
    const wanted = options.precision ?? 'auto';
    if (wanted === 'f16' && !f16) {
      throw new CodeFormerError(
        'ADAPTER_LIMITS',
        `Expected an adapter with shader-f16 for precision "f16" but ${this.describe()} has none`,
      );
    }
    this.settings = {
      family: adapter.software ? 'registers' : 'workgroup',
      precision: wanted === 'f16' ? 'f16' : 'f32',
      maxBindingSize: Math.min(gpu.limits.maxStorageBufferBindingSize, gpu.limits.maxBufferSize),
      subgroups: gpu.features.has('subgroups'),
      // Software adapters are not tested at their first use.
      matrix: adapter.software ? undefined : matrixShape(gpu),
      ...options.target,
    };
    this.matrix = this.settings.matrix;
    this.pipelines = new PipelineCache(gpu, this.precision);
    this.scheduler = new Scheduler(this);
    this.lost = gpu.lost.then(({ reason, message }) => {
      this.loss =
        reason === 'destroyed'
          ? new CodeFormerError('DESTROYED', 'The device was used after destroy()')
          : new CodeFormerError('DEVICE_LOST', `The GPU device was lost: ${message || 'no reason given'}`);
      return message || reason;
    });
  }

  /** How activations are stored. */
  get precision(): Precision {
    return this.settings.precision;
  }

  /**
   * What implementations go by.
   * @internal
   */
  get target(): Target {
    return this.settings;
  }

  /** The ways of computing that are in use. */
  get variants(): readonly Variant[] {
    const { family, precision, subgroups, matrix, convolution, winograd = [4, 2] } = this.settings;
    const sides = convolution === 'direct' ? [] : winograd;
    const used: Record<Variant, boolean> = {
      winograd: sides.includes(4),
      'winograd-2x2': sides.includes(2),
      subgroups: family === 'registers' && subgroups === true,
      'subgroup-matrices': precision === 'f16' && matrix !== undefined,
      f16: precision === 'f16',
      workgroup: family === 'workgroup',
    };
    return VARIANTS.filter(variant => used[variant]);
  }

  /**
   * Computes by some variants alone from now on.
   * @param variants some of those that are, or were, in use
   */
  use(variants: readonly Variant[]): void {
    const has = (variant: Variant) => variants.includes(variant);
    const precision = has('f16') ? 'f16' : 'f32';
    if (precision !== this.precision) this.pipelines = new PipelineCache(this.gpu, precision);
    this.settings = {
      ...this.settings,
      family: has('workgroup') ? 'workgroup' : 'registers',
      precision,
      // Tiles in workgroup memory have no use for them, but a tuner may look for others.
      subgroups: has('workgroup') ? this.settings.subgroups === true : has('subgroups'),
      matrix: has('subgroup-matrices') ? this.matrix : undefined,
      convolution: 'auto',
      winograd: ([4, 2] as const).filter(side => has(side === 4 ? 'winograd' : 'winograd-2x2')),
    };
  }

  /**
   * Convolutions of the programs that were compiled, by their shapes: with the way they run.
   * @internal
   */
  readonly shapes = new Map<string, { readonly params: ConvParams; readonly target: Target }>();

  /** Has convolutions of some shapes run in other ways, in programs that are compiled from now on. */
  protected tune(choices: ReadonlyMap<string, string>): void {
    this.settings = { ...this.settings, tuned: choices };
  }

  /** The adapter in words. */
  describe(): string {
    const { description, device, vendor, architecture, software } = this.adapter;
    const name = description || device || `${vendor} ${architecture}`.trim() || 'unknown adapter';
    return software ? `${name} (software)` : name;
  }

  /** Bytes of GPU memory held now, and the most that was held. */
  get memory(): { readonly allocated: number; readonly peak: number } {
    return { allocated: this.allocated, peak: this.peak };
  }

  /** @throws `DEVICE_LOST` or `DESTROYED` when the device is gone */
  check(): void {
    if (this.loss) throw this.loss;
  }

  /**
   * The pipeline of a shader, compiled once.
   * @internal
   */
  pipeline(shader: Shader): Promise<GPUComputePipeline> {
    return this.pipelines.get(shader);
  }

  /**
   * What a shader declares of its surroundings.
   * @internal
   */
  interface(shader: Shader): ShaderInterface {
    return this.pipelines.interface(shader);
  }

  /**
   * A zeroed buffer for storage and copies. Refuses sizes above the adapter's limits with `ADAPTER_LIMITS`; whether there was
   * memory for it is told by `checked`.
   * @internal
   */
  buffer(label: string, size: number, usage = 0): GPUBuffer {
    this.check();
    const bytes = Math.max(16, ceilDiv(size, 4) * 4);
    if (bytes > this.target.maxBindingSize) {
      throw new CodeFormerError(
        'ADAPTER_LIMITS',
        `Expected an adapter with storage buffers of at least ${bytes} bytes for ${label} but ${this.describe()} allows ${this.target.maxBindingSize}`,
      );
    }
    const storage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
    const buffer = this.create({ label, size: bytes, usage: storage | usage });
    this.allocated += bytes;
    this.peak = Math.max(this.peak, this.allocated);
    this.live.add(buffer);
    this.made?.push(buffer);
    return buffer;
  }

  private create(descriptor: GPUBufferDescriptor): GPUBuffer {
    try {
      return this.gpu.createBuffer(descriptor);
    } catch (cause) {
      const { label, size } = descriptor;
      const reason = `${size} bytes for ${label}: ${(cause as Error).message}`;
      // How implementations say that they cannot allocate at all.
      if (cause instanceof RangeError)
        throw new CodeFormerError('OUT_OF_MEMORY', `Not enough GPU memory for ${reason}`, { cause });
      throw new CodeFormerError('GPU_ERROR', `WebGPU refused a buffer of ${reason}`, { cause });
    }
  }

  /**
   * Gives a buffer back, unless that has happened.
   * @param buffer of this device
   */
  release(buffer: DeviceBuffer): void {
    const own = gpuBuffer(buffer);
    if (!this.live.delete(own)) return;
    this.allocated -= own.size;
    own.destroy();
  }

  /**
   * Does `work` and turns what WebGPU reports of it into `OUT_OF_MEMORY` or `GPU_ERROR`; the buffers that it made are given back then. The
   * work is synchronous, because error scopes of calls that interleave would be mixed up.
   * @internal
   */
  async checked<T>(what: string, work: () => T): Promise<T> {
    this.check();
    this.gpu.pushErrorScope('internal');
    this.gpu.pushErrorScope('out-of-memory');
    this.gpu.pushErrorScope('validation');
    let value: T | undefined;
    let failure: unknown;
    const made: GPUBuffer[] = [];
    this.made = made;
    try {
      value = work();
    } catch (error) {
      failure = error;
    }
    this.made = null;
    try {
      const [validation, memory, internal] = await Promise.all([
        this.gpu.popErrorScope(),
        this.gpu.popErrorScope(),
        this.gpu.popErrorScope(),
      ]);
      this.check();
      if (memory) throw new CodeFormerError('OUT_OF_MEMORY', `Not enough GPU memory for ${what}: ${memory.message}`);
      if (failure instanceof CodeFormerError) throw failure;
      const error = validation ?? internal ?? (failure as Error | undefined);
      if (error) {
        const cause = failure === undefined ? {} : { cause: failure };
        throw new CodeFormerError('GPU_ERROR', `WebGPU refused ${what}: ${error.message}`, cause);
      }
      return value as T;
    } catch (error) {
      for (const buffer of made) this.release(buffer);
      throw error;
    }
  }

  /**
   * A bind group of whole buffers.
   * @internal
   */
  bindGroup(dispatch: Dispatch, buffers: readonly GPUBuffer[], label: string): GPUBindGroup {
    return this.gpu.createBindGroup({
      label,
      layout: this.pipelines.bindGroupLayout(dispatch.shader),
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
  }

  /**
   * A bind group for uniforms, at most `size` bytes each, at offsets that are told when it is set.
   * @internal
   */
  uniformGroup(buffer: GPUBuffer, size: number): GPUBindGroup {
    const entries = [{ binding: 0, resource: { buffer, size } }];
    return this.gpu.createBindGroup({ label: buffer.label, layout: this.pipelines.uniformLayout, entries });
  }

  /**
   * What a buffer holds when all that was submitted is done.
   * @param buffer of this device
   * @param offset in bytes, a multiple of 4
   * @param size in bytes; default all to the end
   * @throws `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`
   */
  async read(buffer: DeviceBuffer, offset = 0, size = buffer.size - offset): Promise<ArrayBuffer> {
    const bytes = ceilDiv(size, 4) * 4;
    const source = gpuBuffer(buffer);
    const label = `read ${source.label}`;
    let staging: GPUBuffer | undefined;
    try {
      await this.checked(label, () => {
        staging = this.create({ label, size: bytes, usage: BufferUsage.COPY_DST | BufferUsage.MAP_READ });
        const encoder = this.gpu.createCommandEncoder({ label });
        encoder.copyBufferToBuffer(source, offset, staging, 0, bytes);
        this.gpu.queue.submit([encoder.finish()]);
      });
      await staging!.mapAsync(MapMode.READ);
      return staging!.getMappedRange().slice(0, size);
    } catch (cause) {
      this.check();
      if (cause instanceof CodeFormerError) throw cause;
      const { message } = cause as Error;
      // The copy in memory may be what there is no room for.
      if (cause instanceof RangeError)
        throw new CodeFormerError('OUT_OF_MEMORY', `Not enough memory to ${label}: ${message}`, { cause });
      throw new CodeFormerError('GPU_ERROR', `WebGPU refused to ${label}: ${message}`, { cause });
    } finally {
      staging?.destroy();
    }
  }

  /**
   * Writes bytes into a buffer.
   * @param buffer of this device
   * @param data may be changed afterwards, and may be in memory that threads share
   * @param offset in bytes, a multiple of 4
   * @throws `DEVICE_LOST`, `DESTROYED`
   */
  write(buffer: DeviceBuffer, data: ArrayBufferView, offset = 0): void {
    this.check();
    const target = gpuBuffer(buffer);
    const { buffer: memory, byteOffset, byteLength } = data;
    // Not by class: memory of another realm is another class.
    const shared = Object.prototype.toString.call(memory) === '[object SharedArrayBuffer]';
    if (shared) {
      const own = new Uint8Array(byteLength);
      own.set(new Uint8Array(memory, byteOffset, byteLength));
      this.gpu.queue.writeBuffer(target, offset, own);
    } else this.gpu.queue.writeBuffer(target, offset, memory as ArrayBuffer, byteOffset, byteLength);
  }

  /**
   * Runs dispatches in the order given, in chunks.
   * @throws `ABORTED`, and what submitting throws
   * @internal
   */
  execute(dispatches: readonly BoundDispatch[], label: string, options?: RunOptions): Promise<void> {
    return this.scheduler.run(dispatches, label, options);
  }

  /**
   * Submits dispatches at once, without waiting for them.
   * @internal
   */
  submit(dispatches: readonly BoundDispatch[], label: string): Promise<void> {
    return this.checked(label, () => this.scheduler.submit(dispatches, label));
  }

  /** Destroys the GPU device, unless it was the caller's own. */
  destroy(): void {
    if (this.owned) this.gpu.destroy();
  }

  /** `destroy`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}
