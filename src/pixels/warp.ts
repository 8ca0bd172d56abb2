// Affine warps on the device. In compat mode they are OpenCV's; else positions are finer, and what shrinks is averaged.

import type { Matrix, Rect, Size } from '../image/geometry.js';
import { resizeArea } from '../kernels/resize-area/resize-area.js';
import { resizePlane } from '../kernels/resize-plane/resize-plane.js';
import { axisTaps, sliceTaps } from '../kernels/resize-plane/taps.js';
import type { Warp } from '../kernels/warp-affine/tables.js';
import { warpAffine } from '../kernels/warp-affine/warp-affine.js';
import { warpPlane } from '../kernels/warp-plane/warp-plane.js';
import { composeAffine, invertAffine, mappedRect, pixelScaling } from './affine.js';
import { DevicePicture, DevicePlanes, type PixelOptions } from './device-picture.js';

export interface WarpOptions extends PixelOptions {
  /** OpenCV's rule: positions rounded to 1/32 pixel, no averaging. Default false. */
  readonly compat?: boolean | undefined;
}

/**
 * How a warp that shrinks is done: first the mean over squares of `reduction` pixels, then a bilinear warp with the mean of
 * `samples` x `samples` samples. The first takes the whole part of the scale, the second what is left of it, below 2; or the first takes half
 * as much, which keeps the finest detail that the result can have.
 */
export interface WarpPlan {
  readonly inverse: Matrix;
  readonly reduction: number;
  readonly samples: 1 | 2;
}

/** From this many source pixels for each destination pixel on, one sample is too few. */
const SHRINKING = 1.1;

/**
 * @param matrix source to destination
 * @param sharp whether what shrinks keeps its finest detail; not in compat mode
 * @throws `INVALID_ARGUMENT` for a matrix that is not finite or has no inverse
 */
export function planWarp(matrix: ArrayLike<number>, compat: boolean, sharp = false): WarpPlan {
  const inverse = invertAffine(matrix);
  const step = Math.max(Math.hypot(inverse[0]!, inverse[3]!), Math.hypot(inverse[1]!, inverse[4]!));
  const reduction = compat ? 1 : Math.max(Math.floor(sharp ? step / 2 : step), 1);
  return { inverse, reduction, samples: compat || step / reduction <= SHRINKING ? 1 : 2 };
}

/** What is outside of a picture: RGBA, or the picture mirrored at its edges. */
export type Border = readonly [number, number, number, number] | 'mirror';

/**
 * The part of a source that a rectangle of the destination is made of, or null where that is the border alone.
 * @param source size of the whole source
 */
export function warpSource({ inverse, reduction }: WarpPlan, target: Rect, source: Size, mirror = false): Rect | null {
  // Half a pixel around, for samples beside the centre; one more for the neighbours.
  const edges = [
    target.x - 0.5,
    target.y - 0.5,
    target.x + target.width - 0.5,
    target.y + target.height - 0.5,
  ] as const;
  const rect = mappedRect(inverse, edges, 1 + reduction, source, mirror);
  if (!rect || reduction === 1) return rect;
  // Squares that are averaged begin at multiples of their side.
  const x = rect.x - (rect.x % reduction);
  const y = rect.y - (rect.y % reduction);
  const end = (at: number, count: number) => Math.min(Math.ceil(at / reduction) * reduction, count);
  const right = end(rect.x + rect.width, source.width);
  const bottom = end(rect.y + rect.height, source.height);
  return { x, y, width: right - x, height: bottom - y };
}

export interface Placed {
  /** The whole source, where x is a part of it. */
  readonly whole?: Size | undefined;
  /** Where that part begins; multiples of the plan's reduction, as `warpSource` makes them. */
  readonly at?: { readonly x: number; readonly y: number } | undefined;
}

/**
 * A rectangle of the warped picture.
 * @param border not mirrored in compat mode
 */
