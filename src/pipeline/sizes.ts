// The size of the result, checked.

import { checkEncodable } from '../image/encoding.js';
import type { Size } from '../image/geometry.js';
import { checkResultSize, type Settings } from './options.js';

/** The size of the result. Throws `IMAGE_TOO_LARGE`, also for what the format of the result cannot hold. */
export function outputSize(picture: Size, { maxPixels, output, upscaling, rules }: Settings): Size {
  const { size: working, enlargement } = rules.working(picture);
  if (enlargement > 1) checkResultSize(working, { maxPixels, name: 'the photo enlarged to a shorter side of 512' });
  const size = rules.result(working, upscaling);
  checkResultSize(size, { maxPixels });
  if (output) checkEncodable(size, output);
  return size;
}
