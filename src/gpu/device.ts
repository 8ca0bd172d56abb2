// The GPU device as the rest of the library sees it: capabilities, pipelines, buffers, submits, errors with their meaning.

import { checkOptions } from '../checks.js';
import { CodeFormerError, invalidArgument } from '../errors.js';
import type { Dispatch, Precision, Shader, Target } from '../kernels/kernel.js';
import { ceilDiv } from '../kernels/kernel.js';
import { BufferUsage, MapMode } from './flags.js';
import type { ShaderInterface } from './interface.js';
import { PipelineCache } from './pipelines.js';

/** What is known of the adapter. */
export interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** A CPU that plays a GPU (SwiftShader, lavapipe, WARP). */
  readonly software: boolean;
}

/** Which adapter is taken, and how it works. */
export interface DeviceOptions {
  /** `auto` prefers a GPU and falls back to a software adapter. Default `auto`. */
  readonly adapter?: 'auto' | 'gpu' | 'software' | undefined;
  /**
   * How activations are stored. `auto`, the default, is f32: f16 needs half the memory but ends at 65,504, which the fusion of some trained
   * networks passes, and they give no picture then. The embedded ones stay below.
   */
  readonly precision?: 'auto' | Precision | undefined;
  /** A device of the caller's own; it is used as it is and never destroyed. */
  readonly device?: GPUDevice | undefined;
}

/** Where a shader finds its plan. */
export interface BoundPlan {
  readonly group: GPUBindGroup;
  readonly offset: number;
}

/** A dispatch with its pipeline and buffers, ready to be encoded. */
export interface BoundDispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly plan: BoundPlan | null;
  readonly dispatch: Dispatch;
}

const ADAPTERS = ['auto', 'gpu', 'software'] as const;
const PRECISIONS = ['auto', 'f32', 'f16'] as const;

/**
 * @param more names of further options
 * @throws `INVALID_ARGUMENT` that names the option
 */
export function checkDeviceOptions(options: DeviceOptions, more: readonly string[] = []): void {
  checkOptions(options, ['adapter', 'precision', 'device', ...more]);
  const { adapter = 'auto', precision = 'auto', device } = options;
  if (!ADAPTERS.includes(adapter)) throw invalidArgument(`one of ${ADAPTERS.join(', ')}`, 'adapter', adapter);
  if (!PRECISIONS.includes(precision)) throw invalidArgument(`one of ${PRECISIONS.join(', ')}`, 'precision', precision);
  if (device !== undefined && !isGpuDevice(device)) throw invalidArgument('a GPUDevice', 'device', device);
}

/** There may be several classes of that name: every copy of Dawn has its own. */
function isGpuDevice(value: unknown): value is GPUDevice {
  const { createBuffer, queue, limits, features, lost, adapterInfo: info } = (value ?? {}) as Partial<GPUDevice>;
  return typeof createBuffer === 'function' && [queue, limits, features, lost, info].every(Boolean);
}

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|warp|basic render/i;

/** Tells what an adapter is. Chromium and Dawn mark software adapters; the names catch those that do not. */
export function adapterInfo(info: GPUAdapterInfo): AdapterInfo {
  const { vendor, architecture, device, description } = info;
  const software = info.isFallbackAdapter || SOFTWARE.test(`${architecture} ${device} ${description}`);
  return { vendor, architecture, device, description, software };
}

/**
 * The features and limits asked of an adapter: all of its own storage and buffer limits, f16 and subgroups where present.
 * A limit that is not asked for stays at the default of the specification, however large the adapter's is.
 */
export function deviceDescriptor(adapter: GPUAdapter): GPUDeviceDescriptor {
  const wanted: GPUFeatureName[] = ['shader-f16', 'subgroups'];
  const limits = adapter.limits;
  return {
    label: 'codeformer',
    requiredFeatures: wanted.filter(name => adapter.features.has(name)),
    requiredLimits: {
      maxBufferSize: limits.maxBufferSize,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
      maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
      maxComputeWorkgroupSizeY: limits.maxComputeWorkgroupSizeY,
      maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    },
  };
}

/** Throws `INVALID_ARGUMENT` unless the value is what `createDevice` gives. */
export function checkDevice(device: Device): void {
  if (!(device instanceof Device)) throw invalidArgument('a device that createDevice made', 'device', device);
}

/** Gets an adapter of the kind asked for from a `GPU`, and a device with all it offers. */
export async function requestDevice(gpu: GPU, options: DeviceOptions): Promise<Device> {
  const kind = options.adapter ?? 'auto';
  const adapter = await requestAdapter(gpu, kind);
  if (!adapter) {
    const what = kind === 'auto' ? 'a WebGPU adapter' : `a WebGPU adapter of kind "${kind}"`;
    throw new CodeFormerError(
      'NO_ADAPTER',
      `Expected ${what} but none was found; \`codeformer doctor\` says what is missing`,
    );
  }
  const device = await adapter.requestDevice(deviceDescriptor(adapter));
  return new Device(device, adapterInfo(adapter.info), options, true);
}

