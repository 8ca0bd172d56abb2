// What the likeness of restored faces tells of how much they have changed: held-out faces, degraded with fixed seeds and restored, beside what a
// network that recognises faces says of the restored face and the clean one. `npm run evaluate:likeness`; see docs/likeness.md.

import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createDevice, createRestorer, type DeviceOptions, type Picture, pixels } from '../../src/node/index.js';
import { randomNumbers } from '../../src/pipeline/sampling.js';
import { DevicePicture, scoped } from '../../src/pixels/device-picture.js';
import { likenessOnDevice } from '../../src/pixels/likeness.js';
import { heldOutFaces } from './data.js';
import { degrade } from './degrade.js';

const usage = `Usage: npm run evaluate:likeness -- --data FOLDER --recognition FOLDER [options]

  --data FOLDER         with faces-256-*.tar; of the last one the pictures that training never saw are taken
  --recognition FOLDER  in which @vladmandic/face-api, @tensorflow/tfjs and @tensorflow/tfjs-backend-wasm are installed
  --limit N             how many pictures of each source at most (default 14)
  --adapter KIND        auto (default), gpu, wasm or software`;

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    recognition: { type: 'string' },
    limit: { type: 'string', default: '14' },
    adapter: { type: 'string', default: 'auto' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || !values.data || !values.recognition) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}

const KINDS = ['light', 'medium', 'heavy', 'large'] as const;
const FIDELITIES = [0, 0.5, 1];
/** What the page says from which likeness on; see demo/likeness.ts. */
const GRADES = [0.996, 0.985, -1];
const DISTANCES = [0.4, 0.5, 0.6];

/** The part of an aligned crop of 256 pixels that a detector would cut out. */
const SEEN: readonly number[] = [1, 0, -44, 0, 1, -56];
const SEEN_SIZE = { width: 168, height: 176 };

const recognise = await loadRecognition(values.recognition);
const device = await createDevice({ adapter: values.adapter as DeviceOptions['adapter'] });
const restorer = await createRestorer({ device });
const faces = await heldOutFaces(values.data, 256, Number(values.limit));

/** 128 numbers of a face. */
type Recognise = (crop: Picture) => Promise<Float32Array>;

async function loadRecognition(folder: string): Promise<Recognise> {
  const require = createRequire(join(resolve(folder), 'package.json'));
  const tf = require('@tensorflow/tfjs');
  const wasm = require('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
  await tf.setBackend('wasm');
  await tf.ready();
  const api = require('@vladmandic/face-api/dist/face-api.node-wasm.js');
  const network = api.nets.faceRecognitionNet;
  await network.loadFromDisk(join(dirname(require.resolve('@vladmandic/face-api/package.json')), 'model'));
  return async crop => {
    const { data } = await pixels.warpAffine(device, crop, SEEN, SEEN_SIZE);
    const input = tf.tidy(() => {
      const rgba = tf.tensor(new Uint8Array(data), [SEEN_SIZE.height, SEEN_SIZE.width, 4], 'int32');
      return rgba.slice([0, 0, 0], [-1, -1, 3]).resizeBilinear([150, 150]).toInt();
    });
    try {
      return await network.computeFaceDescriptor(input);
    } finally {
      input.dispose();
    }
  };
}

const apart = (a: Float32Array, b: Float32Array) => Math.hypot(...a.map((value, i) => value - b[i]!));
const likeness = (a: Picture, b: Picture) =>
  scoped(async keep =>
    likenessOnDevice(keep(await DevicePicture.upload(device, a)), keep(await DevicePicture.upload(device, b))),
  );
const median = (all: readonly number[]) => all.toSorted((a, b) => a - b)[all.length >> 1] ?? Number.NaN;
const share = (all: readonly number[], above: number) => all.filter(value => value > above).length / all.length;

interface Measured {
  readonly kind: string;
  readonly fidelity: number;
  readonly likeness: number;
  readonly distance: number;
}

const measured: Measured[] = [];
const clean: Float32Array[] = [];
for (const [i, { picture }] of faces.entries()) {
  const known = await recognise(picture);
  clean.push(known);
  for (const kind of KINDS) {
    const degraded = await degrade(picture, kind, randomNumbers(0, i));
    const encoded = await restorer.encode(degraded);
    for (const fidelity of FIDELITIES) {
      const made = await encoded.decode({ fidelity });
      const distance = apart(known, await recognise(made));
      measured.push({ kind, fidelity, likeness: await likeness(degraded, made), distance });
    }
    encoded.destroy();
  }
}

const others = clean.flatMap((a, i) => clean.slice(0, i).map(b => apart(a, b)));
console.log(`${faces.length} faces; the median distance of two clean ones is ${median(others).toFixed(2)}\n`);
const columns = DISTANCES.map(distance => `above ${distance}`).join(' | ');
console.log(`| likeness from | faces | median distance | ${columns} |\n|${'---|'.repeat(3 + DISTANCES.length)}`);
GRADES.forEach((least, i) => {
  const graded = measured.filter(one => one.likeness >= least && one.likeness < (GRADES[i - 1] ?? 2));
  const distances = graded.map(({ distance }) => distance);
  const shares = DISTANCES.map(above => share(distances, above).toFixed(2)).join(' | ');
  console.log(`| ${least} | ${graded.length} | ${median(distances).toFixed(2)} | ${shares} |`);
});
console.log('\n| degradation | fidelity | median likeness | median distance |\n|---|---|---|---|');
for (const kind of KINDS)
  for (const fidelity of FIDELITIES) {
    const all = measured.filter(one => one.kind === kind && one.fidelity === fidelity);
    const [alike, distance] = [median(all.map(one => one.likeness)), median(all.map(one => one.distance))];
    console.log(`| ${kind} | ${fidelity} | ${alike.toFixed(4)} | ${distance.toFixed(2)} |`);
  }
await restorer.destroy();
device.destroy();
