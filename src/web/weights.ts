// Opens weights in a browser: from a URL, from a file chosen from disk, or from memory.

import { CodeFormerError, invalidArgument } from '../errors.js';
import { openWeightsSource } from '../weights/open.js';
import { type ByteSource, bytesSource } from '../weights/source.js';
import type { Weights } from '../weights/weights.js';

export interface OpenWeightsOptions {
  readonly signal?: AbortSignal;
  /** Bytes that have come of a URL, and all of them where the server says so. */
  readonly onProgress?: (received: number, total: number | undefined) => void;
}

/**
 * Opens safetensors or PyTorch checkpoints. Of a `Blob` (so of a `File`) tensors are read when they are asked for; what a URL names is
 * held in memory.
 * @throws `DOWNLOAD_FAILED`, `INVALID_CHECKPOINT`
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

async function download(url: string, { signal, onProgress }: OpenWeightsOptions): Promise<Blob> {
  try {
    const response = await fetch(url, signal ? { signal } : {});
    if (!response.ok || !response.body)
      throw new Error(`the server answered ${response.status} ${response.statusText}`);
    const total = Number(response.headers.get('content-length')) || undefined;
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let received = 0;
    for await (const piece of response.body) {
      pieces.push(piece as Uint8Array<ArrayBuffer>);
      received += piece.length;
      onProgress?.(received, total);
    }
    return new Blob(pieces);
  } catch (cause) {
    if (signal?.aborted) throw new CodeFormerError('ABORTED', `The download of ${url} was aborted`, { cause });
    throw new CodeFormerError('DOWNLOAD_FAILED', `${url} could not be downloaded: ${(cause as Error).message}`, {
      cause,
    });
  }
}
