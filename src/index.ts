// What the library offers on every platform. `src/node` and `src/web` add how a device, weights and pictures are had there.

export { CodeFormerError, type ErrorCode } from './errors.js';
export type {
  AdapterInfo,
  DeviceBuffer,
  DeviceOptions,
  Executor,
  RunOptions,
  TunedShape,
  Tuner,
  Variant,
} from './executor.js';
export { Device } from './gpu/device.js';
export type { Precision } from './kernels/kernel.js';
export {
  CodeFormer,
  type DecodeOptions,
  Encoded,
  type EncodeOptions,
  type LoadOptions,
  type TraceOptions,
} from './models/codeformer/codeformer.js';
export { type CodeFormerConfig, OFFICIAL_CONFIG } from './models/codeformer/tensors.js';
export { generatedWeights } from './models/networks.js';
export { Parsed, ParseNet, type ParseNetOptions } from './models/parsenet/parsenet.js';
export { ResidualUpscaler } from './models/residual-upscaler/residual-upscaler.js';
export type { ResidualUpscalerConfig } from './models/residual-upscaler/tensors.js';
export { type DetectFacesOptions, detectFaces } from './models/retinaface/detect.js';
export {
  type Detection,
  type DetectorOptions,
  type DetectorOutputs,
  RetinaFace,
} from './models/retinaface/retinaface.js';
export { RRDBNet } from './models/rrdbnet/rrdbnet.js';
export type { RRDBNetConfig } from './models/rrdbnet/tensors.js';
export type { UpscaleOptions } from './models/upscaler/upscaler.js';
export { type AlignOptions, alignFace } from './pipeline/align.js';
export { DEFAULT_REGIONS, FACE_REGIONS, type FaceRegion } from './pipeline/regions.js';
export type { Restorer } from './pipeline/restorer.js';
export type {
  DecodeFaceOptions,
  DeviceEncodedFace,
  EncodedFace,
  EncodeFaceOptions,
  ManyOptions,
  NetworkInfo,
  PreparedPhoto,
  RestorerInfo,
  RestorerOptions,
  SelfTestResult,
  SelfTestVerdict,
  TuneResult,
} from './pipeline/restorer-types.js';
export type * from './pipeline/types.js';
export * as pixels from './pixels/pixels.js';
export type { ByteSource } from './weights/source.js';
export type { Weights } from './weights/weights.js';
