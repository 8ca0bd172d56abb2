// `nchw-to-tensor` and `tensor-to-nchw` on WebAssembly; see nchw.as.ts.

import type { Layout } from '../kernel.js';
import { type Job, placed, runsOf, type WasmKernel } from '../wasm.js';
import type { NchwToTensorParams, TensorToNchwParams } from './nchw.js';

export const wasmNchwToTensor: WasmKernel<NchwToTensorParams> = {
  jobs: ({ y }) => jobs('nchwToTensor', 'input', 'y', y),
};

export const wasmTensorToNchw: WasmKernel<TensorToNchwParams> = {
  jobs: ({ x }) => jobs('tensorToNchw', 'output', 'x', x),
};

function jobs(run: string, planes: string, tensor: string, l: Layout): Job[] {
  const pixels = l.h * l.w;
  const { each, parts } = runsOf(pixels, 4);
  return [{ run, args: [planes, ...placed(tensor, l), pixels, l.c, each, parts], parts: l.n * parts, local: 16 }];
}
