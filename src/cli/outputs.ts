// The places of results: each is known, and known to be writable and free, before any work is done.

import { mkdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { CodeFormerError, invalidArgument, throwIfAborted } from '../errors.js';
import type { Picture } from '../image/picture.js';
import { checkWritable, encodeImage, type OutputType, outputTypeOf, writeImageFile } from '../node/images.js';
import { type Inputs, nameOf } from './inputs.js';
import { type Io, writeStdout } from './io.js';

/** A picture and the place of its result; `-` for stdin and stdout. */
export interface Job {
  readonly input: string;
  readonly output: string;
}

export interface OutputFlags {
  readonly output: string;
  /** Format of outputs whose name does not say one. */
  readonly type?: OutputType | undefined;
  /** Goes between name and ending in folders. */
  readonly suffix?: string | undefined;
}

const ENDINGS: Readonly<Record<OutputType, string>> = { png: '.png', jpeg: '.jpg', webp: '.webp' };

/** The name of an input without folder and ending. */
export const stemOf = (input: string): string =>
  (input === '-' ? 'stdin' : basename(input)).replace(/(?<=.)\.[^.]+$/, '');

/** Where each result goes. Throws `INVALID_ARGUMENT` where that is not clear or would destroy an input. */
export async function planJobs(command: string, inputs: Inputs, flags: OutputFlags): Promise<Job[]> {
  const { output, type, suffix } = flags;
  const { files } = inputs;
  if (files.length === 0) throw invalidArgument('at least one picture', command, 'none');
  if (output === '') throw invalidArgument('a file, a folder or -', '--output', output);
  if (files.filter(input => input === '-').length > 1) throw invalidArgument('stdin once', command, '- -');
  const folder = inputs.several || /[/\\]$/.test(output);
  if (folder && output === '-') throw invalidArgument('a folder for several pictures', '--output', output);
  if (!folder) {
    if (suffix !== undefined) throw invalidArgument('a folder as --output', '--suffix', suffix);
    if (output !== '-') {
      const own = outputTypeOf(output);
      if (type && type !== own) throw invalidArgument(`a file name of type ${type}`, '--output', output);
    }
    await refuseOwnInput(files, output);
    return [{ input: files[0]!, output }];
  }
  const existing = await stat(output).catch(() => null);
  if (existing ? existing.isFile() : /\.(png|jpe?g|webp)$/i.test(output))
    throw invalidArgument('a folder for several pictures', '--output', output);
  if (suffix !== undefined && !/^[^/\\]+$/.test(suffix))
    throw invalidArgument('a part of a file name', '--suffix', suffix);
  const ending = `${suffix === undefined ? '' : `_${suffix}`}${ENDINGS[type ?? 'png']}`;
  const jobs = files.map(input => ({ input, output: join(output, `${stemOf(input)}${ending}`) }));
  const taken = new Map<string, string>();
  for (const job of jobs) {
    const other = taken.get(job.output);
    if (other !== undefined) {
      throw new CodeFormerError(
        'INVALID_ARGUMENT',
        `Expected pictures of different names but ${nameOf(other)} and ${nameOf(job.input)} would both become ${job.output}`,
      );
    }
    taken.set(job.output, job.input);
    await refuseOwnInput(files, job.output);
  }
  return jobs;
}

/** An output that is one of the inputs would destroy it. */
async function refuseOwnInput(inputs: readonly string[], output: string): Promise<void> {
  if (output === '-' || !(await stat(output).catch(() => null))) return;
  const place = await realpath(output).catch(() => resolve(output));
  for (const input of inputs) {
    if (input !== '-' && (await realpath(input).catch(() => resolve(input))) === place) {
      throw invalidArgument('another place than that of an input', '--output', output);
    }
  }
}

/** Makes the folder that `--output` names by a slash at its end; throws where results could not be written, whatever they are. */
export async function checkFolders(jobs: readonly Job[], output: string, io: Io): Promise<void> {
  if (jobs.some(job => job.output === '-') && io.stdout.isTTY) {
    throw new CodeFormerError('INVALID_ARGUMENT', 'Expected --output, or stdout that is no terminal');
  }
  if (/[/\\]$/.test(output)) {
    await mkdir(output, { recursive: true }).catch(cause => {
      throw new CodeFormerError('FILE_UNWRITABLE', `The folder ${output} cannot be made: ${cause.message}`, { cause });
    });
  }
  for (const folder of new Set(jobs.map(job => dirname(job.output)))) {
    const job = jobs.find(({ output }) => output !== '-' && dirname(output) === folder);
    if (job) await checkWritable(job.output);
  }
}

/** Throws `FILE_UNWRITABLE` for a file that exists, unless it may be replaced. */
export async function checkFree(path: string, overwrite: boolean): Promise<void> {
  if (overwrite || path === '-' || !(await stat(path).catch(() => null))) return;
  throw new CodeFormerError('FILE_UNWRITABLE', `${path} exists already: --overwrite replaces it`);
}

/** Writes a picture to its place. */
export async function deliver(
  output: string,
  picture: Picture,
  { type, quality }: { readonly type?: OutputType | undefined; readonly quality?: number | undefined },
  io: Io,
): Promise<void> {
  if (output === '-') {
    const bytes = await encodeImage(picture, { type, quality });
    throwIfAborted(io.signal);
    await writeStdout(io, bytes);
  } else {
    await writeImageFile(output, picture, { quality, signal: io.signal });
  }
}
