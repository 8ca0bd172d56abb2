// The whole forward of the official geometry on WebAssembly and in another runtime, in turns on one machine: generated weights, w = 0.5.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { CodeFormer } from '../src/models/codeformer/codeformer.js';
import { OFFICIAL_CONFIG } from '../src/models/codeformer/tensors.js';
import { generatedWeights } from '../src/models/networks.js';
import { createDevice } from '../src/node/gpu.js';
import { codeformerLayers, type Layers, writeLayers } from './layers.js';
import { onnxruntimePackage, processorTime, randomValues } from './measure.js';
import { networkModel } from './onnx.js';
import { median, type Options, type Report, type Row } from './report.js';

const FIDELITY = 0.5;

/** Benches run as a bundle in a folder beside this one. */
const SCRIPT = fileURLToPath(new URL('../bench/pytorch.py', import.meta.url));

/** One forward and the processor time it took, in seconds. */
interface Forward {
  readonly processor: number;
  readonly output: Float32Array;
}

interface Runtime {
  readonly name: string;
  run(): Promise<Forward>;
  close(): Promise<void>;
}

type Open = (layers: Layers, input: Float32Array<ArrayBuffer>, threads: number) => Promise<Runtime>;

const counted = (threads: number): string => `${threads} thread${threads === 1 ? '' : 's'}`;

async function timed(forward: () => Promise<Float32Array>): Promise<Forward> {
  const { ms, value } = await processorTime(forward);
  return { processor: ms / 1000, output: value };
}

const onnxruntime =
  (name: string, provider: string): Open =>
  async (layers, input, threads) => {
    const ort = await onnxruntimePackage(name);
    ort.env.wasm.numThreads = threads;
    const session = await ort.InferenceSession.create(networkModel(layers), {
      executionProviders: [provider],
      intraOpNumThreads: threads,
      logSeverityLevel: 3,
      // Threads that wait in a loop would be counted as work.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
    const feeds = { input: new ort.Tensor('float32', input, [1, 3, layers.size, layers.size]) };
    return {
      name: `${name} ${(ort.env.versions as { common?: string }).common ?? ''}, ${counted(threads)}`,
      run: () => timed(async () => (await session.run(feeds)).output!.data as Float32Array),
      close: () => session.release(),
    };
  };

/** PyTorch of the Python that `CODEFORMER_PYTHON` names, by default `python3`, in the memory format that is its fastest here. */
const pytorch: Open = async (layers, input, threads) => {
  const folder = await mkdtemp(join(tmpdir(), 'codeformer-bench-'));
  await writeLayers(folder, layers, input);
  const python = process.env.CODEFORMER_PYTHON ?? 'python3';
  const child: ChildProcess = spawn(python, [SCRIPT, folder, `${threads}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const answer = async (): Promise<Record<string, string | number>> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`Expected PyTorch in ${python}; name another Python with CODEFORMER_PYTHON`);
    return JSON.parse(value);
  };
  const { version } = await answer();
  return {
    name: `PyTorch ${version} channels_last, ${counted(threads)}`,
    async run() {
      child.stdin!.write('run\n');
      const { processor } = await answer();
      const bytes = await readFile(join(folder, 'output.bin'));
      return { processor: processor as number, output: new Float32Array(new Uint8Array(bytes).buffer) };
    },
    async close() {
      child.stdin!.end();
      if (child.exitCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true });
    },
  };
};

const RUNTIMES = {
  'onnxruntime-cpu': onnxruntime('onnxruntime-node', 'cpu'),
  'onnxruntime-web': onnxruntime('onnxruntime-web', 'wasm'),
  pytorch,
} satisfies Record<string, Open>;

/** Names of the runtimes that a section `versus-<name>` compares with. */
export const VERSUS_NETWORK = Object.keys(RUNTIMES) as (keyof typeof RUNTIMES)[];

async function ours(input: Float32Array<ArrayBuffer>, threads: number): Promise<Runtime & { peak(): number }> {
  const device = await createDevice({ adapter: 'wasm', threads });
  const net = await CodeFormer.load(device, generatedWeights('codeformer', OFFICIAL_CONFIG, 7));
  return {
    name: `this library, ${counted(threads)}`,
    run: () =>
      timed(async () => {
        const face = await net.encode(input);
        try {
          return await net.decode(face, { fidelity: FIDELITY });
        } finally {
          face.destroy();
        }
      }),
    peak: () => device.memory.peak,
    async close() {
      net.destroy();
      device.destroy();
    },
  };
}

/** Rows by runtime: median and least of processor time and of wall time, and the ratio of ours to theirs. */
export async function benchVersusNetwork(name: keyof typeof RUNTIMES, { runs }: Options): Promise<Report> {
  const cores = availableParallelism();
  const weights = generatedWeights('codeformer', OFFICIAL_CONFIG, 7);
  const layers = await codeformerLayers(OFFICIAL_CONFIG, weights, FIDELITY);
  const input = randomValues(3 * layers.size ** 2, 1);
  const theirs = await RUNTIMES[name](layers, input, cores);
  const own = [await ours(input, 1), ...(cores > 1 ? [await ours(input, cores)] : [])];
  const runtimes: Runtime[] = [...own, theirs];
  const [walls, processors] = [runtimes.map(() => [] as number[]), runtimes.map(() => [] as number[])];
  const outputs: Float32Array[] = [];
  for (let run = -1; run < runs; run++) {
    for (const [i, runtime] of runtimes.entries()) {
      const start = performance.now();
      const { processor, output } = await runtime.run();
      outputs[i] = output;
      if (run < 0) continue;
      walls[i]!.push((performance.now() - start) / 1000);
      processors[i]!.push(processor);
    }
  }
  const reference = { wall: median(walls.at(-1)!), processor: median(processors.at(-1)!) };
  const rows: Row[] = runtimes.map((runtime, i) => ({
    runtime: runtime.name,
    'processor s': median(processors[i]!),
    'least processor s': Math.min(...processors[i]!),
    s: median(walls[i]!),
    'processor ratio': median(processors[i]!) / reference.processor,
    'wall ratio': median(walls[i]!) / reference.wall,
  }));
  // Where sums differ in their last bits, another code may win, and a piece of the picture is another one.
  const [first, other] = [outputs[0]!, outputs.at(-1)!];
  const differences = first.map((value, i) => Math.abs(value - other[i]!)).sort();
  const notes = [
    `Median of ${runs}, in turns. Difference of the pictures: median ${differences[differences.length >> 1]!.toExponential(1)}, most ${differences.at(-1)!.toExponential(1)}.`,
    ...(cores > 1 ? [`${cores} threads are ${(median(walls[0]!) / median(walls[1]!)).toFixed(2)} times one.`] : []),
    `Peak memory of this library's buffers, weights in f32: ${(own[0]!.peak() / 1e6).toFixed(0)} MB.`,
  ];
  for (const runtime of runtimes) await runtime.close();
  return { adapter: `WebAssembly SIMD beside ${theirs.name}`, rows, notes };
}
