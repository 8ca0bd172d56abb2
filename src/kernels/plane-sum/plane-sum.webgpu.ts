// `plane-sum` on WebGPU; see plane-sum.wgsl.

import { type Dispatch, linearGrid, type WebgpuKernel } from '../webgpu.js';
import { LENGTH, type PlaneSumParams, sumCount } from './plane-sum.js';
import code from './plane-sum.wgsl';

export const webgpuPlaneSum: WebgpuKernel<PlaneSumParams> = {
  dispatches({ values }): Dispatch[] {
    return [
      {
        shader: { name: 'plane-sum', code, constants: { LENGTH } },
        uniforms: { values, sums: sumCount(values) },
        workgroups: linearGrid(sumCount(values)),
        operands: ['x', 'sums'],
        flops: values,
        bytes: 4 * values,
      },
    ];
  },
};
