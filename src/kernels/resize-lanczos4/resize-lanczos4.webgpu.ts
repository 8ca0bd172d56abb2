// `resize-lanczos4` on WebGPU; see horizontal.wgsl and vertical.wgsl.

import { type Dispatch, squareGrid, type WebgpuKernel } from '../webgpu.js';
import horizontal from './horizontal.wgsl';
import { bandRows, type ResizeLanczos4Params } from './resize-lanczos4.js';
import vertical from './vertical.wgsl';

export const webgpuResizeLanczos4: WebgpuKernel<ResizeLanczos4Params> = {
  /** 16 bytes for each column of y and row of x in the band. */
  scratch: params => ({ sums: { type: 'i32', elements: 4 * params.to.width * bandRows(params).inX } }),
  dispatches(params): Dispatch[] {
    const { from, to, band, premultiplied } = params;
    const { first, inX, inY } = bandRows(params);
    const constants = { PREMULTIPLIED: premultiplied ? 1 : 0 };
    const sums = to.width * inX;
    const pixels = to.width * inY;
    return [
      {
        shader: { name: 'resize-lanczos4/horizontal', code: horizontal, constants },
        uniforms: { x_width: from.width, width: to.width, first, rows: inX },
        workgroups: squareGrid({ width: to.width, height: inX }),
        operands: ['x', 'columns', 'columnWeights', 'sums'],
        flops: sums * 8 * 8,
        bytes: 4 * from.width * inX + 16 * sums,
      },
      {
        shader: { name: 'resize-lanczos4/vertical', code: vertical, constants },
        uniforms: { width: to.width, sum_rows: inX, begin: band.begin, rows: inY },
        workgroups: squareGrid({ width: to.width, height: inY }),
        operands: ['sums', 'rows', 'rowWeights', 'y'],
        flops: pixels * 8 * 8,
        bytes: 16 * sums + 4 * pixels,
      },
    ];
  },
};
