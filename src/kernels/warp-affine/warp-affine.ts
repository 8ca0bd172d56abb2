// Affine warp of 8-bit pictures; see warp-affine.wgsl.

import type { Size } from '../../image/geometry.js';
import { array, type Dispatch, type Kernel, type Operand, squareGrid } from '../kernel.js';
import { type Warp, warpOperands, warpPlan, warpTables } from './tables.js';
import code from './warp-affine.wgsl';

export interface WarpAffineParams extends Warp {
  /** RGBA, 0 to 255; or the size of the picture that the source is a part of, which goes on mirrored at its edges. */
  readonly border: readonly [number, number, number, number] | { readonly mirrored: Size };
}

/**
 * Operands: `x` and `y`, the source and target rectangles, a pixel of 8-bit RGBA in each u32, red in the low byte; `columns`,
 * `rows` and `shifts` of the tables.
 */
export const warpAffine: Kernel<WarpAffineParams> = {
  name: 'warp-affine',
  operands(params): Record<string, Operand> {
    const { source, target } = params;
    return {
      x: array('read', 'u32', source.width * source.height),
      ...warpOperands(params),
      y: array('write', 'u32', target.width * target.height),
    };
  },
  dispatches(params): Dispatch[] {
    const { target, compat, samples, border } = params;
    const mirrored = 'mirrored' in border ? border.mirrored : null;
    const [r, g, b, a] = 'mirrored' in border ? [0, 0, 0, 0] : border;
    const pixels = target.width * target.height;
    return [
      {
        shader: {
          name: 'warp-affine',
          code,
          constants: { COMPAT: compat ? 1 : 0, SAMPLES: samples, MIRRORED: mirrored ? 1 : 0 },
        },
        plan: {
          ...warpPlan(params),
          border: (r | (g << 8) | (b << 16) | (a << 24)) >>> 0,
          whole_width: mirrored?.width ?? 0,
          whole_height: mirrored?.height ?? 0,
        },
        workgroups: squareGrid(target),
        operands: ['x', 'columns', 'rows', 'shifts', 'y'],
        flops: pixels * samples * samples * 40,
        bytes: 4 * pixels * (1 + 4 * samples * samples),
      },
    ];
  },
  tables: params => ({ ...warpTables(params) }),
};
