// `attention` on WebGPU in three steps: scores, softmax, weighted sum of values; see scores.wgsl, softmax.wgsl and values.wgsl. At the
// few hundred tokens of the networks the whole matrix of scores is small, and register tiles serve both families.

import { bytesPerElement, ceilDiv, roundUp } from '../kernel.js';
import { rowGrid, rowShader } from '../statistics/statistics.js';
import { type Dispatch, linearGrid, placeOf, type WebgpuKernel } from '../webgpu.js';
import type { AttentionParams } from './attention.js';
import scoresCode from './scores.wgsl';
import softmaxCode from './softmax.wgsl';
import valuesCode from './values.wgsl';

export const webgpuAttention: WebgpuKernel<AttentionParams> = {
  /** `scores`: [n, heads, tokens, tokens rounded up to 4]. */
  scratch({ q, heads }) {
    const tokens = q.h * q.w;
    return { scores: { type: 'f32', elements: q.n * heads * tokens * roundUp(tokens, 4) } };
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
        uniforms: { ...shared, count: scoreTiles, scale, ...placeOf('q', q), ...placeOf('k', k) },
        workgroups: linearGrid(scoreTiles),
        operands: ['q', 'k', 'scores'],
        flops: 2 * products,
        bytes: 2 * q.n * tokens * q.c * store + scores,
      },
      {
        shader: { name: `attention/softmax/${target.family}`, code: rowShader(softmaxCode, target) },
        uniforms: { rows, tiles },
        workgroups: rowGrid(rows, target),
        operands: ['scores'],
        flops: rows * tiles * 4 * 24,
        bytes: 2 * scores,
      },
      {
        shader: { name: 'attention/values', code: valuesCode },
        uniforms: { ...shared, count: valueTiles, ...placeOf('v', v), ...placeOf('y', y) },
        workgroups: linearGrid(valueTiles),
        operands: ['scores', 'v', 'y'],
        flops: 2 * products,
        bytes: 2 * q.n * tokens * q.c * store + scores,
      },
    ];
  },
};
