// Work on several pictures: the next ones are read while one is worked on, and one that fails does not end the others.

import { CodeFormerError, throwIfAborted } from '../errors.js';
import type { Picture } from '../image/picture.js';
import { ahead } from '../pipeline/ahead.js';
import type { Role } from '../weights/manifest.js';
import { chooseWeights, type Engine, type engineFlags, type Services } from './engine.js';
import { EXIT_CODES, messageOf, tell } from './errors.js';
import { nameOf, readPicture } from './inputs.js';
import { type Io, StdoutError, type Talk, talk, writeJson } from './io.js';
import type { Job } from './outputs.js';

/** Pictures that are read while another one is worked on. */
const AHEAD = 2;

export interface Batch {
  readonly jobs: readonly Job[];
  /** Flags that choose networks, and what is said: with `--json`, pictures that fail are objects on stdout as well. */
  readonly values: Parameters<typeof chooseWeights>[0] & {
    readonly quiet?: boolean | undefined;
    readonly json?: boolean | undefined;
  };
  readonly device: ReturnType<typeof engineFlags>;
  /** The networks that are used. */
  readonly roles: readonly Role[];
  /** What is to be said before the work. */
  readonly warnings: readonly string[];
  /** Says why a picture need not be read, or throws where it must not; null where it is worked on. */
  check?: ((job: Job) => Promise<string | null>) | undefined;
  work(job: Job, picture: Picture, engine: Engine, about: About): Promise<void>;
}

/** What the work on one picture gets beside it. */
export interface About {
  /** How messages name the picture. */
  readonly name: string;
  readonly say: Talk;
  /** Options of the calls to the engine. */
  readonly run: { readonly signal: AbortSignal; onProgress(done: number | { readonly done: number }): void };
}

/** Runs a batch; the engine is opened when the first picture is there. Returns the exit code. */
export async function runBatch(batch: Batch, io: Io, services: Services): Promise<number> {
  const { jobs, values, device } = batch;
  const { json } = values;
  const { weights, warnings } = await chooseWeights(values, batch.roles, io);
  const say = talk(io, values.quiet ?? false);
  for (const warning of [...batch.warnings, ...warnings]) say.warn(warning);
  let engine: Engine | undefined;
  let failed = 0;
  let kept = 0;
  const read = async (job: Job): Promise<Picture | string> => {
    throwIfAborted(io.signal);
    return (await batch.check?.(job)) ?? readPicture(job.input, device.maxPixels, io);
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
      engine ??= await opened();
      try {
        const name = nameOf(file);
        const onProgress = (done: number | { readonly done: number }) =>
          say.progress(name, typeof done === 'number' ? done : done.done);
        await batch.work(job, result.value as Picture, engine, { name, say, run: { signal: io.signal, onProgress } });
      } catch (error) {
        failed += await report(job, error);
      }
    }
  } finally {
    say.clear();
    await engine?.destroy();
  }
  if (kept > 0) say.note(`${kept} of ${jobs.length} pictures were kept as they are`);
  if (failed > 0) say.error(`${failed} of ${jobs.length} pictures failed`);
  if (failed === 0) return EXIT_CODES.done;
  return EXIT_CODES[failed < jobs.length ? 'some of several pictures failed' : 'failed'];

  /** Says that a picture failed; throws what ends the others, too. */
  async function report({ input }: Job, error: unknown): Promise<number> {
    if (io.signal.aborted || error instanceof StdoutError) throw error;
    say.clear();
    const code = error instanceof CodeFormerError ? error.code : 'DEFECT';
    if (json) await writeJson(io, { file: input.name, error: { code, message: messageOf(error) } });
    if (jobs.length === 1) throw error;
    tell(error, say, io, nameOf(input.name));
    return 1;
  }

  async function opened(): Promise<Engine> {
    say.progress('loading', 0);
    const opened = await services.openEngine({ ...device.engine, ...weights, signal: io.signal });
    say.note(`adapter: ${opened.info.adapter}`);
    for (const [role, network] of Object.entries(opened.info.networks))
      if (network && network.source !== 'embedded') say.note(`${role}: ${network.source}`);
    return opened;
  }
}
