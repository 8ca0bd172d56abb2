// `group-norm` on WebGPU; see group-norm.wgsl.

import { roundUp } from '../kernel.js';
import { rowGrid, rowShader, statisticStrips, stripStatistics, stripsScratch } from '../statistics/statistics.js';
import type { Dispatch, WebgpuKernel } from '../webgpu.js';
import type { GroupNormParams } from './group-norm.js';
import code from './group-norm.wgsl';

export const webgpuGroupNorm: WebgpuKernel<GroupNormParams> = {
  scratch: ({ x }, target) => ({ strips: stripsScratch(x, target) }),
  dispatches({ x, groups, eps }, target): Dispatch[] {
    const strips = statisticStrips(x, target);
    const stride = roundUp(x.c, 4);
    const partials = x.n * strips.count * 2 * stride;
    return [
      stripStatistics(x, 'x', 'strips', target),
      {
        shader: { name: `group-norm/${target.family}`, code: rowShader(code, target) },
        uniforms: {
          channels: x.c / groups,
          groups,
          rows: x.n * groups,
          stride,
          pixels: x.h * x.w,
          strip: strips.length,
          strips: strips.count,
          eps,
        },
        workgroups: rowGrid(x.n * groups, target),
        operands: ['strips', 'gamma', 'beta', 'scale', 'shift'],
        flops: partials * 5,
        bytes: (partials + 2 * stride + 2 * x.n * stride) * 4,
      },
    ];
  },
};
