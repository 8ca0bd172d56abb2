// What the module exports: the functions that jobs name, and where free memory begins.

export * from '../kernels/adain/adain.as';
export * from '../kernels/add/add.as';
export * from '../kernels/attention/attention.as';
export * from '../kernels/codebook/argmax.as';
export * from '../kernels/codebook/lookup.as';
export * from '../kernels/conv/conv.as';
export * from '../kernels/depthwise-conv/depthwise-conv.as';
export * from '../kernels/detector-records/detector-records.as';
export * from '../kernels/feature-fusion/feature-fusion.as';
export * from '../kernels/fidelity-map/fidelity-map.as';
export * from '../kernels/group-norm/group-norm.as';
export * from '../kernels/label-map/label-map.as';
export * from '../kernels/layer-norm/layer-norm.as';
export * from '../kernels/max-pool/max-pool.as';
export * from '../kernels/nchw/nchw.as';
export * from '../kernels/normalize/normalize.as';
export * from '../kernels/pack-weights/pack-weights.as';
export * from '../kernels/picture/picture.as';
export * from '../kernels/pixel-shuffle/pixel-shuffle.as';
export * from '../kernels/select-records/select-records.as';
export * from '../kernels/statistics/strips.as';
export * from '../kernels/resize-linear/resize-linear.as';
export * from '../kernels/resize-area/resize-area.as';
export * from '../kernels/resize-lanczos4/resize-lanczos4.as';
export * from '../kernels/resize-plane/resize-plane.as';
export * from '../kernels/warp-affine/warp-affine.as';
export * from '../kernels/warp-plane/warp-plane.as';
export * from '../kernels/channels/channels.as';
export * from '../kernels/gaussian-blur/gaussian-blur.as';
export * from '../kernels/erode/erode.as';
export * from '../kernels/mask-build/mask-build.as';
export * from '../kernels/composite/composite.as';
export * from '../kernels/peak/peak.as';
export * from '../kernels/plane-sum/plane-sum.as';
export * from '../kernels/colour-statistics/colour-statistics.as';
export * from '../kernels/colour-transfer/colour-transfer.as';
export * from '../kernels/tone-statistics/tone-statistics.as';
export * from '../kernels/detail-energy/detail-energy.as';
export * from '../kernels/block-steps/block-steps.as';
export * from '../kernels/fill-transparent/fill-transparent.as';
export * from '../kernels/winograd/winograd.as';

export function heapBase(): usize {
  return __heap_base;
}
