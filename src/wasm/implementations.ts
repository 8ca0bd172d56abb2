// Which jobs WebAssembly does for each kernel.

import type { CompileOptions } from '../executor.js';
import { wasmAdain } from '../kernels/adain/adain.wasm.js';
import { wasmAdd } from '../kernels/add/add.wasm.js';
import { wasmAttention } from '../kernels/attention/attention.wasm.js';
import { wasmBlockSteps } from '../kernels/block-steps/block-steps.wasm.js';
import { wasmMergeChannels, wasmSplitChannels } from '../kernels/channels/channels.wasm.js';
import { wasmArgmax } from '../kernels/codebook/argmax.wasm.js';
import { wasmLookup } from '../kernels/codebook/lookup.wasm.js';
import { wasmColourStatistics } from '../kernels/colour-statistics/colour-statistics.wasm.js';
import { wasmColourTransfer } from '../kernels/colour-transfer/colour-transfer.wasm.js';
import { wasmComposite, wasmFinishComposite } from '../kernels/composite/composite.wasm.js';
import type { ConvParams } from '../kernels/conv/conv.js';
import { wasmConv } from '../kernels/conv/conv.wasm.js';
import { wasmDepthwiseConv } from '../kernels/depthwise-conv/depthwise-conv.wasm.js';
import { wasmDetailEnergy } from '../kernels/detail-energy/detail-energy.wasm.js';
import { wasmDetectorRecords } from '../kernels/detector-records/detector-records.wasm.js';
import { wasmErode } from '../kernels/erode/erode.wasm.js';
import { wasmFeatureFusion } from '../kernels/feature-fusion/feature-fusion.wasm.js';
import { wasmFidelityMap } from '../kernels/fidelity-map/fidelity-map.wasm.js';
import { wasmPullColours, wasmPushColours } from '../kernels/fill-transparent/fill-transparent.wasm.js';
import { wasmGaussianBlur } from '../kernels/gaussian-blur/gaussian-blur.wasm.js';
import { wasmGroupNorm } from '../kernels/group-norm/group-norm.wasm.js';
import type { Kernel, Scratch } from '../kernels/kernel.js';
import { wasmLabelMap } from '../kernels/label-map/label-map.wasm.js';
import { wasmLayerNorm } from '../kernels/layer-norm/layer-norm.wasm.js';
import { wasmMaskBuild } from '../kernels/mask-build/mask-build.wasm.js';
import { wasmMaxPool } from '../kernels/max-pool/max-pool.wasm.js';
import { wasmNchwToTensor, wasmTensorToNchw } from '../kernels/nchw/nchw.wasm.js';
import { wasmNormalize } from '../kernels/normalize/normalize.wasm.js';
import { wasmPackWeights } from '../kernels/pack-weights/pack-weights.wasm.js';
import { wasmPeak } from '../kernels/peak/peak.wasm.js';
import { wasmPictureToTensor, wasmTensorToPicture } from '../kernels/picture/picture.wasm.js';
import { wasmPixelShuffle, wasmPixelUnshuffle } from '../kernels/pixel-shuffle/pixel-shuffle.wasm.js';
import { wasmPlaneSum } from '../kernels/plane-sum/plane-sum.wasm.js';
import { wasmResizeArea } from '../kernels/resize-area/resize-area.wasm.js';
import { wasmResizeLanczos4 } from '../kernels/resize-lanczos4/resize-lanczos4.wasm.js';
import { wasmResizeLinear } from '../kernels/resize-linear/resize-linear.wasm.js';
import { wasmResizePlane } from '../kernels/resize-plane/resize-plane.wasm.js';
import { wasmSelectRecords } from '../kernels/select-records/select-records.wasm.js';
import { wasmToneStatistics } from '../kernels/tone-statistics/tone-statistics.wasm.js';
import { wasmWarpAffine } from '../kernels/warp-affine/warp-affine.wasm.js';
import { wasmWarpPlane } from '../kernels/warp-plane/warp-plane.wasm.js';
import type { Job, WasmKernel } from '../kernels/wasm.js';
import { fitsWinograd, wasmWinograd } from '../kernels/winograd/winograd.wasm.js';

