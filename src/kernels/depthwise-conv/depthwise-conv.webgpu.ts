// `depthwise-conv` on WebGPU; see depthwise-conv.wgsl.

import { bytesPerElement, ceilDiv } from '../kernel.js';
import { type Dispatch, linearGrid, placeOf, type WebgpuKernel } from '../webgpu.js';
import type { DepthwiseConvParams } from './depthwise-conv.js';
import code from './depthwise-conv.wgsl';

export const webgpuDepthwiseConv: WebgpuKernel<DepthwiseConvParams> = {
  dispatches({ x, y, stride, slope }, target): Dispatch[] {
    const groups = ceilDiv(x.c, 4);
    const rows = y.n * y.h;
    const runs = ceilDiv(y.w, RUN);
    const values = rows * y.w * groups * 4;
    return [
      {
        shader: { name: `depthwise-conv/${stride}`, code: `const STRIDE = ${stride}u;\n${code}` },
        uniforms: {
          groups,
          height: x.h,
          width: x.w,
          ...placeOf('x', x),
          y_height: y.h,
          y_width: y.w,
          ...placeOf('y', y),
          rows,
          runs,
          slope,
        },
        workgroups: linearGrid(rows * runs * groups),
        operands: ['x', 'weights', 'bias', 'y'],
        flops: values * 18,
        bytes: values * (1 + stride * stride) * bytesPerElement('store', target.precision),
      },
    ];
  },
};

/** Output pixels of an invocation. */
const RUN = 4;
