// The same 3x3 convolutions in onnxruntime-node's WebGPU provider and here, interleaved on the same adapter in one process. A
// convolution of onnxruntime is timed as the difference of chains of two and of one, without copies and session overhead. What takes it
// long is run less often.

import { onnxruntimePackage, prepareConv, randomValues, webgpuDevice } from './measure.js';
import { convChain } from './onnx.js';
import { median, type Options, type Report, type Row } from './report.js';
import { sameShape } from './shapes.js';

/** No further run of a size begins after this. */
const TIME_LIMIT_MS = 60_000;

const sizes: readonly (readonly [channels: number, side: number])[] = [
  [64, 128],
  [128, 128],
  [256, 64],
  [64, 512],
];

export async function benchVersusOnnxruntime({ filter, runs, adapter }: Options): Promise<Report> {
  const ort = await onnxruntimePackage('onnxruntime-node');
  const device = await webgpuDevice(adapter);
  const rows: Row[] = [];
  for (const [channels, side] of sizes) {
    const name = `3x3 ${channels}->${channels} @${side}`;
    if (!name.includes(filter)) continue;
    const weights = randomValues(channels * channels * 9, 1).map(v => v / Math.sqrt(channels * 9));
    const feed = new ort.Tensor('float32', randomValues(channels * side * side, 2), [1, channels, side, side]);
    const sessions = await Promise.all(
      [1, 2].map(length =>
        ort.InferenceSession.create(convChain(length, channels, side, side, weights), {
          executionProviders: [{ name: 'webgpu' }],
        }),
      ),
    );
    const { params } = sameShape(channels, side);
    const ours = await Promise.all(
      (['direct', 'winograd'] as const).map(convolution => prepareConv(device, convolution, params)),
    );
    const runners = [
      ...sessions.map(session => () => session.run({ x: feed })),
      ...ours.map(
        ({ prepared }) =>
          () =>
            device.execute(prepared.dispatches, 'bench'),
      ),
    ];
    const times = runners.map(() => [] as number[]);
    const started = performance.now();
    for (let run = -1; run < runs && (run < 1 || performance.now() - started < TIME_LIMIT_MS); run++) {
      for (const [i, runner] of runners.entries()) {
        const start = performance.now();
        await runner();
        if (run >= 0) times[i]!.push(performance.now() - start);
      }
    }
    const [one, two, direct, fast] = times.map(median) as [number, number, number, number];
    const theirs = two - one;
    const gflops = (2 * side * side * channels * channels * 9) / 1e6;
    rows.push({
      convolution: name,
      runs: times[0]!.length,
      'onnxruntime ms': theirs,
      'direct ms': direct,
      'winograd ms': fast,
      'onnxruntime GFLOPS': gflops / theirs,
      'direct GFLOPS': gflops / direct,
      'winograd GFLOPS': gflops / fast,
      'direct ratio': theirs / direct,
      'winograd ratio': theirs / fast,
    });
    for (const { prepared } of ours) prepared.destroy();
    for (const session of sessions) await session.release();
  }
  return { adapter: device.describe(), rows };
}
