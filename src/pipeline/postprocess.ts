// What becomes of a face between the network and the canvas: greys, upscaling, parsing; and when it can be used again.

import type { DeviceBuffer, Executor } from '../executor.js';
import type { Picture } from '../image/picture.js';
import { type GreyLike, transferGrey } from '../pixels/colour.js';
import { type DevicePicture, DevicePlanes, type FloatRgb, scoped, upload } from '../pixels/device-picture.js';
import { mergePlanes } from '../pixels/filter.js';
import { likenessOnDevice } from '../pixels/likeness.js';
import { resizeDevicePicture, resizePlanes } from '../pixels/resize.js';
import { PARSER_SIDE } from './mask.js';
import type { Settings } from './options.js';
import { timed } from './progress.js';
import type { FaceJob, Stages } from './stages.js';
import type { Fidelity } from './types.js';

/** A face restored at one fidelity. */
export interface PostprocessedFace {
  /** As callers get it: grey in a grey photo; null where they get none. */
  readonly restored: Picture | null;
  /** As it is pasted, which may be larger and not rounded; on the device as long as there is room. */
  readonly pasted: DevicePicture | DevicePlanes | Picture | FloatRgb;
  /** What the upscaler was asked for; null where it was not. */
  readonly scale: number | null;
  /** What a parser sees in it, as `labelMask` takes it. */
  readonly labels: DeviceBuffer | null;
  /** The codes that it was made from, and the margins of the predicted ones. */
  readonly indices: Int32Array | null;
  readonly margin: Float32Array | null;
  /** How alike it looks to its crop; null where that is not asked for. */
  readonly likeness: number | null;
}

/** All that a restored face depends on, beside its crop. */
export interface Recipe
  extends Pick<Settings, 'adain' | 'temperature' | 'seed' | 'likeness'>,
    Pick<PostprocessedFace, 'scale'> {
  readonly fidelity: Fidelity;
  readonly indices: Int32Array | undefined;
}

export function snapshot(recipe: Recipe): Recipe {
  const { fidelity, indices } = recipe;
  const map = fidelity instanceof Float32Array ? fidelity.slice() : fidelity;
  return { ...recipe, fidelity: map, indices: indices?.slice() };
}

/** Whether what was made by `a` is what `b` makes. */
export function sameRecipe(a: Recipe, b: Recipe): boolean {
  const drawn = a.temperature > 0 && !a.indices;
  return (
    same(a.fidelity, b.fidelity) &&
    same(a.indices, b.indices) &&
    a.adain === b.adain &&
    a.scale === b.scale &&
    (a.likeness || !b.likeness) &&
    a.temperature === b.temperature &&
    (!drawn || a.seed === b.seed)
  );
}

function same(a: Fidelity | Int32Array | undefined, b: typeof a): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/** Aligned crops are neither upscaled nor parsed. */
export const NO_POSTPROCESSING = { upscaleFace: null, upscaleFloat: null, parse: null };

/**
 * By how much a restored face is upscaled, or null.
 * @param enlarged how much larger it is pasted than the network made it
 */
export function faceScale(
  stages: Pick<Stages, 'upscaleFace' | 'upscaleFloat'>,
  settings: Settings,
  like: GreyLike | null,
  enlarged: number,
): number | null {
  const { faceUpscale, rules, upscaling } = settings;
  const upscaler = stages.upscaleFace ?? (rules.greysFirst && like && stages.upscaleFloat);
  if (!upscaler || !faceUpscale) return null;
  return rules.faceScale(upscaling, enlarged);
}

/** A face in grey, with the tint and contrast of its crop, rounded. */
function greyed(face: DevicePicture, like: GreyLike): Promise<DevicePicture> {
  return scoped(async keep => mergePlanes(keep(await transferGrey(face, like))));
}

/**
 * Upscales a restored face, which is freed unless it is what will be pasted, and parses it.
 * @param crop what its likeness is measured to; null where that is not asked for
 * @param reads whether it is also read for the caller, whom `onRestored` tells at once
 */
