// `normalize` on WebGPU; see normalize.wgsl.

import { bytesPerElement, ceilDiv } from '../kernel.js';
import { type Dispatch, linearGrid, placeOf, type Target, type WebgpuKernel } from '../webgpu.js';
import type { NormalizeParams } from './normalize.js';
import code from './normalize.wgsl';

export const webgpuNormalize: WebgpuKernel<NormalizeParams> = {
  dispatches({ x, y, activation }, target: Target): Dispatch[] {
    const groups = ceilDiv(x.c, 4);
    const count = x.n * x.h * x.w * groups;
    return [
      {
        shader: { name: 'normalize', code, constants: { SWISH: activation === 'swish' ? 1 : 0 } },
        uniforms: { pixels: x.h * x.w, count, groups, ...placeOf('x', x), ...placeOf('y', y) },
        workgroups: linearGrid(count),
        operands: ['x', 'scale', 'shift', 'y'],
        flops: count * (activation === 'swish' ? 24 : 8),
        bytes: 2 * count * 4 * bytesPerElement('store', target.precision),
      },
    ];
  },
};
