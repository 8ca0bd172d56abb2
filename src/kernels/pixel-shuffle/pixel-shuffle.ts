// Pixels to channels and back, in PyTorch's order of channels; see pixel-shuffle.wgsl.

import { CodeFormerError } from '../../errors.js';
import {
  bytesPerElement,
  ceilDiv,
  type Dispatch,
  type Kernel,
  type Layout,
  layoutElements,
  linearGrid,
  type Operand,
  type Target,
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
  const shape = (l: Pick<Layout, 'n' | 'h' | 'w' | 'c'>) => `${l.n}x${l.h}x${l.w}x${l.c}`;
  const want = { n: large.n, h: large.h / factor, w: large.w / factor, c: large.c * factor ** 2 };
  if (shape(small) !== shape(want)) {
    throw new CodeFormerError(
      'SHAPE_MISMATCH',
      `Expected ${shape(large)} to shuffle by ${factor} with ${shape(want)} but received ${shape(small)}`,
    );
  }
  return {
    x: { access: 'read', type: 'store', elements: layoutElements(x), layout: x },
    y: { access: 'write', type: 'store', elements: layoutElements(y), layout: y },
  };
}

function dispatches({ x, y, factor }: PixelShuffleParams, unshuffle: boolean, target: Target): Dispatch[] {
  const groups = ceilDiv(y.c, 4);
  const count = y.n * y.h * y.w * groups;
  return [
    {
      shader: {
        name: unshuffle ? 'pixel-unshuffle' : 'pixel-shuffle',
        code,
        constants: {
          FACTOR: factor,
          UNSHUFFLE: unshuffle ? 1 : 0,
          COUNT: count,
          GROUPS: groups,
          CHANNELS: y.c,
          WIDTH: y.w,
          HEIGHT: y.h,
          X_STRIDE: x.stride,
          X_OFFSET: x.offset,
          Y_STRIDE: y.stride / 4,
          Y_OFFSET: y.offset / 4,
        },
        bindings: ['read', 'write'],
      },
      workgroups: linearGrid(count, 64),
      operands: ['x', 'y'],
      flops: 0,
      bytes: 2 * count * 4 * bytesPerElement('store', target.precision),
    },
  ];
}
