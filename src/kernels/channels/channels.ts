// Between 8-bit pictures and float planes; see split.wgsl and merge.wgsl.

import { array, type Dispatch, type Kernel, linearGrid, type Operand } from '../kernel.js';
import merge from './merge.wgsl';
import split from './split.wgsl';

export interface ChannelsParams {
  readonly pixels: number;
  /** 4 when splitting; 1, 3 or 4 when merging. */
  readonly planes: number;
}

/** Operands: `picture`, a pixel of 8-bit RGBA in each u32, red in the low byte; `planes`, one after another. */
export const splitChannels = between('split-channels', split, true);

/** As `splitChannels`, the other way. */
export const mergeChannels = between('merge-channels', merge, false);

function between(name: string, code: string, splits: boolean): Kernel<ChannelsParams> {
  return {
    name,
    operands({ pixels, planes }): Record<string, Operand> {
      return {
        picture: array(splits ? 'read' : 'write', 'u32', pixels),
        planes: array(splits ? 'write' : 'read', 'f32', pixels * planes),
      };
    },
    dispatches({ pixels, planes }): Dispatch[] {
      return [
        {
          shader: { name, code },
          plan: { pixels, planes },
          workgroups: linearGrid(pixels),
          operands: splits ? ['picture', 'planes'] : ['planes', 'picture'],
          flops: 4 * pixels,
          bytes: 4 * pixels * (planes + 1),
        },
      ];
    },
  };
}
