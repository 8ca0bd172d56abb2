// Gets WebGPU in a browser, on a page or in a worker.

import { CodeFormerError } from '../errors.js';
import { checkDeviceOptions, type DeviceOptions } from '../executor.js';
import { adapterInfo, requestDevice } from '../gpu/adapter.js';
import { Device } from '../gpu/device.js';

/**
 * A WebGPU device.
 * @throws `NO_ADAPTER` when the browser has no WebGPU, or no adapter of the kind asked for; `INVALID_ARGUMENT`
 */
export async function createDevice(options: DeviceOptions = {}): Promise<Device> {
  checkDeviceOptions(options);
  if (options.device) return new Device(options.device, adapterInfo(options.device.adapterInfo), options);
  if (!globalThis.navigator?.gpu) {
    const why =
      globalThis.isSecureContext === false ? 'only pages from https or localhost have it' : 'this browser has none';
    throw new CodeFormerError('NO_ADAPTER', `Expected WebGPU but ${why}`);
  }
  return requestDevice(navigator.gpu, options);
}
