// `peak` on WebGPU; see peak.wgsl.

import { bytesPerElement, ceilDiv } from '../kernel.js';
import { type Dispatch, linearGrid, placeOf, type WebgpuKernel } from '../webgpu.js';
import type { PeakParams } from './peak.js';
import code from './peak.wgsl';

/** Vec4 that an invocation looks at before it tells the others. */
const EACH = 16;

export const webgpuPeak: WebgpuKernel<PeakParams> = {
  dispatches({ x }, { precision }): Dispatch[] {
    const pixels = x.n * x.h * x.w;
    const groups = ceilDiv(x.c, 4);
    const count = ceilDiv(pixels * groups, EACH);
    return [
      {
        shader: { name: 'peak', code },
        uniforms: { values: pixels * groups, groups, step: count, ...placeOf('x', x) },
        workgroups: linearGrid(count),
        operands: ['x', 'peak'],
        flops: pixels * groups * 4,
        bytes: pixels * groups * 4 * bytesPerElement('store', precision),
      },
    ];
  },
};
