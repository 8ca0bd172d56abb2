// What commands need of the networks: an aligned crop in, a restored one or its codes out. Tests give commands another one.

import { isOpaque, type Picture } from '../image/picture.js';
import type { Size } from '../kernels/resize-linear/resize-linear.js';
import type { COMMON_FLAGS } from './flags.js';
import { choiceFlag, type FlagValues, numberFlag } from './flags.js';

export interface EngineOptions {
  /** `embedded`, a path or a URL. */
  readonly weights: string;
  readonly adapter: 'auto' | 'gpu' | 'software';
  readonly precision: 'auto' | 'f32' | 'f16';
  readonly signal: AbortSignal;
}

export interface WorkOptions {
  readonly signal: AbortSignal;
  /** Gets the share done, 0 to 1. */
  readonly onProgress?: (share: number) => void;
}

/** What the first half of the network finds. */
export interface Codes {
  /** Code of each token, row by row. */
  readonly indices: Int32Array;
  /** Logit of each token's code minus that of the second best. */
  readonly margins: Float32Array;
  readonly warnings: readonly string[];
}

export interface RestoredCrop extends Codes {
  readonly picture: Picture;
  /** Milliseconds by stage. */
  readonly timings: Readonly<Record<string, number>>;
}

export interface Engine {
  /** Side of the network's pictures, in pixels. */
  readonly size: number;
  /** The weights as they were asked for. */
  readonly model: string;
  /** The adapter in words. */
  readonly adapter: string;
  restoreCrop(picture: Picture, options: WorkOptions & { readonly fidelity: number }): Promise<RestoredCrop>;
  codes(picture: Picture, options: WorkOptions): Promise<Codes>;
  destroy(): Promise<void>;
}

export type OpenEngine = (options: EngineOptions) => Promise<Engine>;

/** The engine that flags ask for, and the pixel limit. Throws `INVALID_ARGUMENT`. */
export function engineFlags(values: Partial<FlagValues<typeof COMMON_FLAGS>>): {
  engine: Omit<EngineOptions, 'signal'>;
  maxPixels: number | undefined;
} {
  const whole = (value: number) => Number.isSafeInteger(value) && value > 0;
  return {
    engine: {
      weights: values.weights ?? 'embedded',
      adapter: choiceFlag('adapter', values.adapter, ['auto', 'gpu', 'software']),
      precision: choiceFlag('precision', values.precision, ['auto', 'f32', 'f16']),
    },
    maxPixels: numberFlag('max-pixels', values['max-pixels'], 'a whole number of at least 1', whole),
  };
}

/** What is to be said of a crop that has not the size of the network. */
export function sizeWarnings({ width, height }: Size, size: number): string[] {
  if (width === size && height === size) return [];
  const stretched = width === height ? '' : ', which changes its aspect ratio';
  return [`expected a crop of ${size}x${size} but it has ${width}x${height}: resized${stretched}`];
}

/** How the time of both halves is shared, for the progress: the second has about three quarters of the work. */
const FIRST_HALF = 0.25;

/** Opens the weights and a device, and loads the network. */
export async function openEngine({ weights: source, adapter, precision, signal }: EngineOptions): Promise<Engine> {
  // Loaded here, so that commands which need no GPU do not wait for it.
  const { CodeFormer, createDevice, openWeights } = await import('../node/index.js');
  const { resizePicture } = await import('../image/resize.js');
  const weights = await openWeights(source, { signal });
  const device = await createDevice({ adapter, precision }).catch(async error => {
    await weights.close();
    throw error;
  });
  const net = await CodeFormer.load(device, weights, { signal }).catch(async error => {
    device.destroy();
    await weights.close();
    throw error;
  });
  const { size } = net.config;

  const prepare = (picture: Picture) => resizePicture(device, picture, { width: size, height: size });
  return {
    size,
    model: source,
    adapter: device.describe(),
    async restoreCrop(picture, { fidelity, signal, onProgress }) {
      const timings: Record<string, number> = {};
      const timed = async <T>(stage: string, work: Promise<T>): Promise<T> => {
        const start = performance.now();
        const result = await work;
        timings[stage] = Math.round(performance.now() - start);
        return result;
      };
      const crop = await timed('resize', prepare(picture));
      const first = (share: number) => onProgress?.(FIRST_HALF * share);
      const second = (share: number) => onProgress?.(FIRST_HALF + (1 - FIRST_HALF) * share);
      const encoded = await timed('encode', net.encodePicture(crop, { signal, onProgress: first }));
      try {
        const work = net.decodePicture(encoded, { fidelity, signal, onProgress: second });
        const restored = withAlpha(await timed('decode', work), crop);
        const { indices, margin: margins } = encoded;
        return { picture: restored, indices, margins, timings, warnings: sizeWarnings(picture, size) };
      } finally {
        encoded.destroy();
      }
    },
    async codes(picture, options) {
      const encoded = await net.encodePicture(await prepare(picture), options);
      const { indices, margin: margins } = encoded;
      encoded.destroy();
      return { indices, margins, warnings: sizeWarnings(picture, size) };
    },
    async destroy() {
      net.destroy();
      device.destroy();
      await weights.close();
    },
  };
}

/** The restored crop with the alpha of the crop that went in: the network knows colours only. */
function withAlpha(restored: Picture, crop: Picture): Picture {
  if (isOpaque(crop)) return restored;
  const data = new Uint8ClampedArray(restored.data);
  for (let i = 3; i < data.length; i += 4) data[i] = crop.data[i]!;
  return { ...restored, data };
}
