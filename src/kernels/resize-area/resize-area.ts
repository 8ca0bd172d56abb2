// Resize of 8-bit pictures to the mean of areas.

import type { Size } from '../../image/geometry.js';
import { array, type Kernel, type Operand } from '../kernel.js';
import { type ResizeTaps, type TapTables, tapOperands, tapTables } from '../resize-plane/taps.js';

export interface ResizeAreaParams {
  readonly from: Size;
  readonly to: Size;
  /** Relative to x; for shrinking on both axes. */
  readonly taps: ResizeTaps;
  /** Set where both axes shrink by whole factors: pixels are summed as integers and scaled once. */
  readonly factors?: readonly [number, number] | undefined;
  /** Weigh colours by their alpha, instead of treating all channels alike. Default false. */
  readonly premultiplied?: boolean | undefined;
}

/**
 * Operands: `x` and `y`, a pixel of 8-bit RGBA in each u32, red in the low byte; `columns`, `rows` and
 * `weights` of the tables.
 */
export const resizeArea: Kernel<ResizeAreaParams> = {
  name: 'resize-area',
  operands({ from, to, taps }): Record<string, Operand> {
    return {
      x: array('read', 'u32', from.width * from.height),
      ...tapOperands(taps),
      y: array('write', 'u32', to.width * to.height),
    };
  },
  tables({ taps, factors }): TapTables {
    const { weights, ...places } = tapTables(taps);
    return { ...places, weights: factors ? weights.fill(1) : weights };
  },
};

/** The factors by which a picture shrinks, where both are whole. */
export function wholeFactors(from: Size, to: Size): readonly [number, number] | undefined {
  const factors = [from.width / to.width, from.height / to.height] as const;
  return factors.every(Number.isInteger) ? factors : undefined;
}
