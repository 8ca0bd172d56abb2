// `picture-to-tensor` and `tensor-to-picture` on WebAssembly; see picture.as.ts.

import { type Job, placed, runsOf, type WasmKernel } from '../wasm.js';
import type { PictureToTensorParams, TensorToPictureParams } from './picture.js';

export const wasmPictureToTensor: WasmKernel<PictureToTensorParams> = {
  jobs({ y, range, order = 'rgb', mean = [0, 0, 0] }): Job[] {
    const pixels = y.n * y.h * y.w;
    const { each, parts } = runsOf(pixels);
    const [offset, scale] = range === 'signed' ? [0.5, 2] : [0, 1];
    const values = [range === 'bytes' ? 1 : 255, offset, scale, ...mean];
    return [
      {
        run: 'pictureToTensor',
        args: ['picture', ...placed('y', y), pixels, each, order === 'bgr' ? 1 : 0, ...values],
        parts,
      },
    ];
  },
};

export const wasmTensorToPicture: WasmKernel<TensorToPictureParams> = {
  jobs({ x, range }): Job[] {
    const pixels = x.n * x.h * x.w;
    const { each, parts } = runsOf(pixels, 4);
    const values = range === 'signed' ? [-1, 1, 0.5] : [0, 0, 1];
    return [
      {
        run: 'tensorToPicture',
        args: [...placed('x', x), pixels, each, ...values, 'picture'],
        parts,
        local: 16,
      },
    ];
  },
};
