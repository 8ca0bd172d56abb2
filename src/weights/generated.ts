// Deterministic weights that need no file: every tensor follows from its name, its shape and a seed, so that tests and
// measurements run on any geometry and other implementations can make the same values.

import { elementCount } from './dtype.js';
import { type Weights, type WeightsEntry, weightsFrom } from './weights.js';

/**
 * Tensors of a table of shapes, each made when it is asked for.
 *
 * Values are uniform in [-1, 1) from a 32-bit hash of seed, name and index, scaled so that a network of random weights
 * still behaves like a trained one: activations keep their size, attention attends, tokens differ.
 * @param shapes shapes by name
 * @param seed a 32-bit unsigned integer
 */
export function generatedTensors(
  shapes: ReadonlyMap<string, readonly number[]>,
  seed: number,
  metadata: Readonly<Record<string, string>> = {},
): Weights {
  const entries = new Map<string, WeightsEntry>();
  for (const [name, shape] of shapes) {
    const read = async () => new Uint8Array(generateTensor(name, shape, seed).buffer);
    entries.set(name, { dtype: 'float32', shape, read });
  }
  return weightsFrom(`generated weights (seed ${seed})`, metadata, entries);
}

/** One tensor, row-major. Products and sums are rounded to float32, one after the other. */
export function generateTensor(name: string, shape: readonly number[], seed: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(elementCount(shape));
  const { base, scale } = distribution(name, shape);
  let a = fnv1a32(name) ^ seed;
  for (let i = 0; i < out.length; i++) {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    t ^= t >>> 14;
    const u = (t >>> 8) * 2 ** -23 - 1;
    out[i] = base + Math.fround(scale * u);
  }
  return out;
}

/** Values are base + scale * u. */
function distribution(name: string, shape: readonly number[]): { base: number; scale: number } {
  const last = name.slice(name.lastIndexOf('.') + 1);
  const around = (base: number, scale: number) => ({ base, scale: Math.fround(scale) });
  if (last === 'running_mean') return around(0, 0.2);
  if (last === 'running_var') return around(1, 0.3);
  if (name === 'position_emb') return around(0, 2);
  if (name === 'quantize.embedding.weight') return around(0, 1);
  if (shape.length >= 2) return around(0, gain(name) * Math.sqrt(3 / elementCount(shape.slice(1))));
  return last === 'weight' ? around(1, 0.3) : around(0, 0.1);
}

function gain(name: string): number {
  if (/(in_proj_weight|\.q\.weight|\.k\.weight)$/.test(name)) return 3;
  if (name === 'conv_last.weight' || name.includes('Head.')) return 0.05;
  return name === 'feat_emb.weight' ? 4 : 1;
}

/** FNV-1a over the UTF-8 bytes. */
function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}
