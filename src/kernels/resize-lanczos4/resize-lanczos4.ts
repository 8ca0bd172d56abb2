// Lanczos resize of 8-bit pictures over 8x8 pixels, by the rule of OpenCV's INTER_LANCZOS4: coefficients of 11 bits and integer
// sums, first along rows, then along columns.

import { ceilDiv, type Dispatch, type Kernel, type Operand } from '../kernel.js';
import type { Size } from '../resize-linear/resize-linear.js';
import { fixedWeights, type ResizeTaps } from '../resize-plane/taps.js';
import horizontal from './horizontal.wgsl';
import vertical from './vertical.wgsl';

export interface ResizeLanczos4Params {
  readonly from: Size;
  readonly to: Size;
  /** Relative to x. */
  readonly taps: ResizeTaps;
}

/**
 * Operands: `x` and `y`, a pixel of 8-bit RGBA in each u32, red in the low byte; `columns`, `rows`, `columnWeights`, `rowWeights`
 * and `sizes` as `resizeLanczos4Tables` makes them. The scratch takes 16 bytes for each row of x and column of y.
 */
export const resizeLanczos4: Kernel<ResizeLanczos4Params> = {
  name: 'resize-lanczos4',
  operands({ from, to }): Record<string, Operand> {
    return {
      x: { access: 'read', type: 'u32', elements: from.width * from.height },
      columns: { access: 'read', type: 'i32', elements: to.width },
      rows: { access: 'read', type: 'i32', elements: to.height },
      columnWeights: { access: 'read', type: 'i32', elements: 8 * to.width },
      rowWeights: { access: 'read', type: 'i32', elements: 8 * to.height },
      sizes: { access: 'read', type: 'u32', elements: 4 },
      sums: { access: 'scratch', type: 'i32', elements: 4 * to.width * from.height },
      y: { access: 'write', type: 'u32', elements: to.width * to.height },
    };
  },
  dispatches({ from, to }): Dispatch[] {
    const sums = to.width * from.height;
    const pixels = to.width * to.height;
    const bindings = ['read', 'read', 'read', 'read', 'write'] as const;
    return [
      {
        shader: { name: 'resize-lanczos4/horizontal', code: horizontal, bindings },
        workgroups: [ceilDiv(to.width, 8), ceilDiv(from.height, 8), 1],
        operands: ['x', 'columns', 'columnWeights', 'sizes', 'sums'],
        flops: sums * 8 * 8,
        bytes: 4 * from.width * from.height + 16 * sums,
      },
      {
        shader: { name: 'resize-lanczos4/vertical', code: vertical, bindings },
        workgroups: [ceilDiv(to.width, 8), ceilDiv(to.height, 8), 1],
        operands: ['sums', 'rows', 'rowWeights', 'sizes', 'y'],
        flops: pixels * 8 * 8,
        bytes: 16 * sums + 4 * pixels,
      },
    ];
  },
};

/** Contents of the operands that only the parameters decide. */
export function resizeLanczos4Tables({ from, to, taps }: ResizeLanczos4Params): {
  columns: Int32Array;
  rows: Int32Array;
  columnWeights: Int32Array;
  rowWeights: Int32Array;
  sizes: Uint32Array;
} {
  return {
    columns: taps.columns.first,
    rows: taps.rows.first,
    columnWeights: fixedWeights(taps.columns.weights, 11),
    rowWeights: fixedWeights(taps.rows.weights, 11),
    sizes: new Uint32Array([from.width, from.height, to.width, to.height]),
  };
}
