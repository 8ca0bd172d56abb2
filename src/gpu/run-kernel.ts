// Runs one kernel on plain arrays: for tests, benches and one-off work such as packing weights.

import { bytesPerElement, type Kernel, type NumberArray, type Operand, type Target } from '../kernels/kernel';
import type { BoundDispatch, Device } from './device';
import { fromHalf, toHalf } from './half';

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
  const destroy = () => {
    for (const buffer of buffers.values()) device.release(buffer);
    buffers.clear();
  };
  try {
    const dispatches = await device.checked(`kernel ${kernel.name}`, async () => {
      for (const [name, { type, elements }] of Object.entries(operands)) {
        const buffer = device.buffer(`${kernel.name}/${name}`, elements * bytesPerElement(type, device.precision));
        buffers.set(name, buffer);
        const data = values[name];
        if (data)
          device.write(
            buffer,
            type === 'store' && device.precision === 'f16'
              ? toHalf(data)
              : (data as NumberArray & ArrayBufferView<ArrayBuffer>),
          );
      }
      return Promise.all(
        kernel.dispatches(params, target).map(d =>
          device.bind(
            d,
            d.operands.map(name => buffers.get(name)!),
            `${kernel.name}/${d.shader.name}`,
          ),
        ),
      );
    });
    const read = async (name: string): Promise<NumberArray> => {
      const { type, elements } = operands[name]!;
      const bytes = await device.read(buffers.get(name)!);
      if (type === 'i32') return new Int32Array(bytes, 0, elements);
      if (type === 'u32') return new Uint32Array(bytes, 0, elements);
      return type === 'store' && device.precision === 'f16'
        ? fromHalf(new Uint16Array(bytes, 0, elements))
        : new Float32Array(bytes, 0, elements);
    };
    return { operands, buffers, dispatches, read, destroy };
  } catch (error) {
    destroy();
    throw error;
  }
}
