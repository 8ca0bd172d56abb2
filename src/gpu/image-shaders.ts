// What reads and paints pictures of the caller's own, loaded where there are some.

export { default as fromFrame } from './from-frame.wgsl';
export { default as fromTexture } from './from-texture.wgsl';
export { default as toTexture } from './to-texture.wgsl';
