// Restorers in a browser.

import { CodeFormerError, invalidArgument } from '../errors.js';
import type { Platform } from '../pipeline/platform.js';
import { Restorer, type RestorerOptions } from '../pipeline/restorer.js';
import { type Manifest, parseManifest, type Role } from '../weights/manifest.js';
import { withMetadata } from '../weights/weights.js';
import { downloadText } from './download.js';
import { createDevice } from './gpu.js';
import { decodeImage, encodeImage, readPixels } from './images.js';
import { openWeights } from './weights.js';

/** The package's weights lie beside its bundle. */
const WEIGHTS = new URL('../weights/', import.meta.url);

/** As everywhere, and where the embedded weights are fetched from. */
export interface WebRestorerOptions extends RestorerOptions {
  /** The folder of the embedded weights and their manifest, where it is not beside that of the package's code. */
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
 * @throws `INVALID_ARGUMENT`, `NO_ADAPTER`, `DOWNLOAD_FAILED`, `INTEGRITY`, `INVALID_CHECKPOINT`, `WEIGHTS_MISMATCH`, `ABORTED`
 */
export async function createRestorer(options: WebRestorerOptions = {}): Promise<Restorer> {
  if (typeof options !== 'object' || options === null) throw invalidArgument('an object', 'options', options);
  const { weightsBase, onWeights, ...others } = options;
  if (onWeights !== undefined && typeof onWeights !== 'function')
    throw invalidArgument('a function', 'onWeights', onWeights);
  return Restorer.create(others, browser(folderOf(weightsBase), onWeights));
}

function folderOf(base: string | URL | undefined): URL {
  if (base === undefined) return WEIGHTS;
  if (!URL.canParse(base, location.href)) throw invalidArgument('a URL', 'weightsBase', base);
  const url = new URL(base, location.href);
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function browser(folder: URL, onWeights: WebRestorerOptions['onWeights']): Platform {
  let manifest: Promise<Manifest> | undefined;
  return {
    createDevice,
    async openWeights(source, { role, signal }) {
      const onProgress = (received: number, total: number | undefined) => onWeights?.({ role, received, total });
      if (source !== 'embedded') return openWeights(source, { signal, onProgress });
      manifest ??= embeddedManifest(folder, signal);
      const entry = (await manifest).files.find(file => file.role === role);
      if (!entry) throw new CodeFormerError('FILE_NOT_FOUND', `The package has no embedded weights for the ${role}`);
      const { file, bytes: size, sha256, licence } = entry;
      return withMetadata(await openWeights(new URL(file, folder), { sha256, size, signal, onProgress }), { licence });
    },
    decodeImage,
    encodeImage,
    readPixels,
  };
}

async function embeddedManifest(folder: URL, signal: AbortSignal | undefined): Promise<Manifest> {
  const url = String(new URL('manifest.json', folder));
  return parseManifest(await downloadText(url, signal), url);
}
