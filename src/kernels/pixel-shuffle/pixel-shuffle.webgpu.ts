// `pixel-shuffle` and `pixel-unshuffle` on WebGPU; see pixel-shuffle.wgsl.

import { bytesPerElement, ceilDiv } from '../kernel.js';
import { type Dispatch, linearGrid, placeOf, type Target, type WebgpuKernel } from '../webgpu.js';
import type { PixelShuffleParams, PixelUnshuffleParams } from './pixel-shuffle.js';
import code from './pixel-shuffle.wgsl';

export const webgpuPixelShuffle: WebgpuKernel<PixelShuffleParams> = {
  dispatches: (params, target) => dispatches(params, false, target),
};

export const webgpuPixelUnshuffle: WebgpuKernel<PixelUnshuffleParams> = {
  dispatches: (params, target) => dispatches(params, true, target),
};

function dispatches({ x, y, factor }: PixelShuffleParams, unshuffle: boolean, target: Target): Dispatch[] {
  const groups = ceilDiv(y.c, 4);
  const count = y.n * y.h * y.w * groups;
  return [
    {
      shader: {
        name: unshuffle ? 'pixel-unshuffle' : 'pixel-shuffle',
        code,
        constants: { UNSHUFFLE: unshuffle ? 1 : 0 },
      },
      uniforms: {
        factor,
        count,
        groups,
        channels: y.c,
        width: y.w,
        height: y.h,
        // Channels are read one by one.
        x_stride: x.stride,
        x_offset: x.offset,
        ...placeOf('y', y),
      },
      workgroups: linearGrid(count),
      operands: ['x', 'y'],
      flops: 0,
      bytes: 2 * count * 4 * bytesPerElement('store', target.precision),
    },
  ];
}
