// Resize of float planes by any filter; see resize-plane.wgsl.

import { ceilDiv, type Dispatch, type Kernel, type Operand } from '../kernel.js';
import type { Size } from '../resize-linear/resize-linear.js';
import code from './resize-plane.wgsl';
import { packTaps, type ResizeTaps } from './taps.js';

export interface ResizePlaneParams {
  readonly from: Size;
  readonly to: Size;
  readonly planes: number;
  /** Relative to x. */
  readonly taps: ResizeTaps;
}

/** Operands: `x` and `y`, planes of f32 one after another; `columns`, `rows`, `weights` and `sizes` as `resizePlaneTables` makes them. */
export const resizePlane: Kernel<ResizePlaneParams> = {
  name: 'resize-plane',
  operands({ from, to, planes, taps }): Record<string, Operand> {
    return {
      x: { access: 'read', type: 'f32', elements: planes * from.width * from.height },
      columns: { access: 'read', type: 'i32', elements: 4 * to.width },
      rows: { access: 'read', type: 'i32', elements: 4 * to.height },
      weights: { access: 'read', type: 'f32', elements: taps.columns.weights.length + taps.rows.weights.length },
      sizes: { access: 'read', type: 'u32', elements: 5 },
      y: { access: 'write', type: 'f32', elements: planes * to.width * to.height },
    };
  },
  dispatches({ from, to, planes, taps }): Dispatch[] {
    const sums = taps.columns.weights.length * taps.rows.weights.length * planes;
    return [
      {
        shader: { name: 'resize-plane', code },
        workgroups: [ceilDiv(to.width, 8), ceilDiv(to.height, 8), planes],
        operands: ['x', 'columns', 'rows', 'weights', 'sizes', 'y'],
        flops: 2 * sums,
        bytes: 4 * planes * (to.width * to.height + from.width * from.height),
      },
    ];
  },
};

/** Contents of the operands that only the parameters decide. */
export function resizePlaneTables({ from, to, planes, taps }: ResizePlaneParams): {
  columns: Int32Array;
  rows: Int32Array;
  weights: Float32Array;
  sizes: Uint32Array;
} {
  const weights = new Float32Array(taps.columns.weights.length + taps.rows.weights.length);
  weights.set(taps.columns.weights);
  weights.set(taps.rows.weights, taps.columns.weights.length);
  return {
    columns: packTaps(taps.columns),
    rows: packTaps(taps.rows, taps.columns.weights.length),
    weights,
    sizes: new Uint32Array([from.width, from.height, to.width, to.height, planes]),
  };
}
