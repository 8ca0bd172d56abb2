// Restores a photo of 24 megapixels with 20 faces and prints what it took, as JSON. A process of its own, so that what it holds is all that
// is counted.

import { createRestorer } from '../../dist/node.js';

const [WIDTH, HEIGHT, COLUMNS, ROWS] = [6000, 4000, 5, 4];

const photo = { data: new Uint8Array(4 * WIDTH * HEIGHT), width: WIDTH, height: HEIGHT };
for (let y = 0, at = 0; y < HEIGHT; y++)
  for (let x = 0; x < WIDTH; x++, at += 4) {
    photo.data[at] = x >> 5;
    photo.data[at + 1] = y >> 4;
    photo.data[at + 2] = (x ^ y) & 255;
    photo.data[at + 3] = 255;
  }

/** Eyes, nose and corners of the mouth as shares of the crop's side, around its middle. */
const TEMPLATE = [
  [-0.123, -0.031],
  [0.123, -0.031],
  [0, 0.113],
  [-0.107, 0.225],
  [0.107, 0.225],
];
const faces = Array.from({ length: COLUMNS * ROWS }, (_, i) => {
  const [x, y] = [(WIDTH / COLUMNS) * ((i % COLUMNS) + 0.5), (HEIGHT / ROWS) * (Math.floor(i / COLUMNS) + 0.5)];
  const side = 500 + 20 * i;
  return { landmarks: TEMPLATE.map(([u, v]) => [x + u * side, y + v * side]) };
});

/** In place of the network: white. */
const restoreFace = ({ data, width, height }) => ({ data: data.map(() => 255), width, height });

const restorer = await createRestorer({ weights: null, upscaler: null });
const detected = await restorer.detect(photo);
let arrays = 0;
// Counted by the engine, not measured: bytes of all arrays that are there, garbage that still waits included.
const onProgress = () => {
  arrays = Math.max(arrays, process.memoryUsage().arrayBuffers);
};
const result = await restorer.restore(photo, { faces, restoreFace, neverWorse: false, onProgress });
onProgress();
const { data } = result.image;
const white = ([x, y]) =>
  data
    .subarray(4 * (2 * y * result.width + 2 * x))
    .slice(0, 3)
    .every(value => value === 255);
console.log(
  JSON.stringify({
    width: result.width,
    height: result.height,
    detected: detected.length,
    // The middle of each face is that of the stand-in.
    pasted: faces.filter(({ landmarks }) => white(landmarks[2].map(Math.round))).length,
    memory: arrays + restorer.info.memory.peak,
    timings: result.timings,
  }),
);
await restorer.destroy();