async function requestAdapter(gpu: GPU, kind: 'auto' | 'gpu' | 'software'): Promise<GPUAdapter | null> {
  const requests: GPURequestAdapterOptions[] = [
    { powerPreference: 'high-performance' },
    { forceFallbackAdapter: true },
  ];
  for (const request of requests) {
    const adapter = await gpu.requestAdapter(request);
    if (adapter && (kind === 'auto' || adapterInfo(adapter.info).software === (kind === 'software'))) return adapter;
  }
  return null;
}

/** Aim for the time of one submit, in milliseconds: short for progress and abort, and far below every watchdog. */
const CHUNK_MS = 60;

/**
 * A WebGPU device with the caches that belong to it. Created by `createDevice`; the caller's own device is wrapped and left
 * alone by `destroy()`.
 */
export class Device {
  readonly adapter: AdapterInfo;
  readonly precision: Precision;
  readonly target: Target;
  /** Resolves with the reason when the device is lost; never when it was destroyed on purpose. */
  readonly lost: Promise<CodeFormerError>;
  private loss: CodeFormerError | null = null;
  private readonly pipelines: PipelineCache;
  private allocated = 0;
  private peak = 0;
  /** Buffers that have not been given back. */
  private readonly live = new WeakSet<GPUBuffer>();
  /** Those that the work of `checked` has made so far. */
  private made: GPUBuffer[] | null = null;
  /** Running estimate of the adapter's speed, in flops per millisecond; corrected by every chunk that is timed. */
  private speed: number;

  constructor(
    readonly gpu: GPUDevice,
    adapter: AdapterInfo,
    options: Pick<DeviceOptions, 'precision'> = {},
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
    this.precision = wanted === 'f16' ? 'f16' : 'f32';
    this.target = {
      family: adapter.software ? 'registers' : 'workgroup',
      precision: this.precision,
      maxBindingSize: Math.min(gpu.limits.maxStorageBufferBindingSize, gpu.limits.maxBufferSize),
      subgroups: gpu.features.has('subgroups'),
    };
    this.speed = adapter.software ? 5e6 : 1e9;
    this.pipelines = new PipelineCache(gpu, this.precision);
    this.lost = new Promise(resolve => {
      gpu.lost.then(info => {
        const destroyed = info.reason === 'destroyed';
        this.loss = destroyed
          ? new CodeFormerError('DESTROYED', 'The device was used after destroy()')
          : new CodeFormerError('DEVICE_LOST', `The GPU device was lost: ${info.message || 'no reason given'}`);
        if (!destroyed) resolve(this.loss);
      });
    });
  }

  /** The adapter in words. */
  describe(): string {
    const { description, device, vendor, architecture, software } = this.adapter;
    const name = description || device || `${vendor} ${architecture}`.trim() || 'unknown adapter';
    return software ? `${name} (software)` : name;
  }

  /** Bytes of GPU memory held now, and the most that was held since the last `resetPeak()`. */
  get memory(): { readonly allocated: number; readonly peak: number } {
    return { allocated: this.allocated, peak: this.peak };
  }

  /** Lets the peak of `memory` begin anew. */
  resetPeak(): void {
    this.peak = this.allocated;
  }

  /** Throws `DEVICE_LOST` or `DESTROYED` when the device is gone. */
  check(): void {
    if (this.loss) throw this.loss;
  }

  /** The pipeline of a shader, compiled once. */
  pipeline(shader: Shader): Promise<GPUComputePipeline> {
    return this.pipelines.get(shader);
  }

  /** What a shader declares of its surroundings. */
  interface(shader: Shader): ShaderInterface {
    return this.pipelines.interface(shader);
  }

  /**
   * A zeroed buffer for storage and copies. Refuses sizes above the adapter's limits with `ADAPTER_LIMITS`; whether there was
   * memory for it is told by `checked`.
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

  /** Gives a buffer of `buffer()` back, unless that has happened. */
  release(buffer: GPUBuffer): void {
    if (!this.live.delete(buffer)) return;
    this.allocated -= buffer.size;
    buffer.destroy();
  }

