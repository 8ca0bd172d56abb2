// The kernels of the networks, each with its reference and cases.

import { adainTest } from './adain/adain.cases.js';
import { addTest } from './add/add.cases.js';
import { attentionTest } from './attention/attention.cases.js';
import { argmaxTest } from './codebook/argmax.cases.js';
import { lookupTest } from './codebook/lookup.cases.js';
import { convTest } from './conv/conv.cases.js';
import { matrixTest } from './conv/conv-matrix.cases.js';
import { depthwiseConvTest } from './depthwise-conv/depthwise-conv.cases.js';
import { detectorRecordsTest } from './detector-records/detector-records.cases.js';
import { featureFusionTest } from './feature-fusion/feature-fusion.cases.js';
import { groupNormTest } from './group-norm/group-norm.cases.js';
import type { KernelTest } from './kernel.js';
import { labelMapTest } from './label-map/label-map.cases.js';
import { layerNormTest } from './layer-norm/layer-norm.cases.js';
import { maxPoolTest } from './max-pool/max-pool.cases.js';
import { normalizeTest } from './normalize/normalize.cases.js';
import { packWeightsTest } from './pack-weights/pack-weights.cases.js';
import { peakTest } from './peak/peak.cases.js';
import { pixelShuffleTest, pixelUnshuffleTest } from './pixel-shuffle/pixel-shuffle.cases.js';
import { selectRecordsTest } from './select-records/select-records.cases.js';
import { smallWinogradTest, winogradTest } from './winograd/winograd.cases.js';

// The parameters differ from kernel to kernel; each entry is consistent in itself.
// biome-ignore lint/suspicious/noExplicitAny: a list over all parameter types
export const networkTests: readonly KernelTest<any>[] = [
  normalizeTest,
  packWeightsTest,
  convTest,
  winogradTest,
  smallWinogradTest,
  matrixTest,
  groupNormTest,
  layerNormTest,
  attentionTest,
  argmaxTest,
  lookupTest,
  adainTest,
  featureFusionTest,
  pixelShuffleTest,
  pixelUnshuffleTest,
  peakTest,
  addTest,
  depthwiseConvTest,
  maxPoolTest,
  detectorRecordsTest,
  selectRecordsTest,
  labelMapTest,
];
