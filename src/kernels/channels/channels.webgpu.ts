// `split-channels` and `merge-channels` on WebGPU; see split.wgsl and merge.wgsl.

import { linearGrid, type Shader, type WebgpuKernel } from '../webgpu.js';
import type { ChannelsParams } from './channels.js';
import merge from './merge.wgsl';
import split from './split.wgsl';

export const webgpuSplitChannels = between({ name: 'split-channels', code: split }, ['picture', 'planes']);
export const webgpuMergeChannels = between({ name: 'merge-channels', code: merge }, ['planes', 'picture']);

function between(shader: Shader, operands: readonly string[]): WebgpuKernel<ChannelsParams> {
  return {
    dispatches: ({ pixels, planes }) => [
      {
        shader,
        uniforms: { pixels, planes },
        workgroups: linearGrid(pixels),
        operands,
        flops: 4 * pixels,
        bytes: 4 * pixels * (planes + 1),
      },
    ],
  };
}
