// Controllable feature fusion; see feature-fusion.wgsl.

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
import code from './feature-fusion.wgsl';

export interface FeatureFusionParams {
  /** Decoder features; scale, shift and y have the same n, h, w and c. */
  readonly d: Layout;
  readonly scale: Layout;
  readonly shift: Layout;
  readonly y: Layout;
  /** Whether fidelity is one value for each pixel, or one for each picture. */
  readonly map: boolean;
}

/** Pixels of an invocation. */
const RUN = { registers: 16, workgroup: 1 };

/** Operands: `d`, `scale`, `shift`; `fidelity`, f32 [n], or [n, h, w] for a map; `y`. */
export const featureFusion: Kernel<FeatureFusionParams> = {
  name: 'feature-fusion',
  operands({ d, scale, shift, y, map }): Record<string, Operand> {
    const read = (l: Layout): Operand => ({ access: 'read', type: 'store', elements: layoutElements(l), layout: l });
    return {
      d: read(d),
      scale: read(scale),
      shift: read(shift),
      fidelity: { access: 'read', type: 'f32', elements: map ? d.n * d.h * d.w : d.n },
      y: { access: 'write', type: 'store', elements: layoutElements(y), layout: y },
    };
  },
  dispatches({ d, scale, shift, y, map }, target): Dispatch[] {
    const groups = ceilDiv(d.c, 4);
    const pixels = d.h * d.w;
    const run = RUN[target.family];
    const count = ceilDiv(pixels, run) * groups;
    const [columns, rows] = linearGrid(count, 64);
    return [
      {
        shader: {
          name: 'feature-fusion',
          code,
          constants: {
            PIXELS: pixels,
            GROUPS: groups,
            COUNT: count,
            RUN: run,
            MAP: map ? 1 : 0,
            D_STRIDE: d.stride / 4,
            D_OFFSET: d.offset / 4,
            SCALE_STRIDE: scale.stride / 4,
            SCALE_OFFSET: scale.offset / 4,
            SHIFT_STRIDE: shift.stride / 4,
            SHIFT_OFFSET: shift.offset / 4,
            Y_STRIDE: y.stride / 4,
            Y_OFFSET: y.offset / 4,
          },
          bindings: ['read', 'read', 'read', 'read', 'write'],
        },
        workgroups: [columns, rows, d.n],
        operands: ['d', 'scale', 'shift', 'fidelity', 'y'],
        flops: d.n * pixels * groups * 16,
        bytes: 4 * d.n * pixels * groups * 4 * bytesPerElement('store', target.precision),
      },
    ];
  },
};
