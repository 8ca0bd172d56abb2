// Decodes and encodes pictures in Node, in memory and in files: PNG by pngjs, everything else by sharp, which is loaded when it is needed.

import { basename, extname } from 'node:path';
import { inflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import type { SharpConstructor } from 'sharp';
import { CodeFormerError, invalidArgument } from '../errors.js';
import { type PictureFormat, type PngHeader, pictureFormat, readPngHeader } from '../image/format.js';
import { upright } from '../image/orientation.js';
import {
  checkPicture,
  checkPixelCount,
  isOpaque,
  type Picture,
  type PictureLimits,
  pixelLimit,
  toRgb,
} from '../image/picture.js';
import { type ReadLimits, readBounded } from './read-file.js';
import { checkWritable, writeFileBeside } from './write-file.js';

/** Formats that pictures are written in. */
export const OUTPUT_TYPES = ['png', 'jpeg', 'webp'] as const;
/** File formats that pictures can be written in. */
export type OutputType = (typeof OUTPUT_TYPES)[number];

/** How a picture is encoded. */
export interface EncodeImageOptions {
  /** Default `png`. */
  readonly type?: OutputType | undefined;
  /** 1 to 100, default 95. PNG is lossless and has none. */
  readonly quality?: number | undefined;
}

/**
 * Decodes PNG, JPEG, WebP, AVIF, TIFF or GIF (first frame) to RGBA in sRGB, upright by its EXIF orientation. Of 16 bits the upper 8
 * are kept; alpha is kept. The size is checked before anything is decoded.
 * @throws `INVALID_IMAGE` for what is no picture or a broken one, `IMAGE_TOO_LARGE`
 */
export async function decodeImage(bytes: Uint8Array | ArrayBuffer, limits: PictureLimits = {}): Promise<Picture> {
  const name = limits.name ?? 'picture';
  pixelLimit(limits.maxPixels);
  if (!(bytes instanceof Uint8Array || bytes instanceof ArrayBuffer)) {
    throw invalidArgument('a Uint8Array or ArrayBuffer', name, bytes);
  }
  const data = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
  if (data.length === 0) throw new CodeFormerError('INVALID_IMAGE', `${name}: expected a picture but it is empty`);
  const format = pictureFormat(data);
  if (!format) {
    const begin = [...data.subarray(0, 8)].map(byte => byte.toString(16).padStart(2, '0')).join(' ');
    throw new CodeFormerError(
      'INVALID_IMAGE',
      `${name}: expected a PNG, JPEG, WebP, AVIF, TIFF or GIF but it begins with ${begin}`,
    );
  }
  if (format !== 'png') return decodeBySharp(data, format, name, limits);
  const header = attempt(name, format, () => readPngHeader(data));
  checkPixelCount(header.width, header.height, { ...limits, name });
  // Colours in another space than sRGB have to be converted, and pngjs inflates interlaced data without bounds.
  if (header.profile || header.interlaced) return decodeBySharp(data, format, name, limits);
  return attempt(name, format, () => decodePng(data, header));
}

function decodePng(bytes: Uint8Array, header: PngHeader): Picture {
  const { width, height, depth, orientation, end } = header;
  checkPixelData(header);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, end);
  // Left alone, pngjs rounds 16 bits; here, as with sharp and in the reference, the upper byte is taken.
  const { data } = PNG.sync.read(buffer, { skipRescale: depth === 16 } as object);
  const source: ArrayLike<number> & ArrayBufferView = data;
  const rgba = new Uint8ClampedArray(4 * width * height);
  if (source.byteLength === rgba.length) rgba.set(source);
  else for (let i = 0; i < rgba.length; i++) rgba[i] = source[i]! >> 8;
  return upright({ data: rgba, width, height }, orientation);
}

/** Throws where there are too few pixels: pngjs would take whatever lies in memory for the rest, a different picture each time. */
function checkPixelData({ compressed, rawBytes }: PngHeader): void {
  let length: number;
  try {
    length = inflateSync(Buffer.concat(compressed), { maxOutputLength: rawBytes }).length;
  } catch (error) {
    // More than there have to be are allowed.
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return;
    throw error;
  }
  if (length < rawBytes) throw new Error(`expected ${rawBytes} bytes of pixels but there are ${length}`);
}

async function decodeBySharp(
  bytes: Uint8Array,
  format: PictureFormat,
  name: string,
  limits: PictureLimits,
): Promise<Picture> {
  const sharp = await loadSharp(`${name} is ${format.toUpperCase()}`);
  try {
    const options = { failOn: 'error', limitInputPixels: pixelLimit(limits.maxPixels) } as const;
    const { width, height } = await sharp(bytes, { ...options, limitInputPixels: false }).metadata();
    checkPixelCount(width, height, { ...limits, name });
    const { data, info } = await sharp(bytes, options)
      .autoOrient()
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return {
      data: new Uint8ClampedArray(data.buffer, data.byteOffset, data.length),
      width: info.width,
      height: info.height,
    };
  } catch (error) {
    throw broken(name, format, error);
  }
}

function attempt<T>(name: string, format: PictureFormat, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw broken(name, format, error);
  }
}

