// Tells networks apart, so that codes of one are not taken for those of another.

import { encodeFloat16 } from '../../weights/dtype.js';
import { checkTensors, type Weights } from '../../weights/weights.js';
import { type CodeFormerConfig, codeFormerTensors, inferConfig, levelSides } from './tensors.js';

const CODEBOOK = 'quantize.embedding.weight';

/** What the codes of a network mean: those of another one mean something else. */
export interface CodeSpace {
  /** Codes in a row, and rows, of a face. */
  readonly grid: number;
  /** How many codes there are; each is a whole number below it. */
  readonly codebook: number;
  /** SHA-256 in 64 hexadecimal digits, see `fingerprintOf`. */
  readonly fingerprint: string;
}

/**
 * The codes of a network: how many there are, in which grid, and whose.
 * @throws `WEIGHTS_MISMATCH` for weights that are not those of one
 */
export async function codeSpace(weights: Weights): Promise<CodeSpace> {
  const config = inferConfig(weights);
  return {
    grid: levelSides(config).at(-1)!,
    codebook: config.codebook,
    fingerprint: await fingerprintOf(weights, config),
  };
}

/**
 * SHA-256 over the codebook and all vectors (biases, norms), which every training changes: each with its name before it, in the order of
 * names, as float16 in little endian. So a network is the same one in each container, and where it was stored in half precision; the
 * large tensors need not be read for it.
 */
async function fingerprintOf(weights: Weights, config: CodeFormerConfig): Promise<string> {
  const shapes = codeFormerTensors(config);
  checkTensors(weights, shapes);
  const hashed = [...shapes.keys()].filter(name => name === CODEBOOK || shapes.get(name)!.length === 1).sort();
  const parts: BlobPart[] = [];
  for (const name of hashed)
    parts.push(name, new Uint8Array(encodeFloat16(await weights.float32(name)).buffer as ArrayBuffer));
  const digest = await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer());
  return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('');
}