export async function postprocess(
  coloured: DevicePicture,
  like: GreyLike | null,
  stages: Pick<Stages, 'upscaleFace' | 'upscaleFloat' | 'parse'>,
  { rules: { greysFirst } }: Pick<Settings, 'rules'>,
  scale: number | null,
  crop: Picture | DevicePicture | null,
  {
    timings,
    onProgress,
    onRestored,
  }: Pick<FaceJob, 'timings' | 'onProgress'> & { readonly onRestored: (restored: Picture) => void },
  reads: boolean,
): Promise<Pick<PostprocessedFace, 'restored' | 'pasted' | 'scale' | 'labels' | 'likeness'>> {
  const made = new Set<{ destroy(): void }>([coloured]);
  const keep = <R extends { destroy(): void }>(thing: R): R => {
    made.add(thing);
    return thing;
  };
  try {
    const restored = like ? keep(await greyed(coloured, like)) : coloured;
    const picture = reads ? await restored.read() : null;
    if (picture) onRestored(picture);
    const likeness = crop && (await timed(timings, 'measure', () => likenessTo(crop, restored)));
    const pasted = scale === null ? coloured : keep(await timed(timings, 'upscale', () => enlarged(restored, scale)));
    const result = { restored: picture, pasted, scale, likeness };
    const labels = stages.parse && (await timed(timings, 'parse', () => parsed(restored, pasted)));
    made.delete(pasted);
    return { ...result, labels };
  } finally {
    for (const thing of made) thing.destroy();
  }

  async function likenessTo(crop: Picture | DevicePicture, restored: DevicePicture): Promise<number> {
    const seen = 'read' in crop ? crop : keep(await upload(coloured.device, crop));
    return likenessOnDevice(seen, restored);
  }

  async function enlarged(restored: DevicePicture, factor: number): Promise<DevicePicture | DevicePlanes> {
    const side = Math.round(factor * coloured.width);
    const large =
      greysFirst && like && stages.upscaleFloat
        ? await stages.upscaleFloat(keep(await transferGrey(coloured, like)), factor, onProgress)
        : await stages.upscaleFace!(greysFirst ? restored : coloured, factor, onProgress);
    if (large.width === side && large.height === side) return large;
    const size = { width: side, height: side };
    keep(large);
    return large instanceof DevicePlanes
      ? resizePlanes(large, size, 'lanczos4')
      : resizeDevicePicture(large, size, 'lanczos4');
  }

  async function parsed(restored: DevicePicture, pasted: DevicePicture | DevicePlanes): Promise<DeviceBuffer> {
    const seen = greysFirst && scale !== null ? pasted : restored;
    const face = seen instanceof DevicePlanes ? keep(await mergePlanes(seen)) : seen;
    const size = { width: PARSER_SIDE, height: PARSER_SIDE };
    return stages.parse!(face.width === PARSER_SIDE ? face : keep(await resizeDevicePicture(face, size, 'linear')));
  }
}

/** Frees what a face has on the device. */
export function discard({ pasted, labels }: PostprocessedFace, device: Executor): void {
  if ('destroy' in pasted) pasted.destroy();
  if (labels) device.release(labels);
}

/** The same without the picture that is pasted on the device: for more faces than there is room for. */
export async function spilled(face: PostprocessedFace, device: Executor): Promise<PostprocessedFace> {
  const { pasted } = face;
  if (!('destroy' in pasted)) return face;
  try {
    const read = pasted instanceof DevicePlanes ? await pasted.picture() : await pasted.read();
    pasted.destroy();
    return { ...face, pasted: read };
  } catch (error) {
    discard(face, device);
    throw error;
  }
}

/** Bytes of it on the device. */
export function deviceBytes({ pasted, labels }: PostprocessedFace): number {
  return ('destroy' in pasted ? pasted.buffer.size : 0) + (labels?.size ?? 0);
}
