// Maximum over 3x3 windows with stride 2; see max-pool.wgsl.

import { CodeFormerError } from '../../errors.js';
import { Plan } from '../conv/plan.js';
import {
  bytesPerElement,
  ceilDiv,
  type Dispatch,
  type Kernel,
  type Layout,
  layoutElements,
  linearGrid,
  type Operand,
} from '../kernel.js';
import code from './max-pool.wgsl';

export interface MaxPoolParams {
  readonly x: Layout;
  /** As x, with half the height and width, rounded up: windows are centred on every second pixel. */
  readonly y: Layout;
}

const plan = new Plan('max-pool', {
  // There is one strip.
  strip: 'u32',
  // Output pixels of all pictures.
  pixels: 'u32',
  groups: 'u32',
  height: 'u32',
  width: 'u32',
  y_height: 'u32',
  y_width: 'u32',
  // Strides and offsets in vec4.
  x_stride: 'u32',
  x_offset: 'u32',
  y_stride: 'u32',
  y_offset: 'u32',
});

/**
 * Operands: `x`, `y`.
 * @throws `SHAPE_MISMATCH` when x and y are not related in this way
 */
export const maxPool: Kernel<MaxPoolParams> = {
  name: 'max-pool',
  operands({ x, y }): Record<string, Operand> {
    if (y.n !== x.n || y.c !== x.c || y.h !== ceilDiv(x.h, 2) || y.w !== ceilDiv(x.w, 2)) {
      const shape = (l: Layout) => `${l.n}x${l.h}x${l.w}x${l.c}`;
      throw new CodeFormerError('SHAPE_MISMATCH', `Expected half of ${shape(x)} but received ${shape(y)}`);
    }
    return {
      x: { access: 'read', type: 'store', elements: layoutElements(x), layout: x },
      plan: plan.operand(),
      y: { access: 'write', type: 'store', elements: layoutElements(y), layout: y },
    };
  },
  dispatches({ x, y }, target): Dispatch[] {
    const groups = ceilDiv(x.c, 4);
    const pixels = y.n * y.h * y.w;
    const write = plan.write({
      pixels,
      groups,
      height: x.h,
      width: x.w,
      y_height: y.h,
      y_width: y.w,
      x_stride: x.stride / 4,
      x_offset: x.offset / 4,
      y_stride: y.stride / 4,
      y_offset: y.offset / 4,
    });
    return [
      write,
      {
        shader: { name: 'max-pool', code: plan.struct + code, bindings: ['read', 'read', 'write'] },
        workgroups: linearGrid(pixels * groups, 64),
        operands: ['x', 'plan', 'y'],
        flops: pixels * groups * 36,
        bytes: 5 * pixels * groups * 4 * bytesPerElement('store', target.precision),
      },
    ];
  },
};
