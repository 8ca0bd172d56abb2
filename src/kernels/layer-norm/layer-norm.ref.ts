// The meaning of `layer-norm`.

import { layoutElements, type NumberArray, pixelIndex, roundUp } from '../kernel.js';
import type { LayerNormParams } from './layer-norm.js';

export function layerNormReference(
  { x, y, eps, yPosition }: LayerNormParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const { x: values, gamma, beta, position } = inputs as Record<'x' | 'gamma' | 'beta' | 'position', NumberArray>;
  const out: Record<string, NumberArray> = { y: new Float32Array(layoutElements(y)) };
  if (yPosition) out.yPosition = new Float32Array(layoutElements(yPosition));
  for (let n = 0; n < x.n; n++)
    for (let row = 0; row < x.h; row++)
      for (let column = 0; column < x.w; column++) {
        const at = pixelIndex(x, n, row, column);
        const token = Array.from(values.subarray(at, at + x.c));
        const mean = token.reduce((sum, v) => sum + v, 0) / x.c;
        const variance = token.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.c;
        for (let c = 0; c < x.c; c++) {
          const v = ((token[c]! - mean) / Math.sqrt(variance + eps)) * gamma[c]! + beta[c]!;
          out.y![pixelIndex(y, n, row, column) + c] = v;
          if (yPosition) {
            const t = row * x.w + column;
            out.yPosition![pixelIndex(yPosition, n, row, column) + c] = v + position[t * roundUp(x.c, 4) + c]!;
          }
        }
      }
  return out;
}
