// Depthwise 3x3 convolution; see depthwise-conv.wgsl.

import { CodeFormerError } from '../../errors.js';
import { Plan } from '../conv/plan.js';
import {
  bytesPerElement,
  ceilDiv,
  type Dispatch,
  type Kernel,
  type Layout,
  layout,
  layoutElements,
  linearGrid,
  type Operand,
  roundUp,
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

const plan = new Plan('depthwise-conv', {
  // There is one strip.
  strip: 'u32',
  height: 'u32',
  width: 'u32',
  // Strides and offsets in vec4.
  x_stride: 'u32',
  x_offset: 'u32',
  groups: 'u32',
  y_height: 'u32',
  y_width: 'u32',
  y_stride: 'u32',
  y_offset: 'u32',
  // Output rows of all pictures, and runs of pixels in each.
  rows: 'u32',
  runs: 'u32',
  slope: 'f32',
});

/** Elements of the weights: [9][c], c rounded up to 4. */
export const depthwiseWeightElements = (channels: number): number => 9 * roundUp(channels, 4);

/**
 * Operands: `x`; `weights`, [9][c rounded up to 4] in store precision; `bias`, f32 [c rounded up to 4]; `y`.
 * @throws `SHAPE_MISMATCH` when x and y are not related in this way
 */
export const depthwiseConv: Kernel<DepthwiseConvParams> = {
  name: 'depthwise-conv',
  operands({ x, y, stride }): Record<string, Operand> {
    if (y.n !== x.n || y.c !== x.c || y.h !== ceilDiv(x.h, stride) || y.w !== ceilDiv(x.w, stride)) {
      const shape = (l: Layout) => `${l.n}x${l.h}x${l.w}x${l.c}`;
      throw new CodeFormerError(
        'SHAPE_MISMATCH',
        `Expected an output of ${shape(x)} with stride ${stride} but received ${shape(y)}`,
      );
    }
    return {
      x: { access: 'read', type: 'store', elements: layoutElements(x), layout: x },
      weights: { access: 'read', type: 'store', elements: depthwiseWeightElements(x.c), layout: layout(1, 1, 9, x.c) },
      bias: { access: 'read', type: 'f32', elements: roundUp(x.c, 4), layout: layout(1, 1, 1, x.c) },
      plan: plan.operand(),
      y: { access: 'write', type: 'store', elements: layoutElements(y), layout: y },
    };
  },
  dispatches({ x, y, stride, slope }, target): Dispatch[] {
    const groups = ceilDiv(x.c, 4);
    const rows = y.n * y.h;
    const runs = ceilDiv(y.w, RUN);
    const write = plan.write({
      height: x.h,
      width: x.w,
      x_stride: x.stride / 4,
      x_offset: x.offset / 4,
      groups,
      y_height: y.h,
      y_width: y.w,
      y_stride: y.stride / 4,
      y_offset: y.offset / 4,
      rows,
      runs,
      slope,
    });
    const values = rows * y.w * groups * 4;
    return [
      write,
      {
        shader: {
          name: `depthwise-conv/${stride}`,
          code: `const STRIDE = ${stride}u;\n${plan.struct}${code}`,
          bindings: ['read', 'read', 'read', 'read', 'write'],
        },
        workgroups: linearGrid(rows * runs * groups, 64),
        operands: ['x', 'weights', 'bias', 'plan', 'y'],
        flops: values * 18,
        bytes: values * (1 + stride * stride) * bytesPerElement('store', target.precision),
      },
    ];
  },
};
