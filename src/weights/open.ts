// Opens weights in any container that the library reads.

import { loadPart } from '../errors.js';
import { openSafetensors } from './safetensors.js';
import { type ByteSource, broken, readExactly } from './source.js';
import type { Weights } from './weights.js';

const ZIP_MAGIC = [0x50, 0x4b, 0x03, 0x04];

/** The older container of PyTorch begins with a pickle of its magic number. */
const LEGACY_MAGIC = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];

/** Files that people take for weights, by their first bytes. */
const OTHERS: readonly (readonly [what: string, magic: string, at?: number])[] = [
  ['a GGUF model', 'GGUF'],
  ['an HDF5 file', '\x89HDF'],
  ['a TensorFlow Lite model', 'TFL3', 4],
  ['a NumPy array', '\x93NUMPY'],
  ['a gzip archive', '\x1f\x8b'],
  ['a 7z archive', '7z\xbc\xaf'],
  ['a RAR archive', 'Rar!'],
  ['an empty zip archive', 'PK\x05\x06'],
  ['a picture', '\x89PNG'],
  ['a picture', '\xff\xd8\xff'],
  ['a pickle of Python that torch.save did not write', '\x80\x02'],
  ['a pickle of Python that torch.save did not write', '\x80\x03'],
  ['a pickle of Python that torch.save did not write', '\x80\x04'],
  ['a pickle of Python that torch.save did not write', '\x80\x05'],
];

/** ONNX is a message of protocol buffers: the version of its format (field 1), then its producer, domain, graph or operator sets. */
const isOnnx = (head: Uint8Array): boolean =>
  head[0] === 0x08 && head[1]! > 0 && head[1]! < 0x20 && [0x12, 0x1a, 0x22, 0x3a, 0x42].includes(head[2]!);

/** Pages that read safetensors do not load the reader of pickles. */
const checkpoints = () => loadPart('The reader of checkpoints', import('./checkpoint.js'));

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
  const latin1 = String.fromCharCode(...head);
  const text = latin1.trimStart();
  if (source.size < 9) throw broken(source.name, `${expected} but the file has ${source.size} bytes`);
  if (text.startsWith('version https://git-lfs')) {
    throw broken(source.name, `${expected} but got a Git LFS pointer: fetch the file itself with git lfs pull`);
  }
  if (text.startsWith('<')) throw broken(source.name, `${expected} but got a web page`);
  const bytes = [...head.subarray(0, 8)].map(byte => byte.toString(16).padStart(2, '0')).join(' ');
  if (isOnnx(head)) {
    const instead = 'an ONNX model: take the checkpoint that it was made from';
    throw broken(source.name, `${expected} but got ${instead} (the file begins with ${bytes})`);
  }
  const other = OTHERS.find(([, magic, at = 0]) => latin1.startsWith(magic, at));
  throw broken(source.name, `${expected} but ${other ? `got ${other[0]}: ` : ''}the file begins with ${bytes}`);
}
