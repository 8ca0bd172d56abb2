// Between 8-bit pictures and float planes.

import { array, type Kernel, type Operand } from '../kernel.js';

export interface ChannelsParams {
  readonly pixels: number;
  /** 4 when splitting; 1, 3 or 4 when merging. */
  readonly planes: number;
}

/** Operands: `picture`, a pixel of 8-bit RGBA in each u32, red in the low byte; `planes`, one after another. */
export const splitChannels = between('split-channels', true);

/** As `splitChannels`, the other way. */
export const mergeChannels = between('merge-channels', false);

function between(name: string, splits: boolean): Kernel<ChannelsParams> {
  return {
    name,
    operands({ pixels, planes }): Record<string, Operand> {
      return {
        picture: array(splits ? 'read' : 'write', 'u32', pixels),
        planes: array(splits ? 'write' : 'read', 'f32', pixels * planes),
      };
    },
  };
}
