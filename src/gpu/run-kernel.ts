// Runs one kernel on plain arrays: for tests, benches and one-off work such as packing weights.

import { throwIfAborted } from '../errors.js';
import { bytesPerElement, type Kernel, type NumberArray, type Operand, type Target } from '../kernels/kernel.js';
import { decodeFloat16, encodeFloat16 } from '../weights/dtype.js';
import type { BoundDispatch, Device } from './device.js';
import { Plans } from './plans.js';

/** Buffers of a kernel's operands, filled, with its dispatches bound to them. */
export interface PreparedKernel {
  readonly operands: Readonly<Record<string, Operand>>;
  readonly buffers: ReadonlyMap<string, GPUBuffer>;
  readonly dispatches: readonly BoundDispatch[];
  /** Contents of an operand. */
  read(name: string): Promise<NumberArray>;
  destroy(): void;
}

/** The dispatches of a kernel with all they need. */
export interface BoundKernel {
  readonly dispatches: readonly BoundDispatch[];
  /** Gives back what was made for them; what has been submitted runs all the same. */
  destroy(): void;
}

/** The dispatches of a kernel on buffers of the caller, by operand name. */
export async function bindKernel<P>(
  device: Device,
  kernel: Kernel<P>,
  params: P,
  buffers: Readonly<Record<string, GPUBuffer>>,
  target: Target = device.target,
): Promise<BoundKernel> {
  const dispatches = kernel.dispatches(params, target);
  const pipelines = await Promise.all(dispatches.map(d => device.pipeline(d.shader)));
  return device.checked(`the bindings of ${kernel.name}`, () => {
    const plans = Plans.pack(device, dispatches);
    const buffer = Plans.buffer(device, kernel.name, plans.contents.byteLength);
    device.write(buffer, plans.contents);
    const planOf = plans.bind(buffer);
    return {
      dispatches: dispatches.map((dispatch, i) => {
        const bound = dispatch.operands.map(name => buffers[name]!);
        const bindGroup = device.bindGroup(dispatch, bound, `${kernel.name}/${dispatch.shader.name}`);
        return { pipeline: pipelines[i]!, bindGroup, plan: planOf(dispatch), dispatch };
      }),
      destroy: () => device.release(buffer),
    };
  });
}

/**
 * Submits a kernel once. What it writes can be used by what is submitted after it; only reading waits.
 * @throws `ABORTED`, and what binding and submitting throw
 */
export async function submitKernel<P>(
  device: Device,
  kernel: Kernel<P>,
  params: P,
  buffers: Readonly<Record<string, GPUBuffer>>,
  signal?: AbortSignal,
): Promise<void> {
  const bound = await bindKernel(device, kernel, params, buffers);
  try {
    throwIfAborted(signal);
    await device.checked(kernel.name, () => device.submit(bound.dispatches, kernel.name));
  } finally {
    bound.destroy();
  }
}

/**
 * Allocates and fills the operands of a kernel.
 * @param values contents by operand name; what is absent is zero
 * @param target another family than the device's own may be asked for
 */
export async function prepareKernel<P>(
  device: Device,
  kernel: Kernel<P>,
  params: P,
  values: Readonly<Record<string, NumberArray>>,
  target: Target = device.target,
): Promise<PreparedKernel> {
  const operands = kernel.operands(params, target);
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
      for (const [name, { type, elements }] of Object.entries(operands)) {
        const buffer = device.buffer(`${kernel.name}/${name}`, elements * bytesPerElement(type, device.precision));
        buffers.set(name, buffer);
        const data = values[name] as (NumberArray & ArrayBufferView<ArrayBuffer>) | undefined;
        if (data)
          device.write(
            buffer,
            type === 'store' && device.precision === 'f16'
              ? (encodeFloat16(data as Float32Array) as Uint16Array<ArrayBuffer>)
              : data,
          );
      }
    });
    bound = await bindKernel(device, kernel, params, Object.fromEntries(buffers), target);
    const { dispatches } = bound;
    const read = async (name: string): Promise<NumberArray> => {
      const { type, elements } = operands[name]!;
      const bytes = await device.read(buffers.get(name)!);
      if (type === 'i32') return new Int32Array(bytes, 0, elements);
      if (type === 'u32') return new Uint32Array(bytes, 0, elements);
      return type === 'store' && device.precision === 'f16'
        ? decodeFloat16(new Uint16Array(bytes, 0, elements))
        : new Float32Array(bytes, 0, elements);
    };
    return { operands, buffers, dispatches, read, destroy };
  } catch (error) {
    destroy();
    throw error;
  }
}
