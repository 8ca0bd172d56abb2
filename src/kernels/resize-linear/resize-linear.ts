// Bilinear resize of 8-bit pictures.

import type { Size } from '../../image/geometry.js';
import { array, type Kernel, type Operand } from '../kernel.js';
import { fixedWeights, type ResizeTaps, type Taps } from '../resize-plane/taps.js';

export interface ResizeLinearParams {
  readonly from: Size;
  readonly to: Size;
  /** Relative to x, two in each. */
  readonly taps: ResizeTaps;
  /** Weigh colours by their alpha, instead of treating all channels alike. Default false. */
  readonly premultiplied?: boolean | undefined;
}

/**
 * Operands: `x` and `y`, a pixel of 8-bit RGBA in each u32, red in the low byte; `columns` and `rows` of
 * the tables.
 */
export const resizeLinear: Kernel<ResizeLinearParams> = {
  name: 'resize-linear',
  operands({ from, to }): Record<string, Operand> {
    return {
      x: array('read', 'u32', from.width * from.height),
      columns: array('read', 'i32', 4 * to.width),
      rows: array('read', 'i32', 4 * to.height),
      y: array('write', 'u32', to.width * to.height),
    };
  },
  tables: ({ from, taps }) => ({ columns: pairs(taps.columns, from.width), rows: pairs(taps.rows, from.height) }),
};

/** (first, second, weight of the first, of the second) in 11 bits, indices inside. */
function pairs({ first, weights }: Taps, count: number): Int32Array {
  const fixed = fixedWeights(weights, 11);
  const inside = (index: number) => Math.min(Math.max(index, 0), count - 1);
  const table = new Int32Array(4 * first.length);
  for (let i = 0; i < first.length; i++) {
    table.set([inside(first[i]!), inside(first[i]! + 1), fixed[2 * i]!, fixed[2 * i + 1]!], 4 * i);
  }
  return table;
}
