// The library in Node.

export type { Picture, PictureLimits } from '../image/picture.js';
export * from '../index.js';
export { createDevice, type NodeDeviceOptions } from './gpu.js';
export {
  decodeImage,
  type EncodeImageOptions,
  encodeImage,
  type OutputType,
  readImageFile,
  writeImageFile,
} from './images.js';
export { createRestorer } from './restorer.js';
export { type OpenWeightsOptions, openWeights } from './weights.js';