  /**
   * Does `work` and turns what WebGPU reports of it into `OUT_OF_MEMORY` or `GPU_ERROR`; the buffers that it made are given back then. The
   * work is synchronous, because error scopes of calls that interleave would be mixed up.
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

  /** A bind group of whole buffers. */
  bindGroup(dispatch: Dispatch, buffers: readonly GPUBuffer[], label: string): GPUBindGroup {
    return this.gpu.createBindGroup({
      label,
      layout: this.pipelines.bindGroupLayout(dispatch.shader),
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
  }

  /** A bind group for plans, at most `size` bytes each, at offsets that are told when it is set. */
  planGroup(buffer: GPUBuffer, size: number): GPUBindGroup {
    const entries = [{ binding: 0, resource: { buffer, size } }];
    return this.gpu.createBindGroup({ label: buffer.label, layout: this.pipelines.planLayout, entries });
  }

  /**
   * Encodes and submits dispatches in chunks of about 60 ms, at most two of them waiting, and resolves when all have run.
   * @param options `signal` is looked at between chunks: `ABORTED`; `onProgress` gets the share done, 0 to 1, after every chunk
   */
  async run(
    dispatches: readonly BoundDispatch[],
    options: {
      label?: string;
      signal?: AbortSignal | undefined;
      onProgress?: ((done: number) => void) | undefined;
    } = {},
  ): Promise<void> {
    const total = dispatches.reduce((sum, d) => sum + cost(d.dispatch), 0);
    const label = options.label ?? 'run';
    let running: Promise<void> | null = null;
    let done = 0;
    let next = 0;
    while (next < dispatches.length) {
      if (options.signal?.aborted) {
        await running;
        throw new CodeFormerError('ABORTED', 'The operation was aborted', { cause: options.signal.reason });
      }
      const chunk: BoundDispatch[] = [];
      let work = 0;
      while (next < dispatches.length) {
        const more = cost(dispatches[next]!.dispatch);
        if (chunk.length > 0 && work + more > this.speed * CHUNK_MS) break;
        chunk.push(dispatches[next++]!);
        work += more;
      }
      const submitted = this.checked(label, () => this.submit(chunk, label));
      // This chunk waits in the queue while the one before it ends.
      await Promise.all([running, submitted]);
      const settled = await this.settle(work);
      running = settled.finished.then(() => {
        done += work;
        options.onProgress?.(total > 0 ? Math.min(1, done / total) : 1);
      });
    }
    await running;
    this.check();
  }

  /** Encodes dispatches in one pass and submits them. */
  submit(dispatches: readonly BoundDispatch[], label: string): void {
    const encoder = this.gpu.createCommandEncoder({ label });
    const pass = encoder.beginComputePass({ label });
    for (const { pipeline, bindGroup, plan, dispatch } of dispatches) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      if (plan) pass.setBindGroup(1, plan.group, [plan.offset]);
      pass.dispatchWorkgroups(...dispatch.workgroups);
    }
    pass.end();
    this.gpu.queue.submit([encoder.finish()]);
  }

  /**
   * Returns when the chunk that has just started is nearly over, with the promise of its end, and learns the adapter's speed from it.
   * Dawn in Node polls in a busy loop while a promise of the queue is pending, on a core that a software adapter needs: so there is
   * none until shortly before the end.
   */
  private async settle(work: number): Promise<{ finished: Promise<void> }> {
    const start = performance.now();
    const sleep = Math.min(0.85 * (work / this.speed), 4 * CHUNK_MS);
    if (this.adapter.software && sleep > 2) await new Promise(resolve => setTimeout(resolve, sleep));
    const asked = performance.now();
    const finished = this.gpu.queue.onSubmittedWorkDone().then(() => {
      const end = performance.now();
      if (end - start < 1) return;
      // Where the work was done before the sleep was, how fast it is remains unknown: faster than thought.
      const speed = this.adapter.software && end - asked < 1 ? 1.5 * this.speed : work / (end - start);
      // Small work mostly measures what a submit costs, so it counts for little.
      const weight = Math.min(0.5, work / (this.speed * CHUNK_MS));
      this.speed += weight * (speed - this.speed);
    });
    return { finished };
  }

  /** Copies `size` bytes of a buffer to the CPU. */
  async read(buffer: GPUBuffer, offset = 0, size = buffer.size - offset): Promise<ArrayBuffer> {
    const bytes = ceilDiv(size, 4) * 4;
    const label = `read ${buffer.label}`;
    let staging: GPUBuffer | undefined;
    try {
      await this.checked(label, () => {
        staging = this.create({ label, size: bytes, usage: BufferUsage.COPY_DST | BufferUsage.MAP_READ });
        const encoder = this.gpu.createCommandEncoder({ label });
        encoder.copyBufferToBuffer(buffer, offset, staging, 0, bytes);
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

  /** Writes bytes into a buffer; the data may be changed afterwards, and may be in memory that threads share. */
  write(buffer: GPUBuffer, data: ArrayBufferView, offset = 0): void {
    this.check();
    const { buffer: memory, byteOffset, byteLength } = data;
    // Not by class: memory of another realm is another class.
    const shared = Object.prototype.toString.call(memory) === '[object SharedArrayBuffer]';
    if (shared) {
      const own = new Uint8Array(byteLength);
      own.set(new Uint8Array(memory, byteOffset, byteLength));
      this.gpu.queue.writeBuffer(buffer, offset, own);
    } else this.gpu.queue.writeBuffer(buffer, offset, memory as ArrayBuffer, byteOffset, byteLength);
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

/** Work in flops; a byte that is read or written takes about as long as four of them. */
const cost = (dispatch: Dispatch): number => dispatch.flops + 4 * dispatch.bytes;
