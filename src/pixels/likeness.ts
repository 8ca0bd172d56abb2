// How alike a face looks in two pictures of it. What the measure tells, and what it does not, is said in docs/likeness.md.

import { colourStatisticsOnDevice } from './colour.js';
import { type DevicePicture, DevicePlanes, type PixelOptions, scoped } from './device-picture.js';
import { mergePlanes, splitDevicePicture } from './filter.js';
import { resizeDevicePicture } from './resize.js';

/** Side at which crops are compared: what a photo lacks in detail, and a network adds, is no difference. */
const SIDE = 32;

/** The part of a crop of that side where the face is. */
const FACE = { left: 6, top: 6, width: 20, height: 24 };

/**
 * The correlation of the greens of two aligned crops of a face, shrunk to 32x32 pixels, where the face is: 1 where light and dark lie alike,
 * about 0 where they have nothing in common, and 0 where there is neither.
 */
export async function likenessOnDevice(
  a: DevicePicture,
  b: DevicePicture,
  options: PixelOptions = {},
): Promise<number> {
  const { device } = a;
  return scoped(async keep => {
    const both = keep(await DevicePlanes.create(device, FACE, 3, 'likeness'));
    for (const [i, crop] of [a, b].entries()) {
      const small = keep(await resizeDevicePicture(crop, { width: SIDE, height: SIDE }, 'area', options));
      const channels = keep(await splitDevicePicture(small, options));
      const rows = Array.from({ length: FACE.height }, (_, y) => ({
        // Green is the second channel.
        from: 4 * ((SIDE + FACE.top + y) * SIDE + FACE.left),
        to: 4 * (i * FACE.height + y) * FACE.width,
        bytes: 4 * FACE.width,
      }));
      await device.copy(channels.buffer, both.buffer, rows);
    }
    const { variance, differenceVariance } = await colourStatisticsOnDevice(
      keep(await mergePlanes(both, options)),
      options,
    );
    const scale = 2 * Math.sqrt(variance[0] * variance[1]);
    return scale > 0 ? (variance[0] + variance[1] - differenceVariance[0]) / scale : 0;
  });
}
