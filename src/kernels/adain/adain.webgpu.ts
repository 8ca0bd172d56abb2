// `adain` on WebGPU: statistics of both pictures, scale and shift from them, and `normalize` to apply these; see strips.wgsl, adain.wgsl
// and normalize.wgsl.

import { ceilDiv, roundUp } from '../kernel.js';
import { webgpuNormalize } from '../normalize/normalize.webgpu.js';
import { statisticStrips, stripStatistics, stripsScratch } from '../statistics/statistics.js';
import { type Dispatch, linearGrid, type WebgpuKernel } from '../webgpu.js';
import type { AdainParams } from './adain.js';
import code from './adain.wgsl';

export const webgpuAdain: WebgpuKernel<AdainParams> = {
  scratch({ x, style }, target) {
    const affine = { type: 'f32', elements: x.n * roundUp(x.c, 4) } as const;
    const strips = { xStrips: stripsScratch(x, target), styleStrips: stripsScratch(style, target) };
    return { ...strips, scale: affine, shift: affine };
  },
  dispatches({ x, style, y }, target): Dispatch[] {
    const groups = ceilDiv(x.c, 4);
    const own = statisticStrips(x, target);
    const other = statisticStrips(style, target);
    const values = x.n * groups * 4 * 2 * (own.count + other.count);
    return [
      stripStatistics(x, 'x', 'xStrips', target),
      stripStatistics(style, 'style', 'styleStrips', target),
      {
        shader: { name: 'adain', code },
        uniforms: {
          groups,
          count: x.n * groups,
          channels: x.c,
          x_pixels: x.h * x.w,
          x_strip: own.length,
          x_strips: own.count,
          s_pixels: style.h * style.w,
          s_strip: other.length,
          s_strips: other.count,
        },
        workgroups: linearGrid(x.n * groups),
        operands: ['xStrips', 'styleStrips', 'scale', 'shift'],
        flops: values * 4,
        bytes: (values + x.n * groups * 8) * 4,
      },
      ...webgpuNormalize.dispatches({ x, y, activation: 'none' }, target),
    ];
  },
};
