// Affine warp of float planes; see warp-plane.wgsl.

import { ceilDiv, type Dispatch, type Kernel, type Operand } from '../kernel.js';
import { type Warp, warpSizes, warpTables } from '../warp-affine/tables.js';
import code from './warp-plane.wgsl';

export interface WarpPlaneParams extends Warp {
  readonly planes: number;
}

/** Operands: `x` and `y`, planes of the source and target rectangles one after another; `columns`, `rows` and `sizes` as `warpPlaneTables` makes them. */
export const warpPlane: Kernel<WarpPlaneParams> = {
  name: 'warp-plane',
  operands({ source, target, planes }): Record<string, Operand> {
    return {
      x: { access: 'read', type: 'f32', elements: planes * source.width * source.height },
      columns: { access: 'read', type: 'i32', elements: 2 * target.width },
      rows: { access: 'read', type: 'i32', elements: 2 * target.height },
      sizes: { access: 'read', type: 'u32', elements: 15 },
      y: { access: 'write', type: 'f32', elements: planes * target.width * target.height },
    };
  },
  dispatches({ target, planes, compat, samples }): Dispatch[] {
    const values = planes * target.width * target.height;
    return [
      {
        shader: {
          name: 'warp-plane',
          code,
          constants: { COMPAT: compat ? 1 : 0, SAMPLES: samples },
        },
        workgroups: [ceilDiv(target.width, 8), ceilDiv(target.height, 8), planes],
        operands: ['x', 'columns', 'rows', 'sizes', 'y'],
        flops: values * samples * samples * 16,
        bytes: 4 * values * (1 + 4 * samples * samples),
      },
    ];
  },
};

/** Contents of the operands that only the parameters decide. */
export function warpPlaneTables(params: WarpPlaneParams): {
  columns: Int32Array;
  rows: Int32Array;
  sizes: Uint32Array;
} {
  return { ...warpTables(params), sizes: warpSizes(params, params.planes) };
}
