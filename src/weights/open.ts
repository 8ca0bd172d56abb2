// Opens weights in any container that the library reads.

import { LEGACY_MAGIC, openLegacyCheckpoint, openZipCheckpoint } from './checkpoint.js';
import { openSafetensors } from './safetensors.js';
import { type ByteSource, broken, readExactly } from './source.js';
import type { Weights } from './weights.js';

const ZIP_MAGIC = [0x50, 0x4b, 0x03, 0x04];

/**
 * Opens safetensors files and PyTorch checkpoints, telling the container from the first bytes. Reads what describes the
 * tensors and checks all of it; the tensors are read when asked for. Closing the weights closes the source; where opening
 * fails the source is closed at once.
 *
 * Throws `INVALID_CHECKPOINT` with the name of the source and the fault.
 */
export async function openWeightsSource(source: ByteSource): Promise<Weights> {
  try {
    return await open(source);
  } catch (error) {
    await source.close?.();
    throw error;
  }
}

async function open(source: ByteSource): Promise<Weights> {
  const head = await readExactly(source, 0, Math.min(source.size, 64), 'the first bytes');
  const begins = (magic: number[]) => magic.every((byte, i) => head[i] === byte);
  if (begins(ZIP_MAGIC)) return openZipCheckpoint(source);
  if (begins(LEGACY_MAGIC)) return openLegacyCheckpoint(source);
  // The header of safetensors is an object, after 8 bytes of length.
  if (head[8] === 0x7b) return openSafetensors(source);

  const expected = 'expected a safetensors file or a PyTorch checkpoint';
  const text = new TextDecoder('latin1').decode(head).trimStart();
  if (source.size < 9) throw broken(source.name, `${expected} but the file has ${source.size} bytes`);
  if (text.startsWith('version https://git-lfs')) {
    throw broken(source.name, `${expected} but got a Git LFS pointer: fetch the file itself with git lfs pull`);
  }
  if (text.startsWith('<')) throw broken(source.name, `${expected} but got a web page`);
  const bytes = [...head.subarray(0, 8)].map(byte => byte.toString(16).padStart(2, '0')).join(' ');
  throw broken(source.name, `${expected} but the file begins with ${bytes}`);
}
