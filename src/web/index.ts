// The library in browsers.

export type { Picture, PictureLimits } from '../image/picture.js';
export * from '../index.js';
export { createDevice } from './gpu.js';
export { decodeImage, type EncodeImageOptions, encodeImage } from './images.js';
export { createRestorer, type WebRestorerOptions, type WeightsProgress } from './restorer.js';
export { type OpenWeightsOptions, openWeights } from './weights.js';
