// Kernels as one of the families of WebGPU's implementations computes them.

import type { Device } from '../src/gpu/device.js';
import type { Family } from '../src/kernels/webgpu.js';
import { type Runner, written } from '../src/selftest/kernel-check.js';
import { prepareKernel } from './prepared-kernel.js';

/** By one of the families of WebGPU's implementations. */
export const onWebgpu =
  (device: Device, family: Family): Runner =>
  async ({ kernel, convolution }, params, values) => {
    const target = { ...device.target, family, ...(convolution && { convolution }) };
    const prepared = await prepareKernel(device, kernel, params, values, target);
    try {
      await device.execute(prepared.dispatches, kernel.name);
      const names = Object.keys(prepared.operands).filter(name => written(prepared.operands[name]!));
      return Object.fromEntries(await Promise.all(names.map(async name => [name, await prepared.read(name)])));
    } finally {
      prepared.destroy();
    }
  };
