// WebAssembly in browsers: all processors where the page is isolated from others, else one thread.

import { loadPart } from '../errors.js';
import type { DeviceOptions } from '../executor.js';
import { compileModule, WasmExecutor } from '../wasm/executor.js';
import type { ThreadNews, ThreadStart } from '../wasm/jobs.js';
import type { PlatformThread, StartThread } from '../wasm/workers.js';

/** More threads wait for each other longer than they work on one face. */
const MOST_THREADS = 16;

/**
 * @param reason why no GPU is used instead
 * @throws `NO_ADAPTER` where WebAssembly has no SIMD, `ADAPTER_LIMITS` for f16
 */
export async function createWasmExecutor(
  { threads = Math.min(navigator.hardwareConcurrency || 1, MOST_THREADS), precision }: DeviceOptions,
  reason?: string,
): Promise<WasmExecutor> {
  const shared = globalThis.crossOriginIsolated === true;
  const loading = shared ? import('../wasm/kernels-shared.wasm') : import('../wasm/kernels.wasm');
  const { default: kernels } = await loadPart('WebAssembly', loading);
  const module = await compileModule(kernels);
  return new WasmExecutor({ threads, startThread: shared ? startThread : null, module, precision, reason });
}

const startThread: StartThread = (start: ThreadStart, { news, failure }): PlatformThread => {
  const worker = new Worker(new URL('./wasm-thread.js', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }: MessageEvent<ThreadNews>) => news(data);
  worker.onerror = event => failure(event.message || 'its script cannot be loaded');
  worker.postMessage(start);
  return { post: work => worker.postMessage(work), hold: () => {}, stop: () => worker.terminate() };
};
