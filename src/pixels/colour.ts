// Colour statistics, the test for grey photos, and grey pictures.

import type { Executor } from '../executor.js';
import type { Picture } from '../image/picture.js';
import {
  type ColourStatistics,
  colourStatistics,
  colourStatisticsOf,
} from '../kernels/colour-statistics/colour-statistics.js';
import { colourTransfer, greyTransfer, toneTransfer } from '../kernels/colour-transfer/colour-transfer.js';
import { type Tone, toneOf, toneStatistics, toneStep } from '../kernels/tone-statistics/tone-statistics.js';
import { DevicePicture, DevicePlanes, type PixelOptions, scoped } from './device-picture.js';

export type { ColourStatistics, Tone };

/** Means and variances of the colours, exact. */
export async function colourStatisticsOnDevice(
  x: DevicePicture,
  options: PixelOptions = {},
): Promise<ColourStatistics> {
  return colourStatisticsOf(await colourSums(x, options), x.width * x.height);
}

/** Bytes of a picture that are looked at together. */
const BAND_BYTES = 64 * 2 ** 20;

/** As `colourStatisticsOnDevice`, of a picture of any size that has been checked. */
export async function pictureColourStatistics(
  device: Executor,
  picture: Picture,
  options: PixelOptions = {},
): Promise<ColourStatistics> {
  const { width, height } = picture;
  const most = Math.min(BAND_BYTES, device.limits.bufferBytes);
  const rows = Math.max(1, Math.floor(most / (4 * width)));
  const total = new Float64Array(9);
  for (let y = 0; y < height; y += rows) {
    const band = await DevicePicture.upload(device, picture, { x: 0, y, width, height: Math.min(rows, height - y) });
    try {
      (await colourSums(band, options)).forEach((value, i) => {
        total[i % total.length]! += value;
      });
    } finally {
      band.destroy();
    }
  }
  return colourStatisticsOf(total, width * height);
}

async function colourSums(x: DevicePicture, options: PixelOptions): Promise<Uint32Array> {
  const params = { pixels: x.width * x.height };
  const { device } = x;
  const { elements } = colourStatistics.operands(params).sums!;
  const { sums } = await device.allocate('pixels', { sums: 4 * elements });
  try {
    const operands = { x: x.buffer, sums };
    await device.run(colourStatistics, params, operands, options);
    return new Uint32Array(await device.read(sums, 0, 4 * elements));
  } finally {
    device.release(sums);
  }
}

/** Largest mean variance of the channels' differences of a grey photo. A photo with an even tint is grey too. */
const GREY_VARIANCE = 10;

export function isGrey({ differenceVariance: [a, b, c] }: ColourStatistics, threshold = GREY_VARIANCE): boolean {
  return (a + b + c) / 3 <= threshold;
}

/** What colours go with each grey of a picture. */
export async function toneOnDevice(x: DevicePicture, options: PixelOptions = {}): Promise<Tone> {
  const { device } = x;
  const params = { pixels: x.width * x.height };
  const { elements } = toneStatistics.operands(params).sums!;
  const { sums } = await device.allocate('pixels', { sums: 4 * elements });
  try {
    await device.run(toneStatistics, params, { x: x.buffer, sums }, options);
    return toneOf(new Uint32Array(await device.read(sums, 0, 4 * elements)));
  } finally {
    device.release(sums);
  }
}

/** As `toneOnDevice`, of a picture of any size that has been checked; RGBA. */
export async function pictureTone(device: Executor, picture: Picture, options: PixelOptions = {}): Promise<Tone> {
  const { data } = picture;
  const step = toneStep(data.length / 4);
  const width = Math.ceil(data.length / 4 / step);
  const seen = new Uint8Array(4 * width);
  for (let i = 0; i < width; i++) seen.set(data.subarray(4 * i * step, 4 * i * step + 4), 4 * i);
  return scoped(async keep => {
    return toneOnDevice(keep(await DevicePicture.upload(device, { data: seen, width, height: 1 })), options);
  });
}

/**
 * Largest variances of a channel among pixels of one grey, and around a smooth curve over grey, of a toned picture. Of 1,725 coloured faces
 * none had less than 17 and 22; sepia, blue and yellowed ones in JPEG of good quality have 1 to 13.
 */
const TONED_SCATTER = 14;
const TONED_RESIDUAL = 40;

/** Whether a picture is one of greys that were given colours: sepia, yellowed, blue. */
export const isToned = ({ scatter, residual }: Tone): boolean => scatter <= TONED_SCATTER && residual <= TONED_RESIDUAL;

/** How greys are to look. */
export interface GreyLike {
  /** Of a picture whose means and standard deviations they get. */
  readonly statistics: ColourStatistics;
  /** The curve of a `Tone`; null where the statistics say the tint as well. */
  readonly tone: Float32Array | null;
}

/** A picture in grey with the mean and standard deviation of another, 0 to 255, not rounded, in its tint or tone. */
export async function transferGrey(
  x: DevicePicture,
  like: GreyLike,
  options: PixelOptions = {},
): Promise<DevicePlanes> {
  const own = await colourStatisticsOnDevice(x, options);
  const affine = like.tone ? toneTransfer(own, like.statistics) : greyTransfer(own, like.statistics);
  return transfer(x, affine, options, like.tone);
}

async function transfer(
  x: DevicePicture,
  affine: Float32Array,
  options: PixelOptions,
  tone: Float32Array | null = null,
): Promise<DevicePlanes> {
  const y = await DevicePlanes.create(x.device, x, 3, 'grey');
  const params = { pixels: x.width * x.height, affine, tone };
  try {
    const operands = { x: x.buffer, y: y.buffer };
    await x.device.run(colourTransfer, params, operands, options);
    return y;
  } catch (error) {
    y.destroy();
    throw error;
  }
}
