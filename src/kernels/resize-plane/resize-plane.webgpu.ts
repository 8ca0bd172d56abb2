// `resize-plane` on WebGPU; see resize-plane.wgsl.

import { type Dispatch, squareGrid, type WebgpuKernel } from '../webgpu.js';
import type { ResizePlaneParams } from './resize-plane.js';
import code from './resize-plane.wgsl';

export const webgpuResizePlane: WebgpuKernel<ResizePlaneParams> = {
  dispatches({ from, to, planes, taps }): Dispatch[] {
    const sums = taps.columns.weights.length * taps.rows.weights.length * planes;
    return [
      {
        shader: { name: 'resize-plane', code },
        uniforms: { x_width: from.width, x_height: from.height, width: to.width, height: to.height, planes },
        workgroups: squareGrid(to, planes),
        operands: ['x', 'columns', 'rows', 'weights', 'y'],
        flops: 2 * sums,
        bytes: 4 * planes * (to.width * to.height + from.width * from.height),
      },
    ];
  },
};
