// What runs kernels and programs. Networks and pictures know this interface alone; how a kernel is computed, and on what, is the matter of
// those who implement it: WebGPU in `gpu`, the references in `reference`.

import { checkFlag, checkOptions } from './checks.js';
import { CodeFormerError, invalidArgument } from './errors.js';
import type { Program } from './graph/graph.js';
import type { Size } from './image/geometry.js';
import type { ConvolutionWay, Kernel, NumberArray, Precision } from './kernels/kernel.js';

/** How long work may go on, and who hears of it. */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Gets the share done, 0 to 1. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/** What is known of the adapter. */
export interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** A CPU: WebAssembly, or one that plays a GPU (SwiftShader, lavapipe, WARP). */
  readonly software: boolean;
  /** Why it was taken where a better kind was asked for or would have been preferred. */
  readonly reason?: string | undefined;
}

/** Grace period for `lost`, in ms: other errors may come before it. */
const LOSS_MS = 50;

/** Why a device on which something failed is gone; null where it is there. */
export const lossOf = ({ lost }: Pick<Executor, 'lost'>): Promise<string | null> =>
  Promise.race([lost, new Promise<null>(resolve => setTimeout(resolve, LOSS_MS, null))]);

export const ADAPTER_KINDS = ['auto', 'gpu', 'wasm', 'software'] as const;

export type AdapterKind = (typeof ADAPTER_KINDS)[number];

/** What `adapter` of `DeviceOptions` calls an adapter. */
export const kindOf = ({ software, architecture }: Pick<AdapterInfo, 'software' | 'architecture'>) =>
  architecture === 'wasm' ? 'wasm' : software ? 'software' : 'gpu';

/**
 * Ways of computing that an adapter's driver may get wrong, and that an executor can do without: Winograd's convolutions F(4x4, 3x3), and
 * F(2x2, 3x3), subgroup operations, convolutions by matrices of subgroups, activations in half precision, tiles in workgroup memory.
 */
export const VARIANTS = ['winograd', 'winograd-2x2', 'subgroups', 'subgroup-matrices', 'f16', 'workgroup'] as const;

/** One of `VARIANTS`: `winograd`, `winograd-2x2`, `subgroups`, `subgroup-matrices`, `f16`, `workgroup`. */
export type Variant = (typeof VARIANTS)[number];

/** Which adapter is taken, and how it works. */
export interface DeviceOptions {
  /**
   * Default `auto`: a GPU, else WebAssembly (`wasm`), else an adapter that plays a GPU on the processor (`software`), which is several times
   * slower. A device of the caller's own must be of that kind.
   */
  readonly adapter?: AdapterKind | undefined;
  /** Threads of WebAssembly, 1 to 64. Default: one for each processor, at most 16; one where memory cannot be shared. */
  readonly threads?: number | undefined;
  /**
   * How activations are stored. f16 needs half the memory but ends at 65,504, which the fusion of some trained networks passes, and they give
   * no picture then. `auto` is f32, but for restorers on GPUs with `shader-f16`: these take f16 where all networks stay far below, as their
   * metadata say or a run at loading shows, and the self-test finds nothing wrong. Default `auto`.
   */
  readonly precision?: 'auto' | Precision | undefined;
  /**
   * Whether convolutions in f16 may use the matrix operations of subgroups, tensor cores for one, where the adapter has the feature
   * `chromium-experimental-subgroup-matrix`. It is an experiment of Chromium and Dawn. Default false; a device of the caller's own that has the
   * feature is taken to be meant so.
   */
  readonly subgroupMatrices?: boolean | undefined;
  /** A device of the caller's own; it is used as it is and never destroyed. */
  readonly device?: GPUDevice | undefined;
}

/** Memory that an executor has made. What it is only that executor knows. */
export interface DeviceBuffer {
  /** In bytes, a multiple of 4. */
  readonly size: number;
}

