// The format of an encoded picture, told from its first bytes and never from a file's name.

export type PictureFormat = 'png' | 'jpeg' | 'webp' | 'avif' | 'tiff' | 'gif' | 'bmp' | 'heic';

/** As messages name them. */
export const FORMAT_NAMES: Readonly<Record<PictureFormat, string>> = {
  png: 'PNG',
  jpeg: 'JPEG',
  webp: 'WebP',
  avif: 'AVIF',
  tiff: 'TIFF',
  gif: 'GIF',
  bmp: 'BMP',
  heic: 'HEIC',
};

const latin = (bytes: Uint8Array, from: number, to: number): string =>
  String.fromCharCode(...bytes.subarray(from, Math.max(from, to)));

/** The format of encoded bytes, or null for what is no picture that the library knows. */
export function pictureFormat(bytes: Uint8Array): PictureFormat | null {
  const text = (from: number, to: number) => latin(bytes, from, to);
  if (text(0, 8) === '\x89PNG\r\n\x1a\n') return 'png';
  if (text(0, 3) === '\xff\xd8\xff') return 'jpeg';
  if (text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP') return 'webp';
  if (['GIF87a', 'GIF89a'].includes(text(0, 6))) return 'gif';
  if (['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].includes(text(0, 4))) return 'tiff';
  if (text(4, 8) === 'ftyp') {
    // The brands of the first box: the major one, a version, and what else the file is compatible with.
    const brands = text(8, Math.min(64, bytes[3] ?? 0));
    if (/avi[fs]/.test(brands)) return 'avif';
    if (/hei[cxmsf]|hev[cmxs]|mif1|msf1/.test(brands)) return 'heic';
  }
  // Two letters are little; the size of the second header, behind that of the file, says more.
  if (text(0, 2) === 'BM' && [12, 16, 40, 52, 56, 64, 108, 124].includes(bytes[14] ?? 0) && text(15, 18) === '\0\0\0')
    return 'bmp';
  return null;
}

/** What else is taken for a picture, by letters at a place near its beginning. */
const OTHERS: readonly (readonly [at: number, letters: string, name: string])[] = [
  [0, '\xff\x0a', 'JPEG XL'],
  [4, 'JXL ', 'JPEG XL'],
  [4, 'jP  ', 'JPEG 2000'],
  [0, '\xff\x4f\xff\x51', 'JPEG 2000'],
  [0, '%PDF', 'a PDF document'],
  [0, '%!PS', 'a PostScript document'],
  [0, '8BPS', 'a Photoshop document'],
  [0, 'gimp xcf', 'a GIMP document'],
  [0, '\0\0\x01\0', 'an icon'],
  [0, '\x76\x2f\x31\x01', 'OpenEXR'],
  [0, '#?RADIANCE', 'Radiance HDR'],
  [0, 'DDS ', 'a DDS texture'],
  [0, 'qoif', 'QOI'],
  [0, 'FUJIFILMCCD-RAW', "a camera's raw file"],
  [0, 'IIRO', "a camera's raw file"],
  [0, 'IIU\0', "a camera's raw file"],
  [4, 'ftypcrx', "a camera's raw file"],
  [4, 'ftyp', 'a video'],
  [0, '\x1a\x45\xdf\xa3', 'a video'],
  [8, 'AVI ', 'a video'],
  [0, 'PK\x03\x04', 'a zip archive'],
  [0, '\x1f\x8b', 'a gzip archive'],
  [0, 'version https://git-lfs', 'a pointer of Git LFS instead of the file'],
];

/** Kinds of text, in their first letters without white space. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/^P[1-7]\s/, 'a Netpbm picture'],
  [/<svg/i, 'an SVG drawing'],
  [/^<(!doctype html|html|head|body)/i, 'a web page'],
];

/** What bytes are that are no picture, in plain words. */
export function describeOther(bytes: Uint8Array): string {
  const begin = latin(bytes, 0, Math.min(bytes.length, 512));
  const other = OTHERS.find(([at, letters]) => begin.startsWith(letters, at));
  if (other) return other[2];
  const text = begin.replace(/^\xef\xbb\xbf/, '').trimStart();
  const kind = TEXTS.find(([pattern]) => pattern.test(text));
  if (kind) return kind[1];
  const codes = Array.from(begin, letter => letter.charCodeAt(0));
  if (codes.every(code => code === 0)) return 'nothing but zeros';
  return codes.every(code => code >= 32 || (code >= 9 && code <= 13)) ? 'text' : 'none of them';
}
