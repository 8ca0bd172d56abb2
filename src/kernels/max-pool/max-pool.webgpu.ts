// `max-pool` on WebGPU; see max-pool.wgsl.

import { bytesPerElement, ceilDiv } from '../kernel.js';
import { type Dispatch, linearGrid, placeOf, type WebgpuKernel } from '../webgpu.js';
import type { MaxPoolParams } from './max-pool.js';
import code from './max-pool.wgsl';

export const webgpuMaxPool: WebgpuKernel<MaxPoolParams> = {
  dispatches({ x, y }, target): Dispatch[] {
    const groups = ceilDiv(x.c, 4);
    const pixels = y.n * y.h * y.w;
    return [
      {
        shader: { name: 'max-pool', code },
        uniforms: {
          pixels,
          groups,
          height: x.h,
          width: x.w,
          y_height: y.h,
          y_width: y.w,
          ...placeOf('x', x),
          ...placeOf('y', y),
        },
        workgroups: linearGrid(pixels * groups),
        operands: ['x', 'y'],
        flops: pixels * groups * 36,
        bytes: 5 * pixels * groups * 4 * bytesPerElement('store', target.precision),
      },
    ];
  },
};
