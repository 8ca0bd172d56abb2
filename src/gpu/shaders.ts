// All that knows shaders, in one file that is loaded later: what two such files have in common would be a third.

export { shapeKey } from '../kernels/conv/choice.js';
export { default as fromFrame } from './from-frame.wgsl';
export { default as fromTexture } from './from-texture.wgsl';
export { implementationOf } from './implementations.js';
export { lower } from './lower.js';
export { default as toTexture } from './to-texture.wgsl';
export { measureShapes } from './tune.js';
