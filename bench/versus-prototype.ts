// 3x3 convolutions of WebAssembly beside those of a prototype, in turns in one process, one thread.

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { main as compile } from 'assemblyscript/asc';
import { conv } from '../src/kernels/conv/conv.js';
import { createDevice } from '../src/node/gpu.js';
import { shared } from '../test/shared-folder.js';
import { processorTime, randomValues } from './measure.js';
import { median, type Options, type Report, type Row } from './report.js';
import { sameShape } from './shapes.js';

const SIZES: readonly (readonly [channels: number, side: number])[] = [
  [64, 512],
  [128, 256],
  [128, 128],
  [256, 64],
  [256, 32],
  [512, 16],
];

/** Tiles of a strip and outputs of a block that the prototype is tried with; its best counts. */
const STRIPS: readonly (readonly [tiles: number, outputs: number])[] = [
  [24, 64],
  [48, 64],
  [96, 64],
];

/** Winograd's F(4x4) on x [H, W, C] with transformed weights [36, C, O]; no bias and no residual where their address is 0. */
type Winograd = (
  x: number,
  weights: number,
  bias: number,
  residual: number,
  y: number,
  height: number,
  width: number,
  channels: number,
  outputs: number,
  tiles: number,
  block: number,
  firstTile: number,
  endTile: number,
  scratch: number,
  stages: number,
) => void;

/** All of transform, products and transform back. */
const STAGES = 7;

/** The prototype, compiled as its README says. */
async function prototype(memory: WebAssembly.Memory): Promise<Winograd> {
  const path = shared('lab', 'wasm', 'conv-as.ts');
  const source = await readFile(path, 'utf8');
  let binary: Uint8Array | undefined;
  const flags = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd,threads', '--importMemory'];
  const shape = ['--sharedMemory', '--initialMemory', '16384', '--maximumMemory', '32768'];
  const { error, stderr } = await compile([basename(path), '-o', 'prototype.wasm', ...flags, ...shape], {
    readFile: name => (name === basename(path) ? source : null),
    writeFile: (_, contents) => {
      binary = contents as Uint8Array;
    },
    listFiles: () => [],
  });
  if (error || !binary) throw new Error(`The prototype does not compile\n${stderr}`);
  const module = await WebAssembly.compile(new Uint8Array(binary));
  const { exports } = await WebAssembly.instantiate(module, { env: { memory, abort() {} } });
  return exports.wino as Winograd;
}

/** Rows by size: GFLOPS of both, counted as those of the plain sum. The prototype gets transformed weights, ours transforms them. */
export async function benchVersusPrototype({ filter, runs }: Options): Promise<Report> {
  const memory = new WebAssembly.Memory({ initial: 16384, maximum: 32768, shared: true });
  const winograd = await prototype(memory);
  const device = await createDevice({ adapter: 'wasm', threads: 1 });
  const rows: Row[] = [];
  for (const [channels, side] of SIZES) {
    const name = `3x3 ${channels}->${channels} @${side}`;
    if (!name.includes(filter)) continue;
    const { params } = sameShape(channels, side);
    const operands = Object.entries(conv.operands(params));
    const buffers = await device.allocate(name, Object.fromEntries(operands.map(([n, o]) => [n, o.elements * 4])));
    for (const [operand, { access, elements }] of operands)
      if (access === 'read') device.write(buffers[operand]!, randomValues(elements, 3));
    const values = side * side * channels;
    let end = 2 ** 20;
    const take = (count: number): number => {
      const start = end;
      end = (start + 4 * count + 4095) & ~4095;
      new Float32Array(memory.buffer, start, count).set(randomValues(count, 3));
      return start;
    };
    const [x, y, weights, bias] = [take(values), take(values), take(36 * channels ** 2), take(channels)];
    const scratch = take(36 * 96 * 2 * channels);
    const tiles = (side / 4) ** 2;
    const runners = [
      () => device.run(conv, params, buffers),
      ...STRIPS.filter(([strip]) => strip <= 1.5 * tiles).map(
        ([strip, block]) =>
          () =>
            winograd(x, weights, bias, 0, y, side, side, channels, channels, strip, block, 0, tiles, scratch, STAGES),
      ),
    ];
    const times = runners.map(() => [] as number[]);
    for (let run = -1; run < runs; run++) {
      for (const [i, runner] of runners.entries()) {
        const { ms } = await processorTime(runner);
        if (run >= 0) times[i]!.push(ms);
      }
    }
    const [ours, ...theirs] = times.map(median) as [number, ...number[]];
    const gflops = (2 * values * channels * 9) / 1e6;
    rows.push({
      convolution: name,
      GFLOPS: gflops / ours,
      'prototype GFLOPS': gflops / Math.min(...theirs),
      ratio: Math.min(...theirs) / ours,
    });
    for (const buffer of Object.values(buffers)) device.release(buffer);
  }
  const adapter = device.describe();
  device.destroy();
  return { adapter, rows, notes: [`Median processor time of ${runs}, in turns.`] };
}
