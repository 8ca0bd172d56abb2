// Masks, f32 planes of values from 0 to 1: from labels, from shapes, with a border of zeros, and the smaller of two with what they lack. Some come
// with their gap, a second plane of what they lack of 1, in full relative precision.

import type { Size } from '../../image/geometry.js';
import { array, ceilDiv, type Kernel, type NumberArray, type Operand } from '../kernel.js';

export type MaskBuildParams = Size &
  (
    | {
        readonly operation: 'labels';
        /** Of each label. */
        readonly values: Float32Array;
        readonly gap: boolean;
      }
    | {
        readonly operation: 'frame';
        /** Rows and columns to clear on each side. */
        readonly border: number;
        readonly gap: boolean;
      }
    | {
        readonly operation: 'minimum-gap';
        /** What b is where it is 1 up to the rounding of sums of weights. */
        readonly full: number;
      }
    | {
        readonly operation: 'shape';
        readonly ellipse: boolean;
        /** Whether the smaller of the shape and another mask is wanted. */
        readonly within: boolean;
        /** 2x3, from the pixels of y to the coordinates in which the shape reaches from -1 to 1. */
        readonly affine: readonly number[];
        /** Width of the soft edge in those coordinates, above 0. */
        readonly feather: number;
      }
  );

/**
 * Operands: `y`; `labels` (bytes, four to a word) and `values` of the table; `x`; `a` and `b`, with `coverage` where there is a gap: as the
 * operation needs.
 */
export const maskBuild: Kernel<MaskBuildParams> = {
  name: 'mask-build',
  operands(params): Record<string, Operand> {
    const pixels = params.width * params.height;
    const planes = hasGap(params) ? 2 : 1;
    const read = (elements: number) => array('read', 'f32', elements);
    const y = array('write', 'f32', planes * pixels);
    switch (params.operation) {
      case 'labels':
        return { labels: array('read', 'u32', ceilDiv(pixels, 4)), values: read(params.values.length), y };
      case 'frame':
        return { x: read(planes * pixels), y };
      case 'minimum-gap':
        return { a: read(2 * pixels), b: read(pixels), coverage: read(pixels), y };
      case 'shape':
        return { x: read(params.within ? pixels : 1), y };
    }
  },
  tables: (params): Record<string, NumberArray> => (params.operation === 'labels' ? { values: params.values } : {}),
};

/** Whether y has a second plane. */
export function hasGap(params: MaskBuildParams): boolean {
  return params.operation === 'minimum-gap' || ('gap' in params && params.gap);
}
