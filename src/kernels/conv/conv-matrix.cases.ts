// Shapes on which `conv` by the matrices of subgroups is tested: of at least 16 channels on both sides.

import { type KernelTest, layout } from '../kernel.js';
import { params } from '../winograd/winograd.cases.js';
import { convCase, convTest } from './conv.cases.js';
import type { ConvParams } from './conv.js';

export const matrixTest: KernelTest<ConvParams> = {
  ...convTest,
  convolution: 'subgroup-matrices',
  usual: convTest.usual.filter(({ params }) => params.x.c >= 16),
  cases: [
    convCase('3x3, whole matrices', params(8, 8, 32, 32)),
    convCase('3x3, ragged, 20 to 27 channels', { ...params(5, 14, 20, 27), bias: false }),
    convCase('3x3, batch 2, prologue, leaky, residual', {
      ...params(6, 11, 20, 36, 2),
      prologue: 'affine-swish',
      activation: { kind: 'leaky', slope: 0.2 },
      residual: { layout: layout(2, 6, 11, 36, 44, 4), alpha: 0.2 },
    }),
    convCase('3x3, from and into slices', {
      ...params(5, 7, 16, 24),
      x: layout(1, 5, 7, 16, 32, 12),
      y: layout(1, 5, 7, 24, 40, 8),
      prologue: 'affine',
      activation: { kind: 'gelu' },
    }),
    convCase('3x3, upsampled, batch 2, from a slice', {
      ...params(10, 14, 16, 16, 2),
      x: layout(2, 5, 7, 16, 24, 8),
      upsample: 2,
    }),
    convCase('3x3, stride 2, padded at the end only', {
      ...params(4, 5, 16, 16),
      x: layout(1, 8, 10, 16),
      stride: 2,
      padTop: 0,
      padLeft: 0,
    }),
    convCase('3x3, mirrored', { ...params(5, 6, 17, 16), padMode: 'reflect' }),
    convCase('3x3, large tiles', { ...params(9, 17, 20, 72), prologue: 'affine-swish' }),
    convCase('1x1, several tiles', { ...params(9, 17, 40, 72), size: 1, padTop: 0, padLeft: 0 }),
    convCase('7x7', { ...params(6, 7, 16, 16), size: 7, padTop: 3, padLeft: 3 }),
  ],
};
