// The device that tests share: SwiftShader, with Dawn's bounds checks on unless a test asks for the product's own settings.

import type { Device } from '../src/gpu/device.js';
import { createDevice } from '../src/node/gpu.js';

const devices = new Map<boolean, Promise<Device>>();

export function testDevice(robust = true): Promise<Device> {
  let device = devices.get(robust);
  if (!device) {
    device = createDevice({ adapter: 'software', robust });
    devices.set(robust, device);
  }
  return device;
}
