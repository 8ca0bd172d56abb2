// The meaning of `nchw-to-tensor` and `tensor-to-nchw`.

import { type Layout, layoutElements, type NumberArray, pixelIndex } from '../kernel.js';
import type { NchwToTensorParams, TensorToNchwParams } from './nchw.js';

/** Calls `visit` with the index of every value in planes and in the tensor. */
function eachValue(l: Layout, visit: (plane: number, tensor: number) => void): void {
  for (let n = 0; n < l.n; n++)
    for (let c = 0; c < l.c; c++)
      for (let row = 0; row < l.h; row++)
        for (let column = 0; column < l.w; column++) {
          visit(((n * l.c + c) * l.h + row) * l.w + column, pixelIndex(l, n, row, column) + c);
        }
}

export function nchwToTensorReference(
  { y }: NchwToTensorParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const out = new Float32Array(layoutElements(y));
  eachValue(y, (plane, tensor) => {
    out[tensor] = inputs.input![plane]!;
  });
  return { y: out };
}

export function tensorToNchwReference(
  { x }: TensorToNchwParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const output = new Float32Array(x.n * x.c * x.h * x.w);
  eachValue(x, (plane, tensor) => {
    output[plane] = inputs.x![tensor]!;
  });
  return { output };
}
