// Resize of float planes by any filter.

import type { Size } from '../../image/geometry.js';
import { array, type Kernel, type Operand } from '../kernel.js';
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
  tables: ({ taps }) => tapTables(taps),
};
