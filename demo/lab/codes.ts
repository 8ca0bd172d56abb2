// What can be done to the codes of a face. Nothing here changes what it is given.

import { randomNumbers, sampleCodes } from '../../src/pipeline/sampling.js';

/** Other codes at some places. */
export function withCodes(indices: Int32Array, cells: Iterable<number>, codeAt: (cell: number) => number): Int32Array {
  const changed = indices.slice();
  for (const cell of cells) changed[cell] = codeAt(cell);
  return changed;
}

/** A code some steps further; after the last one comes the first. */
export const stepped = (code: number, steps: number, codebook: number): number =>
  (((code + steps) % codebook) + codebook) % codebook;

export const swapped = (indices: Int32Array, a: number, b: number): Int32Array =>
  withCodes(indices, [a, b], cell => indices[cell === a ? b : a]!);

/**
 * Codes drawn from softmax(logits / temperature) at some places. What is drawn at a place depends on the seed only, not on which other
 * places are drawn, and all places together are what the library draws with that seed.
 */
export function drawn(
  indices: Int32Array,
  cells: Iterable<number>,
  logits: Float32Array,
  codebook: number,
  { temperature, seed }: { readonly temperature: number; readonly seed: number },
): Int32Array {
  const all = sampleCodes(logits, codebook, temperature, randomNumbers(seed, 0));
  return withCodes(indices, cells, cell => all[cell]!);
}

export interface Choice {
  readonly code: number;
  /** 0 to 1. */
  readonly probability: number;
}

/** The codes that the network holds for most likely at a place, the likeliest first. */
export function likeliest(logits: Float32Array, codebook: number, cell: number, count: number): Choice[] {
  const row = logits.subarray(cell * codebook, (cell + 1) * codebook);
  const highest = row.reduce((a, b) => Math.max(a, b));
  const weights = Float64Array.from(row, logit => Math.exp(logit - highest));
  const total = weights.reduce((a, b) => a + b);
  return Array.from(weights, (weight, code) => ({ code, probability: weight / total }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, count);
}

/** Codes that were copied, by their place relative to the first one. */
export type Pattern = readonly { readonly right: number; readonly down: number; readonly code: number }[];

export function copied(indices: Int32Array, grid: number, cells: Iterable<number>): Pattern {
  const sorted = [...cells].sort((a, b) => a - b);
  const top = Math.min(...sorted.map(cell => Math.floor(cell / grid)));
  const left = Math.min(...sorted.map(cell => cell % grid));
  return sorted.map(cell => ({
    right: (cell % grid) - left,
    down: Math.floor(cell / grid) - top,
    code: indices[cell]!,
  }));
}

/** One code goes to all selected places; several go where the first selected place is, as far as the grid reaches. */
export function pasted(indices: Int32Array, grid: number, cells: Iterable<number>, pattern: Pattern): Int32Array {
  const [only, more] = pattern;
  if (only && !more) return withCodes(indices, cells, () => only.code);
  const places = [...cells];
  const top = Math.min(...places.map(cell => Math.floor(cell / grid)));
  const left = Math.min(...places.map(cell => cell % grid));
  const changed = indices.slice();
  for (const { right, down, code } of pattern)
    if (left + right < grid && top + down < grid) changed[(top + down) * grid + left + right] = code;
  return changed;
}

/** Places whose codes differ. */
export function changedCells(before: Int32Array, after: Int32Array): number[] {
  const cells: number[] = [];
  for (let i = 0; i < before.length; i++) if (before[i] !== after[i]) cells.push(i);
  return cells;
}
