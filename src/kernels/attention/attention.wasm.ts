// `attention` on WebAssembly in two steps; see attention.as.ts.

import { ceilDiv, roundUp } from '../kernel.js';
import { type Job, PARTS, placed, runsOf, type WasmKernel } from '../wasm.js';
import type { AttentionParams } from './attention.js';

/** Queries of a tile. */
const TILE = 6;

/** Scores of a block that stay in the second-level cache. */
const SCORES = 32768;

export const wasmAttention: WasmKernel<AttentionParams> = {
  scratch({ q, heads }) {
    const padded = roundUp(q.h * q.w, 8);
    return {
      keys: { type: 'f32', elements: q.n * padded * q.c },
      values: { type: 'f32', elements: q.n * padded * heads * roundUp(q.c / heads, 8) },
    };
  },
  jobs({ q, k, v, y, heads, scale }): Job[] {
    const tokens = q.h * q.w;
    const padded = roundUp(tokens, 8);
    const dim = q.c / heads;
    const most = Math.max(TILE, Math.floor(SCORES / padded / TILE) * TILE);
    const { each } = runsOf(tokens, TILE, ceilDiv(PARTS, q.n * heads));
    const queries = Math.min(each, most);
    const blocks = ceilDiv(tokens, queries);
    return [
      {
        run: 'attentionPanels',
        args: [...placed('k', k), ...placed('v', v), tokens, heads, dim, 'keys', 'values'],
        parts: (q.n * padded) / 8,
      },
      {
        run: 'attention',
        args: [...placed('q', q), ...placed('y', y), tokens, heads, dim, scale, 'keys', 'values', queries, blocks],
        parts: q.n * heads * blocks,
        local: 4 * queries * (padded + 8),
      },
    ];
  },
};
