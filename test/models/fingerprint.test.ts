// Which weights are the same network, and which are not.

import { expect, test } from 'vitest';
import { codeSpace } from '../../src/models/codeformer/fingerprint.js';
import { generatedWeights } from '../../src/models/networks.js';
import { decodeFloat16, encodeFloat16 } from '../../src/weights/dtype.js';
import type { Weights } from '../../src/weights/weights.js';
import { TINY } from '../tiny.js';

const tiny = (seed: number) => generatedWeights('codeformer', TINY, seed);

/** The weights with the values of one tensor, or of all, passed through a function. */
const changed = (weights: Weights, change: (values: Float32Array, name: string) => Float32Array): Weights => ({
  ...weights,
  float32: async name => change(await weights.float32(name), name),
});

test('a network is told by its codebook and its vectors', async () => {
  const space = await codeSpace(tiny(3));
  expect(space).toMatchObject({ grid: 16, codebook: 16, fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(await codeSpace(tiny(3))).toEqual(space);
  expect((await codeSpace(tiny(4))).fingerprint).not.toBe(space.fingerprint);
  for (const one of ['quantize.embedding.weight', 'generator.blocks.0.bias', 'idx_pred_layer.0.bias']) {
    const other = changed(tiny(3), (values, name) => (name === one ? values.with(1, values[1]! + 0.01) : values));
    expect((await codeSpace(other)).fingerprint).not.toBe(space.fingerprint);
  }
});

test('in half precision it is the same network', async () => {
  const half = changed(tiny(3), values => decodeFloat16(encodeFloat16(values)));
  expect(await codeSpace(half)).toEqual(await codeSpace(tiny(3)));
});

// Documents keep fingerprints, so they must stay what they are.
test('a fingerprint does not change with the code', async () => {
  expect((await codeSpace(tiny(3))).fingerprint).toBe(
    '4c429dfd4098de7d86dca6d5e1b0dc4556b37fed05c21ba04a028492a930c8b1',
  );
});

test('weights that are not whole are refused as such', async () => {
  const weights = tiny(3);
  const names = () => weights.names().filter(name => name !== 'feat_emb.bias');
  await expect(codeSpace({ ...weights, names })).rejects.toMatchObject({ code: 'WEIGHTS_MISMATCH' });
});
