// Gets WebGPU in Node: Dawn from the `webgpu` package, on a GPU where there is one, else on a software adapter.

import { create, globals } from 'webgpu';
import { adapterInfo, Device, type DeviceOptions, requestDevice } from '../gpu/device.js';
import { enableSwiftShader, findChromiumPackage } from './software-adapter.js';

/** Kernels stay inside their buffers (the tests run them with the checks on), so an instance of our own does without them. */
const TOGGLES = ['disable_robustness', 'vulkan_enable_f16_on_nvidia'];

export interface NodeDeviceOptions extends DeviceOptions {
  /** Keep Dawn's bounds checks in shaders: slower. Default false. */
  readonly robust?: boolean;
}

/**
 * A WebGPU device in Node.
 * @throws `NO_ADAPTER` when there is no adapter of the kind asked for
 */
export async function createDevice(options: NodeDeviceOptions = {}): Promise<Device> {
  if (options.device) {
    return new Device(options.device, adapterInfo(options.device.adapterInfo), options);
  }
  return requestDevice(await gpuInstance(options.adapter ?? 'auto', options.robust ?? false), options);
}

/** Dawn crashes the process when an instance is collected while its devices live or at exit, so instances are kept, one for each setting. */
const instances = new Map<string, GPU>();

/**
 * A `GPU` of Dawn. The software driver is added to the machine's own before the instance is created, because that is when drivers are
 * looked up; a GPU is preferred to it all the same.
 */
async function gpuInstance(kind: 'auto' | 'gpu' | 'software', robust: boolean): Promise<GPU> {
  if (kind !== 'gpu') await enableSwiftShader();
  Object.assign(globalThis, globals);
  const toggles = TOGGLES.filter(t => !robust || t !== 'disable_robustness').join();
  const key = `${kind === 'gpu'} ${toggles}`;
  const gpu = instances.get(key) ?? create([`enable-dawn-features=${toggles}`]);
  instances.set(key, gpu);
  return gpu;
}

/** What `codeformer doctor` reports of the adapters. */
export interface AdapterReport {
  readonly adapters: readonly (ReturnType<typeof adapterInfo> & {
    features: string[];
    limits: Record<string, number>;
  })[];
  /** Version of the package that carries SwiftShader, if it is installed. */
  readonly swiftShaderPackage: string | null;
}

/** Lists the adapters: GPUs and, where it can be had, the software adapter. */
export async function reportAdapters(): Promise<AdapterReport> {
  const adapters: AdapterReport['adapters'][number][] = [];
  const gpu = await gpuInstance('auto', false);
  for (const forceFallbackAdapter of [false, true]) {
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance', forceFallbackAdapter });
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
  return { adapters, swiftShaderPackage: findChromiumPackage()?.version ?? null };
}
