// `warp-plane` on WebGPU; see warp-plane.wgsl.

import { warpUniforms } from '../warp-affine/tables.js';
import { type Dispatch, squareGrid, type WebgpuKernel } from '../webgpu.js';
import type { WarpPlaneParams } from './warp-plane.js';
import code from './warp-plane.wgsl';

export const webgpuWarpPlane: WebgpuKernel<WarpPlaneParams> = {
  dispatches(params): Dispatch[] {
    const { target, planes, compat, samples } = params;
    const values = planes * target.width * target.height;
    return [
      {
        shader: {
          name: 'warp-plane',
          code,
          constants: { COMPAT: compat ? 1 : 0, SAMPLES: samples },
        },
        uniforms: { ...warpUniforms(params), planes },
        workgroups: squareGrid(target, planes),
        operands: ['x', 'columns', 'rows', 'shifts', 'y'],
        flops: values * samples * samples * 16,
        bytes: 4 * values * (1 + 4 * samples * samples),
      },
    ];
  },
};
