// Operands with random values, a check against the CPU reference, and times.

import type * as Onnxruntime from 'onnxruntime-common';
import type { AdapterKind, CompileOptions } from '../src/executor.js';
import type { Device } from '../src/gpu/device.js';
import { Arena } from '../src/gpu/program.js';
import type { Program } from '../src/graph/graph.js';
import { externalsOf, storageBytes } from '../src/graph/memory.js';
import { packedWeights } from '../src/kernels/conv/conv.cases.js';
import { type ConvParams, conv } from '../src/kernels/conv/conv.js';
import { convReference } from '../src/kernels/conv/conv.ref.js';
import { layout, type NumberArray } from '../src/kernels/kernel.js';
import { ParameterSet } from '../src/models/parameters.js';
import { createDevice } from '../src/node/gpu.js';
import type { Weights } from '../src/weights/weights.js';
import { type PreparedKernel, prepareKernel } from '../test/prepared-kernel.js';
import { median } from './report.js';

/** Which algorithm. */
export type Convolution = NonNullable<CompileOptions['convolution']>;

/** A device of WebGPU, for what is measured shader by shader; `auto` is a GPU where there is one. */
export async function webgpuDevice(adapter: AdapterKind): Promise<Device> {
  if (adapter === 'wasm') throw new Error('Expected --adapter auto, gpu or software for this section');
  if (adapter !== 'auto') return createDevice({ adapter });
  return createDevice({ adapter: 'gpu' }).catch(() => createDevice({ adapter: 'software' }));
}

/** A cheap random number in [-1, 1): large operands have tens of millions of values. */
export function randomValues(count: number, seed: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count);
  let state = seed;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    values[i] = state / 2 ** 31;
  }
  return values;
}

/** Milliseconds of processor time of all threads of this process while some work was done, and what came of that. */
export async function processorTime<T>(work: () => T | Promise<T>): Promise<{ ms: number; value: T }> {
  const before = process.cpuUsage();
  const value = await work();
  const { user, system } = process.cpuUsage(before);
  return { ms: (user + system) / 1000, value };
}

/** A package of onnxruntime: too large to be installed by everybody who has a look at this project. */
export async function onnxruntimePackage(name: string): Promise<typeof Onnxruntime> {
  try {
    return await import(name);
  } catch (cause) {
    throw new Error(`Expected the package ${name}: npm install --no-save --ignore-scripts ${name}`, { cause });
  }
}

export async function prepareConv(
  device: Device,
  convolution: Convolution,
  params: ConvParams,
): Promise<{ prepared: PreparedKernel; inputs: Record<string, NumberArray> }> {
  const inputs: Record<string, NumberArray> = {};
  const weight = packedWeights(params);
  for (const [name, { access, elements }] of Object.entries(conv.operands(params))) {
    if (access !== 'read') continue;
    const values = randomValues(elements, elements + name.length);
    inputs[name] = name === 'weights' ? values.map((value, i) => weight(i, () => value)) : values;
  }
  return { prepared: await prepareKernel(device, conv, params, inputs, { ...device.target, convolution }), inputs };
}

/** Largest error against the CPU reference on a small picture of the same kind. */
export async function convError(device: Device, convolution: Convolution, params: ConvParams): Promise<number> {
  const { x, y, stride, upsample, residual } = params;
  const side = Math.min(y.w, x.c * y.c > 2 ** 16 ? 6 : 14) & ~1;
  const small = (l: typeof x, h: number, w: number) => layout(1, l.h === 1 ? 1 : h, w, l.c);
  const sizes = { h: side, w: side };
  const reduced: ConvParams = {
    ...params,
    x: small(x, (sizes.h * stride) / upsample, (sizes.w * stride) / upsample),
    y: small(y, sizes.h, sizes.w),
    ...(residual && { residual: { ...residual, layout: small(y, sizes.h, sizes.w) } }),
  };
  const { prepared, inputs } = await prepareConv(device, convolution, reduced);
  try {
    await device.execute(prepared.dispatches, 'bench');
    const got = await prepared.read('y');
    let worst = 0;
    convReference(reduced, inputs).y!.forEach((want, i) => {
      worst = Math.max(worst, Math.abs(got[i]! - want) / Math.max(1, Math.abs(want)));
    });
    return worst;
  } finally {
    prepared.destroy();
  }
}

/** Milliseconds of each of `runs` runs, after one that compiles and warms up. */
export async function times(device: Device, prepared: PreparedKernel, runs: number): Promise<number[]> {
  await device.execute(prepared.dispatches, 'bench');
  const all: number[] = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await device.execute(prepared.dispatches, 'bench');
    all.push(performance.now() - start);
  }
  return all;
}

/** Median milliseconds by shader, each dispatch run alone: more than in one run, as nothing overlaps. */
export async function timesByShader(
  device: Device,
  prepared: PreparedKernel,
  runs: number,
): Promise<Map<string, number>> {
  const byShader = new Map<string, number>();
  const all = new Map<string, number[]>();
  for (let i = 0; i < runs; i++) {
    const sums = new Map<string, number>();
    for (const bound of prepared.dispatches) {
      const start = performance.now();
      await device.execute([bound], 'bench');
      const name = bound.dispatch.shader.name;
      sums.set(name, (sums.get(name) ?? 0) + performance.now() - start);
    }
    for (const [name, ms] of sums) all.set(name, [...(all.get(name) ?? []), ms]);
  }
  for (const [name, list] of all) byShader.set(name, median(list));
  return byShader;
}

/** What a call of a program took. */
export interface Timing {
  readonly label: string;
  readonly kernel: string;
  readonly ms: number;
  readonly flops: number;
}

/** Runs a program call by call on empty tensors and times each. */
export async function profile(device: Device, program: Program, weights: Weights): Promise<Timing[]> {
  const [arena, parameters] = [new Arena(device, 'profile'), new ParameterSet(device)];
  await parameters.load(program.parameters, weights);
  const compiled = await arena.compile('profile', program, parameters);
  const sizes = [...externalsOf(program)].map(([name, storage]) => [name, storageBytes(storage, device.precision)]);
  const buffers = await device.allocate<string>('profile', Object.fromEntries(sizes));
  const timings: Timing[] = [];
  const bound = compiled.bind(buffers);
  for (const label of new Set(bound.map(({ call }) => call.label))) {
    const own = bound.filter(({ call }) => call.label === label);
    const start = performance.now();
    await device.execute(own, label);
    const ms = performance.now() - start;
    const flops = own.reduce((sum, { dispatch }) => sum + dispatch.flops, 0);
    timings.push({ label, kernel: own[0]!.call.kernel.name, ms, flops });
  }
  for (const owner of [arena, parameters]) owner.destroy();
  for (const buffer of Object.values(buffers)) device.release(buffer);
  return timings;
}
