// Controllable feature fusion; see feature-fusion.wgsl.

import {
  array,
  bytesPerElement,
  ceilDiv,
  type Dispatch,
  type Kernel,
  type Layout,
  linearGrid,
  type Operand,
  placeOf,
  tensor,
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
    return {
      d: tensor('read', d),
      scale: tensor('read', scale),
      shift: tensor('read', shift),
      fidelity: array('read', 'f32', map ? d.n * d.h * d.w : d.n),
      y: tensor('write', y),
    };
  },
  dispatches({ d, scale, shift, y, map }, target): Dispatch[] {
    const groups = ceilDiv(d.c, 4);
    const pixels = d.h * d.w;
    const run = RUN[target.family];
    const count = ceilDiv(pixels, run) * groups;
    const [columns, rows] = linearGrid(count);
    return [
      {
        shader: { name: 'feature-fusion', code, constants: { RUN: run, MAP: map ? 1 : 0 } },
        plan: {
          pixels,
          groups,
          count,
          ...placeOf('d', d),
          ...placeOf('scale', scale),
          ...placeOf('shift', shift),
          ...placeOf('y', y),
        },
        workgroups: [columns, rows, d.n],
        operands: ['d', 'scale', 'shift', 'fidelity', 'y'],
        flops: d.n * pixels * groups * 16,
        bytes: 4 * d.n * pixels * groups * 4 * bytesPerElement('store', target.precision),
      },
    ];
  },
};
