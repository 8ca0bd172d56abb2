// Makes docs/portraits.jpg, the picture at the top of the README: two portraits in the public domain (docs/samples), degraded, and
// restored by the weights that ship with the package. `node scripts/readme-picture.mjs` after a build.

import { readFile, writeFile } from 'node:fs/promises';
import { createDevice, createRestorer, decodeImage, encodeImage, pixels } from '../dist/node.js';

/** Side of the degraded pictures, and what JPEG leaves of them. */
const DEGRADED = 80;
const QUALITY = 50;

/** Side of a panel, and what is between them. */
const SIDE = 400;
const GAP = 8;

/** The square of each sample that is shown: left, top, side. */
const SAMPLES = [
  { file: 'hopper.jpg', left: 74, top: 30, side: 380 },
  { file: 'astronaut.png', left: 104, top: 0, side: 240 },
];

const path = name => new URL(`../docs/${name}`, import.meta.url);

const device = await createDevice({ adapter: 'software' });
const restorer = await createRestorer({ device });
const panels = [];
for (const { file, ...square } of SAMPLES) {
  const photo = cut(await decodeImage(await readFile(path(`samples/${file}`))), square);
  const small = { width: DEGRADED, height: DEGRADED, filter: 'area' };
  const jpeg = await encodeImage(await pixels.resize(device, photo, small), { type: 'jpeg', quality: QUALITY });
  const degraded = await decodeImage(jpeg);
  const { image, faces } = await restorer.restore(degraded, { upscaling: SIDE / DEGRADED });
  console.log(`${file}: ${faces.length} face`);
  for (const picture of [degraded, image])
    panels.push(await pixels.resize(device, picture, { width: SIDE, height: SIDE, filter: 'linear' }));
}
await writeFile(path('portraits.jpg'), await encodeImage(row(panels), { type: 'jpeg', quality: 90 }));
await restorer.destroy();
device.destroy();

/** A square of an RGBA picture. */
function cut({ data, width }, { left, top, side }) {
  const square = new Uint8ClampedArray(4 * side * side);
  for (let y = 0; y < side; y++) {
    const from = 4 * ((top + y) * width + left);
    square.set(data.subarray(from, from + 4 * side), 4 * side * y);
  }
  return { data: square, width: side, height: side };
}

/** RGBA pictures side by side on white. */
function row(pictures) {
  const width = pictures.length * (SIDE + GAP) - GAP;
  const data = new Uint8ClampedArray(4 * width * SIDE).fill(255);
  pictures.forEach((picture, i) => {
    for (let y = 0; y < SIDE; y++) {
      const line = picture.data.subarray(4 * SIDE * y, 4 * SIDE * (y + 1));
      data.set(line, 4 * (y * width + i * (SIDE + GAP)));
    }
  });
  return { data, width, height: SIDE };
}
