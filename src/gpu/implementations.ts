// Which code WebGPU runs for each kernel.

import { webgpuAdain } from '../kernels/adain/adain.webgpu.js';
import { webgpuAdd } from '../kernels/add/add.webgpu.js';
import { webgpuAttention } from '../kernels/attention/attention.webgpu.js';
import { webgpuBlockSteps } from '../kernels/block-steps/block-steps.webgpu.js';
import { webgpuMergeChannels, webgpuSplitChannels } from '../kernels/channels/channels.webgpu.js';
import { webgpuArgmax } from '../kernels/codebook/argmax.webgpu.js';
import { webgpuLookup } from '../kernels/codebook/lookup.webgpu.js';
import { webgpuColourStatistics } from '../kernels/colour-statistics/colour-statistics.webgpu.js';
import { webgpuColourTransfer } from '../kernels/colour-transfer/colour-transfer.webgpu.js';
import { webgpuComposite, webgpuFinishComposite } from '../kernels/composite/composite.webgpu.js';
import { CONV_CHOICES, chosenTarget, shapeKey } from '../kernels/conv/choice.js';
import type { ConvParams } from '../kernels/conv/conv.js';
import { webgpuConv } from '../kernels/conv/conv.webgpu.js';
import { isMatrixConv, webgpuMatrixConv } from '../kernels/conv/conv-matrix.js';
import { webgpuDepthwiseConv } from '../kernels/depthwise-conv/depthwise-conv.webgpu.js';
import { webgpuDetailEnergy } from '../kernels/detail-energy/detail-energy.webgpu.js';
import { webgpuDetectorRecords } from '../kernels/detector-records/detector-records.webgpu.js';
import { webgpuErode } from '../kernels/erode/erode.webgpu.js';
import { webgpuFeatureFusion } from '../kernels/feature-fusion/feature-fusion.webgpu.js';
import { webgpuFidelityMap } from '../kernels/fidelity-map/fidelity-map.webgpu.js';
import { webgpuPullColours, webgpuPushColours } from '../kernels/fill-transparent/fill-transparent.webgpu.js';
import { webgpuGaussianBlur } from '../kernels/gaussian-blur/gaussian-blur.webgpu.js';
import { webgpuGroupNorm } from '../kernels/group-norm/group-norm.webgpu.js';
import type { Kernel } from '../kernels/kernel.js';
import { webgpuLabelMap } from '../kernels/label-map/label-map.webgpu.js';
import { webgpuLayerNorm } from '../kernels/layer-norm/layer-norm.webgpu.js';
import { webgpuMaskBuild } from '../kernels/mask-build/mask-build.webgpu.js';
import { webgpuMaxPool } from '../kernels/max-pool/max-pool.webgpu.js';
import { webgpuNchwToTensor, webgpuTensorToNchw } from '../kernels/nchw/nchw.webgpu.js';
import { webgpuNormalize } from '../kernels/normalize/normalize.webgpu.js';
import { webgpuPackWeights } from '../kernels/pack-weights/pack-weights.webgpu.js';
import { webgpuPeak } from '../kernels/peak/peak.webgpu.js';
import { webgpuPictureToTensor, webgpuTensorToPicture } from '../kernels/picture/picture.webgpu.js';
import { webgpuPixelShuffle, webgpuPixelUnshuffle } from '../kernels/pixel-shuffle/pixel-shuffle.webgpu.js';
import { webgpuPlaneSum } from '../kernels/plane-sum/plane-sum.webgpu.js';
import { webgpuResizeArea } from '../kernels/resize-area/resize-area.webgpu.js';
import { webgpuResizeLanczos4 } from '../kernels/resize-lanczos4/resize-lanczos4.webgpu.js';
import { webgpuResizeLinear } from '../kernels/resize-linear/resize-linear.webgpu.js';
import { webgpuResizePlane } from '../kernels/resize-plane/resize-plane.webgpu.js';
import { webgpuSelectRecords } from '../kernels/select-records/select-records.webgpu.js';
import { webgpuToneStatistics } from '../kernels/tone-statistics/tone-statistics.webgpu.js';
import { webgpuWarpAffine } from '../kernels/warp-affine/warp-affine.webgpu.js';
import { webgpuWarpPlane } from '../kernels/warp-plane/warp-plane.webgpu.js';
import type { Target, WebgpuKernel } from '../kernels/webgpu.js';
import { webgpuWinograd, winogradSide } from '../kernels/winograd/winograd.webgpu.js';

