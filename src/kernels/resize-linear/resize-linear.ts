// Bilinear resize of 8-bit pictures; see resize-linear.wgsl.

import type { Size } from '../../image/geometry.js';
import { array, type Dispatch, type Kernel, type Operand, squareGrid } from '../kernel.js';
import { fixedWeights, type ResizeTaps, type Taps } from '../resize-plane/taps.js';
import code from './resize-linear.wgsl';

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
  dispatches({ from, to, premultiplied }): Dispatch[] {
    const pixels = to.width * to.height;
    return [
      {
        shader: { name: 'resize-linear', code, constants: { PREMULTIPLIED: premultiplied ? 1 : 0 } },
        plan: { x_width: from.width, width: to.width, height: to.height },
        workgroups: squareGrid(to),
        operands: ['x', 'columns', 'rows', 'y'],
        flops: pixels * 4 * 10,
        bytes: 4 * (pixels + Math.min(from.width * from.height, 4 * pixels)),
      },
    ];
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
