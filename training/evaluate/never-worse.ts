// What is measured of faces to leave sharp and clean ones as they are: on the same faces, sharp and degraded, at many sizes. The thresholds of
// src/pipeline/never-worse.ts come from its table. `npm run evaluate:never-worse -- --data FACES`; see ../README.md.

import { parseArgs } from 'node:util';
import {
  createDevice,
  type DeviceOptions,
  decodeImage,
  encodeImage,
  type Picture,
  pixels,
} from '../../src/node/index.js';
import { scaling } from '../../src/pipeline/mask.js';
import { type FaceDetail, faceDetail, faceView, shareOf } from '../../src/pipeline/never-worse.js';
import { Photo } from '../../src/pipeline/photo.js';
import { randomNumbers } from '../../src/pipeline/sampling.js';
import { heldOutFaces } from './data.js';
import { degrade } from './degrade.js';

const usage = `Usage: npm run evaluate:never-worse -- --data FOLDER [options]

  --data FOLDER    with faces-512*.tar and faces-256*.tar; pictures that training never saw are taken
  --size N         side of the network (default 256)
  --every N        only every so many faces (default 2 of those of 512 pixels, 12 of those of 256)
  --adapter KIND   auto (default), gpu, wasm or software`;

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    size: { type: 'string', default: '256' },
    every: { type: 'string' },
    adapter: { type: 'string', default: 'auto' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || !values.data) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}
const size = Number(values.size);
const device = await createDevice({ adapter: values.adapter as DeviceOptions['adapter'] });
let random = randomNumbers(0, 0);

const resized = (picture: Picture, side: number, filter: 'area' | 'lanczos4' = 'area') =>
  side === picture.width ? picture : pixels.resize(device, picture, { width: side, height: side, filter });
const blurred = (picture: Picture, sigma: number) =>
  pixels.gaussianBlur(device, picture, { size: 2 * Math.ceil(3 * sigma) + 1, sigma });
const jpeg = async (picture: Picture, quality: number) =>
  decodeImage(await encodeImage(picture, { type: 'jpeg', quality }));
function noisy(picture: Picture, deviation: number): Picture {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const data = new Uint8ClampedArray(picture.data);
  for (let i = 0; i < data.length; i++) if (i % 4 !== 3) data[i] = picture.data[i]! + deviation * normal();
  return { ...picture, data };
}

type Kind = readonly [name: string, make: (clean: Picture) => Picture | Promise<Picture>];

/** What is made of a face of 512 pixels. */
const KINDS: readonly Kind[] = [
  ['sharp, 1024, all of its detail below 512', clean => resized(clean, 1024, 'lanczos4')],
  ...[512, 400, 320, 256, 200, 160, 128, 96, 64].map((side): Kind => [`sharp, ${side}`, clean => resized(clean, side)]),
  ...[256, 192, 128].map((side): Kind => {
    return [`enlarged from ${side} to 512`, async clean => resized(await resized(clean, side), 512, 'lanczos4')];
  }),
  ...[1, 1.5, 2, 4].map((sigma): Kind => [`blurred by ${sigma} at 512`, clean => blurred(clean, sigma)]),
  ...[5, 10, 20].map((deviation): Kind => [`noise of ${deviation} at 512`, clean => noisy(clean, deviation)]),
  ...[5, 10, 20].map((deviation): Kind => {
    return [`noise of ${deviation} at 256`, async clean => noisy(await resized(clean, 256), deviation)];
  }),
  ...[90, 75, 50, 30, 15].map((quality): Kind => [`JPEG ${quality} at 512`, clean => jpeg(clean, quality)]),
  ...[90, 75, 50, 30, 15].map((quality): Kind => {
    return [`JPEG ${quality} at 256`, async clean => jpeg(await resized(clean, 256), quality)];
  }),
];

const rows = new Map<string, (FaceDetail & { readonly share: number })[]>();
async function measure(name: string, picture: Picture): Promise<void> {
  const view = faceView(scaling(size / picture.width), size, picture);
  const photo = await Photo.open(device, picture);
  const detail = faceDetail(await photo.detail(view.matrix, view.side, view.rect));
  photo.destroy();
  rows.set(name, [...(rows.get(name) ?? []), { ...detail, share: shareOf(detail).share }]);
}

const some = <T>(all: readonly T[], every: number) => all.filter((_, i) => i % Number(values.every ?? every) === 0);
for (const { picture } of some(await heldOutFaces(values.data, 512), 2)) {
  random = randomNumbers(0, rows.size);
  for (const [name, make] of KINDS) await measure(name, await make(picture));
}
for (const [i, { picture }] of some(await heldOutFaces(values.data, 256), 12).entries()) {
  await measure('other faces, sharp, 256', picture);
  for (const kind of ['small', 'large'] as const)
    await measure(`other faces, ${kind} degradation at 256`, await degrade(picture, kind, randomNumbers(1, i)));
}

const COLUMNS = ['beyond', 'fine', 'coarse', 'spread', 'noise', 'noiseSlope', 'blocks', 'share'] as const;
console.log(`A network of ${size} pixels; the least, the median and the largest value of each measure.\n`);
console.log(`| picture | faces | ${COLUMNS.join(' | ')} |`);
console.log(`|---|---|${COLUMNS.map(() => '---').join('|')}|`);
for (const [name, all] of rows) {
  const cells = COLUMNS.map(column => {
    const sorted = all.map(row => row[column]).toSorted((a, b) => a - b);
    const digits = column === 'noise' || column === 'blocks' ? 1 : 2;
    return [0, sorted.length >> 1, sorted.length - 1].map(i => sorted[i]!.toFixed(digits)).join(' ');
  });
  console.log(`| ${name} | ${all.length} | ${cells.join(' | ')} |`);
}
device.destroy();
