// Bilinear resize of 8-bit pictures; see resize-linear.wgsl.

import { ceilDiv, type Dispatch, type Kernel, type Operand } from '../kernel.js';
import code from './resize-linear.wgsl';

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface ResizeLinearParams {
  readonly from: Size;
  readonly to: Size;
}

/** One in each coefficient: they have 11 bits. */
const ONE = 2048;

/**
 * Operands: `x` and `y`, a pixel of 8-bit RGBA in each u32, red in the low byte; `columns`, `rows` and `sizes` as
 * `resizeLinearTables` makes them.
 */
export const resizeLinear: Kernel<ResizeLinearParams> = {
  name: 'resize-linear',
  operands({ from, to }): Record<string, Operand> {
    return {
      x: { access: 'read', type: 'u32', elements: from.width * from.height },
      columns: { access: 'read', type: 'i32', elements: 4 * to.width },
      rows: { access: 'read', type: 'i32', elements: 4 * to.height },
      sizes: { access: 'read', type: 'u32', elements: 3 },
      y: { access: 'write', type: 'u32', elements: to.width * to.height },
    };
  },
  dispatches({ from, to }): Dispatch[] {
    const pixels = to.width * to.height;
    return [
      {
        shader: { name: 'resize-linear', code },
        workgroups: [ceilDiv(to.width, 8), ceilDiv(to.height, 8), 1],
        operands: ['x', 'columns', 'rows', 'sizes', 'y'],
        flops: pixels * 4 * 10,
        bytes: 4 * (pixels + Math.min(from.width * from.height, 4 * pixels)),
      },
    ];
  },
};

/** Contents of the operands that only the sizes decide. */
export function resizeLinearTables({ from, to }: ResizeLinearParams): {
  columns: Int32Array;
  rows: Int32Array;
  sizes: Uint32Array;
} {
  return {
    columns: taps(from.width, to.width, true),
    rows: taps(from.height, to.height, false),
    sizes: new Uint32Array([from.width, to.width, to.height]),
  };
}

/**
 * The taps of an axis. Outside of the first and last pixel centre columns take that pixel alone; rows keep both weights on the
 * same pixel, which after truncation can be one level less. Positions are rounded to float32 as in OpenCV.
 */
function taps(from: number, to: number, column: boolean): Int32Array {
  const step = from / to;
  const table = new Int32Array(4 * to);
  for (let i = 0; i < to; i++) {
    const position = Math.fround((i + 0.5) * step - 0.5);
    let first = Math.floor(position);
    let weight = Math.fround(position - first);
    if (column && (first < 0 || first >= from - 1)) weight = 0;
    const second = clamp(first + 1, from);
    first = clamp(first, from);
    table.set([first, second, roundHalfEven(Math.fround(1 - weight) * ONE), roundHalfEven(weight * ONE)], 4 * i);
  }
  return table;
}

const clamp = (index: number, count: number): number => Math.min(Math.max(index, 0), count - 1);

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
