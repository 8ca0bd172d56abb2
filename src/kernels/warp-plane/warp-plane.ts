// Affine warp of float planes; see warp-plane.wgsl.

import { array, type Dispatch, type Kernel, type Operand, squareGrid } from '../kernel.js';
import { type Warp, warpOperands, warpPlan, warpTables } from '../warp-affine/tables.js';
import code from './warp-plane.wgsl';

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
        plan: { ...warpPlan(params), planes },
        workgroups: squareGrid(target, planes),
        operands: ['x', 'columns', 'rows', 'shifts', 'y'],
        flops: values * samples * samples * 16,
        bytes: 4 * values * (1 + 4 * samples * samples),
      },
    ];
  },
  tables: params => ({ ...warpTables(params) }),
};
