// EXIF data, XMP packets and IPTC records on their way from a photo to a result: through every container, adapted, and never a reason to
// refuse a picture.

import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { exifFor } from '../../src/image/exif.js';
import { jpegWith } from '../../src/image/jpeg.js';
import { iptcOf, iptcSegment, xmpFor } from '../../src/image/xmp.js';
import { decodeImage, encodeImage } from '../../src/node/images.js';
import { data, END, header, png } from './files.js';

const IFD = {
  IFD0: { Copyright: 'Jane Doe', DateTime: '1999:12:31 23:59:59', Orientation: '6', ImageWidth: '48' },
  IFD2: { DateTimeOriginal: '1999:12:31 23:59:58', PixelXDimension: '48', PixelYDimension: '32', ColorSpace: '65535' },
  IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 3230/100' },
};

const photo = () =>
  sharp({ create: { width: 48, height: 32, channels: 3, background: '#c86432' } })
    .withExif(IFD)
    .withMetadata({ orientation: 6 });

const FORMATS = ['png', 'jpeg', 'webp'] as const;

/** The values of tags, by number, in the main directory and in those that it names. */
function tagsOf(exif: Uint8Array): Map<number, number | string> {
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  const little = exif[0] === 0x49;
  const tags = new Map<number, number | string>();
  const read = (directory: number) => {
    const count = view.getUint16(directory, little);
    for (let i = 0; i < count; i++) {
      const at = directory + 2 + 12 * i;
      const [tag, type, amount] = [
        view.getUint16(at, little),
        view.getUint16(at + 2, little),
        view.getUint32(at + 4, little),
      ];
      if (type === 2) {
        const from = amount > 4 ? view.getUint32(at + 8, little) : at + 8;
        tags.set(tag, String.fromCharCode(...exif.subarray(from, from + amount - 1)));
      } else tags.set(tag, type === 3 ? view.getUint16(at + 8, little) : view.getUint32(at + 8, little));
      if ([0x8769, 0x8825, 0xa005].includes(tag)) read(tags.get(tag) as number);
    }
    tags.set(-directory, view.getUint32(directory + 2 + 12 * count, little));
  };
  read(view.getUint32(4, little));
  return tags;
}

/** A block of EXIF data with a thumbnail behind it, in either order of bytes. */
function withThumbnail(little: boolean): Uint8Array {
  const bytes = new Uint8Array(120);
  const view = new DataView(bytes.buffer);
  bytes.set(little ? [0x49, 0x49, 42, 0] : [0x4d, 0x4d, 0, 42]);
  const short = (at: number, value: number) => view.setUint16(at, value, little);
  const long = (at: number, value: number) => view.setUint32(at, value, little);
  const entry = (at: number, tag: number, type: number, value: number) => {
    short(at, tag);
    short(at + 2, type);
    long(at + 4, 1);
    if (type === 3) short(at + 8, value);
    else long(at + 8, value);
  };
  long(4, 8);
  short(8, 2);
  entry(10, 0x0112, 3, 8);
  entry(22, 0x0100, 3, 7);
  long(34, 40);
  short(40, 2);
  entry(42, 0x0201, 4, 90);
  entry(54, 0x0202, 4, 30);
  bytes.fill(0xaa, 90);
  return bytes;
}