export async function warpDevicePicture(
  x: DevicePicture,
  plan: WarpPlan,
  target: Rect,
  border: Border,
  options: WarpOptions & Placed = {},
): Promise<DevicePicture> {
  const { device } = x;
  const mirror = border === 'mirror';
  const reduced = reducedSource(x, plan, target, options, mirror);
  const small = reduced && (await DevicePicture.create(device, reduced.to, 'reduced'));
  let y: DevicePicture | undefined;
  try {
    if (small) {
      const params = { from: x, to: reduced.to, taps: reduced.taps };
      const operands = { x: x.buffer, y: small.buffer };
      await device.run(resizeArea, params, operands, options);
    }
    y = await DevicePicture.create(device, target, 'warped');
    const { width, height } = options.whole ?? x;
    const cells = (side: number) => Math.ceil(side / plan.reduction);
    const outside = mirror ? { mirrored: { width: cells(width), height: cells(height) } } : border;
    const params = { ...warpOf(x, plan, target, options, reduced), border: outside };
    const operands = { x: (small ?? x).buffer, y: y.buffer };
    await device.run(warpAffine, params, operands, options);
    return y;
  } catch (error) {
    y?.destroy();
    throw error;
  } finally {
    small?.destroy();
  }
}

/** A rectangle of warped planes; zero outside of the source. */
export async function warpPlanes(
  x: DevicePlanes,
  plan: WarpPlan,
  target: Rect,
  options: WarpOptions & Placed = {},
): Promise<DevicePlanes> {
  const { device, planes } = x;
  const reduced = reducedSource(x, plan, target, options);
  const small = reduced && (await DevicePlanes.create(device, reduced.to, planes, 'reduced'));
  let y: DevicePlanes | undefined;
  try {
    if (small) {
      const params = { from: x, to: reduced.to, planes, taps: reduced.taps };
      const operands = { x: x.buffer, y: small.buffer };
      await device.run(resizePlane, params, operands, options);
    }
    y = await DevicePlanes.create(device, target, planes, 'warped');
    const params = { ...warpOf(x, plan, target, options, reduced), planes };
    const operands = { x: (small ?? x).buffer, y: y.buffer };
    await device.run(warpPlane, params, operands, options);
    return y;
  } catch (error) {
    y?.destroy();
    throw error;
  } finally {
    small?.destroy();
  }
}

interface Reduced {
  readonly taps: { readonly columns: ReturnType<typeof axisTaps>; readonly rows: ReturnType<typeof axisTaps> };
  readonly to: Size;
  /** Place in the reduced picture. */
  readonly rect: Rect;
}

/** The part of the source that is needed, averaged over squares; null where nothing is to be averaged. */
function reducedSource(
  x: Size,
  plan: WarpPlan,
  target: Rect,
  { whole = x, at = ORIGIN }: Placed,
  mirror = false,
): Reduced | null {
  const step = plan.reduction;
  const needed = step > 1 ? warpSource(plan, target, whole, mirror) : null;
  if (!needed) return null;
  const axis = (from: number, origin: number, begin: number, length: number) => {
    const cells = Math.ceil(from / step);
    const taps = axisTaps('area', { from, to: cells, step, column: true });
    const first = begin / step;
    return { first, taps: sliceTaps(taps, first, Math.min(Math.ceil((begin + length) / step), cells), origin) };
  };
  const columns = axis(whole.width, at.x, needed.x, needed.width);
  const rows = axis(whole.height, at.y, needed.y, needed.height);
  const to = { width: columns.taps.first.length, height: rows.taps.first.length };
  return { taps: { columns: columns.taps, rows: rows.taps }, to, rect: { x: columns.first, y: rows.first, ...to } };
}

const ORIGIN = { x: 0, y: 0 };

function warpOf(x: Size, plan: WarpPlan, target: Rect, options: WarpOptions & Placed, reduced: Reduced | null): Warp {
  const { x: left, y: top } = options.at ?? ORIGIN;
  return {
    source: reduced?.rect ?? { x: left, y: top, width: x.width, height: x.height },
    target,
    inverse: reduced ? composeAffine(pixelScaling(1 / plan.reduction), plan.inverse) : plan.inverse,
    compat: options.compat ?? false,
    samples: plan.samples,
  };
}
