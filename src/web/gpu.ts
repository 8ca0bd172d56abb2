// Devices in a browser, on a page or in a worker: WebGPU where there is a GPU, else WebAssembly.

import { CodeFormerError, loadPart } from '../errors.js';
import { checkDeviceOptions, type DeviceOptions, type Executor, firstAdapter } from '../executor.js';
import { requestDevice, wrapDevice } from '../gpu/adapter.js';
import type { Device } from '../gpu/device.js';

/**
 * A device of the kind asked for.
 * @throws `NO_ADAPTER` when the browser has none, `ADAPTER_LIMITS` for a precision that it does not have, `INVALID_ARGUMENT`
 */
export async function createDevice(
  options: DeviceOptions & ({ readonly adapter: 'gpu' | 'software' } | { readonly device: GPUDevice }),
): Promise<Device>;
export async function createDevice(options?: DeviceOptions): Promise<Executor>;
export async function createDevice(options: DeviceOptions = {}): Promise<Executor> {
  checkDeviceOptions(options);
  if (options.device) return wrapDevice(options.device, options);
  const { adapter = 'auto' } = options;
  const gpu = async () => requestDevice(webgpu(), 'gpu', options);
  const wasm = async (reason?: string) => {
    const { createWasmExecutor } = await loadPart('WebAssembly', import('./wasm.js'));
    return createWasmExecutor(options, reason);
  };
  const software = async () => requestDevice(webgpu(), 'software', options);
  return adapter === 'auto' ? firstAdapter([gpu, wasm, software]) : { gpu, wasm, software }[adapter]();
}

/** A module with one instruction of SIMD: a vector of zeros. */
const SIMD = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  // A function without parameters that returns a vector, and its body.
  ...[1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0, 10, 22, 1, 20, 0, 0xfd, 12],
  ...new Array(16).fill(0),
  0x0b,
);

/**
 * Looks whether there is anything to compute with, so that nothing large is loaded in vain.
 * @throws `NO_ADAPTER`
 */
export async function checkAdapter(): Promise<void> {
  const adapter = await globalThis.navigator?.gpu?.requestAdapter().catch(() => null);
  const simd = async () => (await WebAssembly.compile(SIMD).catch(() => null)) !== null;
  if (adapter || (await simd())) return;
  // This says in full what is missing.
  (await createDevice()).destroy();
}

function webgpu(): GPU {
  if (globalThis.navigator?.gpu) return navigator.gpu;
  const why =
    globalThis.isSecureContext === false ? 'only pages from https or localhost have it' : 'this browser has none';
  throw new CodeFormerError('NO_ADAPTER', `Expected WebGPU but ${why}`);
}
