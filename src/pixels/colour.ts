// Colour statistics, the test for grey photos, and grey pictures.

import type { Device } from '../gpu/device.js';
import type { Picture } from '../image/picture.js';
import {
  type ColourStatistics,
  colourStatistics,
  colourStatisticsOf,
} from '../kernels/colour-statistics/colour-statistics.js';
import { colourTransfer, greyTransfer, PLAIN_GREY } from '../kernels/colour-transfer/colour-transfer.js';
import { GpuPicture, GpuPlanes, type PixelOptions, runKernel } from './gpu-picture.js';

export type { ColourStatistics };

/** Means and variances of the colours, exact. */
export async function gpuColourStatistics(x: GpuPicture, options: PixelOptions = {}): Promise<ColourStatistics> {
  return colourStatisticsOf(await colourSums(x, options), x.width * x.height);
}

/** Bytes of a picture that are looked at together. */
const BAND_BYTES = 64 * 2 ** 20;

/** As `gpuColourStatistics`, of a picture of any size that has been checked. */
export async function pictureColourStatistics(
  device: Device,
  picture: Picture,
  options: PixelOptions = {},
): Promise<ColourStatistics> {
  const { width, height } = picture;
  const most = Math.min(BAND_BYTES, device.target.maxBindingSize);
  const rows = Math.max(1, Math.floor(most / (4 * width)));
  const total = new Float64Array(9);
  for (let y = 0; y < height; y += rows) {
    const band = await GpuPicture.upload(device, picture, { x: 0, y, width, height: Math.min(rows, height - y) });
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

async function colourSums(x: GpuPicture, options: PixelOptions): Promise<Uint32Array> {
  const params = { pixels: x.width * x.height };
  const { device } = x;
  const { elements } = colourStatistics.operands(params, device.target).sums!;
  const sums = await device.checked('colour sums', () => device.buffer('pixels/sums', 4 * elements));
  try {
    const operands = { x: x.buffer, sums };
    await runKernel(device, colourStatistics, params, operands, options);
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

/** Three equal planes of grey, 0 to 255, not rounded. */
export function greyGpuPlanes(x: GpuPicture, options: PixelOptions = {}): Promise<GpuPlanes> {
  return transfer(x, PLAIN_GREY, options);
}

/** A picture in grey with the mean and standard deviation of each channel of another, 0 to 255, not rounded. */
export async function transferGreyGpu(
  x: GpuPicture,
  like: ColourStatistics,
  options: PixelOptions = {},
): Promise<GpuPlanes> {
  return transfer(x, greyTransfer(await gpuColourStatistics(x, options), like), options);
}

async function transfer(x: GpuPicture, affine: Float32Array, options: PixelOptions): Promise<GpuPlanes> {
  const y = await GpuPlanes.create(x.device, x, 3, 'grey');
  const params = { pixels: x.width * x.height, affine };
  try {
    const operands = { x: x.buffer, y: y.buffer };
    await runKernel(x.device, colourTransfer, params, operands, options);
    return y;
  } catch (error) {
    y.destroy();
    throw error;
  }
}
