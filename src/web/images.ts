// Decodes and encodes pictures in a browser, by the browser's own codecs, and reads its kinds of pixels.

import { CodeFormerError, invalidArgument } from '../errors.js';
import { encodeBmp } from '../image/bmp.js';
import { checkEncoded } from '../image/encoded.js';
import { checkEncodable, checkEncodeOptions, type EncodeImageOptions, flattened } from '../image/encoding.js';
import { FORMAT_NAMES, type PictureFormat } from '../image/format.js';
import { jpegCompleted, readJpegHeader } from '../image/jpeg.js';
import { readMetadata, withPictureMetadata } from '../image/metadata.js';
import {
  checkPicture,
  checkPixelCount,
  type DecodedPicture,
  isOpaque,
  type Picture,
  type PictureLimits,
  pixelLimit,
  toRgba,
} from '../image/picture.js';
import { pngCompleted, pngInSrgb, readPngHeader } from '../image/png.js';
import type { PixelForm } from '../pipeline/platform.js';
import { bitmapOf, isElement } from './elements.js';

/**
 * Decodes what the browser can decode to RGBA in sRGB, upright by its EXIF orientation. The size is checked before anything is decoded.
 * @param bytes the whole file; not changed
 * @param limits most pixels, and what messages call the picture
 * @throws `INVALID_ARGUMENT`, `INVALID_IMAGE` for what is no picture or a broken one, `IMAGE_TOO_LARGE`
 */
export async function decodeImage(
  bytes: Uint8Array | ArrayBuffer | Blob,
  limits: PictureLimits = {},
): Promise<DecodedPicture> {
  const name = limits.name ?? 'picture';
  pixelLimit(limits.maxPixels);
  if (!(bytes instanceof Blob || bytes instanceof Uint8Array || bytes instanceof ArrayBuffer))
    throw invalidArgument('a Blob, Uint8Array or ArrayBuffer', name, bytes);
  const data =
    bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes instanceof Blob ? await bytes.arrayBuffer() : bytes);
  const checked = { ...limits, name };
  const { format, size } = checkEncoded(data, checked);
  try {
    // What the browser would make of it cannot be known without its size.
    if (!size) throw new Error('its header is broken');
    const { bytes: whole, warnings } = mended(data, format);
    const bitmap = await createImageBitmap(new Blob([whole]), {
      imageOrientation: 'from-image',
      premultiplyAlpha: 'none',
    });
    try {
      checkPixelCount(bitmap.width, bitmap.height, checked);
      return { ...pixelsOf(bitmap, bitmap.width, bitmap.height), metadata: readMetadata(data, format), warnings };
    } finally {
      bitmap.close();
    }
  } catch (error) {
    if (error instanceof CodeFormerError) throw error;
    const message = `${name}: the ${FORMAT_NAMES[format]} is broken, or of a kind that this browser does not read`;
    throw new CodeFormerError('INVALID_IMAGE', `${message}: ${(error as Error).message}`, { cause: error });
  }
}

/** Files that lack nothing but their end, with it. */
function mended(
  data: Uint8Array,
  format: PictureFormat,
): { bytes: Uint8Array<ArrayBuffer>; warnings: readonly string[] } {
  const bytes = data as Uint8Array<ArrayBuffer>;
  if (format === 'jpeg' && !readJpegHeader(data)!.complete)
    return { bytes: jpegCompleted(data), warnings: ['the JPEG ends early'] };
  if (format === 'png' && !readPngHeader(data).complete)
    return { bytes: pngCompleted(data), warnings: ['the PNG lacks its end, but no pixels'] };
  return { bytes, warnings: [] };
}

const pixelsOf = (image: CanvasImageSource, width: number, height: number): Picture => {
  const { data } = drawn(image, width, height);
  return { data, width, height };
};

