// Resize of 8-bit pictures to the mean of areas; see resize-area.wgsl.

import { ceilDiv, type Dispatch, type Kernel, type Operand } from '../kernel.js';
import type { Size } from '../resize-linear/resize-linear.js';
import { packTaps, type ResizeTaps, type Taps } from '../resize-plane/taps.js';
import code from './resize-area.wgsl';

export interface ResizeAreaParams {
  readonly from: Size;
  readonly to: Size;
  /** Relative to x; for shrinking on both axes. */
  readonly taps: ResizeTaps;
  /** Set where both axes shrink by whole factors: pixels are summed as integers and scaled once. */
  readonly factors?: readonly [number, number] | undefined;
}

/**
 * Operands: `x` and `y`, a pixel of 8-bit RGBA in each u32, red in the low byte; `columns`, `rows`, `weights` and `sizes` as
 * `resizeAreaTables` makes them.
 */
export const resizeArea: Kernel<ResizeAreaParams> = {
  name: 'resize-area',
  operands({ from, to, taps }): Record<string, Operand> {
    return {
      x: { access: 'read', type: 'u32', elements: from.width * from.height },
      columns: { access: 'read', type: 'i32', elements: 4 * to.width },
      rows: { access: 'read', type: 'i32', elements: 4 * to.height },
      weights: { access: 'read', type: 'f32', elements: taps.columns.weights.length + taps.rows.weights.length },
      sizes: { access: 'read', type: 'u32', elements: 6 },
      y: { access: 'write', type: 'u32', elements: to.width * to.height },
    };
  },
  dispatches({ from, to, taps }): Dispatch[] {
    return [
      {
        shader: { name: 'resize-area', code },
        workgroups: [ceilDiv(to.width, 8), ceilDiv(to.height, 8), 1],
        operands: ['x', 'columns', 'rows', 'weights', 'sizes', 'y'],
        flops: 16 * taps.columns.weights.length * taps.rows.weights.length,
        bytes: 4 * (to.width * to.height + from.width * from.height),
      },
    ];
  },
};

/** Contents of the operands that only the parameters decide. */
export function resizeAreaTables({ from, to, taps, factors }: ResizeAreaParams): {
  columns: Int32Array;
  rows: Int32Array;
  weights: Float32Array;
  sizes: Uint32Array;
} {
  const weigh = ({ weights }: Taps) => (factors ? weights.map(() => 1) : weights);
  const weights = new Float32Array(taps.columns.weights.length + taps.rows.weights.length);
  weights.set(weigh(taps.columns));
  weights.set(weigh(taps.rows), taps.columns.weights.length);
  const area = factors ? factors[0] * factors[1] : 1;
  const scale = new Uint32Array(new Float32Array([1 / area]).buffer)[0]!;
  const halfUp = factors?.[0] === 2 && factors[1] === 2 ? 1 : 0;
  return {
    columns: packTaps(taps.columns),
    rows: packTaps(taps.rows, taps.columns.weights.length),
    weights,
    sizes: new Uint32Array([from.width, from.height, to.width, to.height, scale, halfUp]),
  };
}

/** The factors by which a picture shrinks, where both are whole. */
export function wholeFactors(from: Size, to: Size): readonly [number, number] | undefined {
  const factors = [from.width / to.width, from.height / to.height] as const;
  return factors.every(Number.isInteger) ? factors : undefined;
}
