// Affine warp of float planes.

import { array, type Kernel, type Operand } from '../kernel.js';
import { type Warp, warpOperands, warpTables } from '../warp-affine/tables.js';

export interface WarpPlaneParams extends Warp {
  readonly planes: number;
}

/** Operands: `x` and `y`, planes of the source and target rectangles one after another; `columns`, `rows` and `shifts` of the tables. */
export const warpPlane: Kernel<WarpPlaneParams> = {
  name: 'warp-plane',
  operands(params): Record<string, Operand> {
    const { source, target, planes } = params;
    return {
      x: array('read', 'f32', planes * source.width * source.height),
      ...warpOperands(params),
      y: array('write', 'f32', planes * target.width * target.height),
    };
  },
  tables: params => ({ ...warpTables(params) }),
};
