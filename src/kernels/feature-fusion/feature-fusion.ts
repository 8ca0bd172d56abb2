// Controllable feature fusion.

import { array, type Kernel, type Layout, type Operand, tensor } from '../kernel.js';

export interface FeatureFusionParams {
  /** Decoder features; scale, shift and y have the same n, h, w and c. */
  readonly d: Layout;
  readonly scale: Layout;
  readonly shift: Layout;
  readonly y: Layout;
  /** Whether fidelity is one value for each pixel, or one for each picture. */
  readonly map: boolean;
}

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
};
