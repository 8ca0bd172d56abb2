// Pictures without their alpha, as networks get them: the colours around transparent parts go on in them, instead of what lies hidden
// there.

import type { Executor } from '../executor.js';
import type { Rect } from '../image/geometry.js';
import type { Picture } from '../image/picture.js';
import { halved, pullColours, pushColours } from '../kernels/fill-transparent/fill-transparent.js';
import { DevicePicture, type PixelOptions, scoped } from './device-picture.js';
import { resize } from './pixels.js';
import { resizeDevicePicture } from './resize.js';

/** Longest side of what the colours of transparent parts are made from: they are smooth. */
const COARSE = 1024;

/** Bytes of a picture in memory that are filled at once. */
const BAND_BYTES = 64 * 2 ** 20;

/** The picture with its transparent parts filled; what is an eighth opaque keeps its colours. */
export async function fillDevicePicture(x: DevicePicture, options: PixelOptions = {}): Promise<DevicePicture> {
  return scoped(async keep => {
    const to = coarseSize(x);
    const small = to ? keep(await resizeDevicePicture(x, to, 'area', { ...options, premultiplied: true })) : x;
    const under = keep(await filledPyramid(small, options));
    return push(x, under, { x: 0, y: 0, width: x.width, height: x.height }, x, options);
  });
}

/** As `fillDevicePicture`, of a picture in memory of any size that has been checked; RGBA. */
export async function fillPicture(device: Executor, picture: Picture, options: PixelOptions = {}): Promise<Picture> {
  const { width, height } = picture;
  const data = new Uint8ClampedArray(4 * width * height);
  await scoped(async keep => {
    const to = coarseSize(picture);
    const { signal } = options;
    const small = to ? await resize(device, picture, { ...to, filter: 'area', premultiplied: true, signal }) : picture;
    const under = keep(await filledPyramid(keep(await DevicePicture.upload(device, small)), options));
    const rows = Math.max(1, Math.floor(Math.min(BAND_BYTES, device.limits.bufferBytes) / (4 * width)));
    for (let y = 0; y < height; y += rows) {
      const rect = { x: 0, y, width, height: Math.min(rows, height - y) };
      const band = await scoped(async keepBand => {
        const x = keepBand(await DevicePicture.upload(device, picture, rect));
        return keepBand(await push(x, under, rect, picture, options)).read();
      });
      data.set(band.data, 4 * width * y);
    }
  });
  return { data, width, height };
}

/** The size at which a large picture is looked at; null for others. */
function coarseSize({ width, height }: { readonly width: number; readonly height: number }) {
  const factor = COARSE / Math.max(width, height);
  if (factor >= 1) return null;
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
}

/** A picture filled from ever smaller ones. */
async function filledPyramid(x: DevicePicture, options: PixelOptions): Promise<DevicePicture> {
  const levels: DevicePicture[] = [];
  try {
    for (let level = x; level.width > 1 || level.height > 1; ) {
      const half = await DevicePicture.create(x.device, halved(level), 'colours');
      levels.push(half);
      await x.device.run(pullColours, { from: level }, { x: level.buffer, y: half.buffer }, options);
      level = half;
    }
    // The smallest is one colour; a picture of one pixel is its own.
    let filled = levels.pop();
    while (filled && levels.length > 0) {
      const level = levels.pop()!;
      const coarse: DevicePicture = filled;
      const rect = { x: 0, y: 0, width: level.width, height: level.height };
      filled = await push(level, coarse, rect, level, options).finally(() => {
        coarse.destroy();
        level.destroy();
      });
    }
    return filled ?? (await resizeDevicePicture(x, x, 'area', options));
  } catch (error) {
    for (const level of levels) level.destroy();
    throw error;
  }
}

async function push(
  x: DevicePicture,
  coarse: DevicePicture,
  rect: Rect,
  whole: { readonly width: number; readonly height: number },
  options: PixelOptions,
): Promise<DevicePicture> {
  const y = await DevicePicture.create(x.device, rect, 'filled');
  try {
    const operands = { x: x.buffer, coarse: coarse.buffer, y: y.buffer };
    await x.device.run(pushColours, { whole, rect, coarse }, operands, options);
    return y;
  } catch (error) {
    y.destroy();
    throw error;
  }
}
