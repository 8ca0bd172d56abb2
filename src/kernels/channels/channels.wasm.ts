// `split-channels` and `merge-channels` on WebAssembly; see channels.as.ts.

import { divided, type Job, type WasmKernel } from '../wasm.js';
import type { ChannelsParams } from './channels.js';

export const wasmSplitChannels: WasmKernel<ChannelsParams> = {
  jobs({ pixels }): Job[] {
    const { each, parts } = divided(pixels, 1, 4);
    return [{ run: 'splitChannels', args: ['picture', 'planes', pixels, each], parts }];
  },
};

export const wasmMergeChannels: WasmKernel<ChannelsParams> = {
  jobs({ pixels, planes }): Job[] {
    const { each, parts } = divided(pixels, 1, 4);
    return [{ run: 'mergeChannels', args: ['picture', 'planes', pixels, each, planes], parts }];
  },
};
