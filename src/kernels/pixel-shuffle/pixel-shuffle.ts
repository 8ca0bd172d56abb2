// Pixels to channels and back, in PyTorch's order of channels.

import { type Kernel, type Layout, mismatch, type Operand, shapeOf, tensor } from '../kernel.js';

export interface PixelShuffleParams {
  readonly x: Layout;
  readonly y: Layout;
  /** Side of the square of pixels that goes to channels or comes from them. */
  readonly factor: number;
}

export type PixelUnshuffleParams = PixelShuffleParams;

/**
 * [n, h, w, c f f] to [n, h f, w f, c]. Operands: `x`, `y`.
 * @throws `SHAPE_MISMATCH` when x and y are not related in this way
 */
export const pixelShuffle: Kernel<PixelShuffleParams> = {
  name: 'pixel-shuffle',
  operands: ({ x, y, factor }) => operands(x, y, y, x, factor),
};

/**
 * [n, h f, w f, c] to [n, h, w, c f f], the inverse of `pixelShuffle`. Operands: `x`, `y`.
 * @throws `SHAPE_MISMATCH` when x and y are not related in this way
 */
export const pixelUnshuffle: Kernel<PixelUnshuffleParams> = {
  name: 'pixel-unshuffle',
  operands: ({ x, y, factor }) => operands(x, y, x, y, factor),
};

function operands(x: Layout, y: Layout, large: Layout, small: Layout, factor: number): Record<string, Operand> {
  const want = { n: large.n, h: large.h / factor, w: large.w / factor, c: large.c * factor ** 2 };
  if (shapeOf(small) !== shapeOf(want))
    throw mismatch(`${shapeOf(large)} to shuffle by ${factor} with ${shapeOf(want)}`, shapeOf(small));
  return { x: tensor('read', x), y: tensor('write', y) };
}
