// Opens weights in any container that the library reads.

import { openSafetensors } from './safetensors.js';
import { type ByteSource, broken, readExactly } from './source.js';
import type { Weights } from './weights.js';

const ZIP_MAGIC = [0x50, 0x4b, 0x03, 0x04];

/** The older container of PyTorch begins with a pickle of its magic number. */
const LEGACY_MAGIC = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];

/** Pages that read safetensors do not load the reader of pickles. */
const checkpoints = () => import('./checkpoint.js');

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
  if (begins(ZIP_MAGIC)) return (await checkpoints()).openZipCheckpoint(source);
  if (begins(LEGACY_MAGIC)) return (await checkpoints()).openLegacyCheckpoint(source);
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
