// WebGPU as an executor.

import { throwIfAborted } from '../errors.js';
import {
  type CopyRegion,
  type DeviceBuffer,
  type Executor,
  missingBuffer,
  type RunOptions,
  type Tuner,
  type Workspace,
} from '../executor.js';
import { bytesPerElement, type Kernel, type NumberArray, type Scratch } from '../kernels/kernel.js';
import { bindKernel } from './bind-kernel.js';
import { Context, gpuBuffer } from './context.js';
import { GpuImages } from './images.js';
import { Arena, shaders } from './program.js';

/** Pixels that a workgroup of the kernels for pictures takes along each axis. */
const WORKGROUP_SIDE = 8;

/** A WebGPU device that `createDevice` makes; the caller's own device is wrapped and left alone by `destroy()`. */
export class Device extends Context implements Executor {
  /** @internal */
  readonly images = new GpuImages(this);

  /** Optional features of WebGPU that the device has, sorted. */
  get features(): readonly string[] {
    return [...this.gpu.features].sort();
  }

  /** What the adapter allows. */
  get limits(): Executor['limits'] {
    const { maxComputeWorkgroupsPerDimension } = this.gpu.limits;
    return { bufferBytes: this.target.maxBindingSize, pictureSide: WORKGROUP_SIDE * maxComputeWorkgroupsPerDimension };
  }

  async allocate<K extends string>(
    owner: string,
    sizes: Readonly<Record<K, number>>,
  ): Promise<Record<K, DeviceBuffer>> {
    const entries = Object.entries<number>(sizes);
    const buffers = await this.checked(`the memory of ${owner}`, () =>
      entries.map(([name, bytes]) => [name, this.buffer(`${owner}/${name}`, bytes)] as const),
    );
    return Object.fromEntries(buffers) as Record<K, GPUBuffer>;
  }

  async copy(from: DeviceBuffer, to: DeviceBuffer, regions: readonly CopyRegion[]): Promise<void> {
    const [source, target] = [gpuBuffer(from), gpuBuffer(to)];
    await this.checked('a copy', () => {
      const encoder = this.gpu.createCommandEncoder({ label: 'copy' });
      for (const { from: at, to: place, bytes } of regions)
        encoder.copyBufferToBuffer(source, at, target, place, bytes);
      this.gpu.queue.submit([encoder.finish()]);
    });
  }

  async run<P>(
    kernel: Kernel<P>,
    params: P,
    operands: Readonly<Record<string, DeviceBuffer | NumberArray>>,
    { signal }: Pick<RunOptions, 'signal'> = {},
  ): Promise<void> {
    const { name, tables } = kernel;
    const { implementationOf } = await shaders();
    const implementation = implementationOf(kernel, params, this.target);
    const contents = tables?.(params) ?? {};
    const temporary: GPUBuffer[] = [];
    try {
      const buffers = await this.checked(`the operands of ${name}`, () => {
        const made = (operand: string, { type, elements }: Scratch) => {
          const buffer = this.buffer(`${name}/${operand}`, elements * bytesPerElement(type, this.precision));
          temporary.push(buffer);
          return buffer;
        };
        const bound: Record<string, GPUBuffer> = {};
        for (const [operand, shape] of Object.entries(kernel.operands(params))) {
          const given = operands[operand] ?? contents[operand];
          if (!given) throw missingBuffer(name, operand);
          bound[operand] = ArrayBuffer.isView(given) ? made(operand, shape) : gpuBuffer(given);
          if (ArrayBuffer.isView(given)) this.write(bound[operand], given);
        }
        const scratch = Object.entries(implementation.scratch?.(params, this.target) ?? {});
        for (const [operand, shape] of scratch) bound[operand] = made(operand, shape);
        return bound;
      });
      const bound = await bindKernel(this, name, implementation.dispatches(params, this.target), buffers);
      try {
        throwIfAborted(signal);
        await this.submit(bound.dispatches, name);
      } finally {
        bound.destroy();
      }
    } finally {
      // What has been submitted keeps its memory until it has run.
      for (const buffer of temporary) this.release(buffer);
    }
  }

  /** Finds how convolutions run fastest here. */
  readonly tuner: Tuner = {
    measure: async (options = {}) => {
      const { measureShapes } = await shaders();
      return measureShapes(this, options);
    },
    apply: shapes => this.tune(new Map(shapes.map(({ shape, choice }) => [shape, choice]))),
  };

  /** Memory in which programs can be made ready. */
  workspace(label: string): Workspace {
    return new Arena(this, label);
  }
}