// biome-ignore lint/suspicious/noExplicitAny: a table over kernels of all parameter types
const IMPLEMENTATIONS: Readonly<Record<string, WasmKernel<any>>> = {
  adain: wasmAdain,
  add: wasmAdd,
  attention: wasmAttention,
  'block-steps': wasmBlockSteps,
  'codebook/argmax': wasmArgmax,
  'codebook/lookup': wasmLookup,
  'colour-statistics': wasmColourStatistics,
  'colour-transfer': wasmColourTransfer,
  composite: wasmComposite,
  conv: wasmConv,
  'depthwise-conv': wasmDepthwiseConv,
  'detail-energy': wasmDetailEnergy,
  'detector-records': wasmDetectorRecords,
  erode: wasmErode,
  'feature-fusion': wasmFeatureFusion,
  'fidelity-map': wasmFidelityMap,
  'finish-composite': wasmFinishComposite,
  'gaussian-blur': wasmGaussianBlur,
  'group-norm': wasmGroupNorm,
  'label-map': wasmLabelMap,
  'layer-norm': wasmLayerNorm,
  'mask-build': wasmMaskBuild,
  'max-pool': wasmMaxPool,
  'merge-channels': wasmMergeChannels,
  'nchw-to-tensor': wasmNchwToTensor,
  normalize: wasmNormalize,
  'pack-weights': wasmPackWeights,
  'picture-to-tensor': wasmPictureToTensor,
  'pixel-shuffle': wasmPixelShuffle,
  'pixel-unshuffle': wasmPixelUnshuffle,
  peak: wasmPeak,
  'plane-sum': wasmPlaneSum,
  'pull-colours': wasmPullColours,
  'push-colours': wasmPushColours,
  'resize-area': wasmResizeArea,
  'resize-lanczos4': wasmResizeLanczos4,
  'resize-linear': wasmResizeLinear,
  'resize-plane': wasmResizePlane,
  'select-records': wasmSelectRecords,
  'split-channels': wasmSplitChannels,
  'tensor-to-nchw': wasmTensorToNchw,
  'tensor-to-picture': wasmTensorToPicture,
  'tone-statistics': wasmToneStatistics,
  'warp-affine': wasmWarpAffine,
  'warp-plane': wasmWarpPlane,
};

/**
 * Where Winograd's algorithm is as exact as the networks need: with few channels or pixels its transforms round more than the products do.
 */
function useWinograd(params: ConvParams, { convolution = 'auto' }: CompileOptions): boolean {
  if (convolution === 'direct' || !fitsWinograd(params)) return false;
  const { x, y } = params;
  const [channels, pixels] = [Math.min(x.c, y.c), y.n * y.h * y.w];
  return convolution === 'winograd' || (pixels >= 1024 ? channels >= 64 : pixels >= 256 && channels >= 256);
}

/**
 * The jobs of a kernel for these parameters.
 * @throws `RangeError` for a kernel that has none
 */
export function implementationOf<P>(
  kernel: Kernel<P>,
  params: P,
  options: CompileOptions,
): { readonly scratch: Readonly<Record<string, Scratch>>; readonly jobs: readonly Job[] } {
  const winograd = kernel.name === 'conv' && useWinograd(params as ConvParams, options);
  const implementation = winograd ? (wasmWinograd as WasmKernel<P>) : IMPLEMENTATIONS[kernel.name];
  if (!implementation) throw new RangeError(`The kernel ${kernel.name} has no implementation for WebAssembly`);
  return { scratch: implementation.scratch?.(params) ?? {}, jobs: implementation.jobs(params) };
}
