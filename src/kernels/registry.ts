// Every kernel with its reference and cases: what the kernel test runs and the kernel bench measures.

import { adainTest } from './adain/adain.cases.js';
import { addTest } from './add/add.cases.js';
import { attentionTest } from './attention/attention.cases.js';
import { blockStepsTest } from './block-steps/block-steps.cases.js';
import { mergeChannelsTest, splitChannelsTest } from './channels/channels.cases.js';
import { argmaxTest } from './codebook/argmax.cases.js';
import { lookupTest } from './codebook/lookup.cases.js';
import { colourStatisticsTest } from './colour-statistics/colour-statistics.cases.js';
import { colourTransferTest } from './colour-transfer/colour-transfer.cases.js';
import { compositeTest, finishCompositeTest } from './composite/composite.cases.js';
import { convTest } from './conv/conv.cases.js';
import { depthwiseConvTest } from './depthwise-conv/depthwise-conv.cases.js';
import { detailEnergyTest } from './detail-energy/detail-energy.cases.js';
import { detectorRecordsTest } from './detector-records/detector-records.cases.js';
import { erodeTest } from './erode/erode.cases.js';
import { featureFusionTest } from './feature-fusion/feature-fusion.cases.js';
import { fidelityMapTest } from './fidelity-map/fidelity-map.cases.js';
import { pullColoursTest, pushColoursTest } from './fill-transparent/fill-transparent.cases.js';
import { gaussianBlurTest } from './gaussian-blur/gaussian-blur.cases.js';
import { groupNormTest } from './group-norm/group-norm.cases.js';
import type { KernelTest } from './kernel.js';
import { labelMapTest } from './label-map/label-map.cases.js';
import { layerNormTest } from './layer-norm/layer-norm.cases.js';
import { maskBuildTest } from './mask-build/mask-build.cases.js';
import { maxPoolTest } from './max-pool/max-pool.cases.js';
import { nchwToTensorTest, tensorToNchwTest } from './nchw/nchw.cases.js';
import { normalizeTest } from './normalize/normalize.cases.js';
import { packWeightsTest } from './pack-weights/pack-weights.cases.js';
import { peakTest } from './peak/peak.cases.js';
import { pictureToTensorTest, tensorToPictureTest } from './picture/picture.cases.js';
import { pixelShuffleTest, pixelUnshuffleTest } from './pixel-shuffle/pixel-shuffle.cases.js';
import { planeSumTest } from './plane-sum/plane-sum.cases.js';
import { resizeAreaTest } from './resize-area/resize-area.cases.js';
import { resizeLanczos4Test } from './resize-lanczos4/resize-lanczos4.cases.js';
import { resizeLinearTest } from './resize-linear/resize-linear.cases.js';
import { resizePlaneTest } from './resize-plane/resize-plane.cases.js';
import { selectRecordsTest } from './select-records/select-records.cases.js';
import { toneStatisticsTest } from './tone-statistics/tone-statistics.cases.js';
import { warpAffineTest } from './warp-affine/warp-affine.cases.js';
import { warpPlaneTest } from './warp-plane/warp-plane.cases.js';
import { winogradTest } from './winograd/winograd.cases.js';

// The parameters differ from kernel to kernel; each entry is consistent in itself.
// biome-ignore lint/suspicious/noExplicitAny: a list over all parameter types
export const kernelTests: readonly KernelTest<any>[] = [
  normalizeTest,
  packWeightsTest,
  convTest,
  winogradTest,
  resizeLinearTest,
  groupNormTest,
  layerNormTest,
  attentionTest,
  argmaxTest,
  lookupTest,
  adainTest,
  featureFusionTest,
  pixelShuffleTest,
  pixelUnshuffleTest,
  nchwToTensorTest,
  tensorToNchwTest,
  fidelityMapTest,
  pictureToTensorTest,
  tensorToPictureTest,
  resizeAreaTest,
  resizeLanczos4Test,
  resizePlaneTest,
  warpAffineTest,
  warpPlaneTest,
  erodeTest,
  gaussianBlurTest,
  compositeTest,
  finishCompositeTest,
  colourStatisticsTest,
  colourTransferTest,
  toneStatisticsTest,
  splitChannelsTest,
  mergeChannelsTest,
  pullColoursTest,
  pushColoursTest,
  detailEnergyTest,
  blockStepsTest,
  maskBuildTest,
  peakTest,
  planeSumTest,
  addTest,
  depthwiseConvTest,
  maxPoolTest,
  detectorRecordsTest,
  selectRecordsTest,
  labelMapTest,
];
