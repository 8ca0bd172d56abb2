// `codebook/lookup` on WebGPU; see lookup.wgsl.

import { bytesPerElement, ceilDiv } from '../kernel.js';
import { type Dispatch, linearGrid, placeOf, type WebgpuKernel } from '../webgpu.js';
import type { LookupParams } from './lookup.js';
import code from './lookup.wgsl';

export const webgpuLookup: WebgpuKernel<LookupParams> = {
  dispatches({ codes, y }, target): Dispatch[] {
    const groups = ceilDiv(y.c, 4);
    const count = y.n * y.h * y.w * groups;
    return [
      {
        shader: { name: 'codebook/lookup', code },
        uniforms: { codes, groups, count, ...placeOf('y', y) },
        workgroups: linearGrid(count),
        operands: ['indices', 'codebook', 'y'],
        flops: 0,
        bytes: count * (16 + 4 * bytesPerElement('store', target.precision)),
      },
    ];
  },
};
