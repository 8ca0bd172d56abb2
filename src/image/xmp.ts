// XMP packets (text in XML) and IPTC records of a photo, made to fit a picture that was made of it.

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * Marks of packets that tell of more than one picture in the file, as gain maps, depths and films: none of those is in the picture that was
 * made, and who believes them shows it wrongly. Of packets in several parts only the first is known here.
 */
const OF_OTHERS = /hdrgm:|HDRGainMap|GCamera:|GContainer|Container:Directory|GDepth:|GImage:|HasExtendedXMP/;

/**
 * The packet of a photo for a picture that was made of it: upright, of another size, in sRGB, and without small pictures of the photo. Null
 * for packets that do not hold for it.
 */
export function xmpFor(xmp: Uint8Array, { width, height }: Size): Uint8Array | null {
  const text = new TextDecoder().decode(xmp);
  if (!text.includes('<x:xmpmeta') && !text.includes('<rdf:RDF')) return null;
  if (OF_OTHERS.test(text)) return null;
  const values: Readonly<Record<string, string>> = {
    'tiff:Orientation': '1',
    'tiff:ImageWidth': String(width),
    'tiff:ImageLength': String(height),
    'exif:PixelXDimension': String(width),
    'exif:PixelYDimension': String(height),
    'exif:ColorSpace': '1',
    'photoshop:ICCProfile': 'sRGB IEC61966-2.1',
  };
  let made = text.replace(/<xmp:Thumbnails\b[\s\S]*?<\/xmp:Thumbnails>/g, '');
  for (const [name, value] of Object.entries(values)) {
    made = made.replace(new RegExp(`(\\b${name}=)("[^"]*"|'[^']*')`, 'g'), `$1"${value}"`);
    made = made.replace(new RegExp(`(<${name}>)[^<]*(</${name}>)`, 'g'), `$1${value}$2`);
  }
  return new TextEncoder().encode(made);
}

/** What programs for pictures put before their resources in a JPEG, and before each of them. */
const PHOTOSHOP = 'Photoshop 3.0\0';
const RESOURCE = '8BIM';

/** The number of the resource with IPTC records. Others have small pictures of the photo, and much else. */
const IPTC = 0x0404;

const latin = (bytes: Uint8Array, from: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(from, from + length));

/** The IPTC records in the body of a segment of a JPEG; null where there are none. */
export function iptcOf(segment: Uint8Array): Uint8Array | null {
  if (latin(segment, 0, PHOTOSHOP.length) !== PHOTOSHOP) return null;
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength);
  for (let at = PHOTOSHOP.length; at + 12 <= segment.length && latin(segment, at, 4) === RESOURCE; ) {
    // A name with its length before it, and what is in it, have even lengths.
    const name = segment[at + 6]! + 1;
    const size = at + 6 + name + (name % 2);
    if (size + 4 > segment.length) return null;
    const length = view.getUint32(size);
    const body = segment.subarray(size + 4, size + 4 + length);
    if (view.getUint16(at + 4) === IPTC) return body.length === length ? body : null;
    at = size + 4 + length + (length % 2);
  }
  return null;
}

/** The body of a segment of a JPEG with IPTC records. */
export function iptcSegment(iptc: Uint8Array): Uint8Array {
  const head = PHOTOSHOP.length + 12;
  const segment = new Uint8Array(head + iptc.length + (iptc.length % 2));
  segment.set(Uint8Array.from(`${PHOTOSHOP}${RESOURCE}`, letter => letter.charCodeAt(0)));
  const view = new DataView(segment.buffer);
  view.setUint16(PHOTOSHOP.length + 4, IPTC);
  view.setUint32(PHOTOSHOP.length + 8, iptc.length);
  segment.set(iptc, head);
  return segment;
}
