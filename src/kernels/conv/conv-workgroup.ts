// Convolution for GPUs: one dispatch, tiles in workgroup memory; see workgroup-tile.ts and conv-workgroup.wgsl.

import { bytesPerElement, ceilDiv, roundUp } from '../kernel.js';
import { type Dispatch, placeOf, type Target } from '../webgpu.js';
import { type ConvParams, PROLOGUES } from './conv.js';
import operands from './conv-workgroup.wgsl';
import { activationConstant, epilogueUniforms } from './epilogue.js';
import epilogue from './epilogue.wgsl';
import { productCode, tileGrid, tileOf } from './workgroup-tile.js';

export function workgroupDispatches(params: ConvParams, target: Target): Dispatch[] {
  const { x, y, size, stride, upsample, prologue, residual, outputType } = params;
  const activation = activationConstant(params);
  const pixels = y.n * y.h * y.w;
  const product = { rows: pixels, columns: y.c };
  const tile = tileOf(target, product);
  const store = bytesPerElement('store', target.precision);
  const output = outputType === 'f32' ? 'vec4f' : 'Store4';
  return [
    {
      shader: {
        name: `conv/workgroup/${tile.name}/${activation}/${outputType}`,
        code: `const ACTIVATION = ${activation};\nalias Output4 = ${output};\n${epilogue}${operands}${productCode(tile)}`,
      },
      uniforms: {
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
        ...placeOf('x', x),
        y_height: y.h,
        y_width: y.w,
        blocks: ceilDiv(y.c, 8),
        column_tiles: ceilDiv(y.c, tile.width),
        ...epilogueUniforms(params),
      },
      workgroups: tileGrid(tile, product),
      operands: [
        'x',
        'weights',
        params.bias ? 'bias' : 'weights',
        prologue === 'none' ? 'weights' : 'scale',
        prologue === 'none' ? 'weights' : 'shift',
        residual ? 'residual' : 'weights',
        'y',
      ],
      flops: 2 * size * size * roundUp(x.c, 16) * roundUp(pixels, tile.height) * roundUp(y.c, tile.width),
      bytes: (x.n * x.h * x.w * x.c + pixels * y.c * (residual ? 2 : 1) + size * size * x.c * y.c) * store,
    },
  ];
}
