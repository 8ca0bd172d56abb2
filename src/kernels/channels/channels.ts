// Between 8-bit pictures and float planes; see split.wgsl and merge.wgsl.

import { type Dispatch, type Kernel, linearGrid, type Operand } from '../kernel.js';
import merge from './merge.wgsl';
import split from './split.wgsl';

export interface ChannelsParams {
  readonly pixels: number;
  /** 4 when splitting; 1, 3 or 4 when merging. */
  readonly planes: number;
}

/** Operands: `picture`, a pixel of 8-bit RGBA in each u32, red in the low byte; `planes`, one after another; `sizes`. */
export const splitChannels = between('split-channels', split, true);

/** As `splitChannels`, the other way. */
export const mergeChannels = between('merge-channels', merge, false);

function between(name: string, code: string, splits: boolean): Kernel<ChannelsParams> {
  return {
    name,
    operands({ pixels, planes }): Record<string, Operand> {
      return {
        picture: { access: splits ? 'read' : 'write', type: 'u32', elements: pixels },
        sizes: { access: 'read', type: 'u32', elements: 2 },
        planes: { access: splits ? 'write' : 'read', type: 'f32', elements: pixels * planes },
      };
    },
    dispatches({ pixels, planes }): Dispatch[] {
      return [
        {
          shader: { name, code },
          workgroups: linearGrid(pixels, 64),
          operands: splits ? ['picture', 'sizes', 'planes'] : ['planes', 'sizes', 'picture'],
          flops: 4 * pixels,
          bytes: 4 * pixels * (planes + 1),
        },
      ];
    },
  };
}

/** Contents of the operand that only the parameters decide. */
export function channelsTables({ pixels, planes }: ChannelsParams): { sizes: Uint32Array } {
  return { sizes: new Uint32Array([pixels, planes]) };
}
