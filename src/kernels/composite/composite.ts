// Pasting one picture into another under a mask; see composite.wgsl and finish.wgsl.

import { ceilDiv, type Dispatch, type Kernel, type Operand } from '../kernel.js';
import type { Size } from '../resize-linear/resize-linear.js';
import type { Rect } from '../warp-affine/tables.js';
import code from './composite.wgsl';
import finish from './finish.wgsl';

export interface CompositeParams {
  readonly picture: Size;
  /** Inside of the picture; what is pasted, its coverage and mask have this size. */
  readonly rect: Rect;
  /** Where fractions of levels are kept until `finishComposite`, for pictures that overlap. */
  readonly fractions: Rect | null;
  /** Truncate as the reference does, instead of rounding. */
  readonly compat: boolean;
  /** What is pasted: 8-bit RGBA, or three planes of f32. */
  readonly pasted: 'rgba' | 'planes';
  /** Whether the mask is followed by a plane of what it lacks of 1. */
  readonly gap: boolean;
  /** Factor of the mask, 0 to 1. */
  readonly strength: number;
  /** What a mask without gap is where it is 1 up to the rounding of sums of weights. */
  readonly full: number;
}

/** Operands: `pasted`, `coverage` (not read unless in compat mode), `mask`, `picture` (in place), `fractions` (in place, any buffer where there are none), `sizes`. */
export const composite: Kernel<CompositeParams> = {
  name: 'composite',
  operands({ picture, rect, fractions, pasted, gap }): Record<string, Operand> {
    const pixels = rect.width * rect.height;
    return {
      pasted: { access: 'read', type: 'u32', elements: pasted === 'planes' ? 3 * pixels : pixels },
      coverage: { access: 'read', type: 'f32', elements: pixels },
      mask: { access: 'read', type: 'f32', elements: gap ? 2 * pixels : pixels },
      sizes: { access: 'read', type: 'u32', elements: 12 },
      fractions: { access: 'write', type: 'u32', elements: fractions ? fractions.width * fractions.height : 1 },
      picture: { access: 'write', type: 'u32', elements: picture.width * picture.height },
    };
  },
  dispatches({ rect, compat, pasted, gap }): Dispatch[] {
    const pixels = rect.width * rect.height;
    return [
      {
        shader: {
          name: 'composite',
          code,
          constants: { COMPAT: compat ? 1 : 0, GAP: gap ? 1 : 0, PLANES: pasted === 'planes' ? 1 : 0 },
        },
        workgroups: [ceilDiv(rect.width, 8), ceilDiv(rect.height, 8), 1],
        operands: ['pasted', 'coverage', 'mask', 'sizes', 'fractions', 'picture'],
        flops: 30 * pixels,
        bytes: 20 * pixels,
      },
    ];
  },
};

/** Contents of the operand that only the parameters decide. */
export function compositeTables({ picture, rect, fractions, strength, full }: CompositeParams): { sizes: Uint32Array } {
  const sizes = new Uint32Array(12);
  sizes.set([picture.width, picture.height, rect.x, rect.y, rect.width, rect.height]);
  new Float32Array(sizes.buffer).set([strength, full], 6);
  if (fractions) sizes.set([fractions.x, fractions.y, fractions.width, fractions.height], 8);
  return { sizes };
}

export interface FinishCompositeParams {
  readonly picture: Size;
  readonly fractions: Rect;
}

/** Operands: `picture` and `fractions`, both in place, and `sizes`. For the default mode: the compat mode truncates. */
export const finishComposite: Kernel<FinishCompositeParams> = {
  name: 'finish-composite',
  operands({ picture, fractions }): Record<string, Operand> {
    return {
      sizes: { access: 'read', type: 'u32', elements: 6 },
      fractions: { access: 'write', type: 'u32', elements: fractions.width * fractions.height },
      picture: { access: 'write', type: 'u32', elements: picture.width * picture.height },
    };
  },
  dispatches({ fractions }): Dispatch[] {
    const pixels = fractions.width * fractions.height;
    return [
      {
        shader: { name: 'finish-composite', code: finish },
        workgroups: [ceilDiv(fractions.width, 8), ceilDiv(fractions.height, 8), 1],
        operands: ['sizes', 'fractions', 'picture'],
        flops: 4 * pixels,
        bytes: 16 * pixels,
      },
    ];
  },
};

/** Contents of the operand that only the parameters decide. */
export function finishCompositeTables({ picture, fractions }: FinishCompositeParams): { sizes: Uint32Array } {
  const { x, y, width, height } = fractions;
  return { sizes: new Uint32Array([picture.width, picture.height, x, y, width, height]) };
}
