// WebAssembly in Node: as many threads as there are processors.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { DeviceOptions } from '../executor.js';
import { compileModule, MOST_THREADS, WasmExecutor } from '../wasm/executor.js';
import type { ThreadNews, ThreadStart } from '../wasm/jobs.js';
import kernels from '../wasm/kernels-shared.wasm';
import type { PlatformThread, StartThread } from '../wasm/workers.js';
import code from './wasm-thread.ts?code';

/**
 * @param reason why no GPU is used instead
 * @throws `NO_ADAPTER` where WebAssembly has no SIMD, `ADAPTER_LIMITS` for f16
 */
export async function createWasmExecutor(
  { threads = Math.min(availableParallelism(), MOST_THREADS), precision }: DeviceOptions,
  reason?: string,
): Promise<WasmExecutor> {
  const module = await compileModule(kernels);
  return new WasmExecutor({ threads, startThread, module, precision, reason });
}

/** A thread of Node, which keeps the process alive only while it works. */
export const startThread: StartThread = (start: ThreadStart, { news, failure }): PlatformThread => {
  // From its text: bundlers of applications know nothing of a file.
  const worker = new Worker(code, { eval: true, workerData: start, execArgv: [], name: 'codeformer-webgpu' });
  worker.on('message', (message: ThreadNews) => news(message));
  worker.on('error', error => failure(error.message));
  worker.on('exit', status => failure(`exit code ${status}`));
  worker.unref();
  return {
    post: work => worker.postMessage(work),
    hold: busy => (busy ? worker.ref() : worker.unref()),
    stop: () => void worker.terminate(),
  };
};
