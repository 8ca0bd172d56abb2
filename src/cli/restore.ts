// `codeformer restore`: reads photos or aligned crops, restores the faces and writes the results.

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CodeFormerError, invalidArgument } from '../errors.js';
import type { Picture } from '../image/picture.js';
import { readError } from '../node/file-source.js';
import { checkWritable, OUTPUT_TYPES, writeImageFile } from '../node/images.js';
import { checkFaceCodes, type FaceCodes, fidelityToJson, parseFaceCodes } from '../pipeline/face-codes.js';
import type { FaceChoice, Fidelity, RestoredFace, RestoreOptions, RestoreResult } from '../pipeline/types.js';
import { ROLES } from '../weights/manifest.js';
import { runBatch } from './batch.js';
import { chooseWeights, type Engine, engineFlags, NETWORK_FLAGS } from './engine.js';
import {
  COMMON_FLAGS,
  choiceFlag,
  describeFlags,
  type Flags,
  type FlagValues,
  numberFlag,
  parseFlags,
} from './flags.js';
import { expandInputs, nameOf } from './inputs.js';
import { type Io, type Talk, writeStdout } from './io.js';
import type { Services } from './main.js';
import { checkFolders, checkFree, deliver, type Job, planJobs, stemOf } from './outputs.js';

/** Flags of the pipeline, as options of the library. */
export const PIPELINE_FLAGS = {
  temperature: { value: 'T', help: 'above 0: codes are drawn with the seed instead of taking the best (default 0)' },
  seed: { value: 'N', help: 'a whole number for --temperature (default drawn, and said with --json)' },
  adain: { help: 'give codes the statistics of the face (default; --no-adain)' },
  'only-center-face': { help: 'restore only the face nearest to the centre' },
  faces: { value: 'WHICH', help: 'all (default), largest, center, or ids that detect prints, as 0,2' },
  'min-face-size': { value: 'PX', help: 'skip faces with a shorter side of the box below this (default 0)' },
  'detection-scales': { value: 'LIST', help: 'where faces are looked for, as 1,2 for small ones too (default 1)' },
  strength: { value: 'S', help: 'share of the restored face in the result, 0 to 1 (default 1)' },
  grayscale: { value: 'WHEN', help: 'keep faces grey: auto (default: in grey photos), always, never' },
  compat: { help: 'reproduce the reference implementation, quirks included' },
} as const satisfies Flags;

const FLAGS = {
  output: {
    value: 'OUT',
    short: 'o',
    help: 'file (.png, .jpg, .webp), folder ending with /, or - (default) for PNG on stdout',
  },
  fidelity: { value: 'W', help: '0 (quality) to 1 (identity), default 0.5' },
  upscaling: { value: 'S', help: 'size of the result over that of the photo, above 0 (default 2)' },
  aligned: { help: 'the pictures are aligned face crops' },
  codes: {
    value: 'JSON',
    help: 'codes and settings that crops are decoded with, from `codeformer codes` or the research page; flags win over its settings',
  },
  'face-upscale': {
    help: 'upscale restored faces before they are pasted, with an upscaler (default; --no-face-upscale)',
  },
  'background-upscale': { help: 'upscale the rest of the photo, too' },
  ...PIPELINE_FLAGS,
  'save-crops': { value: 'DIR', help: 'write DIR/cropped_faces and DIR/restored_faces' },
  suffix: { value: 'TEXT', help: 'in folders, results are <name>_TEXT.png' },
  'output-type': { value: 'TYPE', help: 'png (default), jpeg or webp, for folders and stdout' },
  quality: { value: 'Q', help: 'of JPEG and WebP, 1 to 100 (default 95)' },
  overwrite: { help: 'replace files that exist' },
  json: { help: 'print one object per picture to stdout' },
  ...NETWORK_FLAGS,
  ...COMMON_FLAGS,
} as const satisfies Flags;

export const RESTORE_HELP = `Usage: codeformer restore IN... [-o OUT] [flags]

Restores the faces of photos, or of aligned crops (--aligned). A photo without faces is enlarged and that is all.
IN is a picture (PNG, JPEG, WebP, AVIF, TIFF, GIF), a folder of them, a pattern as 'photos/*.jpg', or - for stdin. With several of
them, or where OUT ends with /, OUT is a folder and the results are OUT/<name of the input>.png. Files that exist are kept, unless
--overwrite is given.

${describeFlags(FLAGS)}
With --json, on a line for each picture: { file, output, width, height, faces: [{ id, box, score, landmarks, indices, margins,
timings, warnings }], fidelity, seed, model, adapter, timings, warnings }; times in milliseconds.
`;

const share = (value: number): boolean => value >= 0 && value <= 1;
const atLeast0 = (value: number): boolean => value >= 0 && Number.isFinite(value);

