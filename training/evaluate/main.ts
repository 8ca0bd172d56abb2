// How good the restorer is: clean faces that training never saw are degraded with fixed seeds, restored by this library, and compared.
// `npm run evaluate -- --data FACES --detector CHECKPOINT`; see ../README.md.

import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { compare, type Metrics, peakSignalToNoise } from '../../demo/lab/metrics.js';
import { contactSheet } from '../../src/cli/drawing.js';
import {
  createDevice,
  createRestorer,
  type DeviceOptions,
  encodeImage,
  openWeights,
  type Picture,
  RetinaFace,
} from '../../src/node/index.js';
import { randomNumbers } from '../../src/pipeline/sampling.js';
import { bySource, HELD_OUT, heldOutFaces } from './data.js';
import { DEGRADATIONS, type Degradation, degrade, resize } from './degrade.js';
import { distance, FeatureNetwork } from './features.js';
import { colourDifference, mean, meanOverSources } from './measures.js';

const FIDELITIES = [0, 0.25, 0.5, 0.75, 1];

const usage = `Usage: npm run evaluate -- --data FOLDER --detector FILE [options]

  --data FOLDER      with faces-256-*.tar and faces-512*.tar; of the last ones the pictures that training never saw are taken
  --detector FILE    RetinaFace mobile0.25 whose features were not a training loss: for the distance and the landmarks
  --weights FILE     the restorer (default the one of the package)
  --size N           side of the pictures, ${Object.keys(HELD_OUT).join(' or ')} (default that of the restorer). Where the restorer has another one, it sees
                     them resized, and what it makes is resized back
  --limit N          how many pictures of each source at most (default all)
  --kinds A,B        among ${DEGRADATIONS.join(', ')}, and clean: through the whole pipeline with its defaults (default small,large,clean)
  --seed N           of the degradations (default 0)
  --sheet FILE       a contact sheet, .png or .jpg: degraded, fidelities, clean; six pictures of each degradation from the worst to the best by PSNR
  --adapter KIND     auto (default), gpu, wasm or software`;

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    detector: { type: 'string' },
    weights: { type: 'string', default: 'embedded' },
    size: { type: 'string' },
    limit: { type: 'string' },
    kinds: { type: 'string', default: 'small,large,clean' },
    seed: { type: 'string', default: '0' },
    sheet: { type: 'string' },
    adapter: { type: 'string', default: 'auto' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || !values.data || !values.detector) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}
const kinds = values.kinds.split(',');
const possible: readonly string[] = [...DEGRADATIONS, 'clean'];
const unknown = kinds.find(kind => !possible.includes(kind));
if (unknown !== undefined) throw new Error(`Expected degradations among ${possible.join(', ')} but got ${unknown}`);

/** What is measured of a picture against the clean one. */
interface Measures extends Metrics {
  readonly source: string;
  /** Of features. */
  readonly distance: number;
  /** PSNR against the degraded picture, which is what the restorer saw; NaN for that picture. */
  readonly input: number;
  /** Distance in Lab of the colours inside the face. */
  readonly colour: number;
  /** Mean distance of the landmarks over the distance of the clean eyes; NaN where the detector finds no face. */
  readonly drift: number;
}

const device = await createDevice({ adapter: values.adapter as DeviceOptions['adapter'] });
const weights = await openWeights(values.detector);
const restorer = await createRestorer({ device, weights: values.weights });
const size = values.size === undefined ? restorer.size : Number(values.size);
if (!(size in HELD_OUT)) throw new Error(`Expected a size among ${Object.keys(HELD_OUT).join(', ')} but got ${size}`);
const limit = values.limit === undefined ? Infinity : Number(values.limit);
if (!(limit >= 1)) throw new Error(`Expected a limit of 1 or more but got ${values.limit}`);
const features = await FeatureNetwork.load(device, weights, size);
const detector = await RetinaFace.load(device, weights);
const faces = await heldOutFaces(values.data, size, limit);

/** The landmarks of the face that fills a crop, or null. A border around it lets the detector see a face and not a texture. */
async function landmarks(picture: Picture): Promise<readonly (readonly [number, number])[] | null> {
  const [best] = await detector.detect(bordered(picture), { threshold: 0.5 });
  return best ? best.landmarks : null;
}

function bordered(picture: Picture): Picture {
  const border = size / 2;
  const side = size + 2 * border;
  const data = new Uint8ClampedArray(4 * side * side).fill(127);
  for (let row = 0; row < size; row++)
    data.set(picture.data.subarray(4 * size * row, 4 * size * (row + 1)), 4 * ((row + border) * side + border));
  return { data, width: side, height: side };
}

const between = ([x, y]: readonly [number, number], [u, v]: readonly [number, number]) => Math.hypot(x - u, y - v);
const results = new Map<string, Measures[]>();
const sheet = new Map<string, { psnr: number; row: Picture[] }[]>();

