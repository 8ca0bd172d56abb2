// Resizing on the device: pictures by OpenCV's 8-bit rules, planes in floats.

import type { Size } from '../image/geometry.js';
import { ceilDiv } from '../kernels/kernel.js';
import { resizeArea, wholeFactors } from '../kernels/resize-area/resize-area.js';
import { resizeLanczos4 } from '../kernels/resize-lanczos4/resize-lanczos4.js';
import { resizeLinear } from '../kernels/resize-linear/resize-linear.js';
import { resizePlane } from '../kernels/resize-plane/resize-plane.js';
import { type Filter, type ResizeTaps, resizeTaps } from '../kernels/resize-plane/taps.js';
import { DevicePicture, DevicePlanes, type PixelOptions } from './device-picture.js';

export interface ResizePlan {
  readonly from: Size;
  readonly to: Size;
  readonly filter: Filter;
  /** Source pixels for each destination pixel, where an exact factor was asked for. */
  readonly step?: number | undefined;
  /** Weigh colours by their alpha. Default false: all channels alike, as OpenCV does. */
  readonly premultiplied?: boolean | undefined;
}

/** Most bytes of the Lanczos resize's sums at once. */
const SUMS_BYTES = 64 * 2 ** 20;

/** A picture in another size; a copy where the size is the same. */
export async function resizeDevicePicture(
  x: DevicePicture,
  to: Size,
  filter: Filter,
  options: PixelOptions & Pick<ResizePlan, 'step' | 'premultiplied'> = {},
): Promise<DevicePicture> {
  const from = { width: x.width, height: x.height };
  const plan = { from, to, filter, step: options.step, premultiplied: options.premultiplied };
  return resizeByTaps(x, plan, resizeTaps(filter, from, to, options.step), options);
}

/**
 * A picture, which may be a band of a larger one, by given taps.
 * @param plan of the whole picture
 * @param taps relative to x
 */
export async function resizeByTaps(
  x: DevicePicture,
  plan: ResizePlan,
  taps: ResizeTaps,
  options: PixelOptions = {},
): Promise<DevicePicture> {
  const { device } = x;
  const { premultiplied } = plan;
  const from = { width: x.width, height: x.height };
  const to = { width: taps.columns.first.length, height: taps.rows.first.length };
  const y = await DevicePicture.create(device, to, 'resized');
  const buffers = { x: x.buffer, y: y.buffer };
  try {
    if (plan.from.width === plan.to.width && plan.from.height === plan.to.height) {
      await device.copy(x.buffer, y.buffer, [{ from: 0, to: 0, bytes: 4 * to.width * to.height }]);
    } else if (plan.filter === 'lanczos4') {
      const rows = Math.max(1, Math.floor((SUMS_BYTES * to.height) / (16 * to.width * from.height)));
      for (let begin = 0; begin < to.height; begin += rows) {
        const params = { from, to, taps, band: { begin, end: Math.min(begin + rows, to.height) }, premultiplied };
        await device.run(resizeLanczos4, params, buffers, options);
      }
    } else if (plan.filter === 'area' && shrinks(plan)) {
      const factors = plan.step ? undefined : wholeFactors(plan.from, plan.to);
      const params = { from, to, taps, factors, premultiplied };
      await device.run(resizeArea, params, buffers, options);
    } else {
      await device.run(resizeLinear, { from, to, taps, premultiplied }, buffers, options);
    }
    return y;
  } catch (error) {
    y.destroy();
    throw error;
  }
}

function shrinks({ from, to, step }: ResizePlan): boolean {
  return step ? step >= 1 : from.width >= to.width && from.height >= to.height;
}

/** Planes in another size. */
export async function resizePlanes(
  x: DevicePlanes,
  to: Size,
  filter: Filter,
  options: PixelOptions & { readonly step?: number | undefined } = {},
): Promise<DevicePlanes> {
  const from = { width: x.width, height: x.height };
  return resizePlanesByTaps(x, resizeTaps(filter, from, to, options.step), options);
}

/** @param taps relative to x */
export async function resizePlanesByTaps(
  x: DevicePlanes,
  taps: ResizeTaps,
  options: PixelOptions = {},
): Promise<DevicePlanes> {
  const from = { width: x.width, height: x.height };
  const to = { width: taps.columns.first.length, height: taps.rows.first.length };
  const y = await DevicePlanes.create(x.device, to, x.planes, 'resized');
  const params = { from, to, planes: x.planes, taps };
  try {
    await x.device.run(resizePlane, params, { x: x.buffer, y: y.buffer }, options);
    return y;
  } catch (error) {
    y.destroy();
    throw error;
  }
}

/** Rows of a destination that are made at once, so that neither they nor what they are made of pass `bytes`. */
export function bandRows(plan: ResizePlan, bytes: number, pixelBytes = 4): number {
  const share = Math.min(
    bytes / (pixelBytes * plan.to.width * plan.to.height),
    bytes / (pixelBytes * plan.from.width * plan.from.height),
  );
  // A band needs a few rows more than its share of the source.
  return share >= 1
    ? plan.to.height
    : Math.max(1, Math.floor(plan.to.height * share - ceilDiv(16 * plan.to.height, plan.from.height)));
}
