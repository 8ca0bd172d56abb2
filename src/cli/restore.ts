// `codeformer restore`: reads pictures, restores them and writes the results.

import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { CodeFormerError, invalidArgument, throwIfAborted } from '../errors.js';
import type { Picture } from '../image/picture.js';
import {
  checkWritable,
  decodeImage,
  encodeImage,
  outputTypeOf,
  readImageFile,
  writeImageFile,
} from '../node/images.js';
import { type Engine, engineFlags } from './engine.js';
import { COMMON_FLAGS, describeFlags, numberFlag, parseFlags } from './flags.js';
import { type Io, readStdin, type Talk, talk, writeStdout } from './io.js';
import type { Services } from './main.js';

const FLAGS = {
  output: {
    value: 'OUT',
    short: 'o',
    help: 'file (.png, .jpg, .webp), folder ending with /, or - (default) for PNG on stdout',
  },
  aligned: { help: 'the pictures are aligned face crops' },
  fidelity: { value: 'W', help: '0 (quality) to 1 (identity), default 0.5' },
  json: { help: 'print one object per picture to stdout' },
  ...COMMON_FLAGS,
} as const;

export const RESTORE_HELP = `Usage: codeformer restore IN... [-o OUT] --aligned [flags]

Restores aligned face crops. A crop that has not the size of the network is resized, with a warning.
IN is a picture (PNG, JPEG, WebP, AVIF, TIFF, GIF) or - for stdin. With several of them, or where OUT ends with /, OUT is a
folder and the results are OUT/<name of the input>.png.

${describeFlags(FLAGS)}
With --json: { file, output, width, height, faces: [{ id, indices, margins, timings }], fidelity, model, adapter, warnings }
on a line for each picture; times in milliseconds.
`;

/** What one picture became. */
interface Restored {
  readonly picture: Picture;
  readonly faces: readonly {
    readonly id: number;
    readonly indices: readonly number[];
    readonly margins: readonly number[];
    readonly timings: Readonly<Record<string, number>>;
  }[];
  readonly warnings: readonly string[];
}

/** A picture and the place of its result; `-` for stdin and stdout. */
interface Job {
  readonly input: string;
  readonly output: string;
}

/** Errors that belong to one picture: a batch goes on after them. */
const OF_ONE_PICTURE = new Set<string>([
  'INVALID_IMAGE',
  'IMAGE_TOO_LARGE',
  'FILE_NOT_FOUND',
  'FILE_UNREADABLE',
  'FILE_UNWRITABLE',
]);

