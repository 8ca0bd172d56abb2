// `layer-norm` on WebGPU; see layer-norm.wgsl, with-position.wgsl and without-position.wgsl.

import { bytesPerElement, ceilDiv } from '../kernel.js';
import { rowGrid, rowShader } from '../statistics/statistics.js';
import { type Dispatch, placeOf, type WebgpuKernel } from '../webgpu.js';
import type { LayerNormParams } from './layer-norm.js';
import code from './layer-norm.wgsl';
import withPosition from './with-position.wgsl';
import withoutPosition from './without-position.wgsl';

export const webgpuLayerNorm: WebgpuKernel<LayerNormParams> = {
  dispatches({ x, y, eps, yPosition }, target): Dispatch[] {
    const groups = ceilDiv(x.c, 4);
    const rows = x.n * x.h * x.w;
    const values = rows * groups * 4;
    return [
      {
        shader: {
          name: `layer-norm/${target.family}`,
          code: rowShader(`${yPosition ? withPosition : withoutPosition}\n${code}`, target),
        },
        uniforms: {
          groups,
          channels: x.c,
          rows,
          ...placeOf('x', x),
          ...placeOf('y', y),
          tokens: x.h * x.w,
          ...placeOf('p', yPosition ?? y),
          eps,
        },
        workgroups: rowGrid(rows, target),
        operands: ['x', 'gamma', 'beta', 'y', ...(yPosition ? ['position', 'yPosition'] : [])],
        flops: values * 8,
        bytes: values * (yPosition ? 3 : 2) * bytesPerElement('store', target.precision) + (yPosition ? values * 4 : 0),
      },
    ];
  },
};
