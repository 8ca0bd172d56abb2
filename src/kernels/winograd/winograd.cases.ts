// Shapes on which `conv` by Winograd's algorithm is tested.

import { convCase } from '../conv/conv.cases.js';
import { type ConvParams, conv } from '../conv/conv.js';
import { convReference } from '../conv/conv.ref.js';
import { type Case, type KernelTest, layout } from '../kernel.js';

const tolerance = { f32: 2e-5, f16: 1e-2 };

/** A 3x3 convolution as networks have most of them. */
export function params(h: number, w: number, inputs: number, outputs: number, n = 1): ConvParams {
  return {
    x: layout(n, h, w, inputs),
    y: layout(n, h, w, outputs),
    size: 3,
    stride: 1,
    padTop: 1,
    padLeft: 1,
    padMode: 'zero',
    upsample: 1,
    prologue: 'none',
    activation: { kind: 'none' },
    bias: true,
    outputType: 'store',
  };
}

const cases: Case<ConvParams>[] = [
  convCase('one pixel', params(1, 1, 4, 4), tolerance),
  convCase('whole tiles', params(8, 12, 16, 32), tolerance),
  convCase('ragged tiles, 3 to 5 channels', params(7, 9, 3, 5), tolerance),
  convCase('ragged tiles, 20 to 27 channels', { ...params(5, 14, 20, 27), bias: false }, tolerance),
  convCase(
    'batch 2, prologue, leaky, residual',
    {
      ...params(6, 11, 8, 12, 2),
      prologue: 'affine-swish',
      activation: { kind: 'leaky', slope: 0.2 },
      residual: { layout: layout(2, 6, 11, 12, 16, 4), alpha: 0.2 },
    },
    tolerance,
  ),
  convCase(
    'from and into slices',
    {
      ...params(5, 7, 8, 24),
      x: layout(1, 5, 7, 8, 24, 12),
      y: layout(1, 5, 7, 24, 40, 8),
      prologue: 'affine',
      activation: { kind: 'gelu' },
    },
    tolerance,
  ),
  convCase(
    'upsampled, batch 2, prologue',
    { ...params(10, 14, 8, 8, 2), x: layout(2, 5, 7, 8), upsample: 2, prologue: 'affine-swish' },
    tolerance,
  ),
  convCase(
    'upsampled, batch 2, from a slice without prologue',
    { ...params(10, 14, 8, 8, 2), x: layout(2, 5, 7, 8, 20, 8), upsample: 2 },
    tolerance,
  ),
  convCase('tiles of four rows', params(45, 47, 4, 4), tolerance),
  convCase('several strips', params(5, 100, 2048, 4), { f32: 5e-5, f16: 1e-2 }),
];

export const winogradTest: KernelTest<ConvParams> = {
  kernel: conv,
  convolution: 'winograd',
  cases,
  usual: [
    convCase('64 to 64 at 512x512', params(512, 512, 64, 64)),
    convCase('128 to 128 at 256x256', params(256, 256, 128, 128)),
    convCase('256 to 256 at 64x64', params(64, 64, 256, 256)),
    convCase('512 to 512 at 16x16', params(16, 16, 512, 512)),
  ],
  reference: convReference,
};

/** Its transforms round less. */
const exact = { f32: 1e-5, f16: 1e-2 };

export const smallWinogradTest: KernelTest<ConvParams> = {
  ...winogradTest,
  convolution: 'winograd-2x2',
  cases: cases.map(item => ({ ...item, tolerance: exact })),
};
