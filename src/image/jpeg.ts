// The segments of a JPEG: its size, whether it is whole, and its notes. Nothing is decompressed here.

import { joined } from './png.js';
import { iptcOf, iptcSegment } from './xmp.js';

export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** EXIF data: a TIFF header and its directories. */
  readonly exif: Uint8Array | null;
  /** An XMP packet. */
  readonly xmp: Uint8Array | null;
  /** IPTC records. */
  readonly iptc: Uint8Array | null;
  /** Whether the mark of the end is there. */
  readonly complete: boolean;
  /**
   * Whether the pixels are coded in several passes over the picture, and if so, whether the last pass over each part had begun
   * where the file ends.
   */
  readonly passes: 'one' | 'unfinished' | 'finished';
}

const EOI = 0xd9;
const SOS = 0xda;
const APP1 = 0xe1;
const APP13 = 0xed;
const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, letter => letter.charCodeAt(0));
const EXIF = bytesOf('Exif\0\0');
const XMP = bytesOf('http://ns.adobe.com/xap/1.0/\0');

/** Coefficients of a block. */
const COEFFICIENTS = 64;

/** Reads the segments of a JPEG; null where there is no size before the pixels. */
export function readJpegHeader(bytes: Uint8Array): JpegHeader | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let size: { width: number; height: number } | null = null;
  let exif: Uint8Array | null = null;
  let xmp: Uint8Array | null = null;
  let iptc: Uint8Array | null = null;
  let progressive = false;
  let components = 0;
  /** Lowest bit that is there of each coefficient of each component. */
  const precision = new Map<number, Uint8Array>();
  const passes = () => {
    if (!progressive) return 'one';
    const finished =
      precision.size === components && [...precision.values()].every(bits => bits.every(bit => bit === 0));
    return finished ? 'finished' : 'unfinished';
  };
  const result = (complete: boolean) => size && ({ ...size, exif, xmp, iptc, complete, passes: passes() } as const);
  for (let at = 2; ; ) {
    // Between the segments of a scan lie its pixels, in which 0xff is followed by 0 or by the number of a restart.
    at = bytes.indexOf(0xff, at);
    if (at < 0 || at + 1 >= bytes.length) return result(false);
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === EOI) return result(true);
    if (marker <= 1 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
      continue;
    }
    if (at + 4 > bytes.length) return result(false);
    const body = at + 4;
    const end = at + 2 + view.getUint16(at + 2);
    if (end > bytes.length) return result(false);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame && end >= body + 6 && !size) {
      size = { width: view.getUint16(body + 3), height: view.getUint16(body + 1) };
      progressive = [0xc2, 0xc6, 0xca, 0xce].includes(marker);
      components = bytes[body + 5]!;
    }
    const begins = (mark: Uint8Array) => mark.every((byte, i) => bytes[body + i] === byte);
    if (marker === APP1 && begins(EXIF)) exif ??= bytes.subarray(body + EXIF.length, end);
    if (marker === APP1 && begins(XMP)) xmp ??= bytes.subarray(body + XMP.length, end);
    if (marker === APP13) iptc ??= iptcOf(bytes.subarray(body, end));
    if (marker === SOS) {
      if (!size) return null;
      const count = bytes[body] ?? 0;
      const [first = 0, last = 0, bits = 0] = bytes.subarray(body + 1 + 2 * count, end);
      for (let i = 0; i < count; i++) {
        const id = bytes[body + 1 + 2 * i] ?? 0;
        const own = precision.get(id) ?? new Uint8Array(COEFFICIENTS).fill(0xff);
        precision.set(id, own.fill(bits & 15, first, Math.min(last, COEFFICIENTS - 1) + 1));
      }
    }
    at = Math.max(end, at + 2);
  }
}

/** A JPEG that lacks the mark of its end, with it. */
export const jpegCompleted = (jpeg: Uint8Array): Uint8Array<ArrayBuffer> => joined([jpeg, Uint8Array.of(0xff, EOI)]);

/** Most bytes in a segment: its length has 16 bits, and counts itself. */
const MOST_BODY = 0xffff - 2;

/** A JPEG without notes, with them; those that are too long for a segment are left out. */
export function jpegWith(
  jpeg: Uint8Array,
  { exif, xmp, iptc }: Partial<Record<'exif' | 'xmp' | 'iptc', Uint8Array | null | undefined>>,
): Uint8Array<ArrayBuffer> {
  const segment = (marker: number, ...parts: readonly Uint8Array[]) => {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (length > MOST_BODY) return [];
    return [Uint8Array.of(0xff, marker, (length + 2) >> 8, (length + 2) & 0xff), ...parts];
  };
  const added = [
    ...(exif ? segment(APP1, EXIF, exif) : []),
    ...(xmp ? segment(APP1, XMP, xmp) : []),
    ...(iptc ? segment(APP13, iptcSegment(iptc)) : []),
  ];
  // Behind the segment of JFIF where there is one, which wants to be the first.
  const jfif = jpeg[2] === 0xff && jpeg[3] === 0xe0 ? 4 + ((jpeg[4]! << 8) | jpeg[5]!) : 2;
  return joined([jpeg.subarray(0, jfif), ...added, jpeg.subarray(jfif)]);
}
