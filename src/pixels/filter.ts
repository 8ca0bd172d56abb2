// Erosion and blur of planes on the device, and the way between pictures and planes.

import { mergeChannels, splitChannels } from '../kernels/channels/channels.js';
import { erode } from '../kernels/erode/erode.js';
import { gaussianBlur } from '../kernels/gaussian-blur/gaussian-blur.js';
import { DevicePicture, DevicePlanes, type PixelOptions } from './device-picture.js';

/** The minimum over k x k pixels; 0 stands for 3, as in OpenCV. */
export async function erodePlanes(x: DevicePlanes, size: number, options: PixelOptions = {}): Promise<DevicePlanes> {
  const params = { width: x.width, height: x.height, planes: x.planes, k: size === 0 ? 3 : size };
  return likewise(x, 'eroded', y => x.device.run(erode, params, { x: x.buffer, y: y.buffer }, options));
}

/** The sum over weights along rows and columns, mirrored at the border. */
export async function blurPlanes(
  x: DevicePlanes,
  weights: Float32Array,
  options: PixelOptions = {},
): Promise<DevicePlanes> {
  const params = { width: x.width, height: x.height, planes: x.planes, weights };
  return likewise(x, 'blurred', y => x.device.run(gaussianBlur, params, { x: x.buffer, y: y.buffer }, options));
}

/** Planes of the same size and number, filled by `work`. */
export async function likewise(
  x: DevicePlanes,
  label: string,
  work: (y: DevicePlanes) => Promise<void>,
): Promise<DevicePlanes> {
  const y = await DevicePlanes.create(x.device, x, x.planes, label);
  try {
    await work(y);
    return y;
  } catch (error) {
    y.destroy();
    throw error;
  }
}

/** Red, green, blue and alpha as planes of 0 to 255. */
export async function splitDevicePicture(picture: DevicePicture, options: PixelOptions = {}): Promise<DevicePlanes> {
  const { device, buffer, width, height } = picture;
  const planes = await DevicePlanes.create(device, picture, 4, 'channels');
  const params = { pixels: width * height, planes: 4 };
  try {
    const operands = { picture: buffer, planes: planes.buffer };
    await device.run(splitChannels, params, operands, options);
    return planes;
  } catch (error) {
    planes.destroy();
    throw error;
  }
}

/** One plane (grey), three or four of 0 to 255 as a picture, rounded half to even and saturated. */
export async function mergePlanes(planes: DevicePlanes, options: PixelOptions = {}): Promise<DevicePicture> {
  const { device, buffer, width, height } = planes;
  const picture = await DevicePicture.create(device, planes, 'picture');
  const params = { pixels: width * height, planes: planes.planes };
  try {
    const operands = { picture: picture.buffer, planes: buffer };
    await device.run(mergeChannels, params, operands, options);
    return picture;
  } catch (error) {
    picture.destroy();
    throw error;
  }
}
