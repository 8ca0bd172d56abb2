// The names of the networks that weights can belong to.

export const NETWORKS = [
  'codeformer',
  'retinaface-mobile',
  'retinaface-resnet50',
  'parsenet',
  'rrdbnet',
  'residual-upscaler',
] as const;
export type NetworkKind = (typeof NETWORKS)[number];