/** The options of the library that flags ask for. Throws `INVALID_ARGUMENT`. */
export function pipelineOptions(
  values: Partial<FlagValues<typeof PIPELINE_FLAGS>>,
): Omit<RestoreOptions, 'output' | 'fidelity'> {
  const whole = (value: number) => Number.isSafeInteger(value) && value >= 0;
  const grayscale = choiceFlag('grayscale', values.grayscale, ['auto', 'always', 'never']);
  const least = 'a number of at least 0';
  return {
    temperature: numberFlag('temperature', values.temperature, least, atLeast0),
    seed: numberFlag('seed', values.seed, 'a whole number of at least 0', whole),
    adain: values.adain,
    onlyCenterFace: values['only-center-face'],
    faces: facesFlag(values.faces),
    minFaceSize: numberFlag('min-face-size', values['min-face-size'], least, atLeast0),
    detectionScales: scalesFlag(values['detection-scales']),
    strength: numberFlag('strength', values.strength, 'a number from 0 to 1', share),
    grayscale: grayscale === 'auto' ? 'auto' : grayscale === 'always',
    compat: values.compat,
  };
}

function facesFlag(text: string | undefined): FaceChoice | undefined {
  if (text === undefined || text === 'all' || text === 'largest' || text === 'center') return text;
  if (!/^\d+(,\d+)*$/.test(text)) throw invalidArgument('all, largest, center or ids as 0,2', '--faces', text);
  return text.split(',').map(Number);
}

export function scalesFlag(text: string | undefined): number[] | undefined {
  const valid = (scale: number) => scale >= 1 / 16 && scale <= 16;
  return listFlag('detection-scales', text, 'numbers from 1/16 to 16 as 0.5,1,2', valid);
}

/** Numbers with commas between them. */
export function listFlag(name: string, text: string | undefined, what: string, valid: (value: number) => boolean) {
  return text?.split(',').map(part => {
    const value = part.trim() === '' ? Number.NaN : Number(part);
    if (!valid(value)) throw invalidArgument(what, `--${name}`, text);
    return value;
  });
}

export async function restoreCommand(args: readonly string[], io: Io, services: Services): Promise<number> {
  const { values, inputs } = parseFlags('restore', FLAGS, args);
  if (values.help) {
    await writeStdout(io, RESTORE_HELP);
    return 0;
  }
  const { aligned = false, overwrite = false, suffix } = values;
  const { engine, maxPixels } = engineFlags(values);
  const positive = (value: number) => value > 0 && Number.isFinite(value);
  const codes = values.codes === undefined ? null : await readCodes(values.codes, aligned);
  const fidelity = numberFlag('fidelity', values.fidelity, 'a number from 0 to 1', share) ?? codes?.fidelity ?? 0.5;
  const pipeline = pipelineOptions(values);
  const options: RestoreOptions & { output?: undefined } = {
    ...pipeline,
    ...(codes && decodingOptions(codes, pipeline)),
    output: undefined,
    fidelity,
    aligned,
    maxPixels,
    upscaling: numberFlag('upscaling', values.upscaling, 'a number above 0', positive),
    faceUpscale: values['face-upscale'],
    backgroundUpscale: values['background-upscale'],
  };
  const type =
    values['output-type'] === undefined ? undefined : choiceFlag('output-type', values['output-type'], OUTPUT_TYPES);
  const inQuality = (value: number) => Number.isInteger(value) && value >= 1 && value <= 100;
  const quality = numberFlag('quality', values.quality, 'a whole number from 1 to 100', inQuality);
  const jobs = await planJobs('restore', await expandInputs(inputs), { output: values.output ?? '-', type, suffix });
  if (values.json && jobs.some(job => job.output === '-')) {
    throw invalidArgument('a file or folder beside --json', '--output', '-');
  }
  await checkFolders(jobs, values.output ?? '-', io);
  const crops = values['save-crops'] === undefined ? null : await cropFolders(values['save-crops'], aligned, suffix);
  // An aligned crop is neither looked for nor pasted.
  const weights = await chooseWeights(values, aligned ? ['restorer'] : ROLES, io.env);

  const check = ({ output }: Job) => checkFree(output, overwrite);
  const work = async (job: Job, picture: Picture, opened: Engine, say: Talk) => {
    if (codes) checkFaceCodes(codes, opened.info, values.codes!);
    const onProgress = ({ done }: { done: number }) => say.progress(nameOf(job.input), done);
    const result = await opened.restore(picture, { ...options, signal: io.signal, onProgress });
    for (const warning of allWarnings(result)) say.warn(`${nameOf(job.input)}: ${warning}`);
    const files = crops && (await saveCrops(crops, job, result.faces, overwrite, io));
    await deliver(job.output, result.image, { type, quality }, io);
    const faces = aligned ? '' : ` (${counted(result.faces.length)})`;
    if (job.output !== '-') say.note(`${nameOf(job.input)} -> ${job.output}${faces}`);
    if (values.json) await writeStdout(io, `${JSON.stringify(report(job, result, fidelity, opened, files))}\n`);
  };
  const quiet = values.quiet ?? false;
  const batch = { jobs, engine: { ...engine, ...weights }, open: services.openEngine, maxPixels, quiet, check, work };
  return runBatch(batch, io);
}