export async function restoreCommand(args: readonly string[], io: Io, services: Services): Promise<number> {
  const { values, inputs } = parseFlags('restore', FLAGS, args);
  if (values.help) {
    await writeStdout(io, RESTORE_HELP);
    return 0;
  }
  const inRange = (w: number) => w >= 0 && w <= 1;
  const fidelity = numberFlag('fidelity', values.fidelity, 'a number from 0 to 1', inRange) ?? 0.5;
  const { engine: engineOptions, maxPixels } = engineFlags(values);
  const jobs = await planJobs(inputs, values.output ?? '-');
  if (values.json && jobs.some(job => job.output === '-')) {
    throw invalidArgument('a file or folder beside --json', '--output', '-');
  }
  if (jobs.some(job => job.output === '-') && io.stdout.isTTY) {
    throw new CodeFormerError('INVALID_ARGUMENT', 'Expected --output, or stdout that is no terminal');
  }
  if (!values.aligned) {
    throw new CodeFormerError('INVALID_ARGUMENT', 'Expected --aligned: restore takes aligned face crops');
  }
  for (const folder of new Set(jobs.map(job => dirname(job.output)))) {
    const job = jobs.find(({ output }) => output !== '-' && dirname(output) === folder);
    if (job) await checkWritable(job.output);
  }

  const say = talk(io, values.quiet ?? false);
  let engine: Engine | undefined;
  let failed = 0;
  try {
    for (const job of jobs) {
      try {
        throwIfAborted(io.signal);
        const picture = await readPicture(job.input, maxPixels, io);
        if (!engine) {
          say.progress('loading', 0);
          engine = await services.openEngine({ ...engineOptions, signal: io.signal });
          say.note(`adapter: ${engine.adapter}`);
        }
        const restored = await restoreAligned(engine, picture, { fidelity, label: job.input, say, signal: io.signal });
        for (const warning of restored.warnings) say.warn(`${nameOf(job.input)}: ${warning}`);
        await deliver(job, restored, io);
        if (job.output !== '-') say.note(`${nameOf(job.input)} -> ${job.output}`);
        if (values.json) await writeStdout(io, `${JSON.stringify(report(job, restored, fidelity, engine))}\n`);
      } catch (error) {
        if (jobs.length === 1 || !(error instanceof CodeFormerError && OF_ONE_PICTURE.has(error.code))) throw error;
        say.error(error.message);
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

/** Restores a picture that is one aligned face. */
async function restoreAligned(
  engine: Engine,
  picture: Picture,
  { fidelity, label, say, signal }: { fidelity: number; label: string; say: Talk; signal: AbortSignal },
): Promise<Restored> {
  const onProgress = (share: number) => say.progress(nameOf(label), share);
  const crop = await engine.restoreCrop(picture, { fidelity, signal, onProgress });
  const face = { id: 0, indices: [...crop.indices], margins: [...crop.margins], timings: crop.timings };
  return { picture: crop.picture, faces: [face], warnings: crop.warnings };
}

function report({ input, output }: Job, { picture, faces, warnings }: Restored, fidelity: number, engine: Engine) {
  const { width, height } = picture;
  const { model, adapter } = engine;
  return { file: input, output, width, height, faces, fidelity, model, adapter, warnings };
}

const nameOf = (input: string): string => (input === '-' ? 'stdin' : input);

/** Reads a picture from a file, or from stdin where the name is `-`. */
export async function readPicture(input: string, maxPixels: number | undefined, io: Io): Promise<Picture> {
  if (input !== '-') return readImageFile(input, { maxPixels });
  return decodeImage(await readStdin(io), { maxPixels, name: 'stdin' });
}

async function deliver({ output }: Job, { picture }: Restored, io: Io): Promise<void> {
  if (output === '-') {
    const bytes = await encodeImage(picture);
    throwIfAborted(io.signal);
    await writeStdout(io, bytes);
  } else {
    await writeImageFile(output, picture, { signal: io.signal });
  }
}

/** Where each result goes. Throws `INVALID_ARGUMENT` where that is not clear or would destroy something. */
async function planJobs(inputs: readonly string[], output: string): Promise<Job[]> {
  if (inputs.length === 0) throw invalidArgument('at least one picture', 'restore', 'none');
  if (output === '') throw invalidArgument('a file, a folder or -', '--output', output);
  if (inputs.filter(input => input === '-').length > 1) throw invalidArgument('stdin once', 'restore', '- -');
  const folder = inputs.length > 1 || /[/\\]$/.test(output);
  if (folder && output === '-') throw invalidArgument('a folder for several pictures', '--output', output);
  if (!folder) {
    if (output !== '-') outputTypeOf(output);
    await refuseOwnInput(inputs, output);
    return [{ input: inputs[0]!, output }];
  }
  const jobs = inputs.map(input => ({
    input,
    output: join(output, `${nameOf(input === '-' ? input : basename(input)).replace(/\.[^.]+$/, '')}.png`),
  }));
  const taken = new Map<string, string>();
  for (const job of jobs) {
    const other = taken.get(job.output);
    if (other !== undefined) {
      throw new CodeFormerError(
        'INVALID_ARGUMENT',
        `Expected pictures of different names but ${other} and ${job.input} would both become ${job.output}`,
      );
    }
    taken.set(job.output, job.input);
    await refuseOwnInput(inputs, job.output);
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