/** A part of a buffer and where it goes, in bytes, multiples of 4. */
export interface CopyRegion {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/** How the convolutions of a program may be computed. */
export interface CompileOptions {
  /**
   * `direct`: as the sum of products; `winograd`: by Winograd's algorithm wherever it applies, which rounds more; `winograd-2x2`: the same with
   * small tiles, and `subgroup-matrices`: by matrices of subgroups, where the executor has them; `auto`, the default: by the fastest of these
   * that is as exact as the networks need.
   */
  readonly convolution?: 'auto' | ConvolutionWay | undefined;
  /** Whether the tuner measures its convolutions, as those of networks. Default true. */
  readonly tuned?: boolean | undefined;
}

/** A program that can be run. */
export interface CompiledProgram {
  readonly program: Program;
  /**
   * @param externals buffers by the names of the program's external tensors, at least as large as these
   * @throws `SHAPE_MISMATCH` where one is missing, `ABORTED`, `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`
   */
  run(externals: Readonly<Record<string, DeviceBuffer>>, options?: RunOptions): Promise<void>;
}

/** Memory for the intermediate values of programs that never run at the same time. */
export interface Workspace {
  /**
   * Makes a program ready to run, with all the memory that it needs.
   * @param label for errors
   * @param parameters looked up by name when the program first runs; they must be there by then
   * @throws `ADAPTER_LIMITS`, `OUT_OF_MEMORY`, `GPU_ERROR`
   */
  compile(
    label: string,
    program: Program,
    parameters: { get(name: string): DeviceBuffer },
    options?: CompileOptions,
  ): Promise<CompiledProgram>;
  /** Gives all memory back; a program that runs afterwards reserves its own again. */
  destroy(): void;
}

/** Pictures of the caller's own that are on the device already, as the platform has them: textures, buffers, canvases, frames of video. */
export interface DeviceImages {
  /**
   * In pixels; null for what is no such picture.
   * @throws `INVALID_ARGUMENT` for one that cannot be read, `INVALID_IMAGE` for one without pixels
   */
  sizeOf(image: unknown): Size | null;
  /**
   * Writes the pixels of one that has a size into a buffer: RGBA, a word each.
   * @throws `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`
   */
  load(image: unknown, size: Size, buffer: DeviceBuffer): Promise<void>;
  /**
   * Refuses what a picture of that size cannot be written to.
   * @throws `INVALID_ARGUMENT`
   */
  checkTarget(target: unknown, size: Size): void;
  /**
   * Writes such pixels there.
   * @throws `INVALID_ARGUMENT`, `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`
   */
  store(buffer: DeviceBuffer, size: Size, target: unknown): Promise<void>;
}

/** What a tuner found of a shape of convolution. */
export interface TunedShape {
  /** Pictures, height, width and channels of what comes in and out, side of the filter, and what is done on the way. */
  readonly shape: string;
  /** The fastest way of those that gave the right values. */
  readonly choice: string;
  /** Milliseconds of each way that gave the right values, the usual one first; the median of some runs. */
  readonly times: Readonly<Record<string, number>>;
  /** Ways that gave wrong values, or that the adapter refused. */
  readonly leftOut: readonly string[];
}

/** Finds how convolutions run fastest. */
export interface Tuner {
  /**
   * Measures the convolutions of all programs that were compiled, those with the most work first, at most twenty shapes.
   * @throws `GPU_ERROR` where a shape comes out wrong in every way, `ABORTED`, `OUT_OF_MEMORY`, `DEVICE_LOST`, `DESTROYED`
   */
  measure(options?: RunOptions): Promise<TunedShape[]>;
  /**
   * Programs that are compiled from now on run as was found.
   * @param shapes what was measured, now or at an earlier start; shapes and ways that are not known are passed over
   */
  apply(shapes: readonly TunedShape[]): void;
}

/** Runs kernels on memory of its own. What is submitted is done in order; only reading waits for it. */
export interface Executor {
  readonly adapter: AdapterInfo;
  /** How elements of type `store` are stored. */
  readonly precision: Precision;
  /** Optional capabilities of the adapter by name, for users to see. */
  readonly features: readonly string[];
  readonly limits: {
    /** Largest buffer, in bytes. */
    readonly bufferBytes: number;
    /** Largest width and height of pictures that kernels take. */
    readonly pictureSide: number;
  };
  /**
   * Absent where callers have nothing on the device.
   * @internal
   */
  readonly images?: DeviceImages | undefined;
  /** Bytes held now, and the most that was held. */
  readonly memory: { readonly allocated: number; readonly peak: number };
  /** Resolves with the reason when the device is gone, lost or destroyed. */
  readonly lost: Promise<string>;

  /** The adapter in words. */
  describe(): string;

  /** The ways of computing that are in use. */
  readonly variants: readonly Variant[];

  /**
   * Computes by some variants alone from now on. Programs that are compiled already go on as they are; with or without `f16` all buffers
   * mean something else, so that networks must be loaded anew.
   * @param variants some of those that are, or were, in use
   */
  use(variants: readonly Variant[]): void;

  /** @throws `DEVICE_LOST` or `DESTROYED` when the device is gone */
  check(): void;

  /**
   * Zeroed buffers, all or none.
   * @param owner what they are for; for errors
   * @param sizes in bytes, by name
   * @throws `ADAPTER_LIMITS` for one larger than the limit, `OUT_OF_MEMORY`
   */
  allocate<K extends string>(owner: string, sizes: Readonly<Record<K, number>>): Promise<Record<K, DeviceBuffer>>;

  /**
   * Gives a buffer back, unless that has happened; what was submitted uses it all the same.
   * @param buffer of this executor, here as below
   */
  release(buffer: DeviceBuffer): void;

  /**
   * Writes into a buffer, after what was submitted before.
   * @param buffer where to
   * @param data may be changed afterwards
   * @param offset in bytes, a multiple of 4
   * @throws `DEVICE_LOST`, `DESTROYED`
   */
  write(buffer: DeviceBuffer, data: ArrayBufferView, offset?: number): void;

