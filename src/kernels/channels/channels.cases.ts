// Sizes on which `split-channels` and `merge-channels` are tested; results are equal.

import { anyWord, type Case, type KernelTest } from '../kernel.js';
import { type ChannelsParams, mergeChannels, splitChannels } from './channels.js';
import { mergeReference, splitReference } from './channels.ref.js';

function channelsCase(pixels: number, planes: number): Case<ChannelsParams> {
  const params = { pixels, planes };
  return {
    name: `${pixels} pixels, ${planes} planes`,
    params,
    tolerance: { f32: 0, f16: 0 },
    fill: {
      picture: anyWord,
      // Halves of levels, some of them outside of the range.
      planes: (_, random) => Math.round((random() * 200 + 128) * 2) / 2,
    },
  };
}

export const splitChannelsTest: KernelTest<ChannelsParams> = {
  kernel: splitChannels,
  cases: [channelsCase(1, 4), channelsCase(777, 4)],
  usual: [channelsCase(2 ** 20, 4)],
  reference: splitReference,
};

export const mergeChannelsTest: KernelTest<ChannelsParams> = {
  kernel: mergeChannels,
  // The last has more workgroups than fit into one row.
  cases: [
    channelsCase(1, 1),
    channelsCase(777, 1),
    channelsCase(300, 3),
    channelsCase(301, 4),
    channelsCase(2_100_000, 1),
  ],
  usual: [channelsCase(2 ** 20, 4)],
  reference: mergeReference,
};
