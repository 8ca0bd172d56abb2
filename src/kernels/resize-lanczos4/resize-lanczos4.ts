// Lanczos resize of 8-bit pictures over 8x8 pixels, by the rule of OpenCV's INTER_LANCZOS4: coefficients of 11 bits and integer
// sums, first along rows, then along columns.

import { ceilDiv, type Dispatch, type Kernel, type Operand } from '../kernel.js';
import type { Size } from '../resize-linear/resize-linear.js';
import { fixedWeights, type ResizeTaps, sliceTaps, tapRange } from '../resize-plane/taps.js';
import horizontal from './horizontal.wgsl';
import vertical from './vertical.wgsl';

export interface ResizeLanczos4Params {
  readonly from: Size;
  readonly to: Size;
  readonly taps: ResizeTaps;
  /** Rows of y that are written, of all that the taps tell of; the scratch only holds what they need. */
  readonly band: { readonly begin: number; readonly end: number };
}

/**
 * Operands: `x` and `y`, a pixel of 8-bit RGBA in each u32, red in the low byte; `columns`, `rows`, `columnWeights`, `rowWeights`
 * and `sizes` as `resizeLanczos4Tables` makes them. The scratch takes 16 bytes for each column of y and row of x in the band.
 */
export const resizeLanczos4: Kernel<ResizeLanczos4Params> = {
  name: 'resize-lanczos4',
  operands(params): Record<string, Operand> {
    const { from, to } = params;
    const { inX, inY } = bandRows(params);
    return {
      x: { access: 'read', type: 'u32', elements: from.width * from.height },
      columns: { access: 'read', type: 'i32', elements: to.width },
      rows: { access: 'read', type: 'i32', elements: inY },
      columnWeights: { access: 'read', type: 'i32', elements: 8 * to.width },
      rowWeights: { access: 'read', type: 'i32', elements: 8 * inY },
      sizes: { access: 'read', type: 'u32', elements: 6 },
      sums: { access: 'scratch', type: 'i32', elements: 4 * to.width * inX },
      y: { access: 'write', type: 'u32', elements: to.width * to.height },
    };
  },
  dispatches(params): Dispatch[] {
    const { from, to } = params;
    const { inX, inY } = bandRows(params);
    const sums = to.width * inX;
    const pixels = to.width * inY;
    return [
      {
        shader: { name: 'resize-lanczos4/horizontal', code: horizontal },
        workgroups: [ceilDiv(to.width, 8), ceilDiv(inX, 8), 1],
        operands: ['x', 'columns', 'columnWeights', 'sizes', 'sums'],
        flops: sums * 8 * 8,
        bytes: 4 * from.width * inX + 16 * sums,
      },
      {
        shader: { name: 'resize-lanczos4/vertical', code: vertical },
        workgroups: [ceilDiv(to.width, 8), ceilDiv(inY, 8), 1],
        operands: ['sums', 'rows', 'rowWeights', 'sizes', 'y'],
        flops: pixels * 8 * 8,
        bytes: 16 * sums + 4 * pixels,
      },
    ];
  },
};

/** Contents of the operands that only the parameters decide. */
export function resizeLanczos4Tables(params: ResizeLanczos4Params): {
  columns: Int32Array;
  rows: Int32Array;
  columnWeights: Int32Array;
  rowWeights: Int32Array;
  sizes: Uint32Array;
} {
  const { from, to, taps, band } = params;
  const { first, inX, inY } = bandRows(params);
  const rows = sliceTaps(taps.rows, band.begin, band.end, first);
  return {
    columns: taps.columns.first,
    rows: rows.first,
    columnWeights: fixedWeights(taps.columns.weights, 11),
    rowWeights: fixedWeights(rows.weights, 11),
    sizes: new Uint32Array([from.width, to.width, first, inX, band.begin, inY]),
  };
}

/** The first row of x that a band needs, and its rows in x and in y. */
function bandRows({ from, taps, band }: ResizeLanczos4Params): { first: number; inX: number; inY: number } {
  const [first, end] = tapRange(sliceTaps(taps.rows, band.begin, band.end, 0), from.height);
  return { first, inX: end - first, inY: band.end - band.begin };
}
