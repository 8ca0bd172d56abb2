// Which adapter is taken, what it is, and what is asked of it.

import { CodeFormerError } from '../errors.js';
import { type AdapterInfo, checkKind, type DeviceOptions } from '../executor.js';
import { Device } from './device.js';
import { matrixShape, SUBGROUP_MATRIX } from './matrix-shape.js';

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|warp|basic render/i;

/** Tells what an adapter is. Chromium and Dawn mark software adapters; the names catch those that do not. */
export function adapterInfo(info: GPUAdapterInfo): AdapterInfo {
  const { vendor, architecture, device, description } = info;
  const software = info.isFallbackAdapter || SOFTWARE.test(`${architecture} ${device} ${description}`);
  return { vendor, architecture, device, description, software };
}

/**
 * The features and limits asked of an adapter: all of its own storage and buffer limits, f16 and subgroups where present.
 * A limit that is not asked for stays at the default of the specification, however large the adapter's is.
 */
function deviceDescriptor(adapter: GPUAdapter, { subgroupMatrices }: DeviceOptions): GPUDeviceDescriptor {
  const wanted: GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query'];
  if (subgroupMatrices) wanted.push(SUBGROUP_MATRIX);
  const limits = adapter.limits;
  return {
    label: 'codeformer',
    requiredFeatures: wanted.filter(name => adapter.features.has(name)),
    requiredLimits: {
      maxBufferSize: limits.maxBufferSize,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
      maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
      maxComputeWorkgroupSizeY: limits.maxComputeWorkgroupSizeY,
      maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    },
  };
}

/**
 * A device of the caller's own.
 * @throws `INVALID_ARGUMENT` where it is not of the kind asked for, `ADAPTER_LIMITS` for a precision that it does not have
 */
export function wrapDevice(gpu: GPUDevice, options: DeviceOptions): Device {
  const info = adapterInfo(gpu.adapterInfo);
  checkKind(info, options.adapter);
  return new Device(gpu, info, options);
}

/** Gets an adapter of the kind asked for from a `GPU`, and a device with all it offers. */
export async function requestDevice(gpu: GPU, kind: 'gpu' | 'software', options: DeviceOptions): Promise<Device> {
  const adapter = await requestAdapter(gpu, kind);
  if (!adapter) {
    throw new CodeFormerError('NO_ADAPTER', `Expected a WebGPU adapter of kind "${kind}" but none was found`);
  }
  const device = await adapter.requestDevice(deviceDescriptor(adapter, options));
  const info = adapterInfo(adapter.info);
  const matrix = info.software ? undefined : matrixShape(device, adapter.info);
  return new Device(device, info, { ...options, ...(matrix && { target: { matrix } }) }, true);
}

async function requestAdapter(gpu: GPU, kind: 'gpu' | 'software'): Promise<GPUAdapter | null> {
  const requests: GPURequestAdapterOptions[] = [
    { powerPreference: 'high-performance' },
    { forceFallbackAdapter: true },
  ];
  for (const request of requests) {
    const adapter = await gpu.requestAdapter(request);
    if (adapter && adapterInfo(adapter.info).software === (kind === 'software')) return adapter;
  }
  return null;
}
