// Opens weights in a browser: from a URL, from a file chosen from disk, or from memory.

import { invalidArgument } from '../errors.js';
import { openWeightsSource } from '../weights/open.js';
import { type ByteSource, bytesSource } from '../weights/source.js';
import type { Weights } from '../weights/weights.js';
import { type DownloadOptions, download } from './download.js';

/** Of a URL; the bytes of others are there. */
export type OpenWeightsOptions = DownloadOptions;

/**
 * Opens safetensors or PyTorch checkpoints. Tensors are read when they are asked for. What a URL names is downloaded as a whole, in
 * several attempts where the connection breaks, and kept in Cache Storage where its SHA-256 is known.
 * @param source a URL (relative ones as the page has them), a file, or its bytes
 * @throws `INVALID_ARGUMENT`, `DOWNLOAD_FAILED`, `INTEGRITY`, `INVALID_CHECKPOINT`, `ABORTED`
 */
export async function openWeights(
  source: string | URL | Blob | Uint8Array | ArrayBuffer,
  options: OpenWeightsOptions = {},
): Promise<Weights> {
  if (source instanceof Blob) return openWeightsSource(blobSource(source));
  if (source instanceof ArrayBuffer) return openWeightsSource(bytesSource(new Uint8Array(source), 'bytes'));
  if (source instanceof Uint8Array) return openWeightsSource(bytesSource(source, 'bytes'));
  if (typeof source !== 'string' && !(source instanceof URL)) {
    throw invalidArgument('a URL, a Blob or bytes', 'weights', source);
  }
  const url = String(source);
  return openWeightsSource(blobSource(await download(url, options), url));
}

function blobSource(blob: Blob, name = blob instanceof File ? blob.name : 'blob'): ByteSource {
  return {
    name,
    size: blob.size,
    read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
  };
}
