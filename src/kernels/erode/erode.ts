// Erosion of float planes by k x k; see erode.wgsl.

import type { Size } from '../../image/geometry.js';
import { array, ceilDiv, type Dispatch, type Kernel, type Operand } from '../kernel.js';
import code from './erode.wgsl';

export interface ErodeParams extends Size {
  readonly planes: number;
  /** Side of the window, at least 1. The window of a pixel begins floor(k / 2) before it. */
  readonly k: number;
}

/** Operands: `x` and `y`, planes of f32 one after another. */
export const erode: Kernel<ErodeParams> = {
  name: 'erode',
  operands({ width, height, planes }): Record<string, Operand> {
    const elements = planes * width * height;
    return {
      x: array('read', 'f32', elements),
      minima: array('scratch', 'f32', elements),
      y: array('write', 'f32', elements),
    };
  },
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
        plan: { width, height, k, planes },
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
