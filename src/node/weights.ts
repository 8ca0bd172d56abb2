// Opens weights wherever they are: embedded in the package, in a file, behind a URL, in memory.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CodeFormerError, invalidArgument } from '../errors.js';
import type { Role } from '../weights/manifest.js';
import { openWeightsSource } from '../weights/open.js';
import { bytesSource } from '../weights/source.js';
import type { Weights } from '../weights/weights.js';
import { embeddedWeights } from './embedded.js';
import { fileSource } from './file-source.js';

/** Which of the embedded weights are opened, and for how long a URL is tried. */
export interface OpenWeightsOptions {
  /** Which of the embedded networks `'embedded'` means. Default `restorer`. */
  readonly role?: Role;
  readonly signal?: AbortSignal;
}

/**
 * Opens safetensors or PyTorch checkpoints; tensors are read when they are asked for. What a URL names is held in memory.
 * @param source `'embedded'`, a path, a URL (http, https, file) or the bytes of a file
 * @throws `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `DOWNLOAD_FAILED`, `INVALID_CHECKPOINT`
 */
export async function openWeights(
  source: string | URL | Uint8Array | ArrayBuffer,
  options: OpenWeightsOptions = {},
): Promise<Weights> {
  if (source instanceof ArrayBuffer) return openWeightsSource(bytesSource(new Uint8Array(source), 'bytes'));
  if (source instanceof Uint8Array) return openWeightsSource(bytesSource(source, 'bytes'));
  if (source === 'embedded') return openEmbedded(options.role ?? 'restorer');
  if (typeof source !== 'string' && !(source instanceof URL)) {
    throw invalidArgument("'embedded', a path, a URL or bytes", 'weights', source);
  }
  const text = String(source);
  if (/^https?:/i.test(text)) return openWeightsSource(bytesSource(await download(text, options.signal), text));
  return openWeightsSource(await fileSource(/^file:/i.test(text) ? fileURLToPath(text) : text));
}

async function openEmbedded(role: Role): Promise<Weights> {
  const { folder, manifest } = await embeddedWeights();
  const entry = manifest.files.find(f => f.role === role);
  if (!entry) throw new CodeFormerError('FILE_NOT_FOUND', `The package has no embedded weights for the ${role}`);
  const weights = await openWeightsSource(await fileSource(join(folder, entry.file)));
  return { ...weights, metadata: { ...weights.metadata, licence: entry.licence } };
}

async function download(url: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  try {
    const response = await fetch(url, signal ? { signal } : {});
    if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    if (signal?.aborted) throw new CodeFormerError('ABORTED', `The download of ${url} was aborted`, { cause });
    throw new CodeFormerError('DOWNLOAD_FAILED', `${url} could not be downloaded: ${(cause as Error).message}`, {
      cause,
    });
  }
}
