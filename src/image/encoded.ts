// Checks encoded pictures before anything of them is decoded.

import { CodeFormerError } from '../errors.js';
import { type Dimensions, encodedDimensions } from './dimensions.js';
import { describeOther, type PictureFormat, pictureFormat } from './format.js';
import { checkPixelCount, type PictureLimits } from './picture.js';

/**
 * The format of an encoded picture, and its size as far as the header tells it, which has been checked.
 * @throws `INVALID_IMAGE` for what is empty or no picture, `IMAGE_TOO_LARGE`
 */
export function checkEncoded(
  bytes: Uint8Array,
  limits: PictureLimits,
): { readonly format: PictureFormat; readonly size: Dimensions | null } {
  const refuse = (found: string) => new CodeFormerError('INVALID_IMAGE', `${limits.name ?? 'picture'}: ${found}`);
  if (bytes.length === 0) throw refuse('expected a picture but it is empty');
  const format = pictureFormat(bytes);
  if (!format) throw refuse(`expected a PNG, JPEG, WebP, AVIF, TIFF, BMP or GIF but it is ${describeOther(bytes)}`);
  const size = encodedDimensions(bytes);
  if (size) checkPixelCount(size.width, size.height, limits);
  return { format, size };
}
