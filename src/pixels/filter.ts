// Erosion and blur of planes on the device, and the way between pictures and planes.

import { mergeChannels, splitChannels } from '../kernels/channels/channels.js';
import { erode } from '../kernels/erode/erode.js';
import { gaussianBlur } from '../kernels/gaussian-blur/gaussian-blur.js';
import { GpuPicture, GpuPlanes, type PixelOptions, runKernel } from './gpu-picture.js';

/** The minimum over k x k pixels; 0 stands for 3, as in OpenCV. */
export async function erodeGpuPlanes(x: GpuPlanes, size: number, options: PixelOptions = {}): Promise<GpuPlanes> {
  const params = { width: x.width, height: x.height, planes: x.planes, k: size === 0 ? 3 : size };
  return likewise(x, 'eroded', y => runKernel(x.device, erode, params, { x: x.buffer, y: y.buffer }, options));
}

/** The sum over weights along rows and columns, mirrored at the border. */
export async function blurGpuPlanes(
  x: GpuPlanes,
  weights: Float32Array,
  options: PixelOptions = {},
): Promise<GpuPlanes> {
  const params = { width: x.width, height: x.height, planes: x.planes, weights };
  return likewise(x, 'blurred', y => runKernel(x.device, gaussianBlur, params, { x: x.buffer, y: y.buffer }, options));
}

/** Planes of the same size and number, filled by `work`. */
export async function likewise(x: GpuPlanes, label: string, work: (y: GpuPlanes) => Promise<void>): Promise<GpuPlanes> {
  const y = await GpuPlanes.create(x.device, x, x.planes, label);
  try {
    await work(y);
    return y;
  } catch (error) {
    y.destroy();
    throw error;
  }
}

/** Red, green, blue and alpha as planes of 0 to 255. */
export async function splitGpuPicture(picture: GpuPicture, options: PixelOptions = {}): Promise<GpuPlanes> {
  const { device, buffer, width, height } = picture;
  const planes = await GpuPlanes.create(device, picture, 4, 'channels');
  const params = { pixels: width * height, planes: 4 };
  try {
    const operands = { picture: buffer, planes: planes.buffer };
    await runKernel(device, splitChannels, params, operands, options);
    return planes;
  } catch (error) {
    planes.destroy();
    throw error;
  }
}

/** One plane (grey), three or four of 0 to 255 as a picture, rounded half to even and saturated. */
export async function mergeGpuPlanes(planes: GpuPlanes, options: PixelOptions = {}): Promise<GpuPicture> {
  const { device, buffer, width, height } = planes;
  const picture = await GpuPicture.create(device, planes, 'picture');
  const params = { pixels: width * height, planes: planes.planes };
  try {
    const operands = { picture: picture.buffer, planes: buffer };
    await runKernel(device, mergeChannels, params, operands, options);
    return picture;
  } catch (error) {
    picture.destroy();
    throw error;
  }
}
