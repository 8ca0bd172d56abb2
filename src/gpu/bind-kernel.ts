// Dispatches of one kernel, bound to buffers.

import type { Dispatch } from '../kernels/webgpu.js';
import type { Context } from './context.js';
import type { BoundDispatch } from './scheduler.js';
import { UniformBlocks } from './uniforms.js';

/** The dispatches of a kernel with all they need. */
export interface BoundKernel {
  readonly dispatches: readonly BoundDispatch[];
  /** Gives back what was made for them; what has been submitted runs all the same. */
  destroy(): void;
}

/** Dispatches on buffers by the names of their operands. */
export async function bindKernel(
  device: Context,
  label: string,
  dispatches: readonly Dispatch[],
  buffers: Readonly<Record<string, GPUBuffer>>,
): Promise<BoundKernel> {
  const pipelines = await Promise.all(dispatches.map(d => device.pipeline(d.shader)));
  return device.checked(`the bindings of ${label}`, () => {
    const uniforms = UniformBlocks.pack(device, dispatches);
    const buffer = UniformBlocks.buffer(device, label, uniforms.contents.byteLength);
    device.write(buffer, uniforms.contents);
    const uniformsOf = uniforms.bind(buffer);
    return {
      dispatches: dispatches.map((dispatch, i) => {
        const bound = dispatch.operands.map(name => buffers[name]!);
        const bindGroup = device.bindGroup(dispatch, bound, `${label}/${dispatch.shader.name}`);
        return { pipeline: pipelines[i]!, bindGroup, uniforms: uniformsOf(dispatch), dispatch };
      }),
      destroy: () => device.release(buffer),
    };
  });
}
