// What is done for a job: its picture is fetched, restored, and stored.

import { randomBytes } from 'node:crypto';
import { CodeFormerError } from '../errors.js';
import { JobError } from './errors.js';
import type { Engine, EngineResult, Job, JobOutput, LogLevel, LogLine, OutputFormat, Storage, Work } from './types.js';

/** Pictures that came with requests, and pictures that were uploaded, as keys and in `imageUrl`. */
export const STORED = 'storage:';
export const INPUTS = 'inputs/';
export const UPLOADS = 'uploads/';
export const RESULTS = 'results/';

const ENDINGS: Readonly<Record<OutputFormat, string>> = { png: 'png', jpeg: 'jpg', webp: 'webp' };

/** A name that nobody can guess: 192 random bits. */
export const randomName = (): string => randomBytes(24).toString('base64url').replace(/^-/, '_');

/** Whether a name is one of those, maybe with the ending of a result. */
export const isRandomName = (name: string): boolean => /^\w[\w-]{31}(\.(png|jpg|webp))?$/.test(name);

export interface WorkParts {
  readonly engine: Engine;
  readonly storage: Storage;
  /** Gets the bytes of an address of http or https. */
  readonly download: (url: string, signal: AbortSignal) => Promise<Uint8Array>;
  /** Milliseconds that a job may take. Default ten minutes. */
  readonly timeout?: number | undefined;
  /** Is told of each photo that was restored. */
  readonly restored?: ((result: EngineResult, job: Job) => void) | undefined;
}

/** What a queue does with its jobs. */
export function createWork({ engine, storage, download, restored, timeout = 600_000 }: WorkParts): Work {
  return async (job, context) => {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeout);
    const signal = AbortSignal.any([context.signal, late.signal]);
    const log = (message: string, level: LogLevel = 'INFO') => context.log(logLine(message, level));
    const { imageUrl, outputFormat } = job.input;
    try {
      const photo = imageUrl.startsWith(STORED)
        ? await stored(storage, imageUrl.slice(STORED.length))
        : await download(imageUrl, signal);
      log(`The picture is here (${(photo.length / 1e6).toFixed(1)} MB)`);
      const result = await engine.restore(photo, job.input, { log, signal });
      restored?.(result, job);
      return await keep(storage, result, outputFormat);
    } catch (error) {
      context.signal.throwIfAborted();
      throw late.signal.aborted ? new JobError(504, 'The work on the picture took too long') : jobError(error);
    } finally {
      clearTimeout(timer);
    }
  };
}

/** A line of the log of a job, of now. */
export function logLine(message: string, level: LogLevel = 'INFO'): LogLine {
  return { message, level, source: 'codeformer', timestamp: new Date().toISOString() };
}

async function stored(storage: Storage, key: string): Promise<Uint8Array> {
  const file = await storage.get(key);
  if (!file) throw new JobError(422, 'The image of image_url could not be fetched: it is not kept any more');
  return file.body;
}

async function keep(
  storage: Storage,
  { image, width, height, seed }: EngineResult,
  format: OutputFormat,
): Promise<JobOutput> {
  const fileName = `${randomName()}.${ENDINGS[format]}`;
  const key = `${RESULTS}${fileName}`;
  const contentType = `image/${format}`;
  await storage.put(key, image, contentType);
  return { image: { key, width, height, contentType, fileName, fileSize: image.length }, seed };
}

/** What a client hears of an error: what its input caused, and of all else only that it happened. */
export function jobError(error: unknown): JobError {
  if (error instanceof JobError) return error;
  if (!(error instanceof CodeFormerError)) return new JobError(500, 'Internal error', { cause: error });
  const invalid = (loc: readonly string[], type: string) =>
    new JobError(422, [{ loc, msg: error.message, type }], { cause: error });
  switch (error.code) {
    case 'INVALID_IMAGE':
      return invalid(['body', 'image_url'], 'image_load_error');
    case 'IMAGE_TOO_LARGE':
      return invalid(['body', 'image_url'], 'image_too_large');
    case 'INVALID_ARGUMENT':
      return invalid(['body'], 'value_error');
    case 'OUT_OF_MEMORY':
      return new JobError(500, 'There is not enough memory for this picture', { cause: error });
    default:
      return new JobError(500, 'Internal error', { cause: error });
  }
}
