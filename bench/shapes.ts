// 3x3 convolutions as networks have most of them.

import type { ConvParams } from '../src/kernels/conv/conv.js';
import { params } from '../src/kernels/winograd/winograd.cases.js';

export interface Shape {
  readonly name: string;
  readonly params: ConvParams;
}

/** Of a square picture whose channels stay as many. */
export const sameShape = (channels: number, side: number): Shape => ({
  name: `3x3 ${channels}->${channels} @${side} plain`,
  params: params(side, side, channels, channels),
});
