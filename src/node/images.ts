// Decodes and encodes pictures in Node, in memory and in files: by sharp, which works outside of the event loop and is loaded when it is
// needed.

import { basename, extname } from 'node:path';
import { deflateSync } from 'node:zlib';
import type { Metadata, Sharp, SharpConstructor } from 'sharp';
import { checkObject, checkSignal } from '../checks.js';
import { CodeFormerError, invalidArgument } from '../errors.js';
import { decodeBmp } from '../image/bmp.js';
import { readBoxes } from '../image/boxes.js';
import { type ColourSpace, colourSpaceOf, iccProfile, pngColourSpace } from '../image/colour-space.js';
import { checkEncoded } from '../image/encoded.js';
import {
  checkEncodable,
  checkEncodeOptions,
  ENCODED_TYPES,
  type EncodedType,
  type EncodeImageOptions,
  flattened,
} from '../image/encoding.js';
import { FORMAT_NAMES, type PictureFormat, pictureFormat } from '../image/format.js';
import { jpegCompleted, readJpegHeader } from '../image/jpeg.js';
import { readMetadata, withPictureMetadata } from '../image/metadata.js';
import { upright } from '../image/orientation.js';
import {
  checkLimits,
  checkPicture,
  checkPixelCount,
  type DecodedPicture,
  isOpaque,
  type Picture,
  type PictureLimits,
  pixelLimit,
  toRgb,
} from '../image/picture.js';
import { pngCompleted, pngInSrgb, pngWith, readPngHeader } from '../image/png.js';
import { readTiffHeader } from '../image/tiff.js';
import { type ReadLimits, readBounded } from './read-file.js';
import { checkWritable, type WriteFileOptions, writeFileBeside } from './write-file.js';

/**
 * Decodes PNG, JPEG, WebP, AVIF, TIFF, BMP or GIF (first frame) to RGBA in sRGB, upright by its EXIF orientation. Of 16 bits the upper 8
 * are kept; alpha is kept. The size is checked before anything is decoded. Little is missing of a JPEG that ends early: it is read, and
 * `warnings` says so.
 * @param bytes the whole file; not changed
 * @param limits most pixels, and what messages call the picture
 * @throws `INVALID_ARGUMENT`, `INVALID_IMAGE` for what is no picture or a broken one, `IMAGE_TOO_LARGE`
 */
export async function decodeImage(
  bytes: Uint8Array | ArrayBuffer,
  limits: PictureLimits = {},
): Promise<DecodedPicture> {
  const name = checkLimits(limits);
  if (!(bytes instanceof Uint8Array || bytes instanceof ArrayBuffer)) {
    throw invalidArgument('a Uint8Array or ArrayBuffer', name, bytes);
  }
  const data = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
  const checked = { ...limits, name };
  const { format } = checkEncoded(data, checked);
  if (format === 'heic')
    throw new CodeFormerError(
      'INVALID_IMAGE',
      `${name}: it is HEIC, which is not read here: convert it to JPEG or PNG first`,
    );
  try {
    const decoded = await DECODERS[format](data, checked, await loadSharp(name));
    return { ...decoded, metadata: readMetadata(data, format) };
  } catch (error) {
    throw broken(name, format, error);
  }
}

type Decoded = Omit<DecodedPicture, 'metadata'>;
type Decoder = (bytes: Uint8Array, limits: PictureLimits, sharp: SharpConstructor) => Promise<Decoded>;

const DECODERS: Readonly<Record<Exclude<PictureFormat, 'heic'>, Decoder>> = {
  png: decodePng,
  jpeg: decodeJpeg,
  avif: decodeAvif,
  tiff: decodeTiff,
  bmp: async bytes => ({ ...(await decodeBmp(bytes)), warnings: [] }),
  webp: decodeAny,
  gif: decodeAny,
};

/** How libvips reads: anything that is wrong with pixels is an error, and so are more pixels than allowed. */
const strictly = ({ maxPixels }: PictureLimits) =>
  ({ failOn: 'error', limitInputPixels: pixelLimit(maxPixels) }) as const;

/** What libvips reads of the header, with the size checked once more: it may have understood another one. */
async function headerOf(sharp: SharpConstructor, bytes: Uint8Array, limits: PictureLimits): Promise<Metadata> {
  const header = await sharp(bytes, { failOn: 'error', limitInputPixels: false }).metadata();
  checkPixelCount(header.width, header.height, limits);
  return header;
}

