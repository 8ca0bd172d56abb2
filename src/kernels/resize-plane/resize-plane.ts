// Resize of float planes by any filter; see resize-plane.wgsl.

import type { Size } from '../../image/geometry.js';
import { array, type Dispatch, type Kernel, type Operand, squareGrid } from '../kernel.js';
import code from './resize-plane.wgsl';
import { type ResizeTaps, tapOperands, tapTables } from './taps.js';

export interface ResizePlaneParams {
  readonly from: Size;
  readonly to: Size;
  readonly planes: number;
  /** Relative to x. */
  readonly taps: ResizeTaps;
}

/** Operands: `x` and `y`, planes of f32 one after another; `columns`, `rows` and `weights` of the tables. */
export const resizePlane: Kernel<ResizePlaneParams> = {
  name: 'resize-plane',
  operands({ from, to, planes, taps }): Record<string, Operand> {
    return {
      x: array('read', 'f32', planes * from.width * from.height),
      ...tapOperands(taps),
      y: array('write', 'f32', planes * to.width * to.height),
    };
  },
  dispatches({ from, to, planes, taps }): Dispatch[] {
    const sums = taps.columns.weights.length * taps.rows.weights.length * planes;
    return [
      {
        shader: { name: 'resize-plane', code },
        plan: { x_width: from.width, x_height: from.height, width: to.width, height: to.height, planes },
        workgroups: squareGrid(to, planes),
        operands: ['x', 'columns', 'rows', 'weights', 'y'],
        flops: 2 * sums,
        bytes: 4 * planes * (to.width * to.height + from.width * from.height),
      },
    ];
  },
  tables: ({ taps }) => tapTables(taps),
};
