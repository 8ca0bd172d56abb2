// `erode` on WebGPU; see erode.wgsl.

import { ceilDiv } from '../kernel.js';
import type { Dispatch, WebgpuKernel } from '../webgpu.js';
import type { ErodeParams } from './erode.js';
import code from './erode.wgsl';

export const webgpuErode: WebgpuKernel<ErodeParams> = {
  scratch: ({ width, height, planes }) => ({ minima: { type: 'f32', elements: planes * width * height } }),
  dispatches(params): Dispatch[] {
    const { width, height, planes } = params;
    const k = window(params);
    const values = planes * width * height;
    const pass = (vertical: boolean): Dispatch => {
      const columns = vertical ? width : ceilDiv(width, k);
      const rows = vertical ? ceilDiv(height, k) : height;
      return {
        shader: {
          name: `erode/${vertical ? 'columns' : 'rows'}`,
          code,
          constants: { VERTICAL: vertical ? 1 : 0 },
        },
        uniforms: { width, height, k, planes },
        workgroups: [ceilDiv(columns, 8), ceilDiv(rows, 8), planes],
        operands: vertical ? ['minima', 'y'] : ['x', 'minima'],
        flops: 3 * values,
        bytes: 4 * 4 * values,
      };
    };
    return [pass(false), pass(true)];
  },
};

/** A window that covers everything from everywhere need not grow further. */
const window = ({ width, height, k }: ErodeParams): number => Math.min(k, 2 * Math.max(width, height) + 1);
