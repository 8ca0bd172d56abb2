// How good the restorer is: clean faces that training never saw are degraded with fixed seeds, restored by this library, and compared.
// `npm run evaluate -- --data FACES --detector CHECKPOINT`; see ../README.md.

import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { contactSheet } from '../../src/cli/drawing.js';
import { compare, type Metrics, peakSignalToNoise } from '../../src/image/metrics.js';
import {
  createDevice,
  createRestorer,
  encodeImage,
  openWeights,
  type Picture,
  RetinaFace,
} from '../../src/node/index.js';
import { randomNumbers } from '../../src/pipeline/sampling.js';
import { heldOutFaces } from './data.js';
import { DEGRADATIONS, type Degradation, degrade } from './degrade.js';
import { distance, FeatureNetwork } from './features.js';

const FIDELITIES = [0, 0.5, 1];

const usage = `Usage: npm run evaluate -- --data FOLDER --detector FILE [options]

  --data FOLDER      with faces-256-*.tar; the last pictures of the last one are taken
  --detector FILE    RetinaFace mobile0.25 whose features were not a training loss: for the distance and the landmarks
  --weights FILE     the restorer (default the one of the package)
  --last N           how many pictures (default 200; training never saw the last 200)
  --kinds A,B        degradations among ${DEGRADATIONS.join(', ')} (default small,large)
  --seed N           of the degradations (default 0)
  --sheet FILE       a contact sheet, .png or .jpg: degraded, fidelity 0, 0.5, 1, clean; six pictures of each degradation from the worst to the best by PSNR
  --adapter KIND     software (default), gpu or auto`;

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    detector: { type: 'string' },
    weights: { type: 'string', default: 'embedded' },
    last: { type: 'string', default: '200' },
    kinds: { type: 'string', default: 'small,large' },
    seed: { type: 'string', default: '0' },
    sheet: { type: 'string' },
    adapter: { type: 'string', default: 'software' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || !values.data || !values.detector) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}
const kinds = values.kinds.split(',') as Degradation[];
const unknown = kinds.find(kind => !DEGRADATIONS.includes(kind));
if (unknown !== undefined) throw new Error(`Expected degradations among ${DEGRADATIONS.join(', ')} but got ${unknown}`);

/** What is measured of a picture against the clean one. */
interface Measures extends Metrics {
  /** Of features. */
  readonly distance: number;
  /** PSNR against the degraded picture, which is what the restorer saw. */
  readonly input: number;
  /** Mean distance of the landmarks over the distance of the clean eyes; NaN where the detector finds no face. */
  readonly drift: number;
}

const device = await createDevice({ adapter: values.adapter as 'software' });
const weights = await openWeights(values.detector);
const restorer = await createRestorer({ device, weights: values.weights, detector: null });
const { size } = restorer;
const features = await FeatureNetwork.load(device, weights, size);
const detector = await RetinaFace.load(device, weights);
const faces = await heldOutFaces(values.data, Number(values.last));

/** The landmarks of the face that fills a crop, or null. A border around it lets the detector see a face and not a texture. */
async function landmarks(picture: Picture): Promise<readonly (readonly [number, number])[] | null> {
  const border = size / 2;
  const side = size + 2 * border;
  const data = new Uint8ClampedArray(4 * side * side).fill(127);
  for (let row = 0; row < size; row++)
    data.set(picture.data.subarray(4 * size * row, 4 * size * (row + 1)), 4 * ((row + border) * side + border));
  const [best] = await detector.detect({ data, width: side, height: side }, { threshold: 0.5 });
  return best ? best.landmarks : null;
}

const between = ([x, y]: readonly [number, number], [u, v]: readonly [number, number]) => Math.hypot(x - u, y - v);
const mean = (all: readonly number[]) => all.reduce((a, b) => a + b, 0) / all.length;

const results = new Map<string, Measures[]>();
const sheet = new Map<Degradation, { psnr: number; row: Picture[] }[]>();
for (const kind of kinds) {
  for (const [i, { picture: clean }] of faces.entries()) {
    const degraded = await degrade(clean, kind, randomNumbers(Number(values.seed), i));
    const encoded = await restorer.encode(degraded);
    const pictures = new Map<string, Picture>([['degraded', degraded]]);
    for (const fidelity of FIDELITIES) pictures.set(`w = ${fidelity}`, await encoded.decode({ fidelity }));
    encoded.destroy();
    const [wanted, points] = [await features.of(clean), await landmarks(clean)];
    for (const [name, picture] of pictures) {
      const found = points && (await landmarks(picture));
      const drift = found ? mean(found.map((p, k) => between(p, points[k]!))) / between(points[0]!, points[1]!) : NaN;
      const key = `${kind} ${name}`;
      const measured: Measures = {
        ...compare(picture, clean),
        distance: distance(await features.of(picture), wanted),
        input: peakSignalToNoise(picture, degraded),
        drift,
      };
      results.set(key, [...(results.get(key) ?? []), measured]);
    }
    const rank = results.get(`${kind} w = 0.5`)!.at(-1)!.psnr;
    sheet.set(kind, [...(sheet.get(kind) ?? []), { psnr: rank, row: [...pictures.values(), clean] }]);
    if (process.stderr.isTTY) process.stderr.write(`\r${kind} ${i + 1}/${faces.length} `);
  }
}

console.log(
  `${faces.length} faces of ${size}x${size}, seed ${values.seed}, ${restorer.info.model}, ${device.describe()}\n`,
);
console.log('| degradation | picture | PSNR | SSIM | sharpness | distance | PSNR to the input | drift | no face |');
console.log('|---|---|---|---|---|---|---|---|---|');
for (const [key, all] of results) {
  const [kind, ...name] = key.split(' ');
  const found = all.map(({ drift }) => drift).filter(drift => !Number.isNaN(drift));
  const column = (measure: keyof Measures) => mean(all.map(measured => measured[measure]));
  const figures = [
    column('psnr').toFixed(2),
    column('ssim').toFixed(3),
    column('sharpness').toFixed(2),
    column('distance').toFixed(4),
    name[0] === 'degraded' ? '' : column('input').toFixed(2),
    mean(found).toFixed(4),
    String(all.length - found.length),
  ];
  console.log(`| ${kind} | ${name.join(' ')} | ${figures.join(' | ')} |`);
}
if (values.sheet) {
  // From the worst to the best, so that failures are seen as well.
  const rows = [...sheet.values()].flatMap(all => {
    const ranked = all.sort((a, b) => a.psnr - b.psnr);
    return ranked.filter((_, i) => i % Math.ceil(ranked.length / 6) === 0).map(({ row }) => row);
  });
  const type = /\.jpe?g$/i.test(values.sheet) ? 'jpeg' : 'png';
  await writeFile(values.sheet, await encodeImage(contactSheet(rows, ['', '0', '0.5', '1', '']), { type }));
}
features.destroy();
detector.destroy();
await restorer.destroy();
await weights.close();
device.destroy();
