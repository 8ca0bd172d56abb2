// A thread of the WebAssembly executor in Node.

import { parentPort, workerData } from 'node:worker_threads';
import type { ThreadStart, ThreadWork } from '../wasm/jobs.js';
import { Thread } from '../wasm/thread.js';

const thread = new Thread(workerData as ThreadStart, news => parentPort!.postMessage(news));
parentPort!.on('message', (work: ThreadWork) => thread.work(work));
