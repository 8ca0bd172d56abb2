// Multi-head attention in three steps: scores, softmax, weighted sum of values; see scores.wgsl, softmax.wgsl and values.wgsl. At the
// few hundred tokens of the networks the whole matrix of scores is small, and register tiles serve both families.

import { CodeFormerError } from '../../errors.js';
import {
  bytesPerElement,
  ceilDiv,
  type Dispatch,
  type Kernel,
  type Layout,
  layoutElements,
  linearGrid,
  type Operand,
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
    if (q.c % (heads * 4) !== 0) {
      throw new CodeFormerError(
        'SHAPE_MISMATCH',
        `Expected channels in ${heads} heads of a multiple of 4 but received ${q.c}`,
      );
    }
    const read = (l: Layout): Operand => ({ access: 'read', type: 'store', elements: layoutElements(l), layout: l });
    const tokens = q.h * q.w;
    return {
      q: read(q),
      k: read(k),
      v: read(v),
      scores: { access: 'scratch', type: 'f32', elements: q.n * heads * tokens * ceilDiv(tokens, 4) * 4 },
      y: { access: 'write', type: 'store', elements: layoutElements(y), layout: y },
    };
  },
  dispatches({ q, k, v, y, heads, scale }, target): Dispatch[] {
    const tokens = q.h * q.w;
    const tiles = ceilDiv(tokens, 4);
    const rows = q.n * heads * tokens;
    const products = rows * tiles * 4 * (q.c / heads);
    const scores = rows * tiles * 16;
    const store = bytesPerElement('store', target.precision);
    const shared = { TOKENS: tokens, TILES: tiles, HEADS: heads, DIM: q.c / heads / 4 };
    const scoreTiles = q.n * heads * tiles * tiles;
    const valueTiles = (q.n * tiles * q.c) / 4;
    return [
      {
        shader: {
          name: 'attention/scores',
          code: scoresCode,
          constants: {
            ...shared,
            COUNT: scoreTiles,
            SCALE: scale,
            Q_STRIDE: q.stride / 4,
            Q_OFFSET: q.offset / 4,
            K_STRIDE: k.stride / 4,
            K_OFFSET: k.offset / 4,
          },
          bindings: ['read', 'read', 'write'],
        },
        workgroups: linearGrid(scoreTiles, 64),
        operands: ['q', 'k', 'scores'],
        flops: 2 * products,
        bytes: 2 * q.n * tokens * q.c * store + scores,
      },
      {
        shader: {
          name: `attention/softmax/${target.family}`,
          code: rowShader(softmaxCode, target),
          constants: { ROWS: rows, TILES: tiles },
          bindings: ['write'],
        },
        workgroups: rowGrid(rows, target),
        operands: ['scores'],
        flops: rows * tiles * 4 * 24,
        bytes: 2 * scores,
      },
      {
        shader: {
          name: 'attention/values',
          code: valuesCode,
          constants: {
            ...shared,
            COUNT: valueTiles,
            V_STRIDE: v.stride / 4,
            V_OFFSET: v.offset / 4,
            Y_STRIDE: y.stride / 4,
            Y_OFFSET: y.offset / 4,
          },
          bindings: ['read', 'read', 'write'],
        },
        workgroups: linearGrid(valueTiles, 64),
        operands: ['scores', 'v', 'y'],
        flops: 2 * products,
        bytes: 2 * q.n * tokens * q.c * store + scores,
      },
    ];
  },
};