/** Codes that crops are decoded with. Throws `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `INVALID_CODES`. */
async function readCodes(path: string, aligned: boolean): Promise<FaceCodes> {
  if (!aligned) throw invalidArgument('--aligned beside it, as codes are those of a crop,', '--codes', path);
  const text = await readFile(path, 'utf8').catch(error => {
    throw readError(path, error);
  });
  return parseFaceCodes(text, path);
}

/** What a document of codes says, as far as flags say nothing else: drawing anew takes the place of its codes. */
function decodingOptions(
  { indices, adain, sampling }: FaceCodes,
  flags: Pick<RestoreOptions, 'adain' | 'temperature' | 'seed'>,
): Pick<RestoreOptions, 'adain' | 'temperature' | 'seed' | 'indices'> {
  const own = { adain: flags.adain ?? adain };
  if (flags.temperature === undefined && flags.seed === undefined) return { ...own, indices: { 0: indices } };
  const temperature = flags.temperature ?? sampling?.temperature;
  const seed = flags.seed ?? sampling?.seed;
  if (temperature === undefined)
    throw invalidArgument('--temperature beside it, as these codes were not drawn,', '--seed', seed);
  return { ...own, temperature, seed };
}

export const counted = (faces: number): string => (faces === 1 ? '1 face' : `${faces || 'no'} faces`);

function allWarnings({ warnings, faces }: RestoreResult): string[] {
  return [...warnings, ...faces.flatMap(face => face.warnings.map(text => `face ${face.id}: ${text}`))];
}

function report(
  { input, output }: Job,
  { width, height, faces, seed, warnings, timings }: RestoreResult,
  fidelity: Fidelity,
  { info }: Engine,
  files: readonly CropFiles[] | null,
) {
  const listed = faces.map(({ id, box, score, landmarks, indices, margin, timings, warnings }, i) => ({
    id,
    box,
    score,
    landmarks,
    indices: indices && [...indices],
    margins: margin && [...margin],
    timings,
    warnings,
    ...files?.[i],
  }));
  const { model, adapter } = info;
  const settings = { fidelity: fidelityToJson(fidelity), seed };
  return { file: input, output, width, height, faces: listed, ...settings, model, adapter, timings, warnings };
}

interface CropFolders {
  /** Null for aligned crops, which are the inputs. */
  readonly cropped: string | null;
  readonly restored: string;
  readonly suffix: string;
}

interface CropFiles {
  readonly crop?: string;
  readonly restored: string;
}

/** Makes the folders for crops, named as in the reference. */
async function cropFolders(folder: string, aligned: boolean, suffix: string | undefined): Promise<CropFolders> {
  const cropped = aligned ? null : join(folder, 'cropped_faces');
  const restored = join(folder, 'restored_faces');
  for (const path of [cropped, restored]) {
    if (path === null) continue;
    await mkdir(path, { recursive: true }).catch(cause => {
      throw new CodeFormerError('FILE_UNWRITABLE', `The folder ${path} cannot be made: ${cause.message}`, { cause });
    });
    await checkWritable(join(path, 'face.png'));
  }
  return { cropped, restored, suffix: suffix === undefined ? '' : `_${suffix}` };
}

async function saveCrops(
  { cropped, restored, suffix }: CropFolders,
  { input }: Job,
  faces: readonly RestoredFace[],
  overwrite: boolean,
  { signal }: Io,
): Promise<CropFiles[]> {
  const files: CropFiles[] = [];
  for (const face of faces) {
    const name = cropped === null ? stemOf(input) : `${stemOf(input)}_${String(face.id).padStart(2, '0')}`;
    const crop = cropped === null ? undefined : join(cropped, `${name}.png`);
    const after = join(restored, `${name}${suffix}.png`);
    for (const [path, picture] of [
      [crop, face.crop],
      [after, face.restored],
    ] as const) {
      if (path === undefined) continue;
      await checkFree(path, overwrite);
      await writeImageFile(path, picture, { signal });
    }
    files.push({ ...(crop !== undefined && { crop }), restored: after });
  }
  return files;
}
