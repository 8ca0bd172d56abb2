// Which jobs WebAssembly does for each kernel.

import type { CompileOptions } from '../executor.js';
import { wasmAdd } from '../kernels/add/add.wasm.js';
import type { ConvParams } from '../kernels/conv/conv.js';
import { wasmConv } from '../kernels/conv/conv.wasm.js';
import type { Kernel } from '../kernels/kernel.js';
import { wasmNormalize } from '../kernels/normalize/normalize.wasm.js';
import type { Job, Scratch, WasmKernel } from '../kernels/wasm.js';
import { fitsWinograd, wasmWinograd } from '../kernels/winograd/winograd.wasm.js';

// biome-ignore lint/suspicious/noExplicitAny: a table over kernels of all parameter types
const IMPLEMENTATIONS: Readonly<Record<string, WasmKernel<any>>> = {
  add: wasmAdd,
  conv: wasmConv,
  normalize: wasmNormalize,
};

/** Fewest channels of the input for which the transforms of Winograd's algorithm pay. */
const FEWEST_CHANNELS = 16;

function useWinograd(params: ConvParams, { convolution = 'auto' }: CompileOptions): boolean {
  if (convolution === 'direct' || !fitsWinograd(params)) return false;
  return convolution === 'winograd' || params.x.c >= FEWEST_CHANNELS;
}

/**
 * The jobs of a kernel for these parameters.
 * @throws `RangeError` for a kernel that has none
 */
export function implementationOf<P>(
  kernel: Kernel<P>,
  params: P,
  options: CompileOptions,
): { readonly scratch: Readonly<Record<string, Scratch>>; readonly jobs: readonly Job[] } {
  const winograd = kernel.name === 'conv' && useWinograd(params as ConvParams, options);
  const implementation = winograd ? (wasmWinograd as WasmKernel<P>) : IMPLEMENTATIONS[kernel.name];
  if (!implementation) throw new RangeError(`The kernel ${kernel.name} has no implementation for WebAssembly`);
  return { scratch: implementation.scratch?.(params) ?? {}, jobs: implementation.jobs(params) };
}
