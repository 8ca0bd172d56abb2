// Convolution for GPUs: one dispatch, tiles in workgroup memory; see workgroup-tile.wgsl and conv-workgroup.wgsl.

import { bytesPerElement, ceilDiv, type Dispatch, linearGrid, type Operand, roundUp, type Target } from '../kernel.js';
import { ACTIVATIONS, type ConvParams, PROLOGUES } from './conv.js';
import operands from './conv-workgroup.wgsl';
import epilogue from './epilogue.wgsl';
import { Plan } from './plan.js';
import tile from './workgroup-tile.wgsl';

/** Rows and columns of the product that a workgroup does. */
export const TILE_SIZE = 64;

/** The product of `rows` pixels and `columns` channels, `batches` times. */
export function tileGrid(rows: number, columns: number, batches = 1): [number, number, number] {
  const [x, y] = linearGrid(rows, TILE_SIZE);
  return [x, y, ceilDiv(columns, TILE_SIZE) * batches];
}

const plan = new Plan('conv', {
  pixels: 'u32',
  groups: 'u32',
  size: 'u32',
  stride: 'u32',
  pad_top: 'u32',
  pad_left: 'u32',
  mirror: 'u32',
  upsample: 'u32',
  prologue: 'u32',
  height: 'u32',
  width: 'u32',
  x_stride: 'u32',
  x_offset: 'u32',
  y_height: 'u32',
  y_width: 'u32',
  y_stride: 'u32',
  y_offset: 'u32',
  out_groups: 'u32',
  blocks: 'u32',
  bias: 'u32',
  slope: 'f32',
  residual: 'u32',
  residual_stride: 'u32',
  residual_offset: 'u32',
  alpha: 'f32',
  column_tiles: 'u32',
});

export const workgroupScratch = (): Record<string, Operand> => ({ plan: plan.operand() });

export function workgroupDispatches(params: ConvParams, target: Target): Dispatch[] {
  const { x, y, size, stride, upsample, prologue, residual, activation, outputType } = params;
  const pixels = y.n * y.h * y.w;
  const store = bytesPerElement('store', target.precision);
  const output = outputType === 'f32' ? 'vec4f' : 'Store4';
  const write = plan.write({
    pixels,
    groups: ceilDiv(x.c, 4),
    size,
    stride,
    pad_top: params.padTop,
    pad_left: params.padLeft,
    mirror: params.padMode === 'reflect' ? 1 : 0,
    upsample: upsample - 1,
    prologue: PROLOGUES.indexOf(prologue),
    height: x.h * upsample,
    width: x.w * upsample,
    x_stride: x.stride / 4,
    x_offset: x.offset / 4,
    y_height: y.h,
    y_width: y.w,
    y_stride: y.stride / 4,
    y_offset: y.offset / 4,
    out_groups: ceilDiv(y.c, 4),
    blocks: ceilDiv(y.c, 8),
    bias: params.bias ? 1 : 0,
    slope: activation.slope ?? 0,
    residual: residual ? 1 : 0,
    residual_stride: (residual?.layout.stride ?? 0) / 4,
    residual_offset: (residual?.layout.offset ?? 0) / 4,
    alpha: residual?.alpha ?? 1,
    column_tiles: ceilDiv(y.c, TILE_SIZE),
  });
  return [
    write,
    {
      shader: {
        name: `conv/workgroup/${activation.kind}/${outputType}`,
        code: `const ACTIVATION = ${ACTIVATIONS.indexOf(activation.kind)};\nalias Output4 = ${output};\n${plan.struct}${epilogue}${operands}${tile}`,
        bindings: ['read', 'read', 'read', 'read', 'read', 'read', 'read', 'write'],
      },
      workgroups: tileGrid(pixels, y.c),
      operands: [
        'x',
        'weights',
        params.bias ? 'bias' : 'weights',
        prologue === 'none' ? 'weights' : 'scale',
        prologue === 'none' ? 'weights' : 'shift',
        residual ? 'residual' : 'weights',
        'plan',
        'y',
      ],
      flops: 2 * size * size * roundUp(x.c, 16) * roundUp(pixels, TILE_SIZE) * roundUp(y.c, TILE_SIZE),
      bytes: (x.n * x.h * x.w * x.c + pixels * y.c * (residual ? 2 : 1) + size * size * x.c * y.c) * store,
    },
  ];
}
