// A whole photo of 1024x1024 with one face, from pixels to pixels, with the embedded networks: time of every stage.

import { readFile } from 'node:fs/promises';
import { createDevice } from '../src/node/gpu.js';
import { createRestorer, decodeImage, pixels } from '../src/node/index.js';
import { median, type Options, type Report, type Row } from './report.js';

/** Stages in which networks run. */
const NETWORKS = ['detect', 'encode', 'decode', 'upscale'];

/**
 * One row per stage: `stage` as in `timings`, those of the face included. Work is submitted without waiting where the next stage does not
 * need it on the CPU, so that part of it shows in the stage that reads the result.
 */
export async function benchPipeline({ runs, adapter }: Options): Promise<Report> {
  const device = await createDevice({ adapter });
  await using restorer = await createRestorer({ device });
  const portrait = await decodeImage(await readFile(new URL('../docs/samples/astronaut.png', import.meta.url)));
  const photo = await pixels.resize(device, portrait, { width: 1024, height: 1024 });
  await restorer.restore(photo);
  const seen = new Map<string, number[]>();
  for (let run = 0; run < runs; run++) {
    const { timings, faces } = await restorer.restore(photo);
    if (faces.length !== 1) throw new Error(`Expected one face but ${faces.length} were found`);
    const face = faces[0]!.timings;
    const stages = { ...timings, ...face, total: timings.total! };
    const networks = NETWORKS.reduce((sum, stage) => sum + (stages[stage as keyof typeof stages] ?? 0), 0);
    for (const [stage, ms] of Object.entries({ ...stages, 'all but networks': stages.total - networks })) {
      seen.set(stage, [...(seen.get(stage) ?? []), ms]);
    }
  }
  const rows: Row[] = [...seen].map(([stage, all]) => ({ stage, ms: median(all) }));
  return {
    adapter: device.describe(),
    rows,
    notes: [`Median of ${runs}, after one that compiles; upscaling 2.`],
  };
}