async function decodeAny(bytes: Uint8Array, limits: PictureLimits, sharp: SharpConstructor): Promise<Decoded> {
  const header = await headerOf(sharp, bytes, limits);
  return { ...(await pixels(inEightBits(sharp(bytes, strictly(limits)), header))), warnings: [] };
}

/** Profiles are for the upper 8 bits of 16: left alone, sharp leaves greys as they are, and colours in the space in which it works. */
function inEightBits(image: Sharp, { depth, space, hasProfile }: Metadata): Sharp {
  if (depth !== 'ushort' || !hasProfile) return image;
  if (space === 'grey16') return image.pipelineColourspace('b-w');
  return space === 'rgb16' ? image.pipelineColourspace('srgb') : image;
}

/** Pixels as RGBA in sRGB, upright. */
async function pixels(image: Sharp): Promise<Picture> {
  return taken(await image.autoOrient().toColourspace('srgb').ensureAlpha().raw({ depth: 'uchar' }).toBuffer(AND_SIZE));
}

const AND_SIZE = { resolveWithObject: true } as const;

function taken({ data, info }: { data: Buffer; info: { width: number; height: number } }): Picture {
  const { width, height } = info;
  return { data: new Uint8ClampedArray(data.buffer, data.byteOffset, data.length), width, height };
}

async function decodePng(bytes: Uint8Array, limits: PictureLimits, sharp: SharpConstructor): Promise<Decoded> {
  const { chunks, grey, complete } = readPngHeader(bytes);
  const whole = complete ? bytes : pngCompleted(bytes);
  const space = pngColourSpace(chunks);
  const { data, width, height } = await decodeAny(space ? inSpace(whole, space, grey) : whole, limits, sharp);
  return { data, width, height, warnings: complete ? [] : ['the PNG lacks its end, but no pixels'] };
}

const inSpace = (png: Uint8Array, space: ColourSpace, grey: boolean) => withProfile(png, iccProfile(space, grey));

/** A PNG whose colours are told by a profile alone. */
function withProfile(png: Uint8Array, profile: Uint8Array): Uint8Array {
  // A name, the end of the name, and the number of the compression.
  const head = Buffer.from('colours\0\0', 'latin1');
  const body = Buffer.concat([head, deflateSync(profile)]);
  return pngWith(png, [{ type: 'iCCP', body }], ['iCCP', 'sRGB', 'gAMA', 'cHRM', 'cICP']);
}

/** libvips decodes AVIF, but knows no colours that are told by numbers. */
async function decodeAvif(bytes: Uint8Array, limits: PictureLimits, sharp: SharpConstructor): Promise<Decoded> {
  const codePoints = readBoxes(bytes)?.codePoints;
  const space = codePoints && colourSpaceOf(codePoints);
  if (!space) return decodeAny(bytes, limits, sharp);
  const header = await headerOf(sharp, bytes, limits);
  const png = await sharp(bytes, strictly(limits)).autoOrient().png({ compressionLevel: 0 }).toBuffer();
  return decodeAny(inSpace(png, space, header.channels < 3), limits, sharp);
}

/** What is white in samples that are neither of 8 bits nor of 16; floats are dealt with apart. */
const WHITE: Readonly<Record<string, number>> = { uint: 2 ** 32 - 1, int: 2 ** 31 - 1, short: 2 ** 15 - 1 };

async function decodeTiff(bytes: Uint8Array, limits: PictureLimits, sharp: SharpConstructor): Promise<Decoded> {
  const own = readTiffHeader(bytes);
  if (own?.raw) throw new Error("it is a camera's raw file: convert it first");
  if (own && own.bits > 32) throw new Error(`its samples have ${own.bits} bits, and at most 32 are read`);
  const header = await headerOf(sharp, bytes, limits);
  const { depth = '', space = 'srgb' } = header;
  if (depth === 'uchar' || depth === 'ushort' || /^lab/.test(space)) return decodeAny(bytes, limits, sharp);
  const input = { ...strictly(limits), ignoreIcc: true };
  const warnings: string[] = [];
  let white = WHITE[depth];
  if (depth === 'float') {
    const { channels } = await sharp(bytes, input).stats();
    // The largest value comes as an integer, and not at all where it is none.
    const most = Math.max(...channels.slice(0, 3).flatMap(({ max, mean }) => [max, mean]));
    white = whiteOf(most);
    if (most > 1) warnings.push(`its samples reach beyond 1: ${white} is taken for white`);
  }
  if (white === undefined) throw new Error(`samples of the kind ${depth} are not read`);
  // Whatever libvips takes them for: values are to be scaled, not converted.
  const working = space === 'grey16' ? 'b-w' : space;
  const scaled = sharp(bytes, input)
    .autoOrient()
    .pipelineColourspace(working)
    .linear(Array(header.channels).fill(255 / white), Array(header.channels).fill(0.5))
    .toColourspace(working);
  const { data, info } = await scaled.raw({ depth: 'uchar' }).toBuffer(AND_SIZE);
  const { width, height, channels } = info;
  const image = sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
  if (!header.icc) return { ...(await pixels(image)), warnings };
  const png = await image.png({ compressionLevel: 0 }).toBuffer();
  return { ...(await decodeAny(withProfile(png, header.icc), limits, sharp)), warnings };
}

