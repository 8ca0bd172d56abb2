// Work on several pictures: the next ones are read while one is worked on, and one that fails does not end the others.

import { CodeFormerError, throwIfAborted } from '../errors.js';
import type { Picture } from '../image/picture.js';
import { ahead } from '../pipeline/ahead.js';
import type { Engine, EngineOptions, OpenEngine } from './engine.js';
import { nameOf, readPicture } from './inputs.js';
import { type Io, type Talk, talk } from './io.js';

/** Errors that belong to one picture. */
const OF_ONE_PICTURE = new Set<string>([
  'INVALID_IMAGE',
  'IMAGE_TOO_LARGE',
  'FILE_NOT_FOUND',
  'FILE_UNREADABLE',
  'FILE_UNWRITABLE',
]);

/** Pictures that are read while another one is worked on. */
const AHEAD = 2;

export interface Batch<J> {
  readonly jobs: readonly J[];
  readonly engine: Omit<EngineOptions, 'signal'>;
  readonly open: OpenEngine;
  readonly maxPixels: number | undefined;
  readonly quiet: boolean;
  /** Throws where a picture need not be read at all. */
  check?(job: J): Promise<void>;
  work(job: J, picture: Picture, engine: Engine, say: Talk): Promise<void>;
}

/** Runs a batch; the engine is opened when the first picture is there. Returns the exit code. */
export async function runBatch<J extends { readonly input: string }>(batch: Batch<J>, io: Io): Promise<number> {
  const { jobs, maxPixels, quiet } = batch;
  const say = talk(io, quiet);
  let engine: Engine | undefined;
  let failed = 0;
  const read = async (job: J) => {
    throwIfAborted(io.signal);
    await batch.check?.(job);
    return readPicture(job.input, maxPixels, io);
  };
  try {
    for await (const { item: job, result } of ahead(jobs, read, AHEAD)) {
      try {
        if (result.status === 'rejected') throw result.reason;
        throwIfAborted(io.signal);
        if (!engine) {
          say.progress('loading', 0);
          engine = await batch.open({ ...batch.engine, signal: io.signal });
          say.note(`adapter: ${engine.info.adapter}`);
          for (const [role, network] of Object.entries(engine.info.networks))
            if (network && network.source !== 'embedded') say.note(`${role}: ${network.source}`);
        }
        await batch.work(job, result.value, engine, say);
      } catch (error) {
        if (jobs.length === 1 || !(error instanceof CodeFormerError && OF_ONE_PICTURE.has(error.code))) throw error;
        say.error(error.message.includes(job.input) ? error.message : `${nameOf(job.input)}: ${error.message}`);
        failed++;
      }
    }
  } finally {
    say.progress('', 1);
    await engine?.destroy();
  }
  if (failed > 0) say.error(`${failed} of ${jobs.length} pictures failed`);
  return failed === 0 ? 0 : failed < jobs.length ? 4 : 1;
}
