// The network against the recorded outputs of the original, on generated weights and on small trained ones.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Executor } from '../../src/executor.js';
import {
  CodeFormer,
  type DecodeOptions,
  type Encoded,
  type LoadOptions,
} from '../../src/models/codeformer/codeformer.js';
import { generatedWeights } from '../../src/models/networks.js';
import { openWeights } from '../../src/node/weights.js';
import { ReferenceExecutor } from '../../src/reference/executor.js';
import { type Weights, withMetadata } from '../../src/weights/weights.js';
import { EXECUTORS, executorNamed } from '../device.js';
import { shared, sharedFolder } from '../shared.js';

/**
 * How far recorded tensors are from float64 arithmetic on the same weights (mean absolute difference), where that alone is near or above
 * the tolerance: sharp attention amplifies the rounding of whoever computes it. Their tolerance grows with it.
 */
const RECORDED_DISTANCE: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'codeformer-a.safetensors': { 'tokens.2': 9.0e-5 },
  'codeformer-b.safetensors': {
    margin: 1.46e-4,
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
  },
  'codeformer-512.safetensors': { margin: 3.47e-4 },
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

interface Comparison {
  readonly file: string;
  readonly weights: (recorded: Weights) => Promise<Weights> | Weights;
  readonly convolution?: LoadOptions['convolution'];
  /** What computes it. */
  readonly executor: () => Promise<Executor>;
  /** Outputs that are compared. */
  readonly outputs: readonly string[];
  readonly intermediates?: boolean;
}

const OUTPUTS: Readonly<Record<string, DecodeOptions>> = {
  'output.w0': { fidelity: 0 },
  'output.w0.5': { fidelity: 0.5 },
  'output.w1': { fidelity: 1 },
  'output.w0.5.noadain': { fidelity: 0.5, adain: false },
};

/** What a fixture has, from one load of its network. */
function compare(title: string, comparison: Comparison): void {
  const { file, weights, convolution = 'auto', executor, outputs, intermediates = false } = comparison;
  const distances = RECORDED_DISTANCE[file] ?? {};
  describe.skipIf(sharedFolder === null)(title, () => {
    let recorded: Weights;
    let loaded: Weights;
    let net: CodeFormer;
    let encoded: Encoded;
    let input: Float32Array;
    beforeAll(async () => {
      recorded = await openWeights(shared('fixtures', file));
      loaded = await weights(recorded);
      net = await CodeFormer.load(await executor(), loaded, { convolution });
      input = await recorded.float32('input');
      encoded = await net.encode(input, { batch: recorded.shape('input')[0]! });
    }, 300_000);
    afterAll(async () => {
      encoded?.destroy();
      net?.destroy();
      await loaded?.close();
      await recorded?.close();
    });

    test('codes are equal', async () => {
      expect([...encoded.indices]).toEqual([...(await recorded.float32('indices'))]);
      expectClose('margin', encoded.margin, await recorded.float32('margin'), distances.margin);
    });

    test('feature', async () => {
      expectClose('lq_feat', await encoded.feature(), await recorded.float32('lq_feat'));
    });

    for (const name of outputs) {
      test(name, async () => {
        expectClose(name, await net.decode(encoded, OUTPUTS[name]), await recorded.float32(name));
      }, 300_000);
    }

    if (!intermediates) return;
    test('every intermediate', async () => {
      const names = recorded.names().filter(n => /^(tap|tokens|generator|fuse)\.|^(lookup|adain|logits)$/.test(n));
      const seen = await net.trace(input, { batch: recorded.shape('input')[0]!, fidelity: 0.5, names });
      for (const name of names) expectClose(name, seen[name]!, await recorded.float32(name), distances[name] ?? 0);
    }, 300_000);
  });
}

const generated = (recorded: Weights) => {
  const { config, seed } = recorded.metadata;
  return generatedWeights('codeformer', JSON.parse(config!), Number(seed));
};
const checkpoint = (name: string) => async (recorded: Weights) =>
  withMetadata(await openWeights(shared('fixtures', name)), { config: recorded.metadata.config! });
const all = Object.keys(OUTPUTS);

for (const name of EXECUTORS) {
  const on = (title: string, comparison: Omit<Comparison, 'executor'>) =>
    compare(`${title}, on ${name}`, {
      ...comparison,
      executor: () => executorNamed(name, false),
    });

  for (const convolution of ['auto', 'direct', 'winograd'] as const) {
    const a = { file: 'codeformer-a.safetensors', convolution, outputs: all };
    on(`codeformer-a, ${convolution}`, { ...a, weights: generated, intermediates: convolution !== 'winograd' });
  }
  for (const file of ['codeformer-a.legacy.pth', 'codeformer-a.zip.pth']) {
    on(file, { file: 'codeformer-a.safetensors', weights: checkpoint(file), outputs: ['output.w0.5'] });
  }
  // SwiftShader never takes Winograd here: with 16 to 64 channels its transforms round more than the products do.
  on('codeformer-b', { file: 'codeformer-b.safetensors', weights: generated, outputs: all, intermediates: true });
  for (const convolution of ['auto', 'direct', 'winograd'] as const) {
    on(`a trained restorer with patch 4, ${convolution}`, {
      file: 'restorer-first.safetensors',
      weights: () => openWeights(shared('lab', 'training', 'restorer-first.safetensors')),
      convolution,
      outputs: ['output.w0', 'output.w0.5', 'output.w1'],
    });
  }
  // On SwiftShader the full size takes most of a minute for each output; the smaller networks show its other programs.
  on('official geometry', {
    file: 'codeformer-512.safetensors',
    weights: generated,
    convolution: 'winograd',
    outputs: name === 'SwiftShader' ? ['output.w0.5'] : all,
  });
}
compare('codeformer-a, by the references', {
  file: 'codeformer-a.safetensors',
  executor: async () => new ReferenceExecutor(),
  weights: generated,
  outputs: ['output.w0.5'],
});
