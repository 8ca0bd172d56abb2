// The network against the recorded outputs of the original, on generated weights and on the embedded ones.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CodeFormer, type Encoded } from '../../src/models/codeformer/codeformer.js';
import { generatedWeights } from '../../src/models/networks.js';
import { openWeights } from '../../src/node/weights.js';
import type { Weights } from '../../src/weights/weights.js';
import { testDevice } from '../device.js';
import { shared, sharedFolder } from '../shared.js';

/**
 * How far recorded tensors of geometry b are from float64 arithmetic on the same weights (mean absolute difference), where that alone
 * is near or above the tolerance: sharp attention amplifies the rounding of whoever computes it. Their tolerance grows with it.
 */
const RECORDED_DISTANCE: Readonly<Record<string, number>> = {
  'tokens.1': 1.33e-4,
  'tokens.2': 2.75e-4,
  'tokens.3': 6.44e-4,
  logits: 1.05e-4,
  'generator.10': 8.9e-5,
  'generator.11': 9.4e-5,
  'generator.12': 1.53e-4,
  'generator.13': 1.64e-4,
  'generator.14': 1.69e-4,
  'generator.15': 2.47e-4,
  'generator.16': 2.63e-4,
  'generator.17': 2.69e-4,
  'generator.18': 4.85e-4,
  'generator.19': 7.6e-5,
  'fuse.28': 2.4e-4,
  'fuse.56': 4.8e-4,
};

/** Float32 tolerances: mean, 99.9th percentile and largest absolute difference. */
function expectClose(name: string, got: ArrayLike<number>, want: ArrayLike<number>, distance = 0): void {
  expect(got.length, name).toBe(want.length);
  const errors = Float64Array.from({ length: want.length }, (_, i) => Math.abs(got[i]! - want[i]!)).sort();
  const mean = errors.reduce((a, b) => a + b, 0) / errors.length;
  const shown = `${name}: mean ${mean}, max ${errors.at(-1)}`;
  const factor = Math.max(1, (1.6 * distance) / 1e-4);
  expect(mean, shown).toBeLessThanOrEqual(1e-4 * factor);
  expect(errors[Math.floor(errors.length * 0.999)]!, shown).toBeLessThanOrEqual(2e-3 * factor);
  expect(errors.at(-1)!, shown).toBeLessThanOrEqual(2e-2);
}

const fixture = (name: string) => openWeights(shared('fixtures', name));

async function array(file: Weights, name: string): Promise<Float32Array | Int32Array> {
  const { data } = await file.tensor(name);
  return data as Float32Array | Int32Array;
}

/** Everything a fixture has, from one load of its network. */
function compare(title: string, file: string, weights: (recorded: Weights) => Promise<Weights> | Weights): void {
  describe.skipIf(sharedFolder === null)(title, () => {
    let recorded: Weights;
    let net: CodeFormer;
    let encoded: Encoded;
    beforeAll(async () => {
      recorded = await fixture(file);
      net = await CodeFormer.load(await testDevice(false), await weights(recorded));
      const input = (await array(recorded, 'input')) as Float32Array;
      encoded = await net.encode(input, { batch: recorded.shape('input')[0]! });
    }, 300_000);
    afterAll(() => {
      encoded?.destroy();
      net?.destroy();
    });

    test('codes are equal', async () => {
      expect([...encoded.indices]).toEqual([...(await array(recorded, 'indices'))]);
      expectClose('margin', encoded.margin, await array(recorded, 'margin'));
    });

    test('feature', async () => {
      expectClose('lq_feat', await encoded.feature(), await array(recorded, 'lq_feat'));
    });

    for (const [name, options] of [
      ['output.w0', { fidelity: 0 }],
      ['output.w0.5', { fidelity: 0.5 }],
      ['output.w1', { fidelity: 1 }],
      ['output.w0.5.noadain', { fidelity: 0.5, adain: false }],
    ] as const) {
      test(name, async context => {
        if (!recorded.names().includes(name)) return context.skip();
        expectClose(name, await net.decode(encoded, options), await array(recorded, name));
      }, 300_000);
    }

    test('every intermediate that is recorded', async () => {
      const names = recorded.names().filter(n => /^(tap|tokens|generator|fuse)\.|^(lookup|adain|logits)$/.test(n));
      if (names.length === 0) return;
      const input = (await array(recorded, 'input')) as Float32Array;
      const seen = await net.trace(input, { batch: recorded.shape('input')[0]!, fidelity: 0.5, names });
      const distances = file === 'codeformer-b.safetensors' ? RECORDED_DISTANCE : {};
      for (const name of names) expectClose(name, seen[name]!, await array(recorded, name), distances[name]);
    }, 300_000);
  });
}

const generated = (recorded: Weights) => {
  const { config, seed } = recorded.metadata;
  return generatedWeights('codeformer', JSON.parse(config!), Number(seed));
};

compare('codeformer-a, generated', 'codeformer-a.safetensors', generated);
compare('codeformer-a, legacy checkpoint', 'codeformer-a.safetensors', async recorded => {
  const weights = await fixture('codeformer-a.legacy.pth');
  return { ...weights, metadata: { config: recorded.metadata.config! } };
});
compare('codeformer-a, zip checkpoint', 'codeformer-a.safetensors', async recorded => {
  const weights = await fixture('codeformer-a.zip.pth');
  return { ...weights, metadata: { config: recorded.metadata.config! } };
});
compare('codeformer-b, generated', 'codeformer-b.safetensors', generated);
compare('a trained restorer, patch 4', 'restorer-first.safetensors', () =>
  openWeights(shared('lab', 'training', 'restorer-first.safetensors')),
);
compare('official geometry at 512', 'codeformer-512.safetensors', generated);
