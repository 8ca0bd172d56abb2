// Restorers in a browser.

import { CodeFormerError } from '../errors.js';
import type { Platform } from '../pipeline/platform.js';
import { Restorer, type RestorerOptions } from '../pipeline/restorer.js';
import { parseManifest, type Role } from '../weights/manifest.js';
import { createDevice } from './gpu.js';
import { decodeImage, encodeImage, readPixels } from './images.js';
import { openWeights } from './weights.js';

/** The package's weights lie beside its bundle. */
const WEIGHTS = new URL('../weights/', import.meta.url);

const BROWSER: Platform = {
  createDevice,
  async openWeights(source, { role, signal }) {
    const options = signal ? { signal } : {};
    if (source !== 'embedded') return openWeights(source, options);
    const { url, licence } = await embedded(role, signal);
    const weights = await openWeights(url, options);
    return { ...weights, metadata: { ...weights.metadata, licence } };
  },
  decodeImage,
  encodeImage,
  readPixels,
};

async function embedded(role: Role, signal: AbortSignal | undefined): Promise<{ url: URL; licence: string }> {
  const url = new URL('manifest.json', WEIGHTS);
  const response = await fetch(url, signal ? { signal } : {}).catch(cause => {
    const aborted = signal?.aborted;
    const message = aborted ? 'The download was aborted' : `${url} could not be downloaded: ${cause.message}`;
    throw new CodeFormerError(aborted ? 'ABORTED' : 'DOWNLOAD_FAILED', message, { cause });
  });
  if (!response.ok) throw new CodeFormerError('DOWNLOAD_FAILED', `${url}: the server answered ${response.status}`);
  const entry = parseManifest(await response.text(), String(url)).files.find(file => file.role === role);
  if (!entry) throw new CodeFormerError('FILE_NOT_FOUND', `The package has no embedded weights for the ${role}`);
  return { url: new URL(entry.file, WEIGHTS), licence: entry.licence };
}

/**
 * Opens the weights, gets a device and loads the networks.
 * @throws `INVALID_ARGUMENT`, `NO_ADAPTER`, `DOWNLOAD_FAILED`, `INVALID_CHECKPOINT`, `WEIGHTS_MISMATCH`, `ABORTED`
 */
export function createRestorer(options: RestorerOptions = {}): Promise<Restorer> {
  return Restorer.create(options, BROWSER);
}
