// Depthwise 3x3 convolution; see depthwise-conv.wgsl.

import {
  bytesPerElement,
  ceilDiv,
  type Dispatch,
  type Kernel,
  type Layout,
  layout,
  linearGrid,
  mismatch,
  type Operand,
  placeOf,
  roundUp,
  shapeOf,
  tensor,
  vectors,
} from '../kernel.js';
import code from './depthwise-conv.wgsl';

export interface DepthwiseConvParams {
  readonly x: Layout;
  /** As x, with height and width divided by the stride and rounded up. */
  readonly y: Layout;
  readonly stride: 1 | 2;
  /** Of negative values: 0 is a rectifier, 1 changes nothing. */
  readonly slope: number;
}

/** Output pixels of an invocation. */
const RUN = 4;

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
  dispatches({ x, y, stride, slope }, target): Dispatch[] {
    const groups = ceilDiv(x.c, 4);
    const rows = y.n * y.h;
    const runs = ceilDiv(y.w, RUN);
    const values = rows * y.w * groups * 4;
    return [
      {
        shader: { name: `depthwise-conv/${stride}`, code: `const STRIDE = ${stride}u;\n${code}` },
        plan: {
          groups,
          height: x.h,
          width: x.w,
          ...placeOf('x', x),
          y_height: y.h,
          y_width: y.w,
          ...placeOf('y', y),
          rows,
          runs,
          slope,
        },
        workgroups: linearGrid(rows * runs * groups),
        operands: ['x', 'weights', 'bias', 'y'],
        flops: values * 18,
        bytes: values * (1 + stride * stride) * bytesPerElement('store', target.precision),
      },
    ];
  },
};