describe('EXIF data', () => {
  test('go from every format to every other, for a picture that is upright, larger and in sRGB', async () => {
    for (const from of [...FORMATS, 'avif'] as const) {
      const decoded = await decodeImage(await photo()[from]().toBuffer());
      if (from !== 'avif') expect([decoded.width, decoded.height], from).toEqual([32, 48]);
      for (const type of FORMATS) {
        const name = `${from} to ${type}`;
        const made = await encodeImage(
          { ...decoded, width: 16, data: decoded.data.subarray(0, 4 * 16 * 48), height: 48 },
          { type, metadata: decoded.metadata },
        );
        const seen = await sharp(made).metadata();
        expect([seen.width, seen.height, seen.orientation ?? 1], name).toEqual([16, 48, 1]);
        const again = await decodeImage(made);
        expect([again.width, again.warnings], name).toEqual([16, []]);
        const tags = tagsOf(again.metadata!.exif!);
        expect(tags.get(0x8298), name).toBe('Jane Doe');
        expect(tags.get(0x9003), name).toBe('1999:12:31 23:59:58');
        expect(tags.get(1), name).toBe('N');
        expect([tags.get(0xa002), tags.get(0xa003), tags.get(0xa001)], name).toEqual([16, 48, 1]);
      }
    }
  });

  test('are copied: the file that they are of stays as it is', async () => {
    const file = await photo().jpeg().toBuffer();
    const before = Buffer.from(file);
    const { metadata, ...picture } = await decodeImage(file);
    const exif = new Uint8Array(metadata!.exif!);
    await encodeImage(picture, { metadata });
    expect([file.equals(before), metadata!.exif]).toEqual([true, exif]);
  });

  test('none where there are none, and none unless they are given', async () => {
    const plain = await encodeImage(await decodeImage(await photo().jpeg().toBuffer()), { type: 'jpeg' });
    expect((await sharp(plain).metadata()).exif).toBeUndefined();
    expect((await decodeImage(plain)).metadata).toBe(null);
  });

  test('alpha survives in a WebP with them', async () => {
    const clear = { data: new Uint8ClampedArray(4 * 64).fill(100), width: 8, height: 8 };
    const { metadata } = await decodeImage(await photo().png().toBuffer());
    for (const quality of [100, 50]) {
      const made = await decodeImage(await encodeImage(clear, { type: 'webp', quality, metadata }));
      expect([made.width, made.height, made.data[3]]).toEqual([8, 8, 100]);
      expect(made.metadata).not.toBe(null);
    }
  });

  test('lose the thumbnail and the orientation, in either order of bytes', () => {
    for (const little of [true, false]) {
      const made = exifFor(withThumbnail(little), { width: 70_000, height: 9 })!;
      expect(made.length).toBe(90);
      expect(made.includes(0xaa)).toBe(false);
      const tags = tagsOf(made);
      // A wider number takes the place of a short one; there is no second directory.
      expect([tags.get(0x0112), tags.get(0x0100), tags.get(-8)]).toEqual([1, 70_000, 0]);
      expect(made.subarray(40, 66).every(byte => byte === 0)).toBe(true);
    }
  });

  test('that are broken, or none, are left out and hurt nothing', async () => {
    const size = { width: 5, height: 5 };
    const block = withThumbnail(true);
    for (let end = 0; end < block.length; end++) exifFor(block.subarray(0, end), size);
    for (let at = 0; at < 70; at++)
      for (const value of [0, 1, 0x7f, 0xff]) exifFor(Uint8Array.from(block).fill(value, at, at + 4), size);
    expect(exifFor(new Uint8Array(40), size)).toBe(null);
    for (const body of [new Uint8Array(3), new Uint8Array(40), block.subarray(0, 20)]) {
      const decoded = await decodeImage(png([header(1, 1, 8, 0), ['eXIf', body], data(0, 9), END]));
      for (const type of FORMATS) {
        const made = await encodeImage(decoded, { type, metadata: decoded.metadata });
        expect((await decodeImage(made)).width).toBe(1);
      }
    }
  });

  test('too long for a JPEG are left out of it', async () => {
    const exif = new Uint8Array(70_000);
    exif.set(withThumbnail(true).subarray(0, 38));
    const picture = { data: new Uint8ClampedArray(4), width: 1, height: 1 };
    expect((await decodeImage(await encodeImage(picture, { metadata: { exif } }))).metadata!.exif!.length).toBe(70_000);
    const jpeg = await encodeImage(picture, { type: 'jpeg', metadata: { exif } });
    expect((await decodeImage(jpeg)).metadata).toBe(null);
  });
});

const packet = (inside: string) =>
  new TextEncoder().encode(`<x:xmpmeta xmlns:x="adobe:ns:meta/">${inside}</x:xmpmeta>`);
const text = (bytes: Uint8Array | null | undefined) => bytes && new TextDecoder().decode(bytes);

