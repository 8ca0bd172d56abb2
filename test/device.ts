// The devices that tests share.

import type { Executor } from '../src/executor.js';
import type { Device } from '../src/gpu/device.js';
import type { Precision } from '../src/kernels/kernel.js';
import { createDevice } from '../src/node/gpu.js';
import { enableSwiftShader } from '../src/node/software-adapter.js';

/** SwiftShader, but on a machine with a GPU that says so the GPU: then the same tests are about its driver (`bench/gpu-machine.sh`). */
const ADAPTER = process.env.CODEFORMER_TEST_ADAPTER === 'gpu' ? 'gpu' : 'software';

const devices = new Map<string, Promise<Device>>();

/** SwiftShader, with Dawn's bounds checks on unless a test asks for the product's own settings. */
export function testDevice(robust = true, precision: Precision = 'f32'): Promise<Device> {
  const key = `${robust} ${precision}`;
  let device = devices.get(key);
  if (!device) {
    device = createDevice({ adapter: ADAPTER, robust, precision });
    devices.set(key, device);
  }
  return device;
}

/** Dawn ends the process when an instance is collected while its devices live. */
let dawn: GPU | null = null;

/**
 * A device of a caller who asks for nothing but features that our own has: with the least limits that the specification allows, 128 MiB of
 * a buffer bound, 16 KiB of memory for a workgroup, 8 storage buffers.
 */
export async function leastDevice(features: readonly GPUFeatureName[] = []): Promise<GPUDevice> {
  await enableSwiftShader();
  dawn ??= (await import('webgpu')).create(['enable-dawn-features=vulkan_enable_f16_on_nvidia']);
  const adapter = await dawn.requestAdapter({ forceFallbackAdapter: ADAPTER === 'software' });
  return adapter!.requestDevice({ requiredFeatures: features });
}

let executor: Promise<Executor> | null = null;

/** The executor of tests that are about networks and pictures and not about shaders: WebAssembly, several times as fast. */
export function testExecutor(): Promise<Executor> {
  executor ??= createDevice({ adapter: 'wasm' });
  return executor;
}

/** What computes results that are the same within the tolerances. */
export const EXECUTORS = ['SwiftShader', 'WebAssembly'] as const;

export type ExecutorName = (typeof EXECUTORS)[number];

/** @param robust whether SwiftShader checks bounds; WebAssembly always does */
export const executorNamed = (name: ExecutorName, robust = true): Promise<Executor> =>
  name === 'SwiftShader' ? testDevice(robust) : testExecutor();
