// Restorers in Node.

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Platform } from '../pipeline/platform.js';
import { Restorer } from '../pipeline/restorer.js';
import type { RestorerOptions } from '../pipeline/restorer-types.js';
import { createDevice } from './gpu.js';
import { decodeImage, encodeImage } from './images.js';
import { NOTES } from './notes.js';
import { openWeights } from './weights.js';

const marks = new AsyncLocalStorage<readonly object[]>();

/** What the pipeline needs of Node. */
export const NODE: Platform = {
  createDevice,
  async openWeights(source, { role, signal }) {
    const bytes = source instanceof Blob ? await source.arrayBuffer() : source;
    return openWeights(bytes, { role, ...(signal && { signal }) });
  },
  decodeImage,
  encodeImage,
  // Node has no pixels of its own kind.
  readPixels: async () => null,
  notes: NOTES,
  inside: {
    run: (mark, work) => marks.run([...(marks.getStore() ?? []), mark], work),
    marks: () => marks.getStore() ?? [],
  },
};

/**
 * Opens the weights, gets a device and loads the networks.
 * @throws `INVALID_ARGUMENT`, `NO_ADAPTER`, `WEIGHTS_MISMATCH` for weights of another network, `ADAPTER_LIMITS`, `OUT_OF_MEMORY`,
 *   `GPU_ERROR`, `DEVICE_LOST`, `ABORTED`, and as `openWeights`
 */
export function createRestorer(options: RestorerOptions = {}): Promise<Restorer> {
  return Restorer.create(options, NODE);
}
