// The library in browsers.

export type { EncodeImageOptions } from '../image/encoding.js';
export type { DecodedPicture, Picture, PictureLimits, PictureMetadata } from '../image/picture.js';
export * from '../index.js';
export { createDevice } from './gpu.js';
export { decodeImage, encodeImage } from './images.js';
export { createRestorer, type WebRestorerOptions, type WeightsProgress } from './restorer.js';
export { type OpenWeightsOptions, openWeights } from './weights.js';
