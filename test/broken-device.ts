// A GPU whose driver computes something wrongly: SwiftShader, which is told other shaders than it gets and says that it is no software.

import { createDevice } from '../src/node/gpu.js';

/** What a driver makes of a shader. */
export type Driver = (code: string, label: string) => string;

/** A device of the caller's own, of a GPU with a driver. */
export async function deviceWith(driver: Driver): Promise<GPUDevice> {
  const { gpu } = await createDevice({ adapter: 'software', robust: true });
  const compile = gpu.createShaderModule.bind(gpu);
  Object.defineProperty(gpu, 'createShaderModule', {
    value: (shader: GPUShaderModuleDescriptor) => compile({ ...shader, code: driver(shader.code, shader.label ?? '') }),
  });
  const adapterInfo = {
    vendor: 'maker',
    architecture: 'arch',
    device: 'Card',
    description: '',
    isFallbackAdapter: false,
  };
  Object.defineProperty(gpu, 'adapterInfo', { value: adapterInfo });
  return gpu;
}

/** A driver that gets some shaders wrong, where a text in them means something else to it. */
export const wrongWith =
  (label: RegExp, from: string, to: string): Driver =>
  (code, name) => {
    if (!label.test(name)) return code;
    if (!code.includes(from)) throw new Error(`${name} has no ${from}`);
    return code.replace(from, to);
  };
