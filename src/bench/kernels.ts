// Every kernel on the sizes that networks and photos have.

import { CodeFormerError, throwIfAborted } from '../errors.js';
import type { Executor, RunOptions } from '../executor.js';
import { Device } from '../gpu/device.js';
import { implementationOf } from '../gpu/implementations.js';
import type { Peaks } from '../gpu/peaks.js';
import { GpuProgram } from '../gpu/program.js';
import { timeOf } from '../gpu/timing.js';
import { type ConvParams, conv } from '../kernels/conv/conv.js';
import {
  bytesPerElement,
  type Case,
  type Kernel,
  type KernelTest,
  type Operand,
  roundUp,
  testName,
} from '../kernels/kernel.js';
import { kernelTests } from '../kernels/registry.js';
import type { Target } from '../kernels/webgpu.js';
import { fill, stored, withProgram } from '../selftest/kernel-check.js';
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
      const label = testName(test);
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
    const { kernel } = test;
    try {
      const ms = await measure(executor, test, item, runs);
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
function measure<P>(
  executor: Executor,
  test: KernelTest<P>,
  { params, fill: values }: Pick<Case<P>, 'params' | 'fill'>,
  runs: number,
): Promise<number> {
  const { kernel } = test;
  return withProgram(executor, 'bench', test, params, async (program, buffers) => {
    const tables = kernel.tables?.(params) ?? {};
    for (const [name, operand] of Object.entries(kernel.operands(params))) {
      if (operand.access === 'write') continue;
      const contents = tables[name] ?? fill(name, operand, values ? { fill: values } : {});
      executor.write(buffers[name]!, stored(contents, operand.type, executor.precision));
    }
    const timed = async () => {
      const start = performance.now();
      await program.run(buffers);
      // Waits until all is done.
      await executor.read(Object.values(buffers)[0]!, 0, 4);
      return performance.now() - start;
    };
    // Compiles and warms up.
    await timed();
    if (executor instanceof Device && program instanceof GpuProgram)
      return timeOf(executor, program.bind(buffers), { runs, most: LONG_MS });
    const times = [await timed()];
    while (times.length < runs && times[0]! < LONG_MS) times.push(await timed());
    return median(times);
  });
}
