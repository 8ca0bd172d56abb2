// Resizing of pictures on the device.

import type { Device } from '../gpu/device.js';
import { prepareKernel } from '../gpu/run-kernel.js';
import { resizeLinear, resizeLinearTables, type Size } from '../kernels/resize-linear/resize-linear.js';
import { type Picture, toRgba } from './picture.js';

/**
 * A picture in another size as RGBA: bilinear between the four nearest pixels, without a low-pass when shrinking and whatever the
 * aspect ratio, as OpenCV's INTER_LINEAR does to 8-bit pictures.
 * @throws `ADAPTER_LIMITS` where the adapter has no buffers that large, `OUT_OF_MEMORY`
 */
export async function resizePicture(device: Device, picture: Picture, to: Size): Promise<Picture> {
  const { data, width, height } = toRgba(picture);
  if (width === to.width && height === to.height) return { data, width, height };
  const params = { from: { width, height }, to };
  // A view of bytes may begin anywhere; pixels must begin at a multiple of four.
  const aligned = data.byteOffset % 4 === 0 ? data : data.slice();
  const x = new Uint32Array(aligned.buffer, aligned.byteOffset, width * height);
  const kernel = await prepareKernel(device, resizeLinear, params, { x, ...resizeLinearTables(params) });
  try {
    await device.run(kernel.dispatches, { label: 'resize' });
    const { buffer } = await kernel.read('y');
    return { data: new Uint8ClampedArray(buffer as ArrayBuffer, 0, 4 * to.width * to.height), ...to };
  } finally {
    kernel.destroy();
  }
}
