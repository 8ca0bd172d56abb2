// Convolution for GPUs: one dispatch, tiles in workgroup memory; see workgroup-tile.ts and conv-workgroup.wgsl.

import { bytesPerElement, ceilDiv, roundUp } from '../kernel.js';
import type { Dispatch, Target } from '../webgpu.js';
import { type ConvParams, PROLOGUES } from './conv.js';
import operands from './conv-workgroup.wgsl';
import { activationConstant } from './epilogue.js';
import epilogue from './epilogue.wgsl';
import { rowUniforms } from './rows.js';
import rows from './rows.wgsl';
import storeSum from './store.wgsl';
import { productCode, tileGrid, tileOf } from './workgroup-tile.js';

export function workgroupDispatches(params: ConvParams, target: Target): Dispatch[] {
  const { x, y, size, prologue, residual, outputType } = params;
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
        code: `const ACTIVATION = ${activation};\nalias Output4 = ${output};\n${epilogue}${operands}${storeSum}${rows}${productCode(tile)}`,
      },
      uniforms: {
        ...rowUniforms(params),
        prologue: PROLOGUES.indexOf(prologue),
        column_tiles: ceilDiv(y.c, tile.width),
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
