// `gaussian-blur` on WebGPU; see gaussian-blur.wgsl.

import { ceilDiv } from '../kernel.js';
import type { Dispatch, WebgpuKernel } from '../webgpu.js';
import { type GaussianBlurParams, sizesOf } from './gaussian-blur.js';
import code from './gaussian-blur.wgsl';

export const webgpuGaussianBlur: WebgpuKernel<GaussianBlurParams> = {
  scratch: ({ width, height, planes }) => ({ rows: { type: 'f32', elements: planes * width * height } }),
  dispatches(params): Dispatch[] {
    const { width, height, planes } = params;
    const { taps, rowsStart } = sizesOf(params);
    const values = planes * width * height;
    const pass = (vertical: boolean): Dispatch => {
      const columns = vertical ? width : ceilDiv(width, 8);
      const rows = vertical ? ceilDiv(height, 8) : height;
      return {
        shader: {
          name: `gaussian-blur/${vertical ? 'columns' : 'rows'}`,
          code,
          constants: { VERTICAL: vertical ? 1 : 0 },
        },
        uniforms: { width, height, taps, planes, rows_start: rowsStart / 4 },
        workgroups: [ceilDiv(columns, 8), ceilDiv(rows, 8), planes],
        operands: [vertical ? 'rows' : 'x', 'weights', 'positions', vertical ? 'y' : 'rows'],
        flops: 2 * values * params.weights.length,
        bytes: 8 * values,
      };
    };
    return [pass(false), pass(true)];
  },
};
