// The kernels of pictures, each with its reference and cases.

import { blockStepsTest } from './block-steps/block-steps.cases.js';
import { mergeChannelsTest, splitChannelsTest } from './channels/channels.cases.js';
import { colourStatisticsTest } from './colour-statistics/colour-statistics.cases.js';
import { colourTransferTest } from './colour-transfer/colour-transfer.cases.js';
import { compositeTest, finishCompositeTest } from './composite/composite.cases.js';
import { detailEnergyTest } from './detail-energy/detail-energy.cases.js';
import { erodeTest } from './erode/erode.cases.js';
import { fidelityMapTest } from './fidelity-map/fidelity-map.cases.js';
import { pullColoursTest, pushColoursTest } from './fill-transparent/fill-transparent.cases.js';
import { gaussianBlurTest } from './gaussian-blur/gaussian-blur.cases.js';
import type { KernelTest } from './kernel.js';
import { maskBuildTest } from './mask-build/mask-build.cases.js';
import { nchwToTensorTest, tensorToNchwTest } from './nchw/nchw.cases.js';
import { pictureToTensorTest, tensorToPictureTest } from './picture/picture.cases.js';
import { planeSumTest } from './plane-sum/plane-sum.cases.js';
import { resizeAreaTest } from './resize-area/resize-area.cases.js';
import { resizeLanczos4Test } from './resize-lanczos4/resize-lanczos4.cases.js';
import { resizeLinearTest } from './resize-linear/resize-linear.cases.js';
import { resizePlaneTest } from './resize-plane/resize-plane.cases.js';
import { toneStatisticsTest } from './tone-statistics/tone-statistics.cases.js';
import { warpAffineTest } from './warp-affine/warp-affine.cases.js';
import { warpPlaneTest } from './warp-plane/warp-plane.cases.js';

// The parameters differ from kernel to kernel; each entry is consistent in itself.
// biome-ignore lint/suspicious/noExplicitAny: a list over all parameter types
export const pictureTests: readonly KernelTest<any>[] = [
  resizeLinearTest,
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
  planeSumTest,
];
