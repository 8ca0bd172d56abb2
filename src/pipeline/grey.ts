// Which faces are restored in grey, and how their greys look: black-and-white photos stay that, sepia, blue and yellowed ones keep their tone.

import { colourStatisticsOnDevice, type GreyLike, isGrey, isToned, toneOnDevice } from '../pixels/colour.js';
import type { DevicePicture, PixelOptions } from '../pixels/device-picture.js';
import type { Settings } from './options.js';
import type { Photo } from './photo.js';

/** What a photo is, whose faces are restored in grey. */
export interface GreyPhoto {
  /** Colours of each grey; null where greys have one tint. */
  readonly tone: Float32Array | null;
}

type GreySettings = Pick<Settings, 'grayscale' | 'rules' | 'signal'>;

/** Whether faces of a photo are to be grey, as far as the whole photo tells; null for coloured ones. */
export async function greyPhoto(
  photo: Coloured,
  { grayscale, rules, signal }: GreySettings,
): Promise<GreyPhoto | null> {
  if (grayscale === false) return null;
  if (!rules.tones) return grayscale === true || isGrey(await photo.statistics({ signal })) ? { tone: null } : null;
  return (await lookOf(photo, { signal })) ?? (grayscale === true ? { tone: null } : null);
}

/** What tells of its colours. */
type Coloured = Pick<Photo, 'statistics' | 'tone'>;

async function lookOf(photo: Coloured, options: PixelOptions): Promise<GreyPhoto | null> {
  if (isGrey(await photo.statistics(options))) return { tone: null };
  const tone = await photo.tone(options);
  return isToned(tone) ? { tone: tone.curve } : null;
}

/** How the greys of a face look; null for a face that is restored in colour: a small one in colours may be in a photo that is all but grey. */
export async function greyLike(
  crop: DevicePicture,
  whole: GreyPhoto | null,
  { grayscale, rules, signal }: GreySettings,
): Promise<GreyLike | null> {
  if (!whole) return null;
  const colours = coloursOf(crop);
  if (grayscale === 'auto' && rules.tones && !(await lookOf(colours, { signal }))) return null;
  return { statistics: await colours.statistics({ signal }), tone: whole.tone };
}

/** As `greyPhoto` and `greyLike`, of a picture that is an aligned face. */
export async function greyCrop(crop: DevicePicture, settings: GreySettings): Promise<GreyLike | null> {
  return greyLike(crop, await greyPhoto(coloursOf(crop), settings), settings);
}

const coloursOf = (picture: DevicePicture): Coloured => ({
  statistics: options => colourStatisticsOnDevice(picture, options),
  tone: options => toneOnDevice(picture, options),
});
