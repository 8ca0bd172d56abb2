// What becomes of a face between the network and the canvas: greys, upscaling, parsing; and when it can be used again.

import type { Executor } from '../executor.js';
import type { Size } from '../image/geometry.js';
import type { Picture } from '../image/picture.js';
import { type GreyLike, transferGrey } from '../pixels/colour.js';
import { DevicePicture, DevicePlanes, type FloatRgb, isFloatRgb, scoped } from '../pixels/device-picture.js';
import { mergePlanes } from '../pixels/filter.js';
import { resize } from '../pixels/pixels.js';
import { resizePlanes } from '../pixels/resize.js';
import { PARSER_SIDE } from './mask.js';
import type { Settings } from './options.js';
import type { Parts } from './parts.js';
import { type Timings, timed } from './progress.js';
import type { Fidelity } from './types.js';

/** A face restored at one fidelity. */
export interface Made {
  /** As callers get it: grey in a grey photo. */
  readonly restored: Picture;
  /** As it is pasted, which may be larger and not rounded. */
  readonly pasted: Picture | FloatRgb;
  /** What the upscaler was asked for; null where it was not. */
  readonly scale: number | null;
  readonly labels: Uint8Array | null;
  /** The codes that it was made from, and the margins of the predicted ones. */
  readonly indices: Int32Array | null;
  readonly margin: Float32Array | null;
}

/** All that a restored face depends on, beside its crop. */
export interface Recipe extends Pick<Settings, 'adain' | 'temperature' | 'seed'>, Pick<Made, 'scale'> {
  readonly fidelity: Fidelity;
  readonly indices: Int32Array | undefined;
}

export function copied(recipe: Recipe): Recipe {
  const { fidelity, indices } = recipe;
  const map = fidelity instanceof Float32Array ? fidelity.slice() : fidelity;
  return { ...recipe, fidelity: map, indices: indices?.slice() };
}

/** Whether two recipes make the same. */
export function alike(a: Recipe, b: Recipe): boolean {
  const drawn = a.temperature > 0 && !a.indices;
  return (
    same(a.fidelity, b.fidelity) &&
    same(a.indices, b.indices) &&
    a.adain === b.adain &&
    a.scale === b.scale &&
    a.temperature === b.temperature &&
    (!drawn || a.seed === b.seed)
  );
}

function same(a: Fidelity | Int32Array | undefined, b: typeof a): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/** Aligned crops are neither upscaled nor parsed. */
export const NOTHING = { upscale: null, upscaleFloat: null, parse: null };

/** The upscaler's own factor. */
const UPSCALER_FACTOR = 2;

/**
 * By how much a restored face is upscaled, or null.
 * @param enlarged how much larger it is pasted than the network made it: nothing is gained where it is not, but the reference never looks
 */
export function faceScale(
  parts: Pick<Parts, 'upscale' | 'upscaleFloat'>,
  settings: Settings,
  like: GreyLike | null,
  enlarged: number,
): number | null {
  const { faceUpscale, compat, upscaling } = settings;
  const upscaler = parts.upscale ?? (compat && like && parts.upscaleFloat);
  if (!upscaler || !faceUpscale) return null;
  if (compat) return upscaling;
  return enlarged > 1 ? UPSCALER_FACTOR : null;
}

/** What `read` makes of a face in grey, with the tint and contrast of its crop, clipped. */
function greyed<T>(
  device: Executor,
  picture: Picture,
  like: GreyLike,
  read: (grey: DevicePlanes) => Promise<T>,
): Promise<T> {
  return scoped(async keep => read(keep(await transferGrey(keep(await DevicePicture.upload(device, picture)), like))));
}

const unrounded = async (planes: DevicePlanes): Promise<FloatRgb> => {
  return { data: await planes.read(), width: planes.width, height: planes.height };
};

function rounded(planes: DevicePlanes): Promise<Picture> {
  return scoped(async keep => keep(await mergePlanes(planes)).read());
}

function resizedPlanes(device: Executor, planes: FloatRgb, size: Size): Promise<FloatRgb> {
  if (planes.width === size.width && planes.height === size.height) return Promise.resolve(planes);
  return scoped(async keep => {
    return unrounded(keep(await resizePlanes(keep(await DevicePlanes.upload(device, planes)), size, 'lanczos4')));
  });
}

/** Upscales a restored face, and parses it. */
export async function finished(
  device: Executor,
  coloured: Picture,
  like: GreyLike | null,
  parts: Pick<Parts, 'upscale' | 'upscaleFloat' | 'parse'>,
  { compat }: Settings,
  scale: number | null,
  timings: Timings,
): Promise<Pick<Made, 'restored' | 'pasted' | 'scale' | 'labels'>> {
  const restored = like ? await greyed(device, coloured, like, rounded) : coloured;
  // The reference upscales grey faces; else greys are made last, from what is not rounded.
  const pasted = scale === null ? coloured : await timed(timings, 'upscale', () => enlargedFace(scale));
  const labels = parts.parse && (await timed(timings, 'parse', async () => parts.parse!(await parserInput())));
  return { restored, pasted, scale, labels };

  async function enlargedFace(factor: number): Promise<Picture | FloatRgb> {
    const side = Math.round(factor * coloured.width);
    const size = { width: side, height: side };
    const large =
      compat && like && parts.upscaleFloat
        ? await parts.upscaleFloat(await greyed(device, coloured, like, unrounded), factor)
        : await parts.upscale!(compat ? restored : coloured, factor);
    return isFloatRgb(large)
      ? resizedPlanes(device, large, size)
      : resize(device, large, { ...size, filter: 'lanczos4' });
  }

  async function parserInput(): Promise<Picture> {
    const face = compat && scale !== null ? await inBytes(pasted) : restored;
    return resize(device, face, { width: PARSER_SIDE, height: PARSER_SIDE, filter: 'linear' });
  }

  async function inBytes(face: Picture | FloatRgb): Promise<Picture> {
    if (!isFloatRgb(face)) return face;
    return scoped(async keep => rounded(keep(await DevicePlanes.upload(device, face))));
  }
}
