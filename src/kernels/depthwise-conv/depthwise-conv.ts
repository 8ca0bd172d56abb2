// Depthwise 3x3 convolution.

import {
  ceilDiv,
  type Kernel,
  type Layout,
  layout,
  mismatch,
  type Operand,
  roundUp,
  shapeOf,
  tensor,
  vectors,
} from '../kernel.js';

export interface DepthwiseConvParams {
  readonly x: Layout;
  /** As x, with height and width divided by the stride and rounded up. */
  readonly y: Layout;
  readonly stride: 1 | 2;
  /** Of negative values: 0 is a rectifier, 1 changes nothing. */
  readonly slope: number;
}

/** Elements of the weights: [9][c], c rounded up to 4. */
export const depthwiseWeightElements = (channels: number): number => 9 * roundUp(channels, 4);

/**
 * Operands: `x`; `weights`, [9][c rounded up to 4] in store precision; `bias`, f32 [c rounded up to 4]; `y`.
 * @throws `SHAPE_MISMATCH` when x and y are not related in this way
 */
export const depthwiseConv: Kernel<DepthwiseConvParams> = {
  name: 'depthwise-conv',
  operands({ x, y, stride }): Record<string, Operand> {
    if (y.n !== x.n || y.c !== x.c || y.h !== ceilDiv(x.h, stride) || y.w !== ceilDiv(x.w, stride))
      throw mismatch(`an output of ${shapeOf(x)} with stride ${stride}`, shapeOf(y));
    return {
      x: tensor('read', x),
      weights: tensor('read', layout(1, 1, 9, x.c)),
      bias: vectors('read', 1, x.c),
      y: tensor('write', y),
    };
  },
};
