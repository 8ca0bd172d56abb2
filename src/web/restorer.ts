// Restorers in a browser.

import { CodeFormerError, invalidArgument } from '../errors.js';
import { insideOfStack, type Platform } from '../pipeline/platform.js';
import { Restorer } from '../pipeline/restorer.js';
import type { RestorerOptions } from '../pipeline/restorer-types.js';
import type { Role } from '../weights/manifest.js';
import { embeddedWeights } from './embedded.js';
import { checkAdapter, createDevice } from './gpu.js';
import { decodeImage, encodeImage, readPixels } from './images.js';
import { NOTES } from './notes.js';
import { openWeights } from './weights.js';

/** As everywhere, and where the embedded weights are fetched from. */
export interface WebRestorerOptions extends RestorerOptions {
  /**
   * The folder of the embedded weights and their manifest. Default: the files beside the package's code, which most bundlers take along;
   * else a copy of the folder `weights` of the package.
   */
  readonly weightsBase?: string | URL | undefined;
  /** Gets the bytes that have come of weights behind URLs, the embedded ones too, and all of them where known. */
  readonly onWeights?: ((progress: WeightsProgress) => void) | undefined;
}

/** How much of a file of weights has come, in bytes. */
export interface WeightsProgress {
  readonly role: Role;
  readonly received: number;
  readonly total: number | undefined;
}

/**
 * Opens the weights, gets a device and loads the networks.
 * @throws `INVALID_ARGUMENT`, `NO_ADAPTER`, `WEIGHTS_MISMATCH` for weights of another network, `ADAPTER_LIMITS`, `OUT_OF_MEMORY`,
 *   `GPU_ERROR`, `DEVICE_LOST`, `ABORTED`, and as `openWeights`
 */
export async function createRestorer(options: WebRestorerOptions = {}): Promise<Restorer> {
  if (typeof options !== 'object' || options === null) throw invalidArgument('an object', 'options', options);
  if (globalThis.isSecureContext === false)
    throw new CodeFormerError('NO_ADAPTER', 'Expected a page from https or localhost: no other has WebGPU and hashes');
  const { weightsBase, onWeights, ...others } = options;
  if (onWeights !== undefined && typeof onWeights !== 'function')
    throw invalidArgument('a function', 'onWeights', onWeights);
  return Restorer.create(others, browser(folderOf(weightsBase), onWeights, others.device !== undefined));
}

function folderOf(base: string | URL | undefined): URL | undefined {
  if (base === undefined) return undefined;
  if (!URL.canParse(base, location.href)) throw invalidArgument('a URL', 'weightsBase', base);
  const url = new URL(base, location.href);
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function browser(folder: URL | undefined, onWeights: WebRestorerOptions['onWeights'], hasDevice: boolean): Platform {
  const openEmbedded = embeddedWeights(folder);
  let checked: Promise<void> | undefined = hasDevice ? Promise.resolve() : undefined;
  return {
    createDevice,
    async openWeights(source, { role, signal }) {
      await (checked ??= checkAdapter());
      const onProgress = (received: number, total: number | undefined) => onWeights?.({ role, received, total });
      const options = { signal, onProgress };
      return source === 'embedded' ? openEmbedded(role, options) : openWeights(source, options);
    },
    decodeImage,
    encodeImage,
    readPixels,
    notes: NOTES,
    inside: insideOfStack(),
  };
}
