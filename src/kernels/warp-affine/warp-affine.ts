// Affine warp of 8-bit pictures; see warp-affine.wgsl.

import { ceilDiv, type Dispatch, type Kernel, type Operand } from '../kernel.js';
import { type Warp, warpSizes, warpTables } from './tables.js';
import code from './warp-affine.wgsl';

export interface WarpAffineParams extends Warp {
  /** RGBA, 0 to 255. */
  readonly border: readonly [number, number, number, number];
}

/**
 * Operands: `x` and `y`, the source and target rectangles, a pixel of 8-bit RGBA in each u32, red in the low byte; `columns`,
 * `rows` and `sizes` as `warpAffineTables` makes them.
 */
export const warpAffine: Kernel<WarpAffineParams> = {
  name: 'warp-affine',
  operands({ source, target }): Record<string, Operand> {
    return {
      x: { access: 'read', type: 'u32', elements: source.width * source.height },
      columns: { access: 'read', type: 'i32', elements: 2 * target.width },
      rows: { access: 'read', type: 'i32', elements: 2 * target.height },
      sizes: { access: 'read', type: 'u32', elements: 15 },
      y: { access: 'write', type: 'u32', elements: target.width * target.height },
    };
  },
  dispatches({ target, compat, samples }): Dispatch[] {
    const pixels = target.width * target.height;
    return [
      {
        shader: {
          name: 'warp-affine',
          code,
          constants: { COMPAT: compat ? 1 : 0, SAMPLES: samples },
        },
        workgroups: [ceilDiv(target.width, 8), ceilDiv(target.height, 8), 1],
        operands: ['x', 'columns', 'rows', 'sizes', 'y'],
        flops: pixels * samples * samples * 40,
        bytes: 4 * pixels * (1 + 4 * samples * samples),
      },
    ];
  },
};

/** Contents of the operands that only the parameters decide. */
export function warpAffineTables(params: WarpAffineParams): {
  columns: Int32Array;
  rows: Int32Array;
  sizes: Uint32Array;
} {
  const [r, g, b, a] = params.border;
  return { ...warpTables(params), sizes: warpSizes(params, (r | (g << 8) | (b << 16) | (a << 24)) >>> 0) };
}
