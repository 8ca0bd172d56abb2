// Which faces are restored in grey, and how their greys look: black-and-white photos stay that, sepia, blue and yellowed ones keep their tone.

import type { Executor } from '../executor.js';
import type { Picture } from '../image/picture.js';
import { type GreyLike, isGrey, isToned } from '../pixels/colour.js';
import type { PixelOptions } from '../pixels/device-picture.js';
import type { Settings } from './options.js';
import { Photo } from './photo.js';

/** What a photo is, whose faces are restored in grey. */
export interface GreyPhoto {
  /** Colours of each grey; null where greys have one tint. */
  readonly tone: Float32Array | null;
}

type GreySettings = Pick<Settings, 'grayscale' | 'compat' | 'signal'>;

/** Whether faces of a photo are to be grey, as far as the whole photo tells; null for coloured ones. The reference knows no tones. */
export async function greyPhoto(photo: Photo, { grayscale, compat, signal }: GreySettings): Promise<GreyPhoto | null> {
  if (grayscale === false) return null;
  if (compat) return grayscale === true || isGrey(await photo.statistics({ signal })) ? { tone: null } : null;
  return (await lookOf(photo, { signal })) ?? (grayscale === true ? { tone: null } : null);
}

async function lookOf(photo: Photo, options: PixelOptions): Promise<GreyPhoto | null> {
  if (isGrey(await photo.statistics(options))) return { tone: null };
  const tone = await photo.tone(options);
  return isToned(tone) ? { tone: tone.curve } : null;
}

/**
 * How the greys of a face look; null for a face that is restored in colour: a small one in colours may be in a photo that is all but grey.
 * @param crop RGBA
 */
export async function greyLike(
  device: Executor,
  crop: Picture,
  whole: GreyPhoto | null,
  { grayscale, compat, signal }: GreySettings,
): Promise<GreyLike | null> {
  if (!whole) return null;
  const photo = await Photo.open(device, crop);
  try {
    if (grayscale === 'auto' && !compat && !(await lookOf(photo, { signal }))) return null;
    return { statistics: await photo.statistics({ signal }), tone: whole.tone };
  } finally {
    photo.destroy();
  }
}

/** As `greyPhoto` and `greyLike`, of a picture that is an aligned face. */
export async function greyCrop(device: Executor, crop: Picture, settings: GreySettings): Promise<GreyLike | null> {
  const photo = await Photo.open(device, crop);
  try {
    return await greyLike(device, crop, await greyPhoto(photo, settings), settings);
  } finally {
    photo.destroy();
  }
}
