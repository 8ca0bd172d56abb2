// Mutated pictures of every format that is read: bytes anywhere, fields of headers, and chunks with their checksums made right again, so
// that mutations come as far as what is behind them.

import sharp from 'sharp';
import { MAX_SIDE } from '../../src/image/picture.js';
import { decodeImage, encodeImage } from '../../src/node/images.js';
import { bmp, type Chunk, END, header, numbers, png, profile, rows, tiff } from '../image/files.js';
import type { Random } from '../random.js';
import { EDGES, type FuzzTarget, mutateBytes } from './fuzz.js';

/** Pixels that a case may have: their RGBA is held, and as much again while they are made. */
const MAX_PIXELS = 16_000_000;

const EXIF = { IFD0: { Copyright: 'Jane Doe', DateTime: '1999:12:31 23:59:59' }, IFD3: { GPSLatitudeRef: 'N' } };

/** Files that are whole, made once. */
let seeds: Promise<readonly Buffer[]> | undefined;

async function makeSeeds(): Promise<readonly Buffer[]> {
  const [width, height] = [40, 24];
  const pixels = (channels: number) =>
    Uint8Array.from({ length: width * height * channels }, (_, i) => (((i * i * 31) % 251) & 0xf0) + (i % 13));
  const image = (channels: 1 | 3 | 4 = 3) => sharp(pixels(channels), { raw: { width, height, channels } });
  const rgb = () => image().withExif(EXIF);
  const icc = (await sharp(await image().withIccProfile('p3').png().toBuffer()).metadata()).icc!;
  const deep = Uint16Array.from({ length: width * height * 3 }, (_, i) => (i * 7919) % 65_536);
  const frames = await Promise.all([image().png().toBuffer(), image().negate().png().toBuffer()]);
  return Promise.all([
    rgb().png().toBuffer(),
    rgb().png({ progressive: true }).toBuffer(),
    image(4).png({ palette: true }).toBuffer(),
    png([header(width, height, 16, 2), profile(icc), rows(3 * width, deep), END]),
    png([
      header(width, height, 16, 2),
      numbers('gAMA', 55_556),
      ['cICP', Uint8Array.of(12, 13, 0, 1)],
      rows(3 * width, deep),
      END,
    ]),
    rgb().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    rgb().withIccProfile('p3').jpeg({ progressive: true }).toBuffer(),
    image().toColourspace('cmyk').jpeg().toBuffer(),
    rgb().webp().toBuffer(),
    image(4).webp({ lossless: true }).toBuffer(),
    sharp(frames, { join: { animated: true } })
      .webp()
      .toBuffer(),
    rgb().avif({ effort: 0 }).toBuffer(),
    sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer(),
    image().tiff({ compression: 'lzw' }).toBuffer(),
    image().tiff({ compression: 'deflate', tile: true, tileWidth: 16, tileHeight: 16 }).toBuffer(),
    image().tiff({ compression: 'jpeg' }).toBuffer(),
    tiff(
      width,
      height,
      Float32Array.from(deep, value => value / 65_535),
      { 34675: icc },
    ),
    tiff(
      width,
      height,
      Uint32Array.from(deep, value => value * 65_537),
    ),
    bmp(width, height, 24, pixels(3)),
    bmp(width, height, 8, pixels(1).slice(0, 600), { tables: new Uint8Array(1024).fill(99), compression: 1 }),
  ]);
}

/** A number where the headers of most formats are. */
function mutateHeader(bytes: Uint8Array, random: Random): Uint8Array {
  const out = Buffer.from(bytes);
  for (let i = 1 + random.below(3); i > 0; i--) {
    const at = random.below(Math.min(out.length - 8, 96));
    const value = random.chance(0.2) ? random.pick([MAX_SIDE, MAX_SIDE + 1, 4000, 16_383, 20_000]) : random.pick(EDGES);
    const whole = BigInt.asUintN(32, BigInt(Math.round(Math.min(value, 2 ** 53))));
    const [small, little] = [random.chance(0.4), random.chance(0.5)];
    if (small) out[little ? 'writeUInt16LE' : 'writeUInt16BE'](Number(whole & 0xffffn), at);
    else out[little ? 'writeUInt32LE' : 'writeUInt32BE'](Number(whole), at);
  }
  return out;
}

/** The chunks of a PNG, one of them changed, dropped, doubled or moved, each with the right checksum. */
function mutateChunks(bytes: Buffer, random: Random): Uint8Array {
  const chunks: Chunk[] = [];
  for (let at = 8; at + 12 <= bytes.length; at += 12 + bytes.readUInt32BE(at)) {
    const body = bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at));
    chunks.push([bytes.toString('latin1', at + 4, at + 8), body]);
  }
  const chosen = random.below(chunks.length);
  const [type, body] = chunks[chosen]!;
  const kind = random.below(4);
  if (kind === 0) chunks.splice(chosen, 1);
  else if (kind === 1) chunks.splice(random.below(chunks.length), 0, chunks[chosen]!);
  else if (type === 'IHDR' && random.chance(0.5)) {
    const sides = [1, 40, 4000, MAX_SIDE, 100_000, 2 ** 31 - 1];
    chunks[chosen] = header(
      random.pick(sides),
      random.pick(sides),
      random.pick([1, 8, 16]),
      random.below(8),
      random.below(3),
    );
  } else chunks[chosen] = [type, mutateBytes(body, random)];
  return png(chunks);
}

export const pictures: FuzzTarget = {
  name: 'pictures',
  count: 1000,
  slice: 80,
  async make(random) {
    seeds ??= makeSeeds();
    const seed = random.pick(await seeds);
    const isPng = seed[0] === 0x89;
    const kind = random.below(isPng ? 4 : 3);
    if (kind === 0) return mutateHeader(seed, random);
    return kind === 3 ? mutateChunks(seed, random) : mutateBytes(seed, random);
  },
  async read(bytes) {
    const picture = await decodeImage(bytes, { maxPixels: MAX_PIXELS });
    let held = picture.data.length;
    // What was found beside the pixels goes into results.
    const corner = { data: picture.data.slice(0, 4), width: 1, height: 1 };
    for (const type of ['png', 'jpeg', 'webp'] as const) {
      held += (await encodeImage(corner, { type, metadata: picture.metadata })).length;
    }
    return held;
  },
};
