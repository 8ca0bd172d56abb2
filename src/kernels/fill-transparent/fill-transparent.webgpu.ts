// `pull-colours` and `push-colours` on WebGPU; see pull.wgsl and push.wgsl.

import type { Size } from '../../image/geometry.js';
import { type Dispatch, squareGrid, type WebgpuKernel } from '../webgpu.js';
import { halved, type PullColoursParams, type PushColoursParams } from './fill-transparent.js';
import pull from './pull.wgsl';
import push from './push.wgsl';

export const webgpuPullColours: WebgpuKernel<PullColoursParams> = {
  dispatches({ from }): Dispatch[] {
    const to = halved(from);
    const pixels = to.width * to.height;
    return [
      {
        shader: { name: 'pull-colours', code: pull },
        uniforms: { x_width: from.width, x_height: from.height, ...sizeOf(to) },
        workgroups: squareGrid(to),
        operands: ['x', 'y'],
        flops: 40 * pixels,
        bytes: 20 * pixels,
      },
    ];
  },
};

export const webgpuPushColours: WebgpuKernel<PushColoursParams> = {
  dispatches({ rect, coarse }): Dispatch[] {
    const pixels = rect.width * rect.height;
    return [
      {
        shader: { name: 'push-colours', code: push },
        uniforms: { ...sizeOf(rect), coarse_width: coarse.width, coarse_height: coarse.height },
        workgroups: squareGrid(rect),
        operands: ['x', 'coarse', 'columns', 'rows', 'y'],
        flops: 60 * pixels,
        bytes: 12 * pixels,
      },
    ];
  },
};

const sizeOf = ({ width, height }: Size) => ({ width, height });
