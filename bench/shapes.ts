// The convolutions and linear layers of the official network with fusion, as the graph calls them.

import type { ConvParams } from '../src/kernels/conv/conv.js';
import { layout } from '../src/kernels/kernel.js';

export interface Shape {
  readonly name: string;
  /** How often the network has it. */
  readonly count: number;
  readonly params: ConvParams;
}

type Kind = 'plain' | 'swish' | 'residual' | 'leaky' | 'up' | 'down' | 'gelu' | 'logits';

function shape(count: number, size: 1 | 3, side: number, inputs: number, outputs: number, kind: Kind): Shape {
  const stride = kind === 'down' ? 2 : 1;
  const upsample = kind === 'up' ? 2 : 1;
  const tokens = kind === 'gelu' || kind === 'logits' || (size === 1 && side === 16 && kind === 'plain');
  const at = (side: number, c: number) => (tokens ? layout(1, 1, side * side, c) : layout(1, side, side, c));
  const y = at(side, outputs);
  const pad = size === 3 && kind !== 'down' ? 1 : 0;
  const params: ConvParams = {
    x: at((side * stride) / upsample, inputs),
    y,
    size,
    stride,
    padTop: pad,
    padLeft: pad,
    padMode: 'zero',
    upsample,
    prologue: kind === 'swish' || (kind === 'residual' && size === 3) ? 'affine-swish' : 'none',
    activation: { kind: kind === 'leaky' ? 'leaky' : kind === 'gelu' ? 'gelu' : 'none', slope: 0.2 },
    bias: kind !== 'logits',
    outputType: kind === 'logits' ? 'f32' : 'store',
    ...(kind === 'residual' && { residual: { layout: y, alpha: 1 } }),
  };
  return { name: `${size}x${size} ${inputs}->${outputs} @${side} ${kind}`, count, params };
}

/** A 3x3 convolution of a square picture whose channels stay as many. */
export const sameShape = (channels: number, side: number): Shape => shape(1, 3, side, channels, channels, 'plain');

export const shapes: readonly Shape[] = [
  shape(1, 3, 512, 3, 64, 'plain'),
  shape(3, 3, 512, 64, 64, 'swish'),
  shape(4, 3, 512, 64, 64, 'residual'),
  shape(1, 3, 512, 128, 128, 'up'),
  shape(1, 3, 512, 128, 64, 'swish'),
  shape(1, 1, 512, 128, 64, 'plain'),
  shape(1, 3, 512, 64, 3, 'plain'),
  shape(1, 3, 256, 64, 64, 'down'),
  shape(1, 3, 256, 64, 128, 'swish'),
  shape(1, 1, 256, 64, 128, 'plain'),
  shape(1, 3, 256, 128, 128, 'up'),
  shape(3, 3, 256, 128, 128, 'swish'),
  shape(5, 3, 256, 128, 128, 'residual'),
  shape(2, 3, 256, 128, 128, 'leaky'),
  shape(2, 3, 256, 128, 128, 'plain'),
  shape(1, 3, 256, 256, 128, 'swish'),
  shape(1, 1, 256, 256, 128, 'plain'),
  shape(1, 3, 128, 128, 128, 'down'),
  shape(1, 3, 128, 256, 256, 'up'),
  shape(2, 3, 128, 256, 128, 'swish'),
  shape(3, 3, 128, 128, 128, 'swish'),
  shape(5, 3, 128, 128, 128, 'residual'),
  shape(4, 3, 128, 128, 128, 'leaky'),
  shape(2, 1, 128, 256, 128, 'plain'),
  shape(1, 3, 64, 128, 128, 'down'),
  shape(1, 3, 64, 256, 256, 'up'),
  shape(1, 3, 64, 128, 256, 'swish'),
  shape(3, 3, 64, 256, 256, 'swish'),
  shape(5, 3, 64, 256, 256, 'residual'),
  shape(4, 3, 64, 256, 256, 'leaky'),
  shape(1, 3, 64, 512, 256, 'swish'),
  shape(1, 3, 32, 256, 256, 'down'),
  shape(1, 3, 32, 512, 512, 'up'),
  shape(2, 3, 32, 512, 256, 'swish'),
  shape(3, 3, 32, 256, 256, 'swish'),
  shape(5, 3, 32, 256, 256, 'residual'),
  shape(4, 3, 32, 256, 256, 'leaky'),
  shape(1, 3, 16, 256, 256, 'down'),
  shape(2, 3, 16, 256, 512, 'plain'),
  shape(7, 3, 16, 512, 512, 'swish'),
  shape(8, 3, 16, 512, 512, 'residual'),
  shape(1, 3, 16, 512, 256, 'plain'),
  shape(24, 1, 16, 512, 512, 'plain'),
  shape(9, 1, 16, 512, 1536, 'plain'),
  shape(9, 1, 16, 512, 512, 'residual'),
  shape(9, 1, 16, 512, 1024, 'gelu'),
  shape(9, 1, 16, 1024, 512, 'residual'),
  shape(1, 1, 16, 512, 1024, 'logits'),
];
