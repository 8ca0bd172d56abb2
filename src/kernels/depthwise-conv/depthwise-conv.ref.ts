// The meaning of `depthwise-conv`.

import { layoutElements, type NumberArray, pixelIndex, roundUp } from '../kernel.js';
import type { DepthwiseConvParams } from './depthwise-conv.js';

export function depthwiseConvReference(
  { x, y, stride, slope }: DepthwiseConvParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const { x: values, weights, bias } = inputs as Record<'x' | 'weights' | 'bias', NumberArray>;
  const out = new Float32Array(layoutElements(y));
  for (let n = 0; n < y.n; n++)
    for (let row = 0; row < y.h; row++)
      for (let column = 0; column < y.w; column++)
        for (let c = 0; c < y.c; c++) {
          let sum = bias[c]!;
          for (let tap = 0; tap < 9; tap++) {
            const fromRow = row * stride + Math.floor(tap / 3) - 1;
            const fromColumn = column * stride + (tap % 3) - 1;
            if (fromRow < 0 || fromRow >= x.h || fromColumn < 0 || fromColumn >= x.w) continue;
            sum += values[pixelIndex(x, n, fromRow, fromColumn) + c]! * weights[tap * roundUp(x.c, 4) + c]!;
          }
          out[pixelIndex(y, n, row, column) + c] = sum > 0 ? sum : sum * slope;
        }
  return { y: out };
}
