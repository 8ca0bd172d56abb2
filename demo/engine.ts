// Starts the engine in its worker, from the files of this folder.

import { type ClientOptions, type ClientRestorer, createRestorer } from '../src/web/client.js';
import { ROOT, startWorker } from './workers.js';

/** The engine with the weights of this folder, unless the options name others. */
export function startEngine(options: ClientOptions = {}): Promise<ClientRestorer> {
  const worker = () => startWorker('engine/worker.js', 'engine');
  return createRestorer({ weightsBase: new URL('weights/', ROOT), ...options, worker });
}
