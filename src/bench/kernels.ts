// Every kernel on the sizes that networks and photos have.

import { CodeFormerError, throwIfAborted } from '../errors.js';
import type { CompileOptions, DeviceBuffer, Executor, RunOptions } from '../executor.js';
import { Device } from '../gpu/device.js';
import { implementationOf } from '../gpu/implementations.js';
import type { Peaks } from '../gpu/peaks.js';
import { Arena } from '../gpu/program.js';
import { timeOf } from '../gpu/timing.js';
import type { Call, Storage } from '../graph/graph.js';
import { type ConvParams, conv } from '../kernels/conv/conv.js';
import { bytesPerElement, type Case, type Kernel, type KernelTest, type Operand, roundUp } from '../kernels/kernel.js';
import { kernelTests } from '../kernels/registry.js';
import type { Target } from '../kernels/webgpu.js';
import { fill, stored } from '../selftest/kernel-check.js';
import { type Figure, median } from './report.js';

/** By which operations are counted: the plainest way. */
const PLAIN: Target = { family: 'workgroup', precision: 'f32', maxBindingSize: 2 ** 31 };

/** What takes so many milliseconds is run once. */
const LONG_MS = 400;

interface Job {
  readonly name: string;
  // The parameters differ from kernel to kernel.
  // biome-ignore lint/suspicious/noExplicitAny: a list over all parameter types
  readonly test: KernelTest<any>;
  readonly item: Pick<Case<unknown>, 'params' | 'fill'>;
}

/** All that there is to be measured on an executor, by names that have a text in them. */
export function kernelJobs(executor: Executor, filter: string): Job[] {
  // What the self-test has given up is left out. WebAssembly has one of Winograd's algorithms.
  const has = (way: KernelTest<unknown>['convolution']) =>
    way === undefined ||
    way === 'direct' ||
    (executor instanceof Device ? executor.variants.includes(way) : way === 'winograd');
  return kernelTests
    .filter(({ convolution }) => has(convolution))
    .flatMap(test => {
      const { kernel, convolution } = test;
      const label = convolution ? `${kernel.name} (${convolution})` : kernel.name;
      return test.usual.map(item => ({ name: `${label} ${item.name}`, test, item }));
    })
    .filter(({ name }) => name.includes(filter));
}

/**
 * Measures kernels.
 * @param peaks what the executor can do at best, where that is known
 */
export async function measureKernels(
  executor: Executor,
  jobs: readonly Job[],
  peaks: Peaks | null,
  { runs, signal, onProgress }: RunOptions & { readonly runs: number },
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { name, test, item } of jobs) {
    throwIfAborted(signal);
    const { kernel, convolution } = test;
    try {
      const ms = await measure(executor, kernel, item, convolution, runs);
      const flops = flopsOf(kernel, item.params);
      const bytes = bytesOf(kernel.operands(item.params), executor);
      const least = peaks && Math.max(flops / peaks.GFLOPS, bytes / peaks['GB/s']) / 1e6;
      figures.push({
        section: 'kernels',
        name,
        ms,
        ...(flops > 0 && { GFLOPS: flops / ms / 1e6 }),
        'GB/s': bytes / ms / 1e6,
        ...(least !== null && { roofline: least / ms }),
      });
    } catch (error) {
      // Adapters with the smallest limits have no room for the largest pictures.
      if (!(error instanceof CodeFormerError && error.code === 'ADAPTER_LIMITS')) throw error;
    }
    onProgress?.(figures.length / jobs.length);
  }
  return figures;
}

function flopsOf<P>(kernel: Kernel<P>, params: P): number {
  if (kernel.name === conv.name) {
    const { x, y, size } = params as ConvParams;
    return 2 * y.n * y.h * y.w * y.c * x.c * size * size;
  }
  const dispatches = implementationOf(kernel, params, PLAIN).dispatches(params, PLAIN);
  return dispatches.reduce((sum, { flops }) => sum + flops, 0);
}

/** Bytes of the operands that mean something. */
const bytesOf = (operands: Readonly<Record<string, Operand>>, { precision }: Executor): number =>
  Object.values(operands).reduce((sum, { access, type, elements, layout: l }) => {
    const count = l ? l.n * l.h * l.w * roundUp(l.c, 4) : elements;
    return sum + count * bytesPerElement(type, precision) * (access === 'update' ? 2 : 1);
  }, 0);

/** Median milliseconds of a kernel that has run before. */
async function measure<P>(
  executor: Executor,
  kernel: Kernel<P>,
  { params, fill: values }: Pick<Case<P>, 'params' | 'fill'>,
  convolution: CompileOptions['convolution'],
  runs: number,
): Promise<number> {
  const { precision } = executor;
  const operands = kernel.operands(params);
  const tables = kernel.tables?.(params) ?? {};
  const entries = Object.entries(operands);
  const sizes = entries.map(([name, { type, elements }]) => [name, elements * bytesPerElement(type, precision)]);
  const buffers = await executor.allocate<string>('bench', Object.fromEntries(sizes));
  const storages = entries.map(([name, { type, elements }], id): [string, Storage] => [
    name,
    { id, kind: 'external', name, type, elements },
  ]);
  const call = { label: kernel.name, kernel, params, operands: Object.fromEntries(storages) };
  try {
    for (const [name, operand] of entries) {
      if (operand.access === 'write') continue;
      const contents = tables[name] ?? fill(name, operand, values ? { fill: values } : {});
      executor.write(buffers[name]!, stored(contents, operand.type, precision));
    }
    return await (executor instanceof Device ? onDevice : onOthers)(
      executor as Device,
      call,
      buffers,
      convolution,
      runs,
    );
  } finally {
    for (const buffer of Object.values(buffers)) executor.release(buffer);
  }
}

type Measure<E> = (
  executor: E,
  call: Call,
  buffers: Readonly<Record<string, DeviceBuffer>>,
  convolution: CompileOptions['convolution'],
  runs: number,
) => Promise<number>;

const onDevice: Measure<Device> = async (device, call, buffers, convolution, runs) => {
  const arena = new Arena(device, 'bench');
  try {
    const parameters = { get: (name: string) => buffers[name]! };
    const program = await arena.compile('bench', { calls: [call], parameters: [] }, parameters, { convolution });
    // Compiles and warms up.
    await program.run(buffers);
    return await timeOf(device, program.bind(buffers), { runs, most: LONG_MS });
  } finally {
    arena.destroy();
  }
};

const onOthers: Measure<Executor> = async (executor, call, buffers, convolution, runs) => {
  const workspace = executor.workspace('bench');
  const [some] = Object.values(buffers);
  try {
    const parameters = { get: (name: string) => buffers[name]! };
    const program = await workspace.compile('bench', { calls: [call], parameters: [] }, parameters, { convolution });
    const timed = async () => {
      const start = performance.now();
      await program.run(buffers);
      // Waits until all is done.
      await executor.read(some!, 0, 4);
      return performance.now() - start;
    };
    await timed();
    const times = [await timed()];
    while (times.length < runs && times[0]! < LONG_MS) times.push(await timed());
    return median(times);
  } finally {
    workspace.destroy();
  }
};
