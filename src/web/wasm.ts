// WebAssembly in browsers: all processors where the page is isolated from others, else one thread.

import { loadPart } from '../errors.js';
import type { DeviceOptions } from '../executor.js';
import { compileModule, MOST_THREADS, WasmExecutor } from '../wasm/executor.js';
import type { ThreadNews, ThreadStart } from '../wasm/jobs.js';
import type { PlatformThread, StartThread } from '../wasm/workers.js';
import code from './wasm-thread.ts?code';

/**
 * @param reason why no GPU is used instead
 * @throws `NO_ADAPTER` where WebAssembly has no SIMD, `ADAPTER_LIMITS` for f16
 */
export async function createWasmExecutor(
  { threads = Math.min(navigator.hardwareConcurrency || 1, MOST_THREADS), precision }: DeviceOptions,
  reason?: string,
): Promise<WasmExecutor> {
  const shared = globalThis.crossOriginIsolated === true && (await canStartWorkers());
  const loading = shared ? import('../wasm/kernels-shared.wasm') : import('../wasm/kernels.wasm');
  const { default: kernels } = await loadPart('WebAssembly', loading);
  const module = await compileModule(kernels);
  return new WasmExecutor({ threads, startThread: shared ? startThread : null, module, precision, reason });
}

const startThread: StartThread = (start: ThreadStart, { news, failure }): PlatformThread => {
  const worker = workerOf(code);
  worker.onmessage = ({ data }: MessageEvent<ThreadNews>) => news(data);
  worker.onerror = event => failure(event.message || 'its script cannot be loaded');
  worker.postMessage(start);
  return { post: work => worker.postMessage(work), hold: () => {}, stop: () => worker.terminate() };
};

/** A worker of a script's text: bundlers need not take a file along, and it is isolated as the page is. */
function workerOf(script: string): Worker {
  const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  const worker = new Worker(url, { name: 'codeformer-webgpu' });
  // Its first message comes when it has been read.
  for (const type of ['message', 'error'])
    worker.addEventListener(type, () => URL.revokeObjectURL(url), { once: true });
  return worker;
}

/** Policies may forbid workers from blobs, and older browsers those that workers start. */
async function canStartWorkers(): Promise<boolean> {
  try {
    const worker = workerOf('postMessage(null)');
    return await new Promise<boolean>(resolve => {
      worker.onmessage = () => resolve(true);
      worker.onerror = () => resolve(false);
    }).finally(() => worker.terminate());
  } catch {
    return false;
  }
}
