// The meaning of `attention`.

import { type Layout, layoutElements, type NumberArray } from '../kernel.js';
import type { AttentionParams } from './attention.js';

export function attentionReference(
  { q, k, v, y, heads, scale }: AttentionParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const { q: queries, k: keys, v: values } = inputs as Record<'q' | 'k' | 'v', NumberArray>;
  const out = new Float32Array(layoutElements(y));
  const tokens = q.h * q.w;
  const dim = q.c / heads;
  const at = (l: Layout, n: number, token: number, channel: number) =>
    (n * tokens + token) * l.stride + l.offset + channel;
  for (let n = 0; n < q.n; n++)
    for (let head = 0; head < heads; head++)
      for (let i = 0; i < tokens; i++) {
        const scores = Array.from({ length: tokens }, (_, j) => {
          let sum = 0;
          for (let d = head * dim; d < (head + 1) * dim; d++) sum += queries[at(q, n, i, d)]! * keys[at(k, n, j, d)]!;
          return sum * scale;
        });
        const top = Math.max(...scores);
        const weights = scores.map(s => Math.exp(s - top));
        const total = weights.reduce((sum, w) => sum + w, 0);
        for (let d = head * dim; d < (head + 1) * dim; d++) {
          const sum = weights.reduce((acc, w, j) => acc + w * values[at(v, n, j, d)]!, 0);
          out[at(y, n, i, d)] = sum / total;
        }
      }
  return { y: out };
}
