// Pasting one picture into another under a mask.

import type { Rect, Size } from '../../image/geometry.js';
import { array, type Kernel, type Operand } from '../kernel.js';

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

/**
 * Operands: `pasted`, `coverage` (not read unless in compat mode), `mask`; in place `picture` and `fractions` (any buffer where there are
 * none).
 */
export const composite: Kernel<CompositeParams> = {
  name: 'composite',
  operands({ picture, rect, fractions, pasted, gap }): Record<string, Operand> {
    const pixels = rect.width * rect.height;
    return {
      pasted: array('read', 'u32', pasted === 'planes' ? 3 * pixels : pixels),
      coverage: array('read', 'f32', pixels),
      mask: array('read', 'f32', gap ? 2 * pixels : pixels),
      fractions: array('update', 'u32', fractions ? fractions.width * fractions.height : 1),
      picture: array('update', 'u32', picture.width * picture.height),
    };
  },
};

export interface FinishCompositeParams {
  readonly picture: Size;
  readonly fractions: Rect;
}

/** Operands: `picture` and `fractions`, both in place. For the default mode: the compat mode truncates. */
export const finishComposite: Kernel<FinishCompositeParams> = {
  name: 'finish-composite',
  operands({ picture, fractions }): Record<string, Operand> {
    return {
      fractions: array('update', 'u32', fractions.width * fractions.height),
      picture: array('update', 'u32', picture.width * picture.height),
    };
  },
};
