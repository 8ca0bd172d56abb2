// `resize-area` on WebGPU; see resize-area.wgsl.

import { type Dispatch, squareGrid, type WebgpuKernel } from '../webgpu.js';
import type { ResizeAreaParams } from './resize-area.js';
import code from './resize-area.wgsl';

export const webgpuResizeArea: WebgpuKernel<ResizeAreaParams> = {
  dispatches({ from, to, taps, factors, premultiplied }): Dispatch[] {
    return [
      {
        shader: { name: 'resize-area', code, constants: { PREMULTIPLIED: premultiplied ? 1 : 0 } },
        uniforms: {
          x_width: from.width,
          x_height: from.height,
          width: to.width,
          height: to.height,
          half_up: factors?.[0] === 2 && factors[1] === 2 ? 1 : 0,
          scale: factors ? 1 / (factors[0] * factors[1]) : 1,
        },
        workgroups: squareGrid(to),
        operands: ['x', 'columns', 'rows', 'weights', 'y'],
        flops: 16 * taps.columns.weights.length * taps.rows.weights.length,
        bytes: 4 * (to.width * to.height + from.width * from.height),
      },
    ];
  },
};
