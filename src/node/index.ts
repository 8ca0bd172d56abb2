// The library in Node.

export type { EncodeImageOptions } from '../image/encoding.js';
export type { DecodedPicture, Picture, PictureLimits, PictureMetadata } from '../image/picture.js';
export * from '../index.js';
export { createDevice, type NodeDeviceOptions } from './gpu.js';
export {
  decodeImage,
  encodeImage,
  readImageFile,
  writeImageFile,
} from './images.js';
export { createRestorer } from './restorer.js';
export { type OpenWeightsOptions, openWeights } from './weights.js';
