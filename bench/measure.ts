// Operands with random values, and processor time.

import type * as Onnxruntime from 'onnxruntime-common';
import type { AdapterKind, CompileOptions } from '../src/executor.js';
import type { Device } from '../src/gpu/device.js';
import { packedWeights } from '../src/kernels/conv/conv.cases.js';
import { type ConvParams, conv } from '../src/kernels/conv/conv.js';
import type { NumberArray } from '../src/kernels/kernel.js';
import { createDevice } from '../src/node/gpu.js';
import { type PreparedKernel, prepareKernel } from '../test/prepared-kernel.js';

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
