// What encoded pictures say of themselves before they are decoded: the format, told from the first bytes and never from a file's
// name, and the header of PNG.

import { exifOrientation } from './orientation.js';

export type PictureFormat = 'png' | 'jpeg' | 'webp' | 'avif' | 'tiff' | 'gif';

/** The format of encoded bytes, or null for none that the library reads. */
export function pictureFormat(bytes: Uint8Array): PictureFormat | null {
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
  if (text(0, 8) === '\x89PNG\r\n\x1a\n') return 'png';
  if (text(0, 3) === '\xff\xd8\xff') return 'jpeg';
  if (text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP') return 'webp';
  if (['GIF87a', 'GIF89a'].includes(text(0, 6))) return 'gif';
  if (['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].includes(text(0, 4))) return 'tiff';
  // The brands of the first box: the major one, a version, and what else the file is compatible with.
  if (text(4, 8) === 'ftyp' && /avi[fs]/.test(text(8, Math.min(64, bytes[3] ?? 0)))) return 'avif';
  return null;
}

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample. */
  readonly depth: number;
  readonly interlaced: boolean;
  /** Whether colours are in a profile of the file's own. */
  readonly profile: boolean;
  /** EXIF orientation. */
  readonly orientation: number;
  /** Where the picture ends; what follows is not part of it. */
  readonly end: number;
}

/** Reads the chunks of a PNG. Throws an `Error` that says what is wrong. */
export function readPngHeader(bytes: Uint8Array): PngHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: Pick<PngHeader, 'width' | 'height' | 'depth' | 'interlaced'> | null = null;
  let profile = false;
  let orientation = 1;
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) throw new Error(`it ends after ${bytes.length} bytes, before its last chunk`);
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = at + 8;
    const end = body + length + 4;
    if (!header) {
      if (type !== 'IHDR' || length !== 13 || end > bytes.length) throw new Error('it does not begin with a header');
      header = {
        width: view.getUint32(body),
        height: view.getUint32(body + 4),
        depth: bytes[body + 8]!,
        interlaced: bytes[body + 12] !== 0,
      };
      if (header.width === 0 || header.height === 0) throw new Error('its width or height is 0');
    }
    if (end > bytes.length) throw new Error(`it ends after ${bytes.length} bytes, inside of the chunk ${type}`);
    if (type === 'iCCP') profile = true;
    if (type === 'eXIf') orientation = exifOrientation(bytes.subarray(body, body + length));
    if (type === 'IEND') return { ...header, profile, orientation, end };
    at = end;
  }
}