/** The white of float samples: 1, brighter than which are lights, or that of integers that were stored as floats. */
function whiteOf(most: number): number {
  const white = [16, 255, 65_535].find(limit => most <= limit);
  if (white === undefined) throw new Error(`expected floats from 0 to 1, but there are far larger ones`);
  return white === 16 ? 1 : white;
}

/** Share of a JPEG that may be missing at its end. */
const MAY_MISS = 0.05;

async function decodeJpeg(bytes: Uint8Array, limits: PictureLimits, sharp: SharpConstructor): Promise<Decoded> {
  const header = readJpegHeader(bytes);
  if (!header || header.complete) return decodeAny(bytes, limits, sharp);
  const { orientation = 1 } = await headerOf(sharp, bytes, limits);
  const input = { ...strictly(limits), failOn: 'none' } as const;
  const completed = jpegCompleted(bytes);
  const missing = header.passes === 'one' ? await greyShare(sharp(completed, { ...input, ignoreIcc: true })) : 0;
  if (header.passes === 'unfinished' || missing > MAY_MISS) throw new Error('it ends far too early');
  const image = sharp(completed, input).toColourspace('srgb').ensureAlpha().raw({ depth: 'uchar' });
  const stored = taken(await image.toBuffer(AND_SIZE));
  const lost =
    missing === 0 ? 'hardly anything is missing' : `the last ${(100 * missing).toFixed(1)} % of its pixels are grey`;
  return { ...upright(stored, orientation), warnings: [`the JPEG ends early: ${lost}`] };
}

/** Rows that a JPEG codes at once, or half of them. */
const BAND = 8;

/** The share of pixels at the end of a JPEG that are grey, as the decoder makes those for which it found nothing. */
async function greyShare(image: Sharp): Promise<number> {
  const { data, info } = await image.raw().toBuffer(AND_SIZE);
  const { width, height, channels } = info;
  const isGrey = (pixel: number) => {
    for (let c = 0; c < channels; c++) if (Math.abs(data[channels * pixel + c]! - 128) > 1) return false;
    return true;
  };
  let count = 0;
  for (let bottom = height; bottom > 0; ) {
    const top = Math.floor((bottom - 1) / BAND) * BAND;
    let left = width;
    for (let y = top; y < bottom; y++) {
      let x = width;
      while (x > 0 && isGrey(y * width + x - 1)) x--;
      left = y === top ? x : Math.max(left, x);
    }
    count += (width - left) * (bottom - top);
    if (left > 0) break;
    bottom = top;
  }
  return count / (width * height);
}

function broken(name: string, format: PictureFormat, error: unknown): CodeFormerError {
  if (error instanceof CodeFormerError) return error;
  // Decoders print one line for each thing that they stumble over; the first one says enough.
  const reason = String((error as Error).message)
    .trim()
    .split('\n')[0]!
    .replace(/^.*libpng read error.*$/, 'its pixels are damaged or end early');
  return new CodeFormerError('INVALID_IMAGE', `${name}: the ${FORMAT_NAMES[format]} is broken: ${reason}`, {
    cause: error,
  });
}

async function loadSharp(name: string): Promise<SharpConstructor> {
  try {
    return (await import('sharp')).default;
  } catch (cause) {
    throw new CodeFormerError(
      'INVALID_IMAGE',
      `${name}: pictures are read and written by the package sharp, but it could not be loaded: ${(cause as Error).message.split('\n')[0]}`,
      { cause },
    );
  }
}

/**
 * Encodes a picture, tagged as sRGB. Opaque pictures are written without alpha; where JPEG, which has none, would lose some, the picture is put on
 * `background`.
 * @param picture RGB or RGBA
 * @throws `INVALID_ARGUMENT`, `INVALID_IMAGE`, `IMAGE_TOO_LARGE` for sides that the format does not take
 */
