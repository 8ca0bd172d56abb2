// Multi-head attention in three steps: scores, softmax, weighted sum of values; see scores.wgsl, softmax.wgsl and values.wgsl. At the
// few hundred tokens of the networks the whole matrix of scores is small, and register tiles serve both families.

import {
  array,
  bytesPerElement,
  ceilDiv,
  type Dispatch,
  type Kernel,
  type Layout,
  linearGrid,
  mismatch,
  type Operand,
  placeOf,
  roundUp,
  tensor,
} from '../kernel.js';
import { rowGrid, rowShader } from '../statistics/statistics.js';
import scoresCode from './scores.wgsl';
import softmaxCode from './softmax.wgsl';
import valuesCode from './values.wgsl';

export interface AttentionParams {
  /** Tokens are pixels in rows. q, k, v and y have the same n, h, w and c; head i has channels i * c / heads and on. */
  readonly q: Layout;
  readonly k: Layout;
  readonly v: Layout;
  readonly y: Layout;
  readonly heads: number;
  /** Of q . k, before the softmax. */
  readonly scale: number;
}

/**
 * Operands: `q`, `k`, `v`, which may be slices of one buffer; `y`; `scores`, f32 scratch [n, heads, tokens, tokens rounded up to 4].
 * @throws `SHAPE_MISMATCH` when the channels are no `heads` times a multiple of 4
 */
export const attention: Kernel<AttentionParams> = {
  name: 'attention',
  operands({ q, k, v, y, heads }): Record<string, Operand> {
    if (q.c % (heads * 4) !== 0) throw mismatch(`channels in ${heads} heads of a multiple of 4`, q.c);
    const tokens = q.h * q.w;
    return {
      q: tensor('read', q),
      k: tensor('read', k),
      v: tensor('read', v),
      scores: array('scratch', 'f32', q.n * heads * tokens * roundUp(tokens, 4)),
      y: tensor('write', y),
    };
  },
  dispatches({ q, k, v, y, heads, scale }, target): Dispatch[] {
    const tokens = q.h * q.w;
    const tiles = ceilDiv(tokens, 4);
    const rows = q.n * heads * tokens;
    const products = rows * tiles * 4 * (q.c / heads);
    const scores = rows * tiles * 16;
    const store = bytesPerElement('store', target.precision);
    const shared = { tokens, tiles, heads, dim: q.c / heads / 4 };
    const scoreTiles = q.n * heads * tiles * tiles;
    const valueTiles = (q.n * tiles * q.c) / 4;
    return [
      {
        shader: { name: 'attention/scores', code: scoresCode },
        plan: { ...shared, count: scoreTiles, scale, ...placeOf('q', q), ...placeOf('k', k) },
        workgroups: linearGrid(scoreTiles),
        operands: ['q', 'k', 'scores'],
        flops: 2 * products,
        bytes: 2 * q.n * tokens * q.c * store + scores,
      },
      {
        shader: { name: `attention/softmax/${target.family}`, code: rowShader(softmaxCode, target) },
        plan: { rows, tiles },
        workgroups: rowGrid(rows, target),
        operands: ['scores'],
        flops: rows * tiles * 4 * 24,
        bytes: 2 * scores,
      },
      {
        shader: { name: 'attention/values', code: valuesCode },
        plan: { ...shared, count: valueTiles, ...placeOf('v', v), ...placeOf('y', y) },
        workgroups: linearGrid(valueTiles),
        operands: ['scores', 'v', 'y'],
        flops: 2 * products,
        bytes: 2 * q.n * tokens * q.c * store + scores,
      },
    ];
  },
};
