// Kernels on WebGPU with buffers filled with plain arrays, of any family of implementations: for tests and benches.

import { type BoundKernel, bindKernel } from '../src/gpu/bind-kernel.js';
import type { Context } from '../src/gpu/context.js';
import { implementationOf } from '../src/gpu/implementations.js';
import type { BoundDispatch } from '../src/gpu/scheduler.js';
import { bytesPerElement, type Kernel, type NumberArray, type Operand } from '../src/kernels/kernel.js';
import type { Target, WebgpuKernel } from '../src/kernels/webgpu.js';
import { contents, stored } from '../src/selftest/kernel-check.js';

/** Buffers of a kernel's operands, filled, with its dispatches bound to them. */
export interface PreparedKernel {
  readonly operands: Readonly<Record<string, Operand>>;
  readonly buffers: ReadonlyMap<string, GPUBuffer>;
  readonly dispatches: readonly BoundDispatch[];
  /** Contents of an operand. */
  read(name: string): Promise<NumberArray>;
  destroy(): void;
}

/**
 * Allocates and fills the operands of a kernel.
 * @param values contents by operand name; what is absent is zero
 * @param target another family than the device's own, or one of the algorithms of convolutions, may be asked for
 * @param implementation another than that of the target
 */
export async function prepareKernel<P>(
  device: Context,
  kernel: Kernel<P>,
  params: P,
  values: Readonly<Record<string, NumberArray>>,
  target: Target = device.target,
  { scratch, dispatches }: WebgpuKernel<P> = implementationOf(kernel, params, target),
): Promise<PreparedKernel> {
  const operands = kernel.operands(params);
  const all = { ...operands, ...scratch?.(params, target) };
  const buffers = new Map<string, GPUBuffer>();
  let bound: BoundKernel | null = null;
  const destroy = () => {
    bound?.destroy();
    bound = null;
    for (const buffer of buffers.values()) device.release(buffer);
    buffers.clear();
  };
  try {
    await device.checked(`the operands of ${kernel.name}`, () => {
      for (const [name, { type, elements }] of Object.entries(all)) {
        const buffer = device.buffer(`${kernel.name}/${name}`, elements * bytesPerElement(type, device.precision));
        buffers.set(name, buffer);
        const data = values[name];
        if (data) device.write(buffer, stored(data, type, device.precision));
      }
    });
    bound = await bindKernel(device, kernel.name, dispatches(params, target), Object.fromEntries(buffers));
    const read = async (name: string): Promise<NumberArray> =>
      contents(await device.read(buffers.get(name)!), operands[name]!, device.precision);
    return { operands, buffers, dispatches: bound.dispatches, read, destroy };
  } catch (error) {
    destroy();
    throw error;
  }
}
