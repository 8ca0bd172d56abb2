// Devices in Node: WebGPU by Dawn from the `webgpu` package where there is a GPU, else WebAssembly.

import { readdir } from 'node:fs/promises';
import { CodeFormerError } from '../errors.js';
import {
  type AdapterInfo,
  checkDeviceOptions,
  type DeviceOptions,
  type Executor,
  firstAdapter,
  isNoAdapter,
} from '../executor.js';
import { adapterInfo, requestDevice, wrapDevice } from '../gpu/adapter.js';
import type { Device } from '../gpu/device.js';
import { enableSwiftShader, findChromiumPackage } from './software-adapter.js';

/** Timestamps as the GPU has them: in browsers, a tenth of a millisecond would tell too much. */
const EXACT_TIMES = 'disable-dawn-features=timestamp_quantization';

/** Which device Node gets. */
export interface NodeDeviceOptions extends DeviceOptions {
  /** Keep Dawn's bounds checks in shaders: slower. Default false. */
  readonly robust?: boolean;
}

/**
 * WebGPU in Node, or WebAssembly where there is no GPU. The software adapter is unpacked only where it is asked for, or WebAssembly cannot run.
 * @throws `NO_ADAPTER` when there is no adapter of the kind asked for, `ADAPTER_LIMITS` for a precision that it does not have, `INVALID_ARGUMENT`
 */
export async function createDevice(
  options: NodeDeviceOptions & ({ readonly adapter: 'gpu' | 'software' } | { readonly device: GPUDevice }),
): Promise<Device>;
export async function createDevice(options?: NodeDeviceOptions): Promise<Executor>;
export async function createDevice(options: NodeDeviceOptions = {}): Promise<Executor> {
  checkDeviceOptions(options, ['robust']);
  if (options.device) return wrapDevice(options.device, options);
  const { adapter = 'auto' } = options;
  const makers = {
    gpu: () => gpuDevice(options),
    wasm: async (reason?: string) => (await import('./wasm.js')).createWasmExecutor(options, reason),
    software: () => softwareDevice(options),
  };
  if (adapter !== 'auto') return makers[adapter]();
  return firstAdapter([async () => ((await mayHaveGpu()) ? makers.gpu() : noGpu()), makers.wasm, makers.software]);
}

const noGpu = (): never => {
  throw new CodeFormerError('NO_ADAPTER', 'there is no device file of a GPU');
};

const gpuDevice = async (options: NodeDeviceOptions): Promise<Device> =>
  requestDevice(await gpuInstance('own', options), 'gpu', options);

async function softwareDevice(options: NodeDeviceOptions): Promise<Device> {
  let missing: unknown;
  const enabled = await enableSwiftShader().catch((error: unknown) => {
    missing = error;
    return false;
  });
  try {
    return await requestDevice(await gpuInstance(enabled ? 'software' : 'own', options), 'software', options);
  } catch (error) {
    throw isNoAdapter(error) && missing ? missing : error;
  }
}

/** Device files of GPUs in Linux. Elsewhere there is no software adapter of ours to take instead. */
async function mayHaveGpu(): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  const names = await readdir('/dev').catch(() => []);
  return names.some(name => /^(dri|dxg|kfd|kgsl|mali|nvidia)/.test(name));
}

/** Dawn crashes the process when an instance is collected while its devices live or at exit, so instances are kept, one for each setting. */
const instances = new Map<string, GPU>();

/**
 * A `GPU` of Dawn with the drivers of the machine, or also with the software driver that was enabled: drivers are looked up when an
 * instance is created. A GPU is preferred to that all the same.
 */
async function gpuInstance(
  drivers: 'own' | 'software',
  { robust = false, subgroupMatrices = false }: NodeDeviceOptions = {},
): Promise<GPU> {
  const toggles = [
    // Kernels stay inside their buffers: the tests run them with the checks on.
    ...(robust ? [] : ['disable_robustness']),
    'vulkan_enable_f16_on_nvidia',
    // What is an experiment is not listed without it.
    ...(subgroupMatrices ? ['allow_unsafe_apis'] : []),
  ].join();
  const key = `${drivers} ${toggles}`;
  const gpu = instances.get(key) ?? (await loadDawn()).create([`enable-dawn-features=${toggles}`, EXACT_TIMES]);
  instances.set(key, gpu);
  return gpu;
}

async function loadDawn(): Promise<typeof import('webgpu')> {
  try {
    return await import('webgpu');
  } catch (cause) {
    const [reason] = (cause as Error).message.split('\n');
    throw new CodeFormerError('NO_ADAPTER', `The package webgpu could not be loaded: ${reason}`, { cause });
  }
}

/** What `codeformer doctor` reports of the adapters. */
export interface AdapterReport {
  /** In the order in which they are preferred. */
  readonly adapters: readonly (AdapterInfo & { features: readonly string[]; limits: Record<string, number> })[];
  /** Why WebGPU cannot be used at all. */
  readonly webgpuError?: string;
  /** Version of the package that carries SwiftShader, if it is installed. */
  readonly swiftShaderPackage: string | null;
  /** Why it cannot be used. */
  readonly softwareError?: string;
}

/** Lists the adapters: GPUs, WebAssembly and, where it can be had, the software adapter. */
export async function reportAdapters(): Promise<AdapterReport> {
  const adapters: AdapterReport['adapters'][number][] = [];
  const errors: { webgpuError?: string; softwareError?: string } = {};
  const enabled = await enableSwiftShader().catch((error: Error) => {
    errors.softwareError = error.message;
    return false;
  });
  const gpu = await gpuInstance(enabled ? 'software' : 'own').catch(({ cause, message }: Error) => {
    errors.webgpuError = (cause instanceof Error ? cause.message : message).split('\n')[0]!;
    return null;
  });
  for (const forceFallbackAdapter of [false, true]) {
    const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance', forceFallbackAdapter });
    if (!adapter) continue;
    const info = adapterInfo(adapter.info);
    if (adapters.some(a => a.description === info.description && a.device === info.device)) continue;
    const { maxBufferSize, maxStorageBufferBindingSize, maxComputeWorkgroupStorageSize } = adapter.limits;
    adapters.push({
      ...info,
      features: [...adapter.features].sort(),
      limits: { maxBufferSize, maxStorageBufferBindingSize, maxComputeWorkgroupStorageSize },
    });
  }
  const wasm = await reportWasm();
  const preferred = [
    ...adapters.filter(({ software }) => !software),
    ...(wasm ? [wasm] : []),
    ...adapters.filter(({ software }) => software),
  ];
  return { adapters: preferred, swiftShaderPackage: findChromiumPackage()?.version ?? null, ...errors };
}

async function reportWasm(): Promise<AdapterReport['adapters'][number] | null> {
  const { createWasmExecutor } = await import('./wasm.js');
  try {
    using executor = await createWasmExecutor({});
    const { adapter, features, limits } = executor;
    return { ...adapter, features, limits: { maxBufferSize: limits.bufferBytes } };
  } catch (error) {
    if (isNoAdapter(error)) return null;
    throw error;
  }
}
