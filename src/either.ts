// The types of the library where a program's settings do not say whether it runs in Node or in a browser (`moduleResolution: bundler`):
// functions that both have take what either takes. The code is that of the platform.

import type * as node from './node/index.js';
import type * as web from './web/index.js';

export type { EncodeImageOptions } from './image/encoding.js';
export type { DecodedPicture, Picture, PictureLimits, PictureMetadata } from './image/picture.js';
export * from './index.js';
export type { NodeDeviceOptions, OpenWeightsOptions } from './node/index.js';
export type { WebRestorerOptions, WeightsProgress } from './web/index.js';

export declare const createDevice: typeof node.createDevice & typeof web.createDevice;
export declare const createRestorer: typeof web.createRestorer & typeof node.createRestorer;
export declare const decodeImage: typeof node.decodeImage & typeof web.decodeImage;
export declare const encodeImage: typeof node.encodeImage & typeof web.encodeImage;
export declare const openWeights: typeof node.openWeights & typeof web.openWeights;
/** In Node only. */
export declare const readImageFile: typeof node.readImageFile;
/** In Node only. */
export declare const writeImageFile: typeof node.writeImageFile;
