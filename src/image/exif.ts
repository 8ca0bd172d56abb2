// EXIF data (a TIFF header and its directories) of a photo, made to fit a picture that was made of it: numbers are changed where they
// are, so that notes of cameras, which point at places by their distance from the beginning, stay valid.

const ORIENTATION = 0x0112;
const EXIF_DIRECTORY = 0x8769;
const INTEROPERABILITY_DIRECTORY = 0xa005;

/** Tags with the size of the picture, in any directory but that of the thumbnail. */
const WIDTHS = [0x0100, 0xa002, 0x1001];
const HEIGHTS = [0x0101, 0xa003, 0x1002];

const COLOUR_SPACE = 0xa001;
const SRGB = 1;

/** Offset and length of a thumbnail: as JPEG, or as strips. */
const THUMBNAILS = [
  [0x0201, 0x0202],
  [0x0111, 0x0117],
] as const;

const SHORT = 3;
const LONG = 4;

interface Entry {
  readonly at: number;
  readonly tag: number;
  readonly type: number;
  readonly count: number;
}

class Exif {
  readonly view: DataView;
  readonly little: boolean;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.little = bytes[0] === 0x49;
  }

  /** The entries of a directory; none where it lies outside. */
  entries(directory: number): Entry[] {
    const { bytes, view, little } = this;
    if (directory < 8 || directory + 2 > bytes.length) return [];
    const count = Math.min(view.getUint16(directory, little), Math.floor((bytes.length - directory - 2) / 12));
    return Array.from({ length: count }, (_, i) => {
      const at = directory + 2 + 12 * i;
      const [tag, type] = [view.getUint16(at, little), view.getUint16(at + 2, little)];
      return { at, tag, type, count: view.getUint32(at + 4, little) };
    });
  }

  /** The only number of an entry. */
  number({ at, type, count }: Entry): number | null {
    if (count !== 1) return null;
    if (type === SHORT) return this.view.getUint16(at + 8, this.little);
    return type === LONG ? this.view.getUint32(at + 8, this.little) : null;
  }

  setNumber(entry: Entry, value: number): void {
    const { view, little } = this;
    if (this.number(entry) === null) return;
    if (value > 0xffff) view.setUint16(entry.at + 2, LONG, little);
    view.setUint32(entry.at + 8, 0);
    if (value > 0xffff || entry.type === LONG) view.setUint32(entry.at + 8, value, little);
    else view.setUint16(entry.at + 8, value, little);
  }

  find(entries: readonly Entry[], tag: number): number | null {
    const entry = entries.find(own => own.tag === tag);
    return entry ? this.number(entry) : null;
  }
}

const isExif = (bytes: Uint8Array): boolean => {
  if (bytes.length < 14) return false;
  const begin = String.fromCharCode(...bytes.subarray(0, 4));
  return begin === 'II*\0' || begin === 'MM\0*';
};

/**
 * The EXIF data of a photo for a picture that was made of it: upright, of another size, in sRGB, and without the thumbnail, which shows the
 * photo as it was. Null for what is no EXIF data.
 */
export function exifFor(
  exif: Uint8Array,
  size: { readonly width: number; readonly height: number },
): Uint8Array | null {
  if (!isExif(exif)) return null;
  const made = new Exif(new Uint8Array(exif));
  const first = made.view.getUint32(4, made.little);
  const main = made.entries(first);
  if (main.length === 0) return null;
  const length = withoutThumbnail(made, first, main);
  const own = made.entries(made.find(main, EXIF_DIRECTORY) ?? 0);
  const interoperability = made.entries(made.find(own, INTEROPERABILITY_DIRECTORY) ?? 0);
  for (const entry of [...main, ...own, ...interoperability]) {
    if (WIDTHS.includes(entry.tag)) made.setNumber(entry, size.width);
    if (HEIGHTS.includes(entry.tag)) made.setNumber(entry, size.height);
  }
  for (const entry of main) if (entry.tag === ORIENTATION) made.setNumber(entry, 1);
  for (const entry of own) if (entry.tag === COLOUR_SPACE) made.setNumber(entry, SRGB);
  return made.bytes.subarray(0, length);
}

/** Clears the second directory and the thumbnail that it points at; returns how many bytes are left when that is cut off at the end. */
function withoutThumbnail(exif: Exif, first: number, main: readonly Entry[]): number {
  const { bytes, view, little } = exif;
  const link = first + 2 + 12 * main.length;
  if (link + 4 > bytes.length) return bytes.length;
  const second = view.getUint32(link, little);
  view.setUint32(link, 0);
  const entries = exif.entries(second);
  let end = bytes.length;
  for (const [offsetTag, lengthTag] of THUMBNAILS) {
    const [offset, length] = [exif.find(entries, offsetTag), exif.find(entries, lengthTag)];
    if (offset === null || length === null || offset < link + 4) continue;
    bytes.fill(0, offset, offset + length);
    if (offset + length >= bytes.length) end = Math.min(end, offset);
  }
  if (entries.length > 0 && second >= link + 4) bytes.fill(0, second, second + 2 + 12 * entries.length + 4);
  return end;
}
