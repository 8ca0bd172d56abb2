// The first step of convolutions that do not read x as it is; see stage.wgsl.

import { bytesPerElement, ceilDiv } from '../kernel.js';
import { type Dispatch, placeOf, type Target } from '../webgpu.js';
import { type ConvParams, PROLOGUES } from './conv.js';
import code from './stage.wgsl';

/** Where a strip of output starts. */
export interface Strip {
  readonly picture: number;
  readonly row: number;
}

/** The strips of `pictures`, each of which has `strips` of `rows`. */
export const outputStrips = (pictures: number, strips: number, rows: number): Strip[] =>
  Array.from({ length: pictures * strips }, (_, i) => ({
    picture: Math.floor(i / strips),
    row: (i % strips) * rows,
  }));

/** Copies what a strip of output reads of `x` into `staged`: so many rows and columns of it. */
export function stageStrip(
  { x, upsample, stride, prologue, padTop, padLeft, padMode }: ConvParams,
  { picture, row }: Strip,
  rows: number,
  columns: number,
  target: Target,
): Dispatch {
  const groups = ceilDiv(x.c, 4);
  const values = rows * columns * groups * 4;
  // A GPU has more invocations than a row needs; on a CPU what is the same for all rows is worth keeping.
  const rowsEach = target.family === 'workgroup' ? 4 : rows;
  // What is not read may be any buffer.
  const [scale, shift] = prologue === 'none' ? ['x', 'x'] : ['scale', 'shift'];
  return {
    shader: { name: 'conv/stage', code },
    uniforms: {
      picture,
      row,
      height: x.h * upsample,
      width: x.w * upsample,
      upsample: upsample - 1,
      ...placeOf('x', x),
      groups,
      prologue: PROLOGUES.indexOf(prologue),
      pad_top: padTop,
      pad_left: padLeft,
      mirror: padMode === 'reflect' ? 1 : 0,
      stride,
      staged_rows: rows,
      staged_columns: columns,
      rows_each: rowsEach,
    },
    workgroups: [ceilDiv(columns * groups, 64), ceilDiv(rows, rowsEach), 1],
    operands: ['x', scale, shift, 'staged'],
    flops: prologue === 'none' ? 0 : values * (prologue === 'affine' ? 2 : 16),
    bytes: values * (4 + bytesPerElement('store', target.precision)),
  };
}
