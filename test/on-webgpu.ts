// Kernels as one of WebGPU's implementations computes them.

import type { Device } from '../src/gpu/device.js';
import type { Target } from '../src/kernels/webgpu.js';
import { type Runner, written } from '../src/selftest/kernel-check.js';
import { prepareKernel } from './prepared-kernel.js';

/** By what a target other than the device's own asks for. */
export const onWebgpu =
  (device: Device, own: Partial<Target>): Runner =>
  async ({ kernel, convolution }, params, values) => {
    const target = { ...device.target, ...own, ...(convolution && { convolution }) };
    const prepared = await prepareKernel(device, kernel, params, values, target);
    try {
      await device.execute(prepared.dispatches, kernel.name);
      const names = Object.keys(prepared.operands).filter(name => written(prepared.operands[name]!));
      return Object.fromEntries(await Promise.all(names.map(async name => [name, await prepared.read(name)])));
    } finally {
      prepared.destroy();
    }
  };
