// Between 8-bit RGBA pictures and tensors of three channels; see picture-to-tensor.wgsl and tensor-to-picture.wgsl.

import {
  array,
  bytesPerElement,
  type Dispatch,
  type Kernel,
  type Layout,
  linearGrid,
  mismatch,
  type Operand,
  placeOf,
  tensor,
} from '../kernel.js';
import fromPicture from './picture-to-tensor.wgsl';
import toPicture from './tensor-to-picture.wgsl';

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
  dispatches({ y, range, order = 'rgb', mean = [0, 0, 0] }, target): Dispatch[] {
    const count = y.n * y.h * y.w;
    return [
      {
        shader: {
          name: 'picture-to-tensor',
          code: fromPicture,
          constants: { UNIT: range === 'bytes' ? 0 : 1, BGR: order === 'bgr' ? 1 : 0 },
        },
        plan: {
          count,
          offset: range === 'signed' ? 0.5 : 0,
          scale: range === 'signed' ? 2 : 1,
          mean_0: mean[0],
          mean_1: mean[1],
          mean_2: mean[2],
          ...placeOf('y', y),
        },
        workgroups: linearGrid(count),
        operands: ['picture', 'y'],
        flops: count * 12,
        bytes: count * (4 + 4 * bytesPerElement('store', target.precision)),
      },
    ];
  },
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
  dispatches({ x, range }, target): Dispatch[] {
    const count = x.n * x.h * x.w;
    const signed = range === 'signed';
    return [
      {
        shader: { name: 'tensor-to-picture', code: toPicture },
        plan: {
          count,
          lowest: signed ? -1 : 0,
          offset: signed ? 1 : 0,
          scale: signed ? 0.5 : 1,
          ...placeOf('x', x),
        },
        workgroups: linearGrid(count),
        operands: ['x', 'picture'],
        flops: count * 12,
        bytes: count * (4 + 4 * bytesPerElement('store', target.precision)),
      },
    ];
  },
};

function rgb(access: 'read' | 'write', l: Layout): Operand {
  if (l.c !== 3) throw mismatch('three channels', l.c);
  return tensor(access, l);
}

const picture = (access: 'read' | 'write', l: Layout): Operand => array(access, 'u32', l.n * l.h * l.w);
