// Work on several pictures: the next ones are read while one is worked on, and one that fails does not end the others.

import { CodeFormerError, throwIfAborted } from '../errors.js';
import type { Picture } from '../image/picture.js';
import { ahead } from '../pipeline/ahead.js';
import type { Engine, EngineOptions, OpenEngine } from './engine.js';
import { nameOf, readPicture } from './inputs.js';
import { type Io, StdoutError, type Talk, talk, writeJson } from './io.js';
import type { Job } from './outputs.js';

/** Pictures that are read while another one is worked on. */
const AHEAD = 2;

export interface Batch {
  readonly jobs: readonly Job[];
  readonly engine: Omit<EngineOptions, 'signal'>;
  readonly open: OpenEngine;
  readonly maxPixels: number | undefined;
  readonly quiet: boolean;
  /** Whether pictures are reported as objects on stdout, those that fail as well. */
  readonly json: boolean;
  /** What is to be said before the work. */
  readonly warnings: readonly string[];
  /** Says why a picture need not be read, or throws where it must not; null where it is worked on. */
  check?(job: Job): Promise<string | null>;
  work(job: Job, picture: Picture, engine: Engine, say: Talk): Promise<void>;
}

/** Runs a batch; the engine is opened when the first picture is there. Returns the exit code. */
export async function runBatch(batch: Batch, io: Io): Promise<number> {
  const { jobs, maxPixels, quiet, json } = batch;
  const say = talk(io, quiet);
  for (const warning of batch.warnings) say.warn(warning);
  let engine: Engine | undefined;
  let failed = 0;
  let kept = 0;
  const read = async (job: Job): Promise<Picture | string> => {
    throwIfAborted(io.signal);
    return (await batch.check?.(job)) ?? readPicture(job.input, maxPixels, io);
  };
  try {
    for await (const { item: job, result } of ahead(jobs, read, AHEAD)) {
      throwIfAborted(io.signal);
      const file = job.input.name;
      if (result.status === 'fulfilled' && typeof result.value === 'string') {
        kept++;
        say.note(result.value);
        if (json) await writeJson(io, { file, output: job.output, skipped: true });
        continue;
      }
      if (result.status === 'rejected') {
        failed += await report(job, result.reason);
        continue;
      }
      // What is wrong with the engine is wrong for all pictures.
      engine ??= await openEngine(batch, say, io);
      try {
        await batch.work(job, result.value as Picture, engine, say);
      } catch (error) {
        failed += await report(job, error);
      }
    }
  } finally {
    say.progress('', 1);
    await engine?.destroy();
  }
  if (kept > 0) say.note(`${kept} of ${jobs.length} pictures were kept as they are`);
  if (failed > 0) say.error(`${failed} of ${jobs.length} pictures failed`);
  return failed === 0 ? 0 : failed < jobs.length ? 4 : 1;

  /** Says that a picture failed; throws what ends the others, too. */
  async function report({ input }: Job, error: unknown): Promise<number> {
    if (io.signal.aborted || error instanceof StdoutError) throw error;
    say.progress('', 1);
    const known = error instanceof CodeFormerError;
    const message = String((error as Error | undefined)?.message ?? error).replace(/\s*\n\s*/g, ' ');
    if (json) await writeJson(io, { file: input.name, error: { code: known ? error.code : 'DEFECT', message } });
    if (jobs.length === 1) throw error;
    const name = nameOf(input.name);
    say.error(
      `${message.includes(name) ? '' : `${name}: `}${message}${known ? '' : ' (a defect of codeformer-webgpu)'}`,
    );
    if (io.env.DEBUG && error instanceof Error) io.stderr.write(`${error.stack}\n`);
    return 1;
  }
}

async function openEngine({ engine, open }: Batch, say: Talk, io: Io): Promise<Engine> {
  say.progress('loading', 0);
  const opened = await open({ ...engine, signal: io.signal });
  say.note(`adapter: ${opened.info.adapter}`);
  for (const [role, network] of Object.entries(opened.info.networks))
    if (network && network.source !== 'embedded') say.note(`${role}: ${network.source}`);
  return opened;
}
