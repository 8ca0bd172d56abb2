// A thread of the WebAssembly executor in browsers.

import type { ThreadStart, ThreadWork } from '../wasm/jobs.js';
import { Thread } from '../wasm/thread.js';

let thread: Thread | null = null;

/** First what a thread begins with, then work. */
globalThis.onmessage = ({ data }: MessageEvent<ThreadStart | ThreadWork>) => {
  if ('jobs' in data) thread?.work(data);
  else thread = new Thread(data, news => globalThis.postMessage(news));
};
