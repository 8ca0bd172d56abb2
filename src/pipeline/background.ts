// What faces are pasted on: the photo in the size of the result.

import type { Size } from '../image/geometry.js';
import { isOpaque, type Picture } from '../image/picture.js';
import { resize } from '../pixels/pixels.js';
import { Photo } from './photo.js';
import { enlargementOf, timesHalfEven } from './sizes.js';
import type { Context } from './stages.js';

/** The photo, and the working picture that faces are looked for in and cut from: enlarged as by the reference, or opaque. */
export interface Photos {
  readonly original: Photo;
  readonly working: Photo;
}

/** @param maxDeviceBytes bytes of a picture that is kept on the device */
export async function openPhotos(
  picture: Picture,
  { device, settings }: Pick<Context, 'device'> & { readonly settings: { readonly compat: boolean } },
  maxDeviceBytes?: number,
): Promise<Photos> {
  const enlargement = enlargementOf(picture, settings);
  const original = await Photo.open(device, picture, maxDeviceBytes);
  try {
    if (enlargement > 1) {
      const size = timesHalfEven(picture, enlargement);
      return { original, working: await original.resized(size, 'linear', { step: 1 / enlargement }) };
    }
    return { original, working: settings.compat || isOpaque(picture) ? original : await original.filled() };
  } catch (error) {
    original.destroy();
    throw error;
  }
}

export function closePhotos({ original, working }: Photos): void {
  if (working !== original) working.destroy();
  original.destroy();
}

/** The photo in the size of the result, to be painted on. */
export async function background(
  picture: Picture,
  { original, working }: Photos,
  output: Size,
  { device, stages: { upscale }, settings }: Context,
): Promise<Photo> {
  const { backgroundUpscale, compat, upscaling, signal } = settings;
  if (backgroundUpscale && upscale) {
    // The reference's upscaler sees the colours under transparent parts; opaque pictures have none.
    const large = await upscale(compat || isOpaque(picture) ? picture : await working.read(), upscaling);
    const whole = isOpaque(large) && !isOpaque(picture) ? await withAlphaOf(picture, large, device) : large;
    const canvas = await Photo.open(device, whole);
    return canvas.resized(output, 'lanczos4', { signal }).finally(() => canvas.destroy());
  }
  if (compat) return working.resized(output, 'linear', { signal });
  const premultiplied = !isOpaque(picture);
  const shrinks = output.width <= original.width && output.height <= original.height;
  return original.resized(output, shrinks ? 'area' : 'lanczos4', { premultiplied, signal });
}

/** An upscaled picture with the alpha of the picture: upscalers may know colours only. */
async function withAlphaOf(picture: Picture, large: Picture, device: Context['device']): Promise<Picture> {
  const { width, height } = large;
  const alpha = await resize(device, picture, { width, height, filter: 'linear' });
  const data = new Uint8ClampedArray(large.data);
  for (let i = 3; i < data.length; i += 4) data[i] = alpha.data[i]!;
  return { data, width, height };
}
