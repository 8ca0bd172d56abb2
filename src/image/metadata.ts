// What is kept of an encoded photo beside its pixels, taken out of one container and put into another: the same on every platform.

import { readBoxes } from './boxes.js';
import type { EncodedType } from './encoding.js';
import { exifFor } from './exif.js';
import type { PictureFormat } from './format.js';
import { jpegWithExif, readJpegHeader } from './jpeg.js';
import type { PictureMetadata } from './picture.js';
import { pngWith, readPngHeader } from './png.js';
import { webpExif, webpWithExif } from './webp.js';

/** The metadata of an encoded picture that can be decoded, or null where it has none that are known here. */
export function readMetadata(bytes: Uint8Array, format: PictureFormat): PictureMetadata | null {
  const exif = exifOf(bytes, format);
  // A copy, so that a few notes do not keep a whole file in memory: a slice of a Buffer would be none.
  return exif && exif.length > 0 ? { exif: new Uint8Array(exif) } : null;
}

function exifOf(bytes: Uint8Array, format: PictureFormat): Uint8Array | null {
  switch (format) {
    case 'jpeg':
      return readJpegHeader(bytes)?.exif ?? null;
    case 'png':
      return readPngHeader(bytes).chunks.get('eXIf') ?? null;
    case 'webp':
      return webpExif(bytes);
    case 'avif':
    case 'heic':
      return readBoxes(bytes)?.exif ?? null;
    default:
      return null;
  }
}

/** An encoded picture without metadata, with those of the photo that it was made of, as far as they still hold. */
export function withPictureMetadata(
  encoded: Uint8Array<ArrayBuffer>,
  type: EncodedType,
  metadata: PictureMetadata,
  size: { readonly width: number; readonly height: number },
): Uint8Array<ArrayBuffer> {
  const exif = exifFor(metadata.exif, size);
  if (!exif) return encoded;
  if (type === 'png') return pngWith(encoded, [{ type: 'eXIf', body: exif }]);
  if (type === 'webp') return webpWithExif(encoded, exif, size);
  return jpegWithExif(encoded, exif) ?? encoded;
}
