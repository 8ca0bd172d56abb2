// Lanczos resize of 8-bit pictures over 8x8 pixels, by the rule of OpenCV's INTER_LANCZOS4: coefficients of 11 bits and integer
// sums, first along rows, then along columns.

import type { Size } from '../../image/geometry.js';
import { array, type Kernel, type Operand } from '../kernel.js';
import { fixedWeights, type ResizeTaps, sliceTaps, tapRange } from '../resize-plane/taps.js';

export interface ResizeLanczos4Params {
  readonly from: Size;
  readonly to: Size;
  readonly taps: ResizeTaps;
  /** Rows of y that are written, of all that the taps tell of. */
  readonly band: { readonly begin: number; readonly end: number };
  /** Weigh colours by their alpha, instead of treating all channels alike. Default false. */
  readonly premultiplied?: boolean | undefined;
}

/**
 * Operands: `x` and `y`, a pixel of 8-bit RGBA in each u32, red in the low byte, of which y keeps what is outside of the band; `columns`,
 * `rows`, `columnWeights` and `rowWeights` of the tables.
 */
export const resizeLanczos4: Kernel<ResizeLanczos4Params> = {
  name: 'resize-lanczos4',
  operands(params): Record<string, Operand> {
    const { from, to } = params;
    const { inY } = bandRows(params);
    return {
      x: array('read', 'u32', from.width * from.height),
      columns: array('read', 'i32', to.width),
      rows: array('read', 'i32', inY),
      columnWeights: array('read', 'i32', 8 * to.width),
      rowWeights: array('read', 'i32', 8 * inY),
      y: array('update', 'u32', to.width * to.height),
    };
  },
  tables(params): Record<string, Int32Array> {
    const { taps, band } = params;
    const rows = sliceTaps(taps.rows, band.begin, band.end, bandRows(params).first);
    return {
      columns: taps.columns.first,
      rows: rows.first,
      columnWeights: fixedWeights(taps.columns.weights, 11),
      rowWeights: fixedWeights(rows.weights, 11),
    };
  },
};

/** The first row of x that a band needs, and its rows in x and in y. */
export function bandRows({ from, taps, band }: ResizeLanczos4Params): { first: number; inX: number; inY: number } {
  const [first, end] = tapRange(sliceTaps(taps.rows, band.begin, band.end, 0), from.height);
  return { first, inX: end - first, inY: band.end - band.begin };
}
