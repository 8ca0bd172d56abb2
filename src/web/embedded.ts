// The weights that ship with the package, as pages get them.

import manifest from '../../weights/manifest.json' with { type: 'json' };
import { CodeFormerError } from '../errors.js';
import { type Manifest, manifestMetadata, parseManifest, type Role } from '../weights/manifest.js';
import { type Weights, withMetadata } from '../weights/weights.js';
import { downloadText } from './download.js';
import { type OpenWeightsOptions, openWeights } from './weights.js';

/**
 * The files, as the bundles in `dist` see them. Each is spelled out, because bundlers take a file along, and rewrite its address, where they
 * read exactly this.
 */
const FILES: Readonly<Record<string, () => URL>> = {
  'restorer.safetensors': () => new URL('../weights/restorer.safetensors', import.meta.url),
  'detector.safetensors': () => new URL('../weights/detector.safetensors', import.meta.url),
  'upscaler.safetensors': () => new URL('../weights/upscaler.safetensors', import.meta.url),
};

/** Opens the embedded weights of a role. */
export type OpenEmbedded = (role: Role, options: Omit<OpenWeightsOptions, 'sha256' | 'size'>) => Promise<Weights>;

/**
 * The embedded weights: beside the package's code or where its bundler put them, or in a folder with a manifest of its own.
 * @param folder with a slash at the end
 */
export function embeddedWeights(folder: URL | undefined): OpenEmbedded {
  let read: Promise<Manifest> | undefined;
  return async (role, options) => {
    const { files } = folder ? await (read ??= manifestOf(folder, options.signal)) : (manifest as unknown as Manifest);
    const entry = files.find(file => file.role === role);
    if (!entry) throw new CodeFormerError('FILE_NOT_FOUND', `The package has no embedded weights for the ${role}`);
    const { file, bytes: size, sha256 } = entry;
    const known = { ...options, sha256, size };
    const weights = folder ? openWeights(new URL(file, folder), known) : openBundled(file, known);
    return withMetadata(await weights, manifestMetadata(entry));
  };
}

async function manifestOf(folder: URL, signal: AbortSignal | undefined): Promise<Manifest> {
  const url = String(new URL('manifest.json', folder));
  return parseManifest(await downloadText(url, signal), url);
}

/** What helps where a bundler has left the files behind. */
const HELP =
  'bundlers that do not take the files of weights along need weightsBase, the address of a copy of the folder codeformer-webgpu/weights';

async function openBundled(file: string, options: OpenWeightsOptions): Promise<Weights> {
  let url: URL;
  try {
    url = FILES[file]!();
  } catch (cause) {
    // Scripts that are no modules have no address.
    throw new CodeFormerError('DOWNLOAD_FAILED', `${file} has no address here: ${HELP}`, { cause });
  }
  try {
    return await openWeights(url, options);
  } catch (error) {
    if (!(error instanceof CodeFormerError) || !['DOWNLOAD_FAILED', 'INTEGRITY'].includes(error.code)) throw error;
    throw new CodeFormerError(error.code, `${error.message} (${HELP})`, { cause: error });
  }
}
