// Shapes on which `conv` is tested.

import { type Case, type KernelTest, layout } from '../kernel.js';
import type { ConvParams } from './conv.js';
import { conv } from './conv.js';
import { convReference } from './conv.ref.js';

type Size = readonly [height: number, width: number];

/** A plain convolution that keeps the size, from `inputs` to `outputs` channels. */
function same(size: ConvParams['size'], [h, w]: Size, inputs: number, outputs: number, n = 1): ConvParams {
  return {
    x: layout(n, h, w, inputs),
    y: layout(n, h, w, outputs),
    size,
    stride: 1,
    padTop: (size - 1) / 2,
    padLeft: (size - 1) / 2,
    padMode: 'zero',
    upsample: 1,
    prologue: 'none',
    activation: { kind: 'none' },
    bias: true,
    outputType: 'store',
  };
}

const tolerance = { f32: 1e-5, f16: 1e-2 };

/**
 * Weights of the packed layout: uniform, smaller for larger filters, zero in the padding.
 */
export function packedWeights({ x, y, size }: ConvParams): (index: number, random: () => number) => number {
  const groups = Math.ceil(x.c / 4);
  const scale = 1 / Math.sqrt(x.c * size * size);
  return (index, random) => {
    const input = (Math.floor(index / 32) % groups) * 4 + (index % 4);
    const place = Math.floor(index / 4) % 8;
    const block = Math.floor(index / 32 / groups / (size * size));
    const output = block * 8 + (place % 2) * 4 + Math.floor(place / 2);
    return input < x.c && output < y.c ? random() * scale : 0;
  };
}

export function convCase(name: string, params: ConvParams, allowed = tolerance): Case<ConvParams> {
  return { name, params, tolerance: allowed, fill: { weights: packedWeights(params) } };
}

const cases: Case<ConvParams>[] = [
  convCase('3x3, one pixel', same(3, [1, 1], 4, 4)),
  convCase('3x3, 3 to 20 channels, odd size', same(3, [7, 9], 3, 20)),
  convCase('3x3, 20 to 3 channels', { ...same(3, [9, 6], 20, 3), bias: false }),
  convCase('3x3, 6 channels, narrow', same(3, [9, 2], 6, 6)),
  // Few outputs have tiles of their own.
  ...[3, 8].map(outputs =>
    convCase(`3x3, residual, ${outputs} channels into a slice`, {
      ...same(3, [6, 11], 8, outputs),
      y: layout(1, 6, 11, outputs, 20, 4),
      residual: { layout: layout(1, 6, 11, outputs, 16, 8), alpha: 0.3 },
    }),
  ),
  convCase('3x3, batch 2, prologue, leaky, residual', {
    ...same(3, [6, 11], 8, 12, 2),
    prologue: 'affine-swish',
    activation: { kind: 'leaky', slope: 0.2 },
    residual: { layout: layout(2, 6, 11, 12, 16, 4), alpha: 0.2 },
  }),
  convCase('3x3, from and into slices', {
    ...same(3, [5, 7], 8, 24),
    x: layout(1, 5, 7, 8, 24, 12),
    y: layout(1, 5, 7, 24, 40, 8),
    prologue: 'affine',
    activation: { kind: 'swish' },
  }),
  convCase('3x3, upsampled', { ...same(3, [10, 14], 8, 8), x: layout(1, 5, 7, 8), upsample: 2 }),
  convCase('3x3, upsampled, batch 2, prologue', {
    ...same(3, [6, 10], 4, 36, 2),
    x: layout(2, 3, 5, 4),
    upsample: 2,
    prologue: 'affine-swish',
  }),
  convCase('3x3, stride 2, padded at the end only', {
    ...same(3, [4, 5], 12, 8),
    x: layout(1, 8, 10, 12),
    stride: 2,
    padTop: 0,
    padLeft: 0,
  }),
  convCase('3x3, stride 2, padded all around, odd size', {
    ...same(3, [4, 5], 4, 10, 2),
    x: layout(2, 7, 9, 4),
    stride: 2,
    activation: { kind: 'leaky' },
  }),
  // So many pixels that a workgroup of a GPU has two, or four, rows for an invocation.
  convCase('3x3, tiles of two rows', same(3, [56, 56], 4, 4)),
  convCase('3x3, tiles of four rows', same(3, [79, 78], 4, 4)),
  convCase('3x3, mirrored', { ...same(3, [5, 6], 5, 9), padMode: 'reflect', prologue: 'affine' }),
  convCase('3x3, several strips', { ...same(3, [4, 300], 1024, 4), bias: false }),
  convCase('5x5', same(5, [6, 7], 8, 8)),
  convCase('7x7, stride 2', { ...same(7, [5, 6], 3, 12), x: layout(1, 10, 12, 3), stride: 2 }),
  convCase('7x7, mirrored', { ...same(7, [6, 7], 4, 4), padMode: 'reflect' }),
  convCase('1x1, odd counts', same(1, [3, 7], 5, 7)),
  convCase('1x1, batch 2, slices, residual', {
    ...same(1, [5, 3], 16, 20, 2),
    x: layout(2, 5, 3, 16, 32, 8),
    y: layout(2, 5, 3, 20, 28, 4),
    residual: { layout: layout(2, 5, 3, 20), alpha: 1 },
  }),
  convCase('1x1 with prologue', { ...same(1, [6, 5], 8, 8), prologue: 'affine-swish' }),
  convCase('1x1, stride 2', { ...same(1, [4, 3], 8, 8), x: layout(1, 8, 6, 8), stride: 2 }),
  convCase('1x1, upsampled', { ...same(1, [8, 6], 8, 8), x: layout(1, 4, 3, 8), upsample: 2 }),
  convCase('linear with gelu', { ...same(1, [1, 37], 24, 40), activation: { kind: 'gelu' } }),
  convCase('linear, several tiles and chunks', same(1, [1, 150], 140, 136)),
  convCase('linear, f32 output, no bias', { ...same(1, [1, 10], 512, 33), bias: false, outputType: 'f32' }),
  // Identity weights of one input: y = gelu(x) over a dense range.
  {
    name: 'gelu from -10 to 10',
    params: { ...same(1, [1, 20001], 1, 1), activation: { kind: 'gelu' }, bias: false },
    tolerance: { f32: 1e-6, f16: 1e-2 },
    fill: { x: index => index / 4 / 1000 - 10, weights: index => (index === 0 ? 1 : 0) },
  },
];

export const convTest: KernelTest<ConvParams> = {
  kernel: conv,
  convolution: 'direct',
  cases,
  usual: [
    convCase('3x3 64 to 64 at 512x512', same(3, [512, 512], 64, 64)),
    convCase('3x3 128 to 128 at 256x256', same(3, [256, 256], 128, 128)),
    convCase('3x3 256 to 256 at 64x64', same(3, [64, 64], 256, 256)),
    convCase('3x3 512 to 512 at 16x16', same(3, [16, 16], 512, 512)),
    convCase('3x3 3 to 64 at 512x512', same(3, [512, 512], 3, 64)),
    convCase('3x3 64 to 64 to 256x256, stride 2', {
      ...same(3, [256, 256], 64, 64),
      x: layout(1, 512, 512, 64),
      stride: 2,
      padTop: 0,
      padLeft: 0,
    }),
    convCase('3x3 128 to 128 to 256x256, upsampled', {
      ...same(3, [256, 256], 128, 128),
      x: layout(1, 128, 128, 128),
      upsample: 2,
    }),
    convCase('linear, 512 to 1024 of 256 tokens', same(1, [1, 256], 512, 1024)),
  ],
  reference: convReference,
};
