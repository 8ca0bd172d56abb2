// Gets WebGPU in Node: Dawn from the `webgpu` package, on a GPU where there is one, else on a software adapter.

import { create, globals } from 'webgpu';
import { CodeFormerError } from '../errors';
import { adapterInfo, Device, type DeviceOptions, requestDevice } from '../gpu/device';
import { enableSwiftShader, findChromiumPackage } from './software-adapter';

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
    return new Device(options.device, adapterInfo(options.device.adapterInfo), options, false);
  }
  return requestDevice(await gpuFor(options.adapter ?? 'auto', options.robust ?? false), options);
}

/** A `GPU` of a new Dawn instance that has an adapter of this kind, if there is any. */
async function gpuFor(kind: 'auto' | 'gpu' | 'software', robust: boolean): Promise<GPU> {
  Object.assign(globalThis, globals);
  const flags = [`enable-dawn-features=${TOGGLES.filter(t => !robust || t !== 'disable_robustness').join()}`];
  const gpu = create(flags);
  if (kind !== 'software' && (await gpu.requestAdapter())) return gpu;
  if (kind === 'gpu' || !(await enableSwiftShader())) return gpu;
  // The drivers are looked up when an instance is created.
  return create(flags);
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
  for (const kind of ['gpu', 'software'] as const) {
    const gpu = await gpuFor(kind, false);
    for (const forceFallbackAdapter of [false, true]) {
      const adapter = await gpu.requestAdapter({ forceFallbackAdapter });
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
  }
  return { adapters, swiftShaderPackage: findChromiumPackage()?.version ?? null };
}

/** Turns the failure to load Dawn's addon (an unsupported platform) into `NO_ADAPTER`. */
export function addonError(cause: unknown): CodeFormerError {
  return new CodeFormerError('NO_ADAPTER', `Dawn could not be loaded: ${(cause as Error).message}`, { cause });
}
