// Multi-head attention: keys and values as panels that tiles read in one go, then for blocks of queries scores, softmax and the weighted sum
// of values.

import { product } from '../conv/product.as';
import { bytes, exp4, roundUp, splat, storeTransposed, sumOf } from '../prelude.as';

/** What a score is that must not count. */
const NONE: f32 = -3e38;

/** Addresses of a head of the n-th picture: keys are [n, heads, tokens / 8, dim, 8]. */
// @ts-ignore: decorator
@inline
function keysAt(keys: usize, head: i32, padded: i32, dim: i32): usize {
  return keys + <usize>head * bytes(padded) * <usize>dim;
}

/** Values are [n, heads, dim / 8, tokens, 8]. */
// @ts-ignore: decorator
@inline
function valuesAt(values: usize, head: i32, padded: i32, dim: i32): usize {
  return values + <usize>head * bytes(padded) * <usize>roundUp(dim, 8);
}

/** A part is 8 tokens of a picture, for all heads. */
export function attentionPanels(
  part: i32,
  local: usize,
  k: usize,
  kStride: i32,
  v: usize,
  vStride: i32,
  tokens: i32,
  heads: i32,
  dim: i32, // of a head
  keys: usize,
  values: usize,
): void {
  const padded = roundUp(tokens, 8);
  const panels = padded >> 3;
  const n = part / panels;
  const panel = part % panels;
  const first = panel * 8;
  const last = tokens - 1;
  const depth = bytes(dim);
  k += <usize>(n * tokens) * bytes(kStride);
  v += <usize>(n * tokens) * bytes(vStride);
  for (let head = 0; head < heads; head++, k += depth, v += depth) {
    const toKeys = keysAt(keys, n * heads + head, padded, dim) + <usize>panel * 8 * depth;
    for (let half = 0; half < 2; half++) {
      // Tokens past the end repeat the last one; their scores do not count.
      const token = first + half * 4;
      const k0 = k + <usize>min(token, last) * bytes(kStride);
      const k1 = k + <usize>min(token + 1, last) * bytes(kStride);
      const k2 = k + <usize>min(token + 2, last) * bytes(kStride);
      const k3 = k + <usize>min(token + 3, last) * bytes(kStride);
      for (let c: usize = 0; c < depth; c += 16) {
        const to = toKeys + 8 * c + <usize>half * 16;
        const r0 = v128.load(k0 + c);
        const r1 = v128.load(k1 + c);
        storeTransposed(r0, r1, v128.load(k2 + c), v128.load(k3 + c), to, to + 32, to + 64, to + 96);
      }
    }
    const toValues = valuesAt(values, n * heads + head, padded, dim);
    for (let token = first; token < first + 8; token++) {
      const from = v + <usize>token * bytes(vStride);
      for (let d = 0; d < dim; d += 8) {
        const to = toValues + <usize>((d >> 3) * padded + token) * 32;
        const at = from + bytes(d);
        v128.store(to, token < tokens ? v128.load(at) : splat(0));
        v128.store(to, token < tokens && d + 4 < dim ? v128.load(at, 16) : splat(0), 16);
      }
    }
  }
}

/** Of a row of `padded` scores, in place. */
function softmax(row: usize, tokens: i32, padded: i32, scale: f32): void {
  const end = row + bytes(padded);
  for (let at = row + bytes(tokens); at < end; at += 4) store<f32>(at, NONE);
  let largest = splat(-Infinity);
  for (let at = row; at < end; at += 16) {
    const score = f32x4.mul(v128.load(at), splat(scale));
    v128.store(at, score);
    largest = f32x4.pmax(largest, score);
  }
  const top = splat(
    max(
      max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1)),
      max(f32x4.extract_lane(largest, 2), f32x4.extract_lane(largest, 3)),
    ),
  );
  let sums = splat(0);
  for (let at = row; at < end; at += 16) {
    const weight = exp4(f32x4.sub(v128.load(at), top));
    v128.store(at, weight);
    sums = f32x4.add(sums, weight);
  }
  const factor = splat(1 / sumOf(sums));
  for (let at = row; at < end; at += 16) v128.store(at, f32x4.mul(v128.load(at), factor));
}

/**
 * A part is a block of queries of a head.
 * @param local scores of the block, its queries rounded up to 6 and tokens to 8; a value of 8 components for each of these queries
 */
export function attention(
  part: i32,
  local: usize,
  q: usize,
  qStride: i32,
  y: usize,
  yStride: i32,
  tokens: i32,
  heads: i32,
  dim: i32, // of a head
  scale: f32,
  keys: usize,
  values: usize,
  queries: i32, // of a block
  blocks: i32, // of queries of a picture
): void {
  const first = part % blocks * queries;
  const head = part / blocks; // of all pictures
  const rows = min(queries, tokens - first);
  const padded = roundUp(tokens, 8);
  const row = bytes(padded);
  const depth = bytes(dim);
  const token = <usize>(head / heads * tokens + first);
  const own = <usize>(head % heads) * depth;
  q += token * bytes(qStride) + own;
  y += token * bytes(yStride) + own;

  let panel = keysAt(keys, head, padded, dim);
  for (let at: usize = 0; at < row; at += 32, panel += 8 * depth)
    product(q, bytes(qStride), rows, panel, dim, local + at, row, false);

  for (let i = 0; i < rows; i++) softmax(local + <usize>i * row, tokens, padded, scale);

  const sums = local + <usize>roundUp(rows, 6) * row;
  panel = valuesAt(values, head, padded, dim);
  for (let d = 0; d < dim; d += 8, y += 32, panel += 8 * row) {
    product(local, row, rows, panel, padded, sums, 32, false);
    for (let i = 0; i < rows; i++) {
      const to = y + <usize>i * bytes(yStride);
      const sum = sums + <usize>i * 32;
      v128.store(to, v128.load(sum));
      if (d + 4 < dim) v128.store(to, v128.load(sum, 16), 16);
    }
  }
}