describe('XMP packets', () => {
  const opened = async (file: Promise<Uint8Array>) => {
    const { metadata, ...picture } = await decodeImage(await file);
    return [picture, { metadata }] as const;
  };
  const size = { width: 16, height: 48 };

  test('go from every format to every other', async () => {
    const rights = '<rdf:RDF><dc:rights>Jäne Doe</dc:rights></rdf:RDF>';
    const written = (from: 'jpeg' | 'webp' | 'avif') =>
      photo()[from]().withXmp(`<x:xmpmeta>${rights}</x:xmpmeta>`).toBuffer();
    for (const from of [...FORMATS, 'avif'] as const) {
      // What sharp writes into PNG is not what the format has for it.
      const file = from === 'png' ? await encodeImage(...(await opened(written('jpeg')))) : await written(from);
      const { metadata, ...picture } = await decodeImage(file);
      for (const type of FORMATS) {
        const made = await encodeImage(picture, { type, metadata });
        const seen = await sharp(made).metadata();
        expect(seen.xmpAsString, `${from} to ${type}`).toContain(rights);
        expect(seen.exif!.toString('latin1'), `${from} to ${type}`).toContain('Jane Doe');
        const again = await decodeImage(made);
        expect(text(again.metadata!.xmp), `${from} to ${type}`).toContain(rights);
      }
    }
  });

  test('are of a picture that is upright, of its size and in sRGB, and have no small one', () => {
    const made = text(
      xmpFor(
        packet(
          `<a tiff:Orientation="6" exif:PixelXDimension='9' tiff:ImageWidth="9" dc:rights="me"><tiff:ImageLength>9</tiff:ImageLength>
          <xmp:Thumbnails>AAAA</xmp:Thumbnails><photoshop:ICCProfile>Display P3</photoshop:ICCProfile></a>`,
        ),
        size,
      ),
    );
    expect(made).toContain('<a tiff:Orientation="1" exif:PixelXDimension="16" tiff:ImageWidth="16" dc:rights="me">');
    expect(made).toContain('<tiff:ImageLength>48</tiff:ImageLength>');
    expect(made).toContain('<photoshop:ICCProfile>sRGB IEC61966-2.1</photoshop:ICCProfile>');
    expect(made).not.toContain('AAAA');
  });

  test('that tell of other pictures in the file, or are none, are left out', () => {
    expect(xmpFor(packet('<a hdrgm:Version="1.0"/>'), size)).toBe(null);
    expect(xmpFor(packet('<a xmpNote:HasExtendedXMP="0"/>'), size)).toBe(null);
    expect(xmpFor(Uint8Array.of(1, 2, 3), size)).toBe(null);
  });
});

describe('IPTC records', () => {
  const records = Uint8Array.of(0x1c, 2, 116, 0, 3, 97, 98, 99, 1);

  test('go from JPEG to JPEG, without what else programs put beside them', async () => {
    const small = Uint8Array.from('8BIM\x04\x0c\0\0\0\0\0\x03abc\0', letter => letter.charCodeAt(0));
    const own = iptcSegment(records);
    const both = Buffer.concat([own.subarray(0, 14), small, own.subarray(14)]);
    expect(new Uint8Array(iptcOf(both)!)).toEqual(records);
    const { metadata, ...picture } = await decodeImage(jpegWith(await photo().jpeg().toBuffer(), { iptc: records }));
    expect(metadata!.iptc).toEqual(records);
    const made = await encodeImage(picture, { type: 'jpeg', metadata });
    expect((await decodeImage(made)).metadata!.iptc).toEqual(records);
    expect((await sharp(made).metadata()).exif!.toString('latin1')).toContain('Jane Doe');
    expect((await decodeImage(await encodeImage(picture, { type: 'webp', metadata }))).metadata!.iptc).toBe(null);
  });

  test('that are broken are left out', () => {
    const whole = iptcSegment(records);
    for (let end = 0; end < whole.length - 1; end++) expect(iptcOf(whole.subarray(0, end))).toBe(null);
    for (let at = 14; at < 26; at++)
      for (const value of [0, 1, 0xff]) iptcOf(Uint8Array.from(whole).fill(value, at, at + 1));
  });
});
