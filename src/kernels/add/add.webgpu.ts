// `add` on WebGPU; see add.wgsl.

import { bytesPerElement, ceilDiv } from '../kernel.js';
import { type Dispatch, linearGrid, placeOf, type WebgpuKernel } from '../webgpu.js';
import type { AddParams } from './add.js';
import code from './add.wgsl';

export const webgpuAdd: WebgpuKernel<AddParams> = {
  dispatches({ a, b, y, alpha, slope }, target): Dispatch[] {
    const groups = ceilDiv(a.c, 4);
    const pixels = a.n * a.h * a.w;
    return [
      {
        shader: { name: 'add', code },
        uniforms: {
          pixels,
          groups,
          height: a.h,
          width: a.w,
          b_height: b.h,
          b_width: b.w,
          ...placeOf('a', a),
          ...placeOf('b', b),
          ...placeOf('y', y),
          alpha,
          slope,
        },
        workgroups: linearGrid(pixels * groups),
        operands: ['a', 'b', 'y'],
        flops: pixels * groups * 12,
        bytes: 3 * pixels * groups * 4 * bytesPerElement('store', target.precision),
      },
    ];
  },
};
