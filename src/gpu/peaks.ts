// What a device can do at best, measured by a copy and by multiply-adds. Kernels are seen as shares of it.

import { type Dispatch, linearGrid, type Shader } from '../kernels/webgpu.js';
import { bindKernel } from './bind-kernel.js';
import type { Device } from './device.js';
import copyCode from './peak-copy.wgsl';
import fmaCode from './peak-fma.wgsl';
import { timeOf } from './timing.js';

/** The most operations and bytes of a second, in thousands of millions; a multiply-add is two operations. */
export interface Peaks {
  readonly GFLOPS: number;
  readonly 'GB/s': number;
}

const RUNS = 5;

/** Operations of a step of `peak-fma.wgsl`: eight sums of vectors of four. */
const OPERATIONS = 8 * 4 * 2;

/** @throws `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED` */
export async function measurePeaks(device: Device): Promise<Peaks> {
  const { software } = device.adapter;
  // Past every cache on a GPU.
  const bytes = Math.min(software ? 2 ** 24 : 2 ** 28, device.limits.bufferBytes);
  const [invocations, STEPS] = software ? [2 ** 13, 256] : [2 ** 19, 2048];
  const copy = { name: 'peak/copy', code: copyCode };
  const fma = { name: 'peak/fma', code: fmaCode, constants: { STEPS } };
  const flops = invocations * STEPS * OPERATIONS;
  return {
    GFLOPS: flops / (await measure(device, fma, { y: 16 * invocations }, invocations)) / 1e6,
    'GB/s': (2 * bytes) / (await measure(device, copy, { x: bytes, y: bytes }, bytes / 16)) / 1e6,
  };
}

/** Milliseconds of a shader on buffers of some sizes. */
async function measure(
  device: Device,
  shader: Shader,
  sizes: Readonly<Record<string, number>>,
  invocations: number,
): Promise<number> {
  const buffers = (await device.allocate('the peaks', sizes)) as Record<string, GPUBuffer>;
  try {
    const operands = Object.keys(sizes);
    const dispatch: Dispatch = { shader, workgroups: linearGrid(invocations), operands, flops: 0, bytes: 0 };
    const bound = await bindKernel(device, shader.name, [dispatch], buffers);
    try {
      await device.execute(bound.dispatches, shader.name);
      return await timeOf(device, bound.dispatches, { runs: RUNS, most: Number.POSITIVE_INFINITY });
    } finally {
      bound.destroy();
    }
  } finally {
    for (const buffer of Object.values(buffers)) device.release(buffer);
  }
}
