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
  /** Bytes of the pixels before compression, each row with the byte that names its filter. */
  readonly rawBytes: number;
  /** The pieces of the compressed pixels. */
  readonly compressed: readonly Uint8Array[];
  readonly interlaced: boolean;
  /** Whether colours are in a profile of the file's own. */
  readonly profile: boolean;
  /** EXIF orientation. */
  readonly orientation: number;
  /** Where the picture ends; what follows is not part of it. */
  readonly end: number;
}

/** Samples of a pixel, and the depths they may have, by colour type. */
const COLOUR_TYPES: Readonly<Record<number, { samples: number; depths: readonly number[] }>> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
};

/** Reads the chunks of a PNG, without decompressing any. Throws an `Error` that says what is wrong. */
export function readPngHeader(bytes: Uint8Array): PngHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: Pick<PngHeader, 'width' | 'height' | 'depth' | 'rawBytes' | 'interlaced'> | null = null;
  const compressed: Uint8Array[] = [];
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
      const [width, height] = [view.getUint32(body), view.getUint32(body + 4)];
      if (width === 0 || height === 0) throw new Error('its width or height is 0');
      const [depth, colour] = [bytes[body + 8]!, bytes[body + 9]!];
      const kind = COLOUR_TYPES[colour];
      if (!kind?.depths.includes(depth)) throw new Error(`there is no colour type ${colour} of ${depth} bits`);
      const rawBytes = height * (1 + Math.ceil((width * kind.samples * depth) / 8));
      header = { width, height, depth, rawBytes, interlaced: bytes[body + 12] !== 0 };
    }
    if (end > bytes.length) throw new Error(`it ends after ${bytes.length} bytes, inside of the chunk ${type}`);
    if (type === 'IDAT') compressed.push(bytes.subarray(body, body + length));
    if (type === 'iCCP') profile = true;
    if (type === 'eXIf') orientation = exifOrientation(bytes.subarray(body, body + length));
    if (type === 'IEND') return { ...header, compressed, profile, orientation, end };
    at = end;
  }
}