  /**
   * What a buffer holds when all that was submitted is done.
   * @param buffer where from
   * @param offset in bytes, a multiple of 4
   * @param size in bytes; default all to the end
   * @throws `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`
   */
  read(buffer: DeviceBuffer, offset?: number, size?: number): Promise<ArrayBuffer>;

  /**
   * Copies parts of a buffer into another one.
   * @param from where from
   * @param to where to, another buffer
   * @param regions none of which overlap where they are written
   * @throws `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`
   */
  copy(from: DeviceBuffer, to: DeviceBuffer, regions: readonly CopyRegion[]): Promise<void>;

  /**
   * Submits a kernel once.
   * @param kernel one of the registry
   * @param params what the kernel's contract takes
   * @param operands buffers, or contents that are only needed for this run; those of the kernel's tables need not be given
   * @throws `SHAPE_MISMATCH` where one is missing, `ABORTED`, `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`
   */
  run<P>(
    kernel: Kernel<P>,
    params: P,
    operands: Readonly<Record<string, DeviceBuffer | NumberArray>>,
    options?: Pick<RunOptions, 'signal'>,
  ): Promise<void>;

  /**
   * Memory in which programs can be made ready.
   * @param label for errors
   */
  workspace(label: string): Workspace;

  /** Absent where there is nothing to choose from. */
  readonly tuner?: Tuner | undefined;

  /** Ends the device, unless it is the caller's own. */
  destroy(): void;
}

/** The error for a buffer that nobody gave. */
export const missingBuffer = (owner: string, name: string): CodeFormerError =>
  new CodeFormerError('SHAPE_MISMATCH', `${owner}: expected a buffer for ${name} but received none`);

const PRECISIONS = ['auto', 'f32', 'f16'] as const;

/**
 * @param more names of further options
 * @throws `INVALID_ARGUMENT` that names the option
 */
export function checkDeviceOptions(options: DeviceOptions, more: readonly string[] = []): void {
  checkOptions(options, ['adapter', 'precision', 'threads', 'subgroupMatrices', 'device', ...more]);
  const { adapter = 'auto', precision = 'auto', threads = 1, subgroupMatrices = false, device } = options;
  checkFlag(subgroupMatrices, 'subgroupMatrices');
  if (!ADAPTER_KINDS.includes(adapter)) throw invalidArgument(`one of ${ADAPTER_KINDS.join(', ')}`, 'adapter', adapter);
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= 64))
    throw invalidArgument('a whole number from 1 to 64', 'threads', threads);
  if (!PRECISIONS.includes(precision)) throw invalidArgument(`one of ${PRECISIONS.join(', ')}`, 'precision', precision);
  if (device !== undefined && !isGpuDevice(device)) throw invalidArgument('a GPUDevice', 'device', device);
}

/**
 * @param given the adapter of a device that the caller has
 * @throws `INVALID_ARGUMENT` unless it is of the kind asked for
 */
export function checkKind(given: AdapterInfo, adapter: AdapterKind = 'auto'): void {
  const kind = kindOf(given);
  if (adapter !== 'auto' && adapter !== kind)
    throw invalidArgument(`"${kind}", which the given device is of, or "auto"`, 'adapter', adapter);
}

/** There may be several classes of that name: every copy of Dawn has its own. */
function isGpuDevice(value: unknown): value is GPUDevice {
  const { createBuffer, queue, limits, features, lost, adapterInfo: info } = (value ?? {}) as Partial<GPUDevice>;
  return typeof createBuffer === 'function' && [queue, limits, features, lost, info].every(Boolean);
}

/** Whether a value is an executor, and not a `GPUDevice`. */
export function isExecutor(value: unknown): value is Executor {
  const { workspace, allocate, run } = (value ?? {}) as Partial<Executor>;
  return [workspace, allocate, run].every(method => typeof method === 'function');
}

/** Throws `INVALID_ARGUMENT` unless the value is what `createDevice` gives. */
export function checkExecutor(device: unknown): asserts device is Executor {
  if (!isExecutor(device)) throw invalidArgument('a device that createDevice made', 'device', device);
}

/** Whether an error says that there is no adapter of a kind. */
export const isNoAdapter = (error: unknown): error is CodeFormerError =>
  error instanceof CodeFormerError && error.code === 'NO_ADAPTER';

/**
 * The first kind of adapter that there is.
 * @param makers in the order of preference; each gets the reason why the one before it was not there
 * @throws what the last one throws
 */
export async function firstAdapter(makers: readonly ((reason?: string) => Promise<Executor>)[]): Promise<Executor> {
  let missing: CodeFormerError | undefined;
  for (const make of makers) {
    try {
      return await make(missing && `no GPU: ${missing.message}`);
    } catch (error) {
      if (!isNoAdapter(error)) throw error;
      missing = error;
    }
  }
  throw missing!;
}