// biome-ignore lint/suspicious/noExplicitAny: a table over kernels of all parameter types
const IMPLEMENTATIONS: Readonly<Record<string, WebgpuKernel<any>>> = {
  adain: webgpuAdain,
  add: webgpuAdd,
  attention: webgpuAttention,
  'block-steps': webgpuBlockSteps,
  'codebook/argmax': webgpuArgmax,
  'codebook/lookup': webgpuLookup,
  'colour-statistics': webgpuColourStatistics,
  'colour-transfer': webgpuColourTransfer,
  composite: webgpuComposite,
  'depthwise-conv': webgpuDepthwiseConv,
  'detail-energy': webgpuDetailEnergy,
  'detector-records': webgpuDetectorRecords,
  erode: webgpuErode,
  'feature-fusion': webgpuFeatureFusion,
  'fidelity-map': webgpuFidelityMap,
  'finish-composite': webgpuFinishComposite,
  'gaussian-blur': webgpuGaussianBlur,
  'group-norm': webgpuGroupNorm,
  'label-map': webgpuLabelMap,
  'layer-norm': webgpuLayerNorm,
  'mask-build': webgpuMaskBuild,
  'max-pool': webgpuMaxPool,
  'merge-channels': webgpuMergeChannels,
  'nchw-to-tensor': webgpuNchwToTensor,
  normalize: webgpuNormalize,
  'pack-weights': webgpuPackWeights,
  peak: webgpuPeak,
  'picture-to-tensor': webgpuPictureToTensor,
  'pixel-shuffle': webgpuPixelShuffle,
  'pixel-unshuffle': webgpuPixelUnshuffle,
  'plane-sum': webgpuPlaneSum,
  'pull-colours': webgpuPullColours,
  'push-colours': webgpuPushColours,
  'resize-area': webgpuResizeArea,
  'resize-lanczos4': webgpuResizeLanczos4,
  'resize-linear': webgpuResizeLinear,
  'resize-plane': webgpuResizePlane,
  'select-records': webgpuSelectRecords,
  'split-channels': webgpuSplitChannels,
  'tensor-to-nchw': webgpuTensorToNchw,
  'tensor-to-picture': webgpuTensorToPicture,
  'tone-statistics': webgpuToneStatistics,
  'warp-affine': webgpuWarpAffine,
  'warp-plane': webgpuWarpPlane,
};

/** The way of a convolution on a target. */
function convolution(params: ConvParams, target: Target): WebgpuKernel<ConvParams> {
  if (isMatrixConv(params, target)) return webgpuMatrixConv;
  return winogradSide(params, target) ? webgpuWinograd : webgpuConv;
}

/**
 * The implementation of a kernel for these parameters.
 * @throws `RangeError` for a kernel that has none
 */
export function implementationOf<P>(kernel: Kernel<P>, params: P, target: Target): WebgpuKernel<P> {
  if (kernel.name === 'conv') {
    const choice = CONV_CHOICES.find(known => known === target.tuned?.get(shapeKey(params as ConvParams)));
    const own = choice === undefined ? target : chosenTarget(target, choice);
    const conv = convolution(params as ConvParams, own) as WebgpuKernel<P>;
    if (own === target) return conv;
    return { scratch: params => conv.scratch?.(params, own) ?? {}, dispatches: params => conv.dispatches(params, own) };
  }
  const implementation = IMPLEMENTATIONS[kernel.name];
  if (!implementation) throw new RangeError(`The kernel ${kernel.name} has no implementation for WebGPU`);
  return implementation;
}
