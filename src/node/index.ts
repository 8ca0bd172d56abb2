// The library in Node.

export * from '../index.js';
export { createDevice, type NodeDeviceOptions } from './gpu.js';
export { type OpenWeightsOptions, openWeights } from './weights.js';
