// Pasting one picture into another under a mask; see composite.wgsl and finish.wgsl.

import type { Rect, Size } from '../../image/geometry.js';
import { array, type Dispatch, type Kernel, type Operand, squareGrid } from '../kernel.js';
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
  dispatches({ picture, rect, fractions, compat, pasted, gap, strength, full }): Dispatch[] {
    const pixels = rect.width * rect.height;
    return [
      {
        shader: {
          name: 'composite',
          code,
          constants: { COMPAT: compat ? 1 : 0, GAP: gap ? 1 : 0, PLANES: pasted === 'planes' ? 1 : 0 },
        },
        plan: { ...sizeOf(picture), ...rectOf('rect', rect), ...rectOf('kept', fractions), strength, full },
        workgroups: squareGrid(rect),
        operands: ['pasted', 'coverage', 'mask', 'fractions', 'picture'],
        flops: 30 * pixels,
        bytes: 20 * pixels,
      },
    ];
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
  dispatches({ picture, fractions }): Dispatch[] {
    const pixels = fractions.width * fractions.height;
    return [
      {
        shader: { name: 'finish-composite', code: finish },
        plan: { ...sizeOf(picture), ...rectOf('kept', fractions) },
        workgroups: squareGrid(fractions),
        operands: ['fractions', 'picture'],
        flops: 4 * pixels,
        bytes: 16 * pixels,
      },
    ];
  },
};

const sizeOf = ({ width, height }: Size) => ({ width, height });

/** Fields of a plan for a rectangle, or for none. */
const rectOf = (name: string, rect: Rect | null): Record<string, number> => ({
  [`${name}_x`]: rect?.x ?? 0,
  [`${name}_y`]: rect?.y ?? 0,
  [`${name}_width`]: rect?.width ?? 0,
  [`${name}_height`]: rect?.height ?? 0,
});
