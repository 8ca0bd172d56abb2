// Sizes of a photo on its way to the result.

import { checkEncodable } from '../image/encoding.js';
import type { Size } from '../image/geometry.js';
import { roundHalfEven } from '../kernels/resize-plane/taps.js';
import { LEAST_SIDE } from './detection.js';
import { checkResultSize, type Settings } from './options.js';

/** How much the photo is enlarged before anything else: only as the reference does. */
export function enlargementOf({ width, height }: Size, { compat }: Pick<Settings, 'compat'>): number {
  if (!compat) return 1;
  return Math.max(1, LEAST_SIDE / Math.min(width, height));
}

export const timesHalfEven = ({ width, height }: Size, factor: number): Size => ({
  width: roundHalfEven(width * factor),
  height: roundHalfEven(height * factor),
});

/** The size of the result. Throws `IMAGE_TOO_LARGE`, also for what the format of the result cannot hold. */
export function outputSize(picture: Size, settings: Settings): Size {
  const { maxPixels, output } = settings;
  const size = sizeOfResult(picture, settings);
  checkResultSize(size, { maxPixels });
  if (output) checkEncodable(size, output);
  return size;
}

function sizeOfResult(picture: Size, settings: Settings): Size {
  const { upscaling, compat, maxPixels } = settings;
  if (!compat) {
    const side = (length: number) => Math.max(1, Math.round(length * upscaling));
    return { width: side(picture.width), height: side(picture.height) };
  }
  const working = timesHalfEven(picture, enlargementOf(picture, settings));
  checkResultSize(working, { maxPixels, name: 'the photo enlarged to a shorter side of 512' });
  const side = (length: number) => Math.max(1, Math.trunc(length * upscaling));
  return { width: side(working.width), height: side(working.height) };
}
