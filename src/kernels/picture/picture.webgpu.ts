// `picture-to-tensor` and `tensor-to-picture` on WebGPU; see picture-to-tensor.wgsl and tensor-to-picture.wgsl.

import { bytesPerElement } from '../kernel.js';
import { type Dispatch, linearGrid, placeOf, type WebgpuKernel } from '../webgpu.js';
import type { PictureToTensorParams, TensorToPictureParams } from './picture.js';
import fromPicture from './picture-to-tensor.wgsl';
import toPicture from './tensor-to-picture.wgsl';

export const webgpuPictureToTensor: WebgpuKernel<PictureToTensorParams> = {
  dispatches({ y, range, order = 'rgb', mean = [0, 0, 0] }, target): Dispatch[] {
    const count = y.n * y.h * y.w;
    return [
      {
        shader: {
          name: 'picture-to-tensor',
          code: fromPicture,
          constants: { UNIT: range === 'bytes' ? 0 : 1, BGR: order === 'bgr' ? 1 : 0 },
        },
        uniforms: {
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

export const webgpuTensorToPicture: WebgpuKernel<TensorToPictureParams> = {
  dispatches({ x, range }, target): Dispatch[] {
    const count = x.n * x.h * x.w;
    const signed = range === 'signed';
    return [
      {
        shader: { name: 'tensor-to-picture', code: toPicture },
        uniforms: {
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
