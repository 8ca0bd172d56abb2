// What the page's mark of likeness says: how far the landmarks of a restored face are from those of the photo, for held-out faces that were
// degraded, against those of other people. `npm run evaluate:likeness -- --data FOLDER`; see ../README.md.

import { parseArgs } from 'node:util';
import { likenessOf } from '../../demo/likeness.js';
import { createRestorer, type DeviceOptions, type Picture } from '../../src/node/index.js';
import { randomNumbers } from '../../src/pipeline/sampling.js';
import type { Landmarks } from '../../src/pipeline/types.js';
import { heldOutFaces } from './data.js';
import { degrade } from './degrade.js';

const usage = `Usage: npm run evaluate:likeness -- --data FOLDER [options]

  --data FOLDER    with faces-256*.tar; pictures that training never saw are taken
  --limit N        most faces of each source (default 12)
  --adapter KIND   auto (default), gpu, wasm or software`;

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    limit: { type: 'string', default: '12' },
    adapter: { type: 'string', default: 'auto' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || !values.data) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}
const restorer = await createRestorer({ adapter: values.adapter as DeviceOptions['adapter'] });
const random = randomNumbers(0, 0);

/** Landmarks of the face in a crop; null where none is found. */
async function landmarksOf(crop: Picture): Promise<Landmarks | null> {
  const [face] = await restorer.detect(crop);
  return face?.landmarks ?? null;
}

const faces = await heldOutFaces(values.data, 256, Number(values.limit));
for (const kind of ['light', 'medium', 'heavy'] as const) {
  const photos: (Landmarks | null)[] = [];
  const truths: (Landmarks | null)[] = [];
  const restored = new Map<number, (Landmarks | null)[]>([0, 0.5, 1].map(fidelity => [fidelity, []]));
  for (const { picture } of faces) {
    const photo = await degrade(picture, kind, random);
    photos.push(await landmarksOf(photo));
    truths.push(await landmarksOf(picture));
    for (const [fidelity, found] of restored) {
      const { image } = await restorer.restore(photo, { aligned: true, fidelity, neverWorse: false });
      found.push(await landmarksOf(image));
    }
  }
  /** The likeness of each face to one of a list, which begins some places further. */
  const between = (some: readonly (Landmarks | null)[], others: readonly (Landmarks | null)[], places: number) =>
    some.flatMap((landmarks, i) => {
      const other = others[(i + places) % others.length];
      return landmarks && other ? [likenessOf(landmarks, other)] : [];
    });
  for (const [fidelity, found] of restored) {
    report(`${kind}, w ${fidelity}, with its photo`, between(found, photos, 0));
    report(`${kind}, w ${fidelity}, with the sharp face`, between(found, truths, 0));
    report(
      `${kind}, w ${fidelity}, with other photos`,
      [1, 7, 13].flatMap(places => between(found, photos, places)),
    );
  }
}
await restorer.destroy();

function report(name: string, likenesses: readonly number[]): void {
  const sorted = likenesses.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(3);
  console.log(`| ${name} | ${sorted.length} | ${[0.05, 0.1, 0.5, 0.9, 0.95].map(at).join(' | ')} |`);
}
