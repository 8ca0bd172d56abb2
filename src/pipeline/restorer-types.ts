// What callers give a restorer and its photos and faces, and get from them.

import type { CodeFormerError } from '../errors.js';
import type { DeviceOptions, Executor, TunedShape, Variant } from '../executor.js';
import type { Picture } from '../image/picture.js';
import type { Check } from '../selftest/check.js';
import type { Role } from '../weights/manifest.js';
import type { Weights } from '../weights/weights.js';
import type { WeightsInput } from './platform.js';
import type {
  CodeSpace,
  DeviceTarget,
  EncodedType,
  Fidelity,
  PreparedFace,
  RenderOptions,
  RestoreOptions,
  RestoreResult,
} from './types.js';

/** Networks, device and adapter of a restorer. */
export interface RestorerOptions extends Pick<DeviceOptions, 'adapter' | 'precision' | 'subgroupMatrices'> {
  /** The network that restores faces: `'embedded'`, a path, a URL, bytes, opened weights, or null for none. Default `'embedded'`. */
  readonly weights?: WeightsInput | Weights | null | undefined;
  /** The network that finds them. Default `'embedded'`. */
  readonly detector?: WeightsInput | Weights | null | undefined;
  /** The network that tells the regions of a face. Default null: masks have the shape of the crop. */
  readonly parser?: WeightsInput | Weights | null | undefined;
  /** The network that upscales. Default `'embedded'`. */
  readonly upscaler?: WeightsInput | Weights | null | undefined;
  /** A device of the caller's own, which is never destroyed. */
  readonly device?: Executor | GPUDevice | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where a network came from, and under which licence. */
export interface NetworkInfo {
  /** Where the weights came from. */
  readonly source: string;
  readonly network: string;
  /** As far as the weights tell. */
  readonly licence: string | null;
}

/** What a self-test found of a GPU. */
export interface SelfTestVerdict {
  /** Ways of computing that came out wrong there, and are not used: the next simpler ones take their place. */
  readonly givenUp: readonly Variant[];
  /** What came out wrong, in words; empty where all is right. */
  readonly faults: readonly string[];
  /** Whether it was found at an earlier start. */
  readonly remembered: boolean;
}

/** What `selfTest` found. */
export interface SelfTestResult {
  /** Whether all is right as it is computed now. */
  readonly passed: boolean;
  /** The adapter in words. */
  readonly adapter: string;
  readonly precision: 'f32' | 'f16';
  /** What is used beside the plainest way of computing, and what was given up. */
  readonly variants: readonly Variant[];
  readonly givenUp: readonly Variant[];
  /** Every kernel and every network that was run, as it is computed now. */
  readonly checks: readonly Check[];
  /** What came out wrong at first, before variants were given up, in words. */
  readonly faults: readonly string[];
  /** In milliseconds. */
  readonly duration: number;
}

/** What `tune` found. */
export interface TuneResult {
  /** The adapter in words. */
  readonly adapter: string;
  readonly precision: 'f32' | 'f16';
  /** Convolutions of the networks that were loaded, those with the most work first; empty where there is nothing to choose from. */
  readonly shapes: readonly TunedShape[];
}

/** What a restorer works with. */
export interface RestorerInfo {
  /** The adapter in words. */
  readonly adapter: string;
  readonly software: boolean;
  /** Why it was taken where a better kind was looked for, or null. */
  readonly adapterReason: string | null;
  readonly features: readonly string[];
  readonly precision: 'f32' | 'f16';
  /** What the self-test found; null where none was run, as of software adapters and WebAssembly. */
  readonly selfTest: SelfTestVerdict | null;
  /** Bytes of the device held now, and the most that was held. */
  readonly memory: { readonly allocated: number; readonly peak: number };
  /** The restoring network, and its licence. */
  readonly model: string | null;
  readonly licence: string | null;
  /** Side of crops. */
  readonly size: number;
  /** What the codes of the restoring network mean. */
  readonly codes: CodeSpace | null;
  readonly networks: Readonly<Record<Role, NetworkInfo | null>>;
}

/** How photos are restored, and who hears of errors. */
export interface ManyOptions extends RestoreOptions {
  /** Gets what went wrong with a photo, which is then left out. Without it the first error ends the sequence. */
  readonly onError?: ((error: CodeFormerError, index: number) => void) | undefined;
}

/** Abort and progress of work on one face. */
export interface EncodeFaceOptions {
  readonly signal?: AbortSignal | undefined;
  /** Gets the share done, 0 to 1. */
  readonly onProgress?: ((share: number) => void) | undefined;
}

/** What is made of an encoded face. */
export interface DecodeFaceOptions extends EncodeFaceOptions {
  /** Default 0.5. */
  readonly fidelity?: Fidelity | undefined;
  /** Give the codes the statistics of the crop's features. Default true. */
  readonly adain?: boolean | undefined;
  /** Codes to decode instead of the predicted ones. */
  readonly indices?: Int32Array | undefined;
  /** As for `restore`. */
  readonly temperature?: number | undefined;
  readonly seed?: number | undefined;
}

/** A crop that was encoded once, to be decoded as often as wanted. */
export interface EncodedFace {
  /** Side of the pictures that come out. */
  readonly size: number;
  /** Code of each token, row by row. */
  readonly indices: Int32Array;
  /** Logit of the best code minus that of the second best, of each token. */
  readonly margin: Float32Array;
  readonly warnings: readonly string[];
  /**
   * The face for some settings: `size` x `size` pixels of RGBA.
   * @throws `INVALID_ARGUMENT`, `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST` also where the device was replaced since, `DESTROYED`, `ABORTED`
   */
  decode(options?: DecodeFaceOptions): Promise<Picture>;
  /**
   * Logit of each code for each token: T*K, row by row.
   * @throws `DEVICE_LOST`, `DESTROYED`
   */
  logits(): Promise<Float32Array>;
  /** Frees the memory on the device. */
  destroy(): void;
  /** `destroy`, for `using`. */
  [Symbol.dispose](): void;
}

/** An encoded face whose pictures can also go to where the caller has them on the restorer's device. */
export interface DeviceEncodedFace extends EncodedFace {
  /**
   * As `decode`, into what the caller has on the device. Its commands are submitted when the call ends.
   * @param target a texture or buffer of `size` x `size`, or a canvas
   * @throws as `decode`, and `INVALID_ARGUMENT` also on a device that is not of WebGPU
   */
  decodeInto(target: DeviceTarget, options?: DecodeFaceOptions): Promise<void>;
}

/** A photo whose faces are ready to be restored, as often as wanted. */
export interface PreparedPhoto<Image = Picture> {
  /** Of the photo, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly faces: readonly PreparedFace[];
  readonly warnings: readonly string[];
  /**
   * The photo with these faces restored, encoded. Only what differs from the last picture is done again; a lost device is replaced.
   * @throws as `Restorer.restore`
   */
  render(options: RenderOptions & { readonly output: EncodedType }): Promise<RestoreResult<Uint8Array<ArrayBuffer>>>;
  /** The same, as pixels in the form in which the photo came. */
  render(options?: RenderOptions & { readonly output?: undefined }): Promise<RestoreResult<Image>>;
  /** The same, where only the caller knows whether `output` is given. */
  render(options?: RenderOptions): Promise<RestoreResult<Image | Uint8Array<ArrayBuffer>>>;
  /** Frees the memory on the device. */
  destroy(): void;
  /** `destroy`, for `using`. */
  [Symbol.dispose](): void;
}
