// `nchw-to-tensor` and `tensor-to-nchw` on WebGPU; see nchw-to-tensor.wgsl and tensor-to-nchw.wgsl.

import { bytesPerElement, ceilDiv, type Layout } from '../kernel.js';
import { type Dispatch, linearGrid, placeOf, type Target, type WebgpuKernel } from '../webgpu.js';
import type { NchwToTensorParams, TensorToNchwParams } from './nchw.js';
import fromNchw from './nchw-to-tensor.wgsl';
import toNchw from './tensor-to-nchw.wgsl';

export const webgpuNchwToTensor: WebgpuKernel<NchwToTensorParams> = {
  dispatches: ({ y }, target) => dispatches('nchw-to-tensor', fromNchw, y, ['input', 'y'], target),
};

export const webgpuTensorToNchw: WebgpuKernel<TensorToNchwParams> = {
  dispatches: ({ x }, target) => dispatches('tensor-to-nchw', toNchw, x, ['x', 'output'], target),
};

function dispatches(name: string, code: string, l: Layout, operands: readonly string[], target: Target): Dispatch[] {
  const pixels = l.h * l.w;
  const groups = ceilDiv(l.c, 4);
  const count = l.n * groups * pixels;
  return [
    {
      shader: { name, code },
      uniforms: { pixels, channels: l.c, groups, count, ...placeOf('x', l) },
      workgroups: linearGrid(count),
      operands,
      flops: 0,
      bytes: l.n * l.c * pixels * 4 + count * 4 * bytesPerElement('store', target.precision),
    },
  ];
}
