// Restorers in Node.

import type { Platform } from '../pipeline/platform.js';
import { Restorer, type RestorerOptions } from '../pipeline/restorer.js';
import { createDevice } from './gpu.js';
import { decodeImage, encodeImage } from './images.js';
import { openWeights } from './weights.js';

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
};

/**
 * Opens the weights, gets a device and loads the networks.
 * @throws `INVALID_ARGUMENT`, `NO_ADAPTER`, `FILE_NOT_FOUND`, `INVALID_CHECKPOINT`, `WEIGHTS_MISMATCH`, `ABORTED`
 */
export function createRestorer(options: RestorerOptions = {}): Promise<Restorer> {
  return Restorer.create(options, NODE);
}
