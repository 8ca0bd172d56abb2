// What is kept of an encoded photo beside its pixels, taken out of one container and put into another: the same on every platform.

import { readBoxes } from './boxes.js';
import type { EncodedType } from './encoding.js';
import { exifFor } from './exif.js';
import type { PictureFormat } from './format.js';
import { jpegWith, readJpegHeader } from './jpeg.js';
import type { PictureMetadata } from './picture.js';
import { pngWith, readPngHeader, XMP_CHUNK, xmpChunk, xmpOfChunk } from './png.js';
import { webpExif, webpWith, webpXmp } from './webp.js';
import { xmpFor } from './xmp.js';

/** The metadata of an encoded picture that can be decoded, or null where it has none that are known here. */
export function readMetadata(bytes: Uint8Array, format: PictureFormat): PictureMetadata | null {
  const { exif, xmp, iptc } = notesOf(bytes, format);
  // Copies, so that a few notes do not keep a whole file in memory: a slice of a Buffer would be none.
  const copy = (note: Uint8Array | null | undefined) => (note && note.length > 0 ? new Uint8Array(note) : null);
  const copied = { exif: copy(exif), xmp: copy(xmp), iptc: copy(iptc) };
  return Object.values(copied).some(note => note !== null) ? copied : null;
}

function notesOf(bytes: Uint8Array, format: PictureFormat): PictureMetadata {
  switch (format) {
    case 'jpeg':
      return readJpegHeader(bytes) ?? {};
    case 'png': {
      const { chunks } = readPngHeader(bytes);
      const xmp = chunks.get(XMP_CHUNK);
      return { exif: chunks.get('eXIf'), xmp: xmp && xmpOfChunk(xmp) };
    }
    case 'webp':
      return { exif: webpExif(bytes), xmp: webpXmp(bytes) };
    case 'avif':
    case 'heic':
      return readBoxes(bytes) ?? {};
    default:
      return {};
  }
}

/** An encoded picture without metadata, with those of the photo that it was made of, as far as they still hold. */
export function withPictureMetadata(
  encoded: Uint8Array<ArrayBuffer>,
  type: EncodedType,
  metadata: PictureMetadata,
  size: { readonly width: number; readonly height: number },
): Uint8Array<ArrayBuffer> {
  const exif = metadata.exif && exifFor(metadata.exif, size);
  const xmp = metadata.xmp && xmpFor(metadata.xmp, size);
  const { iptc } = metadata;
  if (type === 'jpeg') return exif || xmp || iptc ? jpegWith(encoded, { exif, xmp, iptc }) : encoded;
  if (!exif && !xmp) return encoded;
  if (type === 'webp') return webpWith(encoded, { exif, xmp }, size);
  return pngWith(encoded, [...(exif ? [{ type: 'eXIf', body: exif }] : []), ...(xmp ? [xmpChunk(xmp)] : [])]);
}