/**
 * Encodes a picture, tagged as sRGB. Opaque pictures are written without alpha as far as the browser can; where JPEG, which has none, would
 * lose some, the picture is put on `background`.
 * @param picture RGB or RGBA
 * @throws `INVALID_ARGUMENT` also for types that the browser cannot write, `INVALID_IMAGE`, `IMAGE_TOO_LARGE` for sides that the format or
 *   the browser does not take
 */
export async function encodeImage(
  picture: Picture,
  options: EncodeImageOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { type, quality, background, metadata } = checkEncodeOptions(options);
  checkPicture(picture, { maxPixels: Number.MAX_SAFE_INTEGER });
  checkEncodable(picture, type, 'picture');
  const { width, height } = picture;
  const opaque = isOpaque(picture);
  const written = type === 'jpeg' && !opaque ? flattened(picture, background) : picture;
  const blob = await canvasOf(written, opaque || type === 'jpeg')
    .then(canvas => canvas.convertToBlob({ type: `image/${type}`, quality: quality / 100 }))
    .catch(cause => {
      const message = `picture: this browser cannot write one of ${width}x${height}: ${(cause as Error).message}`;
      throw new CodeFormerError('IMAGE_TOO_LARGE', message, { cause });
    });
  if (blob.type !== `image/${type}`) throw invalidArgument('a type that this browser writes', 'type', type);
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const encoded = type === 'png' ? pngInSrgb(bytes) : bytes;
  return metadata ? withPictureMetadata(encoded, type, metadata, picture) : encoded;
}

/** A canvas that shows a picture. */
async function canvasOf(picture: Picture, opaque: boolean): Promise<OffscreenCanvas> {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  if (!opaque) {
    canvas.getContext('2d')!.putImageData(imageData(picture), 0, 0);
    return canvas;
  }
  // Whatever was drawn on it, a canvas counts as having alpha, and PNG is written with it, unless it shows what was decoded without.
  const bitmap = await createImageBitmap(new Blob([encodeBmp(picture)]));
  canvas.getContext('bitmaprenderer')!.transferFromImageBitmap(bitmap);
  return canvas;
}

/** Pixels of an `ImageData`, `ImageBitmap`, `VideoFrame` or element, and the way back; null for other things. */
export async function readPixels(input: unknown, limits: PictureLimits): Promise<PixelForm | null> {
  if (isElement(input)) {
    const bitmap = await bitmapOf(input);
    try {
      return await readPixels(bitmap, limits);
    } finally {
      bitmap.close();
    }
  }
  if (input instanceof ImageData) return { picture: input, toInputForm: imageData };
  if (input instanceof ImageBitmap) {
    checkPixelCount(input.width, input.height, limits);
    return {
      picture: drawn(input, input.width, input.height),
      toInputForm: picture => createImageBitmap(imageData(picture)),
    };
  }
  if (typeof VideoFrame === 'undefined' || !(input instanceof VideoFrame)) return null;
  const { displayWidth, displayHeight, timestamp, duration } = input;
  checkPixelCount(displayWidth, displayHeight, limits);
  return {
    picture: drawn(input, displayWidth, displayHeight),
    toInputForm({ data, width, height }) {
      const init = { format: 'RGBA', codedWidth: width, codedHeight: height, timestamp } as const;
      return new VideoFrame(data as Uint8ClampedArray<ArrayBuffer>, duration === null ? init : { ...init, duration });
    },
  };
}

function drawn(image: CanvasImageSource, width: number, height: number): Picture {
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  context.drawImage(image, 0, 0);
  try {
    return context.getImageData(0, 0, width, height, { colorSpace: 'srgb' });
  } catch (cause) {
    // Of another origin than the page, without its consent.
    throw new CodeFormerError('INVALID_IMAGE', `photo: its pixels may not be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function imageData(picture: Picture): ImageData {
  const { data, width, height } = toRgba(picture, { maxPixels: Number.MAX_SAFE_INTEGER });
  const clamped = new Uint8ClampedArray(data.buffer as ArrayBuffer, data.byteOffset, data.length);
  return new ImageData(clamped, width, height);
}
