// The sum of two tensors, the second of which may be smaller; see add.wgsl.

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
import code from './add.wgsl';

export interface AddParams {
  readonly a: Layout;
  /** Not larger than a; enlarged to its size: row floor(row * b.h / a.h), columns likewise. */
  readonly b: Layout;
  readonly y: Layout;
  readonly alpha: number;
  /** Of negative sums: 0 is a rectifier, 1 changes nothing. */
  readonly slope: number;
}

const plan = new Plan('add', {
  // There is one strip.
  strip: 'u32',
  // Of all pictures.
  pixels: 'u32',
  height: 'u32',
  width: 'u32',
  groups: 'u32',
  b_height: 'u32',
  b_width: 'u32',
  // Strides and offsets in vec4.
  a_stride: 'u32',
  a_offset: 'u32',
  b_stride: 'u32',
  b_offset: 'u32',
  y_stride: 'u32',
  y_offset: 'u32',
  alpha: 'f32',
  slope: 'f32',
});

/**
 * Operands: `a`, `b`, `y`.
 * @throws `SHAPE_MISMATCH`
 */
export const add: Kernel<AddParams> = {
  name: 'add',
  operands({ a, b, y }): Record<string, Operand> {
    const fits = y.n === a.n && y.h === a.h && y.w === a.w && y.c === a.c && b.n === a.n && b.c === a.c;
    if (!fits || b.h > a.h || b.w > a.w) {
      const shape = (l: Layout) => `${l.n}x${l.h}x${l.w}x${l.c}`;
      throw new CodeFormerError(
        'SHAPE_MISMATCH',
        `Expected ${shape(a)} and not more in b but received ${shape(b)}, and ${shape(y)} in y`,
      );
    }
    const tensor = (l: Layout, access: 'read' | 'write'): Operand => ({
      access,
      type: 'store',
      elements: layoutElements(l),
      layout: l,
    });
    return { a: tensor(a, 'read'), b: tensor(b, 'read'), plan: plan.operand(), y: tensor(y, 'write') };
  },
  dispatches({ a, b, y, alpha, slope }, target): Dispatch[] {
    const groups = ceilDiv(a.c, 4);
    const pixels = a.n * a.h * a.w;
    const write = plan.write({
      pixels,
      height: a.h,
      width: a.w,
      groups,
      b_height: b.h,
      b_width: b.w,
      a_stride: a.stride / 4,
      a_offset: a.offset / 4,
      b_stride: b.stride / 4,
      b_offset: b.offset / 4,
      y_stride: y.stride / 4,
      y_offset: y.offset / 4,
      alpha,
      slope,
    });
    return [
      write,
      {
        shader: { name: 'add', code: plan.struct + code, bindings: ['read', 'read', 'read', 'write'] },
        workgroups: linearGrid(pixels * groups, 64),
        operands: ['a', 'b', 'plan', 'y'],
        flops: pixels * groups * 12,
        bytes: 3 * pixels * groups * 4 * bytesPerElement('store', target.precision),
      },
    ];
  },
};
