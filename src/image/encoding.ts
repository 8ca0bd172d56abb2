// How pictures are encoded: the options, checked, and what does not depend on who encodes.

import { checkOptions } from '../checks.js';
import { CodeFormerError, invalidArgument } from '../errors.js';
import { isMetadata, type Picture, type PictureMetadata, toRgba } from './picture.js';

/** Formats that pictures are written in. */
export const ENCODED_TYPES = ['png', 'jpeg', 'webp'] as const;

/** File formats that results can be encoded in. */
export type EncodedType = (typeof ENCODED_TYPES)[number];

/** How a picture is encoded. */
export interface EncodeImageOptions {
  /** Default `png`. */
  readonly type?: EncodedType | undefined;
  /** 1 to 100, default 95. PNG is lossless and has none. */
  readonly quality?: number | undefined;
  /** The colour, as `#rrggbb` or `#rgb`, that lies under what is transparent where the format has no transparency: JPEG. Default white. */
  readonly background?: string | undefined;
  /** What `decodeImage` found in the file of the photo that the picture was made of: it is adapted and written. Default none. */
  readonly metadata?: PictureMetadata | null | undefined;
}

/** Options of `encodeImage`, complete and checked. */
export interface EncodeSettings {
  readonly type: EncodedType;
  readonly quality: number;
  /** Red, green, blue. */
  readonly background: Colour;
  readonly metadata: PictureMetadata | null;
}

export type Colour = readonly [red: number, green: number, blue: number];

/** @throws `INVALID_ARGUMENT` that names the option */
export function checkEncodeOptions(options: EncodeImageOptions): EncodeSettings {
  checkOptions(options, ['background', 'metadata', 'quality', 'type']);
  return {
    type: checkType(options.type ?? 'png', 'type'),
    quality: checkQuality(options.quality ?? 95),
    background: checkBackground(options.background ?? '#ffffff'),
    metadata: checkMetadata(options.metadata ?? null),
  };
}

export function checkType(type: EncodedType, name: string): EncodedType {
  if (!ENCODED_TYPES.includes(type)) throw invalidArgument(`one of ${ENCODED_TYPES.join(', ')}`, name, type);
  return type;
}

export function checkQuality(quality: number): number {
  if (!(Number.isInteger(quality) && quality >= 1 && quality <= 100))
    throw invalidArgument('a whole number from 1 to 100', 'quality', quality);
  return quality;
}

/** Red, green and blue of a colour in hexadecimal digits. */
export function checkBackground(text: string, name = 'background'): Colour {
  const digits = typeof text === 'string' ? /^#([\da-f]{3}|[\da-f]{6})$/i.exec(text)?.[1] : undefined;
  if (digits === undefined) throw invalidArgument('a colour as #rrggbb or #rgb', name, text);
  const whole = digits.length === 3 ? digits.replace(/./g, '$&$&') : digits;
  const value = Number.parseInt(whole, 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

function checkMetadata(metadata: PictureMetadata | null): PictureMetadata | null {
  if (metadata !== null && !isMetadata(metadata))
    throw invalidArgument('what decodeImage gives as metadata', 'metadata', metadata);
  return metadata;
}

/** The longest side that each format takes: WebP has 14 bits for it; encoders of JPEG and PNG stop somewhat below what their formats have. */
const LONGEST: Readonly<Record<EncodedType, number>> = { png: 1_000_000, jpeg: 65_500, webp: 16_383 };

/**
 * Throws `IMAGE_TOO_LARGE` for pictures that a format cannot hold.
 * @param name how the message calls the picture
 */
export function checkEncodable(
  { width, height }: { readonly width: number; readonly height: number },
  type: EncodedType,
  name = 'the result',
): void {
  if (Math.max(width, height) <= LONGEST[type]) return;
  const format = { png: 'PNG', jpeg: 'JPEG', webp: 'WebP' }[type];
  throw new CodeFormerError(
    'IMAGE_TOO_LARGE',
    `${name}: expected sides of at most ${LONGEST[type]} pixels for ${format} but it has ${width}x${height}`,
  );
}

/** A picture over a colour, as opaque RGBA. */
export function flattened(picture: Picture, background: Colour): Picture {
  const { data, width, height } = toRgba(picture, { maxPixels: Number.MAX_SAFE_INTEGER });
  const made = new Uint8ClampedArray(data);
  for (let i = 0; i < made.length; i += 4) {
    const alpha = made[i + 3]!;
    if (alpha === 255) continue;
    for (let c = 0; c < 3; c++) made[i + c] = (made[i + c]! * alpha + background[c]! * (255 - alpha)) / 255;
    made[i + 3] = 255;
  }
  return { data: made, width, height };
}