async function evaluateDegraded(kind: Degradation): Promise<void> {
  for (const [i, { picture: clean, source }] of faces.entries()) {
    const degraded = await degrade(clean, kind, randomNumbers(Number(values.seed), i));
    const encoded = await restorer.encode(resize(degraded, restorer.size));
    const pictures = new Map<string, Picture>([['degraded', degraded]]);
    for (const fidelity of FIDELITIES)
      pictures.set(`w = ${fidelity}`, resize(await encoded.decode({ fidelity }), size));
    encoded.destroy();
    const [wanted, points] = [await features.of(clean), await landmarks(clean)];
    for (const [name, picture] of pictures) {
      const found = points && (await landmarks(picture));
      const drift = found ? mean(found.map((p, k) => between(p, points[k]!))) / between(points[0]!, points[1]!) : NaN;
      const key = `${kind} ${name}`;
      const measured: Measures = {
        source,
        ...compare(picture, clean),
        distance: distance(await features.of(picture), wanted),
        input: picture === degraded ? NaN : peakSignalToNoise(picture, degraded),
        colour: colourDifference(picture, clean),
        drift,
      };
      results.set(key, [...(results.get(key) ?? []), measured]);
    }
    const rank = results.get(`${kind} w = 0.5`)!.at(-1)!.psnr;
    sheet.set(kind, [...(sheet.get(kind) ?? []), { psnr: rank, row: [...pictures.values(), clean] }]);
    progress(kind, i);
  }
}

function progress(kind: string, i: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${kind} ${i + 1}/${faces.length} `);
}

/** Clean faces through the whole pipeline: what becomes of good photos. */
async function evaluateClean(): Promise<void> {
  const measured: (Metrics & { source: string; colour: number })[] = [];
  let [found, untouched] = [0, 0];
  for (const [i, { picture, source }] of faces.entries()) {
    const result = await restorer.restore(picture, { upscaling: 1 });
    const made = result.image;
    const metrics = compare(made, picture);
    found += Math.min(1, result.faces.length);
    untouched += Number(metrics.psnr === Infinity && result.faces.length > 0);
    // A picture that is left as it is has no error to take a mean of: as many decibels as steps of half a value would give.
    const psnr = Math.min(metrics.psnr, 54);
    measured.push({ source, ...metrics, psnr, colour: colourDifference(made, picture) });
    progress('clean', i);
  }
  console.log(
    `\nClean faces through the pipeline with its defaults: ${found} of ${faces.length} found, ${untouched} of them untouched`,
  );
  console.log('| source | PSNR | SSIM | sharpness | colour |\n|---|---|---|---|---|');
  const line = (name: string, of: (value: (item: (typeof measured)[number]) => number) => number) =>
    `| ${name} | ${of(m => m.psnr).toFixed(2)} | ${of(m => m.ssim).toFixed(3)} | ${of(m => m.sharpness).toFixed(3)} | ${of(m => m.colour).toFixed(2)} |`;
  console.log(line('mean over sources', value => meanOverSources(measured, value)));
  for (const [source, all] of bySource(measured)) console.log(line(source, value => meanOverSources(all, value)));
}

const COLUMNS = '| PSNR | SSIM | sharpness | distance | PSNR to the input | colour | drift | no face |';

/** One row of the table; the mean of a single source is that over sources. */
function figures(all: readonly Measures[]): string {
  const column = (measure: Exclude<keyof Measures, 'source'>, digits: number) => {
    const value = meanOverSources(all, measured => measured[measure]);
    return Number.isNaN(value) ? '' : value.toFixed(digits);
  };
  return [
    column('psnr', 2),
    column('ssim', 3),
    column('sharpness', 2),
    column('distance', 4),
    column('input', 2),
    column('colour', 2),
    column('drift', 4),
    String(all.filter(({ drift }) => Number.isNaN(drift)).length),
  ].join(' | ');
}

function print(): void {
  console.log(`\nMeans over sources, in which each counts alike:\n\n| degradation | picture ${COLUMNS}`);
  console.log(`|${'---|'.repeat(10)}`);
  for (const [key, all] of results) {
    const [kind, ...name] = key.split(' ');
    console.log(`| ${kind} | ${name.join(' ')} | ${figures(all)} |`);
  }
  const sources = bySource([...results.values()].flat()).map(([source]) => source);
  if (sources.length < 2) return;
  console.log(`\nBy source:\n\n| source | degradation | picture ${COLUMNS}\n|${'---|'.repeat(11)}`);
  for (const source of sources)
    for (const [key, all] of results) {
      const [kind, ...name] = key.split(' ');
      const own = all.filter(measured => measured.source === source);
      console.log(`| ${source} | ${kind} | ${name.join(' ')} | ${figures(own)} |`);
    }
}

const counts = bySource(faces).map(([source, all]) => `${all.length} ${source}`);
console.log(
  `${faces.length} faces of ${size}x${size} (${counts.join(', ')}), seed ${values.seed}, ${restorer.info.model} of ` +
    `${restorer.size}x${restorer.size}, ${device.describe()}`,
);
for (const kind of kinds) if (kind !== 'clean') await evaluateDegraded(kind as Degradation);
if (results.size > 0) print();
if (kinds.includes('clean')) await evaluateClean();
if (values.sheet) {
  // From the worst to the best, so that failures are seen as well.
  const rows = [...sheet.values()].flatMap(all => {
    const ranked = all.sort((a, b) => a.psnr - b.psnr);
    return ranked.filter((_, i) => i % Math.ceil(ranked.length / 6) === 0).map(({ row }) => row);
  });
  const type = /\.jpe?g$/i.test(values.sheet) ? 'jpeg' : 'png';
  const captions = ['', ...FIDELITIES.map(String), ''];
  await writeFile(values.sheet, await encodeImage(contactSheet(rows, captions), { type }));
}
features.destroy();
detector.destroy();
await restorer.destroy();
await weights.close();
device.destroy();
