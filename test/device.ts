// The device that tests share: SwiftShader, with Dawn's bounds checks on unless a test asks for the product's own settings.

import type { Device } from '../src/gpu/device.js';
import type { Precision } from '../src/kernels/kernel.js';
import { createDevice } from '../src/node/gpu.js';

const devices = new Map<string, Promise<Device>>();

export function testDevice(robust = true, precision: Precision = 'f32'): Promise<Device> {
  const key = `${robust} ${precision}`;
  let device = devices.get(key);
  if (!device) {
    device = createDevice({ adapter: 'software', robust, precision });
    devices.set(key, device);
  }
  return device;
}
