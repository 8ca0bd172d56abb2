// Values that no network can use are refused while weights are loaded, whichever way a tensor takes to the device.

import { expect, test } from 'vitest';
import type { Parameter } from '../../src/graph/graph.js';
import { packedWeightElements } from '../../src/kernels/pack-weights/pack-weights.js';
import { CodeFormer } from '../../src/models/codeformer/codeformer.js';
import { generatedWeights } from '../../src/models/networks.js';
import { ParameterSet } from '../../src/models/parameters.js';
import { generatedTensors } from '../../src/weights/generated.js';
import type { Weights } from '../../src/weights/weights.js';
import { testDevice } from '../device.js';
import { TINY } from '../tiny.js';

/** The same weights but for one value: the last one of a tensor. */
function withValue(weights: Weights, tensor: string, value: number): Weights {
  expect(weights.names()).toContain(tensor);
  return {
    ...weights,
    async float32(name) {
      const values = await weights.float32(name);
      if (name === tensor) values[values.length - 1] = value;
      return values;
    },
  };
}

const { NaN: nan, POSITIVE_INFINITY: infinite } = Number;

function parameter(packing: Parameter['packing'], elements: number, shape: number[], ...keys: string[]): Parameter {
  const [name] = keys as [string];
  const storage = { id: 0, kind: 'parameter', name, type: 'store', elements } as const;
  return { name, storage, packing, shape, parts: keys.map(key => ({ key })) };
}

/** One of each way: stacked convolutions, one with a batch norm, depthwise, rows of a table, a bias with a batch norm. */
const PARAMETERS: readonly Parameter[] = [
  parameter('conv', packedWeightElements(11, 5, 9), [11, 5, 3, 3], 'query.weight', 'key.weight'),
  { ...parameter('conv', packedWeightElements(8, 4, 1), [8, 4, 1, 1], 'conv.weight'), batchNorm: 'bn' },
  parameter('depthwise', 8 * 9, [6, 1, 3, 3], 'depthwise.weight'),
  parameter('rows', 3 * 8, [3, 6], 'table'),
  { ...parameter('rows', 8, [8], 'bias'), batchNorm: 'bn' },
];
const tensors = generatedTensors(
  new Map<string, number[]>([
    ['query.weight', [6, 5, 3, 3]],
    ['key.weight', [5, 5, 3, 3]],
    ['conv.weight', [8, 4, 1, 1]],
    ['depthwise.weight', [6, 1, 3, 3]],
    ['table', [3, 6]],
    ['bias', [8]],
    ...['weight', 'bias', 'running_mean', 'running_var'].map(name => [`bn.${name}`, [8]] as [string, number[]]),
  ]),
  7,
);

const load = async (weights: Weights, precision: 'f32' | 'f16' = 'f32') => {
  const device = await testDevice(true, precision);
  const before = device.memory.allocated;
  const set = new ParameterSet(device);
  try {
    await set.load(PARAMETERS, weights);
  } finally {
    set.destroy();
    expect(device.memory.allocated).toBe(before);
  }
};

test('weights of finite values are loaded', () => load(tensors));

test.each([
  ['query.weight', nan],
  ['key.weight', infinite],
  ['conv.weight', -infinite],
  ['depthwise.weight', nan],
  ['table', infinite],
  ['bias', nan],
  ['bn.weight', nan],
  ['bn.running_mean', infinite],
])('%s with %d is refused by name', async (tensor, value) => {
  await expect(load(withValue(tensors, tensor, value))).rejects.toMatchObject({
    code: 'INVALID_CHECKPOINT',
    message: expect.stringMatching(new RegExp(`: tensor ${tensor} has the value ${value} at \\d+$`)),
  });
});

test('finite values that become infinite are refused', async () => {
  const message = /not all values of (conv.weight|bias) are finite in f32/;
  await expect(load(withValue(tensors, 'bn.running_var', -5))).rejects.toThrow(message);
});

test('what f16 cannot hold is refused there alone', async ({ skip }) => {
  await testDevice(true, 'f16').catch(() => skip('the adapter has no f16'));
  for (const tensor of ['query.weight', 'table']) {
    const weights = withValue(tensors, tensor, 70_000);
    await load(weights);
    await expect(load(weights, 'f16')).rejects.toThrow(/are finite in f16, which ends at 65,504/);
  }
});

test('a network with such a value is not loaded', async () => {
  const weights = withValue(generatedWeights('codeformer', TINY, 7), 'encoder.blocks.0.weight', nan);
  await expect(CodeFormer.load(await testDevice(), weights)).rejects.toThrow(
    /encoder.blocks.0.weight has the value NaN/,
  );
});
