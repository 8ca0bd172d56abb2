// Pixels to channels and back, in PyTorch's order of channels; see pixel-shuffle.wgsl.

import {
  bytesPerElement,
  ceilDiv,
  type Dispatch,
  type Kernel,
  type Layout,
  linearGrid,
  mismatch,
  type Operand,
  placeOf,
  shapeOf,
  type Target,
  tensor,
} from '../kernel.js';
import code from './pixel-shuffle.wgsl';

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
  dispatches: (params, target) => dispatches(params, false, target),
};

/**
 * [n, h f, w f, c] to [n, h, w, c f f], the inverse of `pixelShuffle`. Operands: `x`, `y`.
 * @throws `SHAPE_MISMATCH` when x and y are not related in this way
 */
export const pixelUnshuffle: Kernel<PixelUnshuffleParams> = {
  name: 'pixel-unshuffle',
  operands: ({ x, y, factor }) => operands(x, y, x, y, factor),
  dispatches: (params, target) => dispatches(params, true, target),
};

function operands(x: Layout, y: Layout, large: Layout, small: Layout, factor: number): Record<string, Operand> {
  const want = { n: large.n, h: large.h / factor, w: large.w / factor, c: large.c * factor ** 2 };
  if (shapeOf(small) !== shapeOf(want))
    throw mismatch(`${shapeOf(large)} to shuffle by ${factor} with ${shapeOf(want)}`, shapeOf(small));
  return { x: tensor('read', x), y: tensor('write', y) };
}

function dispatches({ x, y, factor }: PixelShuffleParams, unshuffle: boolean, target: Target): Dispatch[] {
  const groups = ceilDiv(y.c, 4);
  const count = y.n * y.h * y.w * groups;
  return [
    {
      shader: {
        name: unshuffle ? 'pixel-unshuffle' : 'pixel-shuffle',
        code,
        constants: { UNSHUFFLE: unshuffle ? 1 : 0 },
      },
      plan: {
        factor,
        count,
        groups,
        channels: y.c,
        width: y.w,
        height: y.h,
        // Channels are read one by one.
        x_stride: x.stride,
        x_offset: x.offset,
        ...placeOf('y', y),
      },
      workgroups: linearGrid(count),
      operands: ['x', 'y'],
      flops: 0,
      bytes: 2 * count * 4 * bytesPerElement('store', target.precision),
    },
  ];
}