function broken(name: string, format: PictureFormat, error: unknown): CodeFormerError {
  if (error instanceof CodeFormerError) return error;
  // Decoders print one line for each thing that they stumble over; the first one says enough.
  const reason = String((error as Error).message)
    .trim()
    .split('\n')[0];
  return new CodeFormerError('INVALID_IMAGE', `${name}: the ${format.toUpperCase()} is broken: ${reason}`, {
    cause: error,
  });
}

async function loadSharp(what: string): Promise<SharpConstructor> {
  try {
    return (await import('sharp')).default;
  } catch (cause) {
    throw new CodeFormerError(
      'INVALID_IMAGE',
      `${what}, which needs the package sharp, but it could not be loaded: ${(cause as Error).message.split('\n')[0]}`,
      { cause },
    );
  }
}

/**
 * Encodes a picture. Opaque pictures are written without alpha; JPEG has none and drops it.
 * @throws `INVALID_ARGUMENT`, `INVALID_IMAGE`
 */
export async function encodeImage(
  picture: Picture,
  options: EncodeImageOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { type = 'png', quality = 95 } = options;
  if (!OUTPUT_TYPES.includes(type)) throw invalidArgument(`one of ${OUTPUT_TYPES.join(', ')}`, 'type', type);
  if (!(Number.isInteger(quality) && quality >= 1 && quality <= 100)) {
    throw invalidArgument('a whole number from 1 to 100', 'quality', quality);
  }
  checkPicture(picture, { maxPixels: Number.MAX_SAFE_INTEGER });
  const written = type === 'jpeg' || isOpaque(picture) ? toRgb(picture) : picture;
  const { data, width, height } = written;
  const channels = written.data.length === 4 * width * height ? 4 : 3;
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.length);
  if (type === 'png') {
    const png = new PNG({ width, height });
    png.data = buffer;
    const hasAlpha = channels === 4;
    const colour = { inputHasAlpha: hasAlpha, colorType: hasAlpha ? 6 : 2 } as const;
    return PNG.sync.write(png, { ...colour, deflateLevel: 6 }) as Buffer<ArrayBuffer>;
  }
  const sharp = await loadSharp(`The output is ${type}`);
  const image = sharp(buffer, { raw: { width, height, channels }, limitInputPixels: false });
  const encoded = type === 'jpeg' ? image.jpeg({ quality, chromaSubsampling: '4:4:4' }) : image.webp({ quality });
  return (encoded.toBuffer() as Promise<Buffer<ArrayBuffer>>).catch(cause => {
    throw new CodeFormerError(
      'INVALID_ARGUMENT',
      `A picture of ${width}x${height} cannot be written as ${type}: ${(cause as Error).message}`,
      { cause },
    );
  });
}

/** Most bytes that are read of a picture: as many as the largest allowed one can have, and what is said beside pixels. */
export function pictureBytesLimit(maxPixels: number | undefined): number {
  return 4 * pixelLimit(maxPixels) + 2 ** 26;
}

/** How pictures are read: of what is none only the beginning, which tells. */
export const pictureReading = (maxPixels: number | undefined, signal?: AbortSignal): ReadLimits => ({
  maxBytes: pictureBytesLimit(maxPixels),
  tooLarge: 'IMAGE_TOO_LARGE',
  enough: begin => pictureFormat(begin) === null,
  signal,
});

/**
 * Reads and decodes a file.
 * @throws `FILE_NOT_FOUND`, `FILE_UNREADABLE`, and as `decodeImage`
 */
export async function readImageFile(path: string, limits: Omit<PictureLimits, 'name'> = {}): Promise<Picture> {
  const bytes = await readBounded(path, path, pictureReading(limits.maxPixels));
  return decodeImage(bytes, { ...limits, name: path });
}

/** The format that a file name asks for by its ending. Throws `INVALID_ARGUMENT` for others than .png, .jpg, .jpeg, .webp. */
export function outputTypeOf(path: string): OutputType {
  const ending = extname(path).slice(1).toLowerCase();
  const type = ending === 'jpg' ? 'jpeg' : OUTPUT_TYPES.find(known => known === ending);
  if (!type)
    throw invalidArgument('a file name that ends with .png, .jpg, .jpeg or .webp', 'the output', basename(path));
  return type;
}

/**
 * Encodes a picture by the ending of the file name and writes it: beside its place first, then renamed, so that there is never half
 * a file. An existing file is replaced, unless `overwrite` is false.
 * @throws `FILE_UNWRITABLE`, `INVALID_ARGUMENT` for other endings than .png, .jpg, .jpeg, .webp, `ABORTED`
 */
export async function writeImageFile(
  path: string,
  picture: Picture,
  options: {
    readonly quality?: number | undefined;
    readonly signal?: AbortSignal | undefined;
    readonly overwrite?: boolean | undefined;
  } = {},
): Promise<void> {
  const { quality, signal, overwrite } = options;
  const bytes = await encodeImage(picture, { type: outputTypeOf(path), quality });
  await checkWritable(path);
  await writeFileBeside(
    path,
    (async function* () {
      yield bytes;
    })(),
    { signal, overwrite },
  );
}
