// Masks, f32 planes of values from 0 to 1: from labels, from shapes, with a border of zeros, and the smaller of two. Some come
// with their gap, a second plane of what they lack of 1, in full relative precision.

import { ceilDiv, type Dispatch, type Kernel, linearGrid, type NumberArray, type Operand } from '../kernel.js';
import type { Size } from '../resize-linear/resize-linear.js';
import frame from './frame.wgsl';
import labels from './labels.wgsl';
import minimum from './minimum.wgsl';
import minimumGap from './minimum-gap.wgsl';
import shape from './shape.wgsl';

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
    | { readonly operation: 'minimum' }
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
 * Operands: `y`; `labels` (bytes, four to a word) and `values`; `x`; `a` and `b`, with `coverage` where there is a gap; or
 * `affine`: as the operation needs. `sizes`, `values` and `affine` as `maskBuildTables` makes them.
 */
export const maskBuild: Kernel<MaskBuildParams> = {
  name: 'mask-build',
  operands(params): Record<string, Operand> {
    const pixels = params.width * params.height;
    const plane: Operand = { access: 'read', type: 'f32', elements: pixels };
    const sizes: Operand = { access: 'read', type: 'u32', elements: maskBuildTables(params).sizes!.length };
    const pair: Operand = { ...plane, elements: 2 * pixels };
    const mask = hasGap(params) ? pair : plane;
    const y: Operand = { ...mask, access: 'write' };
    switch (params.operation) {
      case 'labels': {
        const values: Operand = { ...plane, elements: params.values.length };
        return { labels: { access: 'read', type: 'u32', elements: ceilDiv(pixels, 4) }, values, sizes, y };
      }
      case 'frame':
        return { x: mask, sizes, y };
      case 'minimum':
        return { a: plane, b: plane, sizes, y };
      case 'minimum-gap':
        return { a: pair, b: plane, coverage: plane, sizes, y };
      case 'shape':
        return { affine: { ...plane, elements: 7 }, sizes, x: { ...plane, elements: params.within ? pixels : 1 }, y };
    }
  },
  dispatches(params, target): Dispatch[] {
    const { width, height, operation } = params;
    const pixels = width * height;
    const square = [ceilDiv(width, 8), ceilDiv(height, 8), 1] as const;
    const parts = {
      labels: { code: labels, workgroups: linearGrid(ceilDiv(pixels, 4), 64) },
      frame: { code: frame, workgroups: square },
      minimum: { code: minimum, workgroups: linearGrid(pixels, 64) },
      'minimum-gap': { code: minimumGap, workgroups: linearGrid(pixels, 64) },
      shape: { code: shape, workgroups: square },
    };
    const operands = Object.entries(this.operands(params, target));
    const constants: Record<string, number> = {};
    if (operation === 'shape') {
      constants.ELLIPSE = params.ellipse ? 1 : 0;
      constants.WITHIN = params.within ? 1 : 0;
    }
    if (operation === 'labels' || operation === 'frame') constants.GAP = params.gap ? 1 : 0;
    const { code, workgroups } = parts[operation];
    return [
      {
        shader: { name: `mask-build/${operation}`, code, constants },
        workgroups,
        operands: operands.map(([name]) => name),
        flops: 4 * pixels,
        bytes: 8 * pixels,
      },
    ];
  },
};

/** Whether y has a second plane. */
export function hasGap(params: MaskBuildParams): boolean {
  return params.operation === 'minimum-gap' || ('gap' in params && params.gap);
}

/** Contents of the operands that only the parameters decide. */
export function maskBuildTables(params: MaskBuildParams): Record<string, NumberArray> {
  const { width, height } = params;
  switch (params.operation) {
    case 'labels':
      return { values: params.values, sizes: new Uint32Array([width * height, params.values.length]) };
    case 'frame':
      return { sizes: new Uint32Array([width, height, params.border]) };
    case 'minimum':
      return { sizes: new Uint32Array([width * height]) };
    case 'minimum-gap': {
      const full = new Uint32Array(new Float32Array([params.full]).buffer)[0]!;
      return { sizes: new Uint32Array([width * height, full]) };
    }
    case 'shape':
      return { affine: new Float32Array([...params.affine, params.feather]), sizes: new Uint32Array([width, height]) };
  }
}