export async function encodeImage(
  picture: Picture,
  options: EncodeImageOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  checkObject(options, 'options');
  const { type, quality, background, metadata } = checkEncodeOptions(options);
  checkPicture(picture, { maxPixels: Number.MAX_SAFE_INTEGER });
  checkEncodable(picture, type, 'picture');
  const opaque = isOpaque(picture);
  const written = opaque ? toRgb(picture) : type === 'jpeg' ? toRgb(flattened(picture, background)) : picture;
  const { data, width, height } = written;
  const channels = written.data.length === 4 * width * height ? 4 : 3;
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.length);
  const sharp = await loadSharp('picture');
  const image = sharp(buffer, { raw: { width, height, channels }, limitInputPixels: false });
  const encoders = {
    png: () => image.png({ compressionLevel: 6, adaptiveFiltering: true }),
    jpeg: () => image.withIccProfile('srgb').jpeg({ quality, chromaSubsampling: '4:4:4' }),
    webp: () => image.withIccProfile('srgb').webp({ quality }),
  };
  const bytes = await (encoders[type]().toBuffer() as Promise<Buffer<ArrayBuffer>>).catch(cause => {
    throw new CodeFormerError(
      'INVALID_ARGUMENT',
      `A picture of ${width}x${height} cannot be written as ${type}: ${(cause as Error).message}`,
      { cause },
    );
  });
  const encoded = type === 'png' ? pngInSrgb(bytes) : bytes;
  return metadata ? withPictureMetadata(encoded, type, metadata, picture) : encoded;
}

/** Most bytes that are read of a picture: as many as the largest allowed one can have, and what is said beside pixels. */
function pictureBytesLimit(maxPixels: number | undefined): number {
  return 4 * pixelLimit(maxPixels) + 2 ** 26;
}

/** How pictures are read: of what is none only the beginning, which tells. */
export const pictureReading = (maxPixels: number | undefined, signal?: AbortSignal): ReadLimits => ({
  maxBytes: pictureBytesLimit(maxPixels),
  tooLarge: 'IMAGE_TOO_LARGE',
  enough: begin => pictureFormat(begin) === null,
  signal,
});

function checkPath(path: string): void {
  if (typeof path !== 'string' || path === '') throw invalidArgument('a path', 'path', path);
}

/**
 * Reads and decodes a file.
 * @param path of the file
 * @param limits most pixels
 * @throws `FILE_NOT_FOUND`, `FILE_UNREADABLE`, and as `decodeImage`
 */
export async function readImageFile(path: string, limits: Omit<PictureLimits, 'name'> = {}): Promise<DecodedPicture> {
  checkPath(path);
  checkLimits(limits);
  const bytes = await readBounded(path, path, pictureReading(limits.maxPixels));
  return decodeImage(bytes, { ...limits, name: path });
}

/** The format that a file name asks for by its ending. Throws `INVALID_ARGUMENT` for others than .png, .jpg, .jpeg, .webp. */
export function outputTypeOf(path: string): EncodedType {
  const ending = extname(path).slice(1).toLowerCase();
  const type = ending === 'jpg' ? 'jpeg' : ENCODED_TYPES.find(known => known === ending);
  if (!type)
    throw invalidArgument('a file name that ends with .png, .jpg, .jpeg or .webp', 'the output', basename(path));
  return type;
}

/**
 * Encodes a picture by the ending of the file name and writes it: beside its place first, then renamed, so that there is never half
 * a file. An existing file is replaced, unless `overwrite` is false.
 * @param path ends with .png, .jpg, .jpeg or .webp
 * @param picture RGB or RGBA
 * @throws as `encodeImage`, `FILE_UNWRITABLE`, `ABORTED`
 */
export async function writeImageFile(
  path: string,
  picture: Picture,
  options: Omit<EncodeImageOptions, 'type'> & Pick<WriteFileOptions, 'signal' | 'overwrite'> = {},
): Promise<void> {
  checkPath(path);
  checkObject(options, 'options');
  const { signal, overwrite, ...encoding } = options;
  checkSignal(signal);
  const bytes = await encodeImage(picture, { type: outputTypeOf(path), ...encoding });
  await writeEncoded(path, bytes, { signal, overwrite });
}

/**
 * Writes an encoded picture: beside its place first, then renamed.
 * @throws `FILE_UNWRITABLE`, `ABORTED`
 */
export async function writeEncoded(
  path: string,
  bytes: Uint8Array,
  options: Pick<WriteFileOptions, 'signal' | 'overwrite'>,
): Promise<void> {
  await checkWritable(path);
  await writeFileBeside(
    path,
    (async function* () {
      yield bytes;
    })(),
    options,
  );
}
