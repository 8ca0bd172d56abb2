// Affine warp of 8-bit pictures.

import type { Size } from '../../image/geometry.js';
import { array, type Kernel, type Operand } from '../kernel.js';
import { type Warp, warpOperands, warpTables } from './tables.js';

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
  tables: params => ({ ...warpTables(params) }),
};
