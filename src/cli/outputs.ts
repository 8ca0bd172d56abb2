// The places of results: each is known, and known to be writable and free, before any work is done.

import { lstat, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { CodeFormerError, invalidArgument, throwIfAborted } from '../errors.js';
import { ENCODED_TYPES, type EncodedType } from '../image/encoding.js';
import { outputTypeOf, writeEncoded } from '../node/images.js';
import { checkWritable, existsError, makeFolder, removeLeftovers } from '../node/write-file.js';
import type { Found } from './glob.js';
import { type Inputs, nameOf } from './inputs.js';
import { type Io, writeStdout } from './io.js';

/** A picture and the place of its result; `-` for stdin and stdout. */
export interface Job {
  readonly input: Found;
  readonly output: string;
  /** Name without ending for what is made beside the result; may have folders. */
  readonly name: string;
}

export interface Plan {
  readonly jobs: readonly Job[];
  /** Whether results go into a folder, where those that are there already are kept and passed over. */
  readonly folder: boolean;
}

export interface OutputFlags {
  /** Absent for stdout. */
  readonly output?: string | undefined;
  /** Format of outputs whose name does not say one. */
  readonly type?: EncodedType | undefined;
  /** Goes between name and ending in folders. */
  readonly suffix?: string | undefined;
  /** What the flag of the output is called. Default `--output`. */
  readonly flag?: string | undefined;
}

const ENDINGS: Readonly<Record<EncodedType, string>> = { png: '.png', jpeg: '.jpg', webp: '.webp' };
const NAMES_PICTURE = /\.(png|jpe?g|webp)$/i;

/** The format that `--output-type` names. Throws `INVALID_ARGUMENT`. */
export function typeFlag(text: string | undefined): EncodedType | undefined {
  if (text === undefined) return undefined;
  const name = text.toLowerCase().replace(/^\./, '');
  const type = name === 'jpg' ? 'jpeg' : ENCODED_TYPES.find(known => known === name);
  if (!type) throw invalidArgument(`one of ${ENCODED_TYPES.join(', ')}`, '--output-type', text);
  return type;
}

/** The name of an input without folder and ending; bytes that are no text as %XX, as names of results are text. */
function stemOf(input: Found): string {
  return baseOf(input).replace(/(?<=.)\.[^.]+$/, '');
}

function baseOf({ name, path }: Found): string {
  if (name === '-') return 'stdin';
  if (typeof path === 'string') return basename(path);
  const bytes = path.subarray(path.lastIndexOf(sep) + 1);
  return [...bytes].map(byte => (byte < 0x80 ? String.fromCharCode(byte) : `%${byte.toString(16)}`)).join('');
}

/**
 * Takes apart what is read and what is written where no `--output` says so: as with other tools, the second of two names is meant for
 * the result if it is that of a picture which is not there.
 */
export async function splitOutput(
  inputs: readonly string[],
  output: string | undefined,
): Promise<{ inputs: readonly string[]; output: string | undefined }> {
  const [first, last] = inputs;
  const isOutput = output === undefined && inputs.length === 2 && NAMES_PICTURE.test(last!);
  return isOutput && !(await lstat(last!).catch(() => null)) ? { inputs: [first!], output: last } : { inputs, output };
}

/** Throws `INVALID_ARGUMENT` where there is no picture, or stdin twice. */
export function checkInputs(command: string, { files }: Inputs): void {
  if (files.length === 0) {
    throw new CodeFormerError('INVALID_ARGUMENT', `Expected at least one picture: codeformer ${command} IN`);
  }
  if (files.filter(({ name }) => name === '-').length > 1) throw invalidArgument('stdin once', command, '- -');
}

/** Where each result goes. Throws `INVALID_ARGUMENT` where that is not clear or would destroy an input. */
export async function planJobs(command: string, inputs: Inputs, flags: OutputFlags): Promise<Plan> {
  const { output = '-', type, suffix, flag = '--output' } = flags;
  const { files } = inputs;
  checkInputs(command, inputs);
  if (output === '') throw invalidArgument('a file, a folder or -', flag, output);
  const existing = await stat(output).catch(() => null);
  // A folder with the name of a picture is rather a mistake, unless it is written as a folder.
  const isFolder = existing?.isDirectory() === true && !NAMES_PICTURE.test(output);
  const folder = inputs.several || /[/\\]$/.test(output) || isFolder;
  if (folder && output === '-') {
    const last = files.at(-1)!.name;
    const meant = files.length > 1 && !NAMES_PICTURE.test(last) ? `; did you mean -o ${last}?` : '';
    throw new CodeFormerError(
      'INVALID_ARGUMENT',
      `Expected a folder for the results of several pictures: ${flag} FOLDER/${meant}`,
    );
  }
  if (!folder) {
    if (suffix !== undefined) throw invalidArgument(`a folder as ${flag}`, '--suffix', suffix);
    if (output !== '-') {
      if (!NAMES_PICTURE.test(output)) {
        const what = 'a file name that ends with .png, .jpg, .jpeg or .webp, or a folder that ends with /,';
        throw invalidArgument(what, flag, output);
      }
      const own = outputTypeOf(output);
      if (type && type !== own) throw invalidArgument(`a file name of type ${type}`, flag, output);
    }
    const jobs = [{ input: files[0]!, output, name: stemOf(files[0]!) }];
    await refuseOwnInputs(jobs, flag);
    return { jobs, folder };
  }
  if (existing ? existing.isFile() : NAMES_PICTURE.test(output))
    throw invalidArgument('a folder for several pictures', flag, output);
  if (suffix !== undefined && !/^[^/\\]+$/.test(suffix))
    throw invalidArgument('a part of a file name', '--suffix', suffix);
  const ending = `${suffix === undefined ? '' : `_${suffix}`}${ENDINGS[type ?? 'png']}`;
  const jobs = namedApart(files, output, ending);
  await refuseOwnInputs(jobs, flag);
  return { jobs, folder };
}

/**
 * Results by the names of the pictures. Where those of several are the same, all of them keep the folders that they have below their
 * common one, and those that are the same even so keep their ending in the name.
 */
function namedApart(files: readonly Found[], output: string, ending: string): Job[] {
  const jobsBy = (naming: (input: Found, i: number) => string) =>
    files.map((input, i) => {
      const name = naming(input, i);
      return { input, name, output: join(output, `${name}${ending}`) };
    });
  const plain = jobsBy(stemOf);
  if (repeated(plain).size === 0) return plain;
  const folders = files.map(({ name }) => (name === '-' ? null : dirname(resolve(name))));
  const common = commonFolder(folders.filter(folder => folder !== null));
  const below = folders.map(folder => (folder === null ? '' : relative(common, folder)));
  const apart = jobsBy((input, i) => join(below[i]!, stemOf(input)));
  const same = repeated(apart);
  const jobs = jobsBy((input, i) => (same.has(apart[i]!.output) ? join(below[i]!, baseOf(input)) : apart[i]!.name));
  for (const [place, [one, other]] of repeated(jobs)) {
    throw new CodeFormerError(
      'INVALID_ARGUMENT',
      `Expected pictures of different names but ${nameOf(one!.name)} and ${nameOf(other!.name)} would both become ${place}`,
    );
  }
  return jobs;
}

/** The places that several results would have, with their inputs. */
function repeated(jobs: readonly Job[]): Map<string, Found[]> {
  const inputs = new Map<string, Found[]>();
  for (const { input, output } of jobs) {
    const others = inputs.get(output);
    if (others) others.push(input);
    else inputs.set(output, [input]);
  }
  for (const [output, { length }] of inputs) if (length === 1) inputs.delete(output);
  return inputs;
}

/** The deepest folder that all of some absolute ones are in. */
function commonFolder(folders: readonly string[]): string {
  let common = folders[0] ?? sep;
  for (const folder of folders) {
    while (folder !== common && !folder.startsWith(common.endsWith(sep) ? common : common + sep)) {
      if (dirname(common) === common) return common;
      common = dirname(common);
    }
  }
  return common;
}

/** An output that is one of the inputs would destroy it. */
async function refuseOwnInputs(jobs: readonly Job[], flag: string): Promise<void> {
  const idOf = async (path: Found['path']) => {
    const info = await stat(path).catch(() => null);
    return info && `${info.dev}:${info.ino}`;
  };
  let inputs: Set<string> | null = null;
  const there = await existingOutputs(jobs);
  for (const { output } of jobs) {
    if (!there(output)) continue;
    if (!inputs) {
      inputs = new Set();
      for (const { input } of jobs) inputs.add((input.name !== '-' && (await idOf(input.path))) || '');
    }
    const id = await idOf(output);
    if (id !== null && inputs.has(id)) throw invalidArgument('a path other than that of an input', flag, output);
  }
}

/**
 * Which outputs may be there: each folder is read once, as asking for every file of a large one takes long. Names count as the same in
 * upper and lower case, as they are on some systems.
 */
async function existingOutputs(jobs: readonly Job[]): Promise<(output: string) => boolean> {
  const spelled = (name: string) => name.normalize('NFC').toLowerCase();
  const folders = new Map<string, Set<string>>();
  for (const { output } of jobs) {
    const folder = dirname(output);
    if (output === '-' || folders.has(folder)) continue;
    const names = await readdir(folder).catch(() => []);
    folders.set(folder, new Set(names.map(spelled)));
  }
  return output => folders.get(dirname(output))?.has(spelled(basename(output))) ?? false;
}

/** Makes the folders that results need; throws where results could not be written, whatever they are. */
export async function checkFolders({ jobs, folder }: Plan, output: string | undefined, io: Io): Promise<void> {
  if (jobs.some(job => job.output === '-') && io.stdout.isTTY) {
    throw new CodeFormerError('INVALID_ARGUMENT', 'Expected --output, or stdout that is not a terminal');
  }
  if (output === undefined) return;
  const first = new Map<string, Job>();
  for (const job of jobs)
    if (job.output !== '-' && !first.has(dirname(job.output))) first.set(dirname(job.output), job);
  for (const [place, job] of first) {
    if (folder) await makeFolder(place);
    await (folder ? checkWritable(join(place, 'picture.png')) : checkWritable(job.output));
    await removeLeftovers(place);
  }
}

/**
 * Why a picture is passed over: in a folder, a result that is there is kept; null where there is work to do.
 * @throws `FILE_UNWRITABLE` for a file that was named as such, exists and must not be replaced, and for names that are too long
 */
export async function checkFree(path: string, folder: boolean, overwrite: boolean): Promise<string | null> {
  if (path === '-') return null;
  const existing = await lstat(path).catch(cause => {
    if (cause.code !== 'ENAMETOOLONG') return null;
    throw new CodeFormerError('FILE_UNWRITABLE', `${path} cannot be written: its name is too long`, { cause });
  });
  if (!existing || overwrite) return null;
  const error = existsError(path);
  if (!folder) throw error;
  return error.message;
}

/** The format of what goes to a place: what its name says, else what is asked for. */
export const typeFor = (output: string, type: EncodedType = 'png'): EncodedType =>
  output === '-' ? type : outputTypeOf(output);

/** Writes an encoded picture to its place. */
export async function deliver(output: string, encoded: Uint8Array, overwrite: boolean, io: Io): Promise<void> {
  throwIfAborted(io.signal);
  if (output === '-') await writeStdout(io, encoded);
  else await writeEncoded(output, encoded, { overwrite, signal: io.signal });
}
