// `resize-linear` on WebGPU; see resize-linear.wgsl.

import { type Dispatch, squareGrid, type WebgpuKernel } from '../webgpu.js';
import type { ResizeLinearParams } from './resize-linear.js';
import code from './resize-linear.wgsl';

export const webgpuResizeLinear: WebgpuKernel<ResizeLinearParams> = {
  dispatches({ from, to, premultiplied }): Dispatch[] {
    const pixels = to.width * to.height;
    return [
      {
        shader: { name: 'resize-linear', code, constants: { PREMULTIPLIED: premultiplied ? 1 : 0 } },
        uniforms: { x_width: from.width, width: to.width, height: to.height },
        workgroups: squareGrid(to),
        operands: ['x', 'columns', 'rows', 'y'],
        flops: pixels * 4 * 10,
        bytes: 4 * (pixels + Math.min(from.width * from.height, 4 * pixels)),
      },
    ];
  },
};
