// Pictures as the library passes them around: 8 bits per channel, RGBA or RGB, rows from top to bottom. The checks here run before any
// work is done on a picture.

import { checkObject } from '../checks.js';
import { CodeFormerError, invalidArgument } from '../errors.js';

/** Pixels of 8 bits a channel, rows from top to bottom, in sRGB. */
export interface Picture {
  /** 4 * width * height values of RGBA (alpha not premultiplied), or 3 * width * height of RGB. */
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** What is kept of an encoded picture beside its pixels: dates, places, cameras, authors and rights. */
export interface PictureMetadata {
  /** EXIF data: a TIFF header and its directories. */
  readonly exif?: Uint8Array | null | undefined;
  /** An XMP packet: text in XML. */
  readonly xmp?: Uint8Array | null | undefined;
  /** IPTC records, which JPEG alone has. */
  readonly iptc?: Uint8Array | null | undefined;
}

/** Whether something is the metadata of a picture, or may be written as such. */
export const isMetadata = (value: unknown): value is PictureMetadata =>
  typeof value === 'object' &&
  value !== null &&
  ['exif', 'xmp', 'iptc'].every(name => {
    const part = (value as Record<string, unknown>)[name] ?? null;
    return part === null || part instanceof Uint8Array;
  });

/** A picture with what its file said beside the pixels. */
export interface DecodedPicture extends Picture {
  readonly metadata: PictureMetadata | null;
  /** What was wrong with the file and could be mended. */
  readonly warnings: readonly string[];
}

/** Most pixels of a picture, unless an option says otherwise. */
const DEFAULT_MAX_PIXELS = 100_000_000;

/** The longest side of a picture. Longer ones are no photos, and cost decoders far more than their pixels. */
export const MAX_SIDE = 65_535;

/** What is refused of a picture, and how it is called then. */
export interface PictureLimits {
  /** Most pixels allowed. Default 100 million. */
  readonly maxPixels?: number | undefined;
  /** How messages name the picture: a path, or `picture`. */
  readonly name?: string | undefined;
}

/** Throws `INVALID_ARGUMENT` unless the value is a pixel limit; returns it, or the default. */
export function pixelLimit(maxPixels: number | undefined): number {
  if (maxPixels === undefined) return DEFAULT_MAX_PIXELS;
  if (!Number.isSafeInteger(maxPixels) || maxPixels < 1) {
    throw invalidArgument('a whole number of at least 1', 'maxPixels', maxPixels);
  }
  return maxPixels;
}

/** Checks limits that came from outside; returns the name that messages use. */
export function checkLimits(limits: PictureLimits): string {
  checkObject(limits, 'limits');
  const { name = 'picture', maxPixels } = limits;
  if (typeof name !== 'string') throw invalidArgument('text', 'name', name);
  pixelLimit(maxPixels);
  return name;
}

/** Throws `IMAGE_TOO_LARGE` for sizes above the pixel limit, and for sides above 65,535 pixels. */
export function checkPixelCount(width: number, height: number, limits: PictureLimits = {}): void {
  const most = pixelLimit(limits.maxPixels);
  if (width * height > most) {
    throw new CodeFormerError(
      'IMAGE_TOO_LARGE',
      `${limits.name ?? 'picture'}: expected at most ${most} pixels but it has ${width}x${height} = ${width * height}`,
    );
  }
  if (Math.max(width, height) > MAX_SIDE) {
    throw new CodeFormerError(
      'IMAGE_TOO_LARGE',
      `${limits.name ?? 'picture'}: expected sides of at most ${MAX_SIDE} pixels but it has ${width}x${height}`,
    );
  }
}

/**
 * Checks a picture that came from outside and returns its number of channels.
 * @throws `INVALID_ARGUMENT` for what is no picture, `INVALID_IMAGE` where data and size disagree, `IMAGE_TOO_LARGE`
 */
export function checkPicture(picture: Picture, limits: PictureLimits = {}): 3 | 4 {
  const name = limits.name ?? 'picture';
  if (typeof picture !== 'object' || picture === null) {
    throw invalidArgument('an object { data, width, height }', name, picture);
  }
  const { data, width, height } = picture;
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw invalidArgument('a Uint8Array or Uint8ClampedArray', `${name}.data`, data);
  }
  for (const [side, value] of Object.entries({ width, height })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw invalidArgument('a whole number of at least 1', `${name}.${side}`, value);
    }
  }
  checkPixelCount(width, height, limits);
  const pixels = width * height;
  if (data.length === 4 * pixels) return 4;
  if (data.length === 3 * pixels) return 3;
  throw new CodeFormerError(
    'INVALID_IMAGE',
    `${name}: expected ${4 * pixels} (RGBA) or ${3 * pixels} (RGB) values for ${width}x${height} pixels but it has ${data.length}`,
  );
}

/** A picture as RGBA: itself where it is, else a copy with opaque alpha. Checks it first. */
export function toRgba(picture: Picture, limits: PictureLimits = {}): Picture {
  if (checkPicture(picture, limits) === 4) return picture;
  const { data, width, height } = picture;
  const rgba = new Uint8ClampedArray(4 * width * height);
  for (let from = 0, to = 0; to < rgba.length; from += 3, to += 4) {
    rgba[to] = data[from]!;
    rgba[to + 1] = data[from + 1]!;
    rgba[to + 2] = data[from + 2]!;
    rgba[to + 3] = 255;
  }
  return { data: rgba, width, height };
}

/** A picture as RGB: itself where it is, else a copy without alpha. Colours under transparency stay as they are. */
export function toRgb(picture: Picture): Picture {
  const { data, width, height } = picture;
  if (data.length === 3 * width * height) return picture;
  const rgb = new Uint8ClampedArray(3 * width * height);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    rgb[to] = data[from]!;
    rgb[to + 1] = data[from + 1]!;
    rgb[to + 2] = data[from + 2]!;
  }
  return { data: rgb, width, height };
}

/** Whether no pixel of a picture is transparent. */
export function isOpaque({ data, width, height }: Picture): boolean {
  if (data.length === 3 * width * height) return true;
  for (let i = 3; i < data.length; i += 4) if (data[i] !== 255) return false;
  return true;
}
