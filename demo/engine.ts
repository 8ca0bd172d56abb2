// Starts the engine in its worker, from the files of this folder.

import { type ClientOptions, type ClientRestorer, createRestorer } from '../src/web/client.js';

/** The folder that the whole page lies in: pages further down say the way with `data-root`. */
const ROOT = new URL(document.documentElement.dataset.root ?? './', document.baseURI);

/**
 * A worker with the engine. It is started from a blob, because such workers are bound by the security policy of the page that starts
 * them; a worker that comes from an address is bound by nothing but the headers of its server, which static hosts do not send.
 */
function startWorker(): Worker {
  const source = `import ${JSON.stringify(String(new URL('engine/worker.js', ROOT)))};`;
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const worker = new Worker(url, { type: 'module', name: 'codeformer' });
  // Its first message comes when it has been read.
  worker.addEventListener('message', () => URL.revokeObjectURL(url), { once: true });
  return worker;
}

/** The engine with the weights of this folder, unless the options name others. */
export function startEngine(options: ClientOptions = {}): Promise<ClientRestorer> {
  return createRestorer({ weightsBase: new URL('weights/', ROOT), ...options, worker: startWorker });
}
