// The network as a whole, on generated weights: cold start, loading, both programs, another fidelity, peak memory, and where the time goes.

import { Device } from '../src/gpu/device.js';
import { CodeFormer } from '../src/models/codeformer/codeformer.js';
import { decodeProgram, encodeProgram } from '../src/models/codeformer/network.js';
import { OFFICIAL_CONFIG } from '../src/models/codeformer/tensors.js';
import { generatedWeights } from '../src/models/networks.js';
import { createDevice } from '../src/node/gpu.js';
import { openWeights } from '../src/node/weights.js';
import { processorTime, profile, randomValues } from './measure.js';
import { median, type Options, type Report, type Row } from './report.js';

const seconds = (ms: number): number => ms / 1000;

/**
 * Rows `<network>/<what>`. One run of each program comes before those that count, so that pipelines are warm; `cold start` is what a
 * fresh process waits for a device, the network and the first picture.
 */
export async function benchNetwork({ filter, runs, adapter, details }: Options): Promise<Report> {
  const rows: Row[] = [];
  const notes: string[] = [];
  let name = '';
  for (const [network, weights] of [
    ['embedded', () => openWeights('embedded')],
    ['official geometry', async () => generatedWeights('codeformer', OFFICIAL_CONFIG, 7)],
  ] as const) {
    if (filter && !network.includes(filter)) continue;
    const start = performance.now();
    const device = await createDevice({ adapter });
    name = device.describe();
    const opened = await weights();
    const loading = performance.now();
    const net = await CodeFormer.load(device, opened);
    const ready = performance.now();
    const input = randomValues(3 * net.size ** 2, 1);
    const first = await net.encode(input);
    await net.decode(first);
    const cold = performance.now() - start;
    const timed = async (what: () => Promise<unknown>): Promise<{ wall: number; processor: number }> => {
      const [walls, processors]: [number[], number[]] = [[], []];
      for (let i = 0; i < runs; i++) {
        const begin = performance.now();
        const { ms } = await processorTime(what);
        walls.push(performance.now() - begin);
        processors.push(ms);
      }
      return { wall: median(walls), processor: median(processors) };
    };
    const encode = await timed(async () => (await net.encode(input)).destroy());
    const decode = await timed(() => net.decode(first, { fidelity: 0.5 }));
    const without = await timed(() => net.decode(first, { fidelity: 0 }));
    const whole = { wall: encode.wall + decode.wall, processor: encode.processor + decode.processor };
    const parts = [
      ['encode', encode],
      ['decode, w = 0.5', decode],
      ['decode, w = 0', without],
      ['whole forward, w = 0.5', whole],
    ] as const;
    rows.push(
      { what: `${network}: weights to ready`, s: seconds(ready - loading) },
      { what: `${network}: cold start to first picture`, s: seconds(cold) },
      ...parts.map(([what, { wall, processor }]) => ({
        what: `${network}: ${what}`,
        s: seconds(wall),
        'processor s': seconds(processor),
        share: wall / whole.wall,
      })),
      { what: `${network}: peak memory of buffers`, MB: device.memory.peak / 1e6 },
    );
    if (details) {
      if (!(device instanceof Device)) throw new Error('Expected WebGPU for --details');
      const variant = { fuse: true, adain: true, map: false };
      const timings = [
        ...(await profile(device, encodeProgram(net.config, 1, 'tensor'), opened)),
        ...(await profile(device, decodeProgram(net.config, 1, variant, 'tensor'), opened)),
      ];
      for (const { label, kernel, ms, flops } of timings.sort((a, b) => b.ms - a.ms).slice(0, 40)) {
        rows.push({ what: `${network}: ${label} (${kernel})`, s: seconds(ms), GFLOPS: flops / ms / 1e6 });
      }
    }
    first.destroy();
    net.destroy();
    await opened.close();
    device.destroy();
  }
  notes.push(
    `Median of ${runs}; share of the whole forward. Peak memory counts weights, intermediate values and one encoded face.`,
  );
  return { adapter: name, rows, notes };
}
