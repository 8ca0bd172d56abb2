// Between 8-bit RGBA pictures and tensors of three channels.

import { array, type Kernel, type Layout, mismatch, type Operand, tensor } from '../kernel.js';

export interface PictureToTensorParams {
  /** Three channels; n pictures follow each other. */
  readonly y: Layout;
  /** What 0 and 255 become: -1 and 1, 0 and 1, or themselves. */
  readonly range: 'signed' | 'unit' | 'bytes';
  /** Order of the channels; default `rgb`. */
  readonly order?: 'rgb' | 'bgr';
  /** Subtracted in the end, in the order of the channels; default zero. */
  readonly mean?: readonly [number, number, number];
}

export interface TensorToPictureParams {
  /** Three channels, red first; n pictures follow each other. */
  readonly x: Layout;
  /** What becomes 0 to 255: -1 to 1, or 0 to 1. Values outside are clamped. */
  readonly range: 'signed' | 'unit';
}

/**
 * All steps in float32, each correctly rounded: byte / 255, minus 0.5, divided by 0.5, minus the mean.
 *
 * Operands: `picture`, u32 [n, h, w], red in the lowest byte, alpha ignored; `y`.
 * @throws `SHAPE_MISMATCH` when the tensor has not three channels
 */
export const pictureToTensor: Kernel<PictureToTensorParams> = {
  name: 'picture-to-tensor',
  operands: ({ y }) => ({ picture: picture('read', y), y: rgb('write', y) }),
};

/**
 * Half values are rounded to even numbers; alpha is 255.
 *
 * Operands: `x`; `picture`, u32 [n, h, w], red in the lowest byte.
 * @throws `SHAPE_MISMATCH` when the tensor has not three channels
 */
export const tensorToPicture: Kernel<TensorToPictureParams> = {
  name: 'tensor-to-picture',
  operands: ({ x }) => ({ x: rgb('read', x), picture: picture('write', x) }),
};

function rgb(access: 'read' | 'write', l: Layout): Operand {
  if (l.c !== 3) throw mismatch('three channels', l.c);
  return tensor(access, l);
}

const picture = (access: 'read' | 'write', l: Layout): Operand => array(access, 'u32', l.n * l.h * l.w);
