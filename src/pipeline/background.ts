// What faces are pasted on: the photo in the size of the result.

import type { Executor } from '../executor.js';
import type { Size } from '../image/geometry.js';
import { isOpaque, type Picture } from '../image/picture.js';
import { DevicePicture } from '../pixels/device-picture.js';
import { resize } from '../pixels/pixels.js';
import { Photo } from './photo.js';
import type { Rules } from './rules.js';
import type { Context } from './stages.js';

/** The photo, and the working picture that faces are looked for in and cut from: enlarged as by the reference, or opaque. */
export interface Photos {
  readonly original: Photo;
  readonly working: Photo;
}

/** Whether some of a picture is transparent. Of pictures that came from the device nothing is, as only reading them would tell. */
const hasAlpha = (picture: Picture | DevicePicture): picture is Picture =>
  !(picture instanceof DevicePicture) && !isOpaque(picture);

/** @param maxDeviceBytes bytes of a picture that is kept on the device */
export async function openPhotos(
  picture: Picture | DevicePicture,
  device: Executor,
  rules: Rules,
  maxDeviceBytes?: number,
): Promise<Photos> {
  const { size, enlargement } = rules.working(picture);
  const original = await Photo.open(device, picture, maxDeviceBytes);
  try {
    if (enlargement > 1)
      return { original, working: await original.resized(size, 'linear', { step: 1 / enlargement }) };
    return { original, working: rules.fills && hasAlpha(picture) ? await original.filled() : original };
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
  picture: Picture | DevicePicture,
  { original, working }: Photos,
  output: Size,
  { device, stages: { upscale }, settings, report }: Context,
): Promise<Photo> {
  const { backgroundUpscale, rules, upscaling, signal } = settings;
  if (backgroundUpscale && upscale) {
    const seen = await (rules.fills && hasAlpha(picture) ? working : original).read();
    report.stage('background');
    const large = await upscale(seen, upscaling, share => report.share('background', share));
    const whole = isOpaque(large) && hasAlpha(picture) ? await withAlphaOf(picture, large, device) : large;
    const canvas = await Photo.open(device, whole);
    return canvas.resized(output, 'lanczos4', { signal }).finally(() => canvas.destroy());
  }
  const { filter, fromWorking } = rules.background(picture, output);
  const premultiplied = rules.fills && hasAlpha(picture);
  return (fromWorking ? working : original).resized(output, filter, { premultiplied, signal });
}

/** An upscaled picture with the alpha of the picture: upscalers may know colours only. */
async function withAlphaOf(picture: Picture, large: Picture, device: Executor): Promise<Picture> {
  const { width, height } = large;
  const alpha = await resize(device, picture, { width, height, filter: 'linear' });
  const data = new Uint8ClampedArray(large.data);
  for (let i = 3; i < data.length; i += 4) data[i] = alpha.data[i]!;
  return { data, width, height };
}
