// The process of an engine: a restorer whose networks are loaded once. What it is told comes from the server that started it, and it ends
// with that.

import { CodeFormerError } from '../errors.js';
import { createRestorer } from '../node/restorer.js';
import type { Restorer } from '../pipeline/restorer.js';
import type { Progress, RestoreOptions } from '../pipeline/types.js';
import type { EngineSettings, FromEngine, SentError, ToEngine } from './engine-messages.js';
import type { LogLevel, RestoreInput } from './types.js';

// The server decides when the work ends. Signals of terminals and service managers reach the whole group of processes.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {});
process.on('disconnect', () => process.exit());

const send = (message: FromEngine): void => void process.send!(message);

const sent = (error: unknown): SentError =>
  error instanceof CodeFormerError ? { code: error.code, message: error.message } : { message: String(error) };

const running = new Map<number, AbortController>();
let restorer: Restorer;
let maxPixels: number | undefined;

process.on('message', (message: ToEngine) => {
  if (message.kind === 'start') void start(message.settings);
  else if (message.kind === 'restore') void restore(message.id, message.photo, message.input);
  else running.get(message.id)?.abort();
});

async function start(settings: EngineSettings): Promise<void> {
  try {
    const { maxPixels: most, ...networks } = settings;
    maxPixels = most;
    restorer = await createRestorer(networks);
    const { adapter, model } = restorer.info;
    send({ kind: 'ready', info: { adapter, model: model ?? 'unknown', memory: process.memoryUsage.rss() } });
  } catch (error) {
    send({ kind: 'refused', error: sent(error) });
  }
}

async function restore(id: number, photo: Uint8Array, input: RestoreInput): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  const log = (message: string, level: LogLevel = 'INFO') => send({ kind: 'log', id, message, level });
  try {
    const options = { ...optionsOf(input), maxPixels, signal: controller.signal, onProgress: stages(log, input) };
    const { image, width, height, seed, faces, warnings, timings } = await restorer.restore(photo, options);
    for (const warning of warnings) log(warning, 'WARN');
    for (const face of faces) {
      for (const warning of face.warnings) log(`Face ${face.id + 1}: ${warning}`, 'WARN');
      if (face.untouched !== null) log(`Face ${face.id + 1} is left as it is: ${face.untouched}`);
    }
    const result = { image: image as Uint8Array, width, height, seed, faces: faces.length, timings };
    send({ kind: 'restored', id, result, memory: process.memoryUsage.rss() });
  } catch (error) {
    send({ kind: 'failed', id, error: sent(error) });
  } finally {
    running.delete(id);
  }
}

const optionsOf = ({ imageUrl, syncMode, outputFormat, ...options }: RestoreInput): RestoreOptions => ({
  ...options,
  output: outputFormat,
});

/** Says each stage, and each face of it, once. */
function stages(log: (message: string) => void, { aligned }: RestoreInput): (progress: Progress) => void {
  let last = '';
  let detected: number | null = aligned ? 1 : null;
  return ({ stage, face, faces, done }) => {
    if (detected === null && stage !== 'decode' && stage !== 'detect') {
      detected = faces;
      log(`Detected ${faces === 1 ? '1 face' : `${faces || 'no'} faces`}`);
    }
    // The end is said by the answer.
    if (`${stage} ${face}` === last || done === 1) return;
    last = `${stage} ${face}`;
    if (stage === 'decode') log('Decoding the picture');
    else if (stage === 'detect') log('Looking for faces');
    else if (stage === 'restore') log(`Restoring face ${face} of ${faces}`);
    else if (stage === 'paste') log(detected ? 'Pasting the faces into the picture' : 'Enlarging the picture');
    else if (stage === 'encode') log('Encoding the result');
  };
}
