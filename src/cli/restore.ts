// `codeformer restore`: reads photos or aligned crops, restores the faces and writes the results.

import { dirname, join } from 'node:path';
import { CodeFormerError, invalidArgument } from '../errors.js';
import { checkBackground } from '../image/encoding.js';
import type { Picture } from '../image/picture.js';
import { writeImageFile } from '../node/images.js';
import { readText } from '../node/read-file.js';
import { checkWritable, makeFolder, removeLeftovers } from '../node/write-file.js';
import { checkFaceCodes, type FaceCodes, fidelityToJson, parseFaceCodes } from '../pipeline/face-codes.js';
import { checkRestoreOptions } from '../pipeline/options.js';
import type { FaceRegion } from '../pipeline/regions.js';
import type { FaceChoice, Fidelity, RestoredFace, RestoreOptions, RestoreResult } from '../pipeline/types.js';
import { ROLES } from '../weights/manifest.js';
import { type About, runBatch } from './batch.js';
import { command } from './command.js';
import { type Engine, engineFlags, NETWORK_FLAGS } from './engine.js';
import { COMMON_FLAGS, choiceFlag, type Flags, type FlagValues, numberFlag } from './flags.js';
import { expandInputs } from './inputs.js';
import { type Io, writeJson } from './io.js';
import { checkFolders, checkFree, deliver, type Job, planJobs, splitOutput, typeFlag, typeFor } from './outputs.js';

/** Flags of the pipeline, as options of the library. */
export const PIPELINE_FLAGS = {
  temperature: { value: 'T', help: 'above 0: codes are drawn with the seed instead of taking the best (default 0)' },
  seed: { value: 'N', help: 'a whole number for --temperature (default drawn, and said with --json)' },
  adain: { help: 'give codes the statistics of the face (default; --no-adain)' },
  'only-center-face': { help: 'restore only the face nearest to the centre' },
  faces: { value: 'WHICH', help: 'all (default), largest, center, or ids that detect prints, as 0,2' },
  'min-face-size': { value: 'PX', help: 'skip faces with a shorter side of the box below this (default 0)' },
  'detection-scales': { value: 'LIST', help: 'where faces are looked for, as 1,2 for small ones too (default 1)' },
  'mask-regions': { value: 'LIST', help: 'regions that are pasted, as skin,nose,mouth, where a parser is loaded' },
  feather: { value: 'F', help: 'softness of the edge of pasted faces, above 0, at most 1 (default 0.2)' },
  'per-face': {
    value: 'JSON',
    help: 'fidelity and strength by id, as \'{"0":{"fidelity":0.2},"2":{"strength":0.5}}\'',
  },
  strength: { value: 'S', help: 'share of the restored face in the result, 0 to 1 (default 1)' },
  grayscale: { value: 'WHEN', help: 'keep faces grey: auto (default: in grey photos), always, never' },
  'never-worse': {
    help: 'leave faces as they are where the photo knows more of them than the network (default; --no-never-worse)',
  },
  compat: { help: 'reproduce the reference implementation, quirks included' },
} as const satisfies Flags;

const FLAGS = {
  output: {
    value: 'OUT',
    short: 'o',
    aliases: ['output-path'],
    help: 'file (.png, .jpg, .webp), folder ending with /, or - (default) for PNG on stdout',
  },
  fidelity: {
    value: 'W',
    short: 'w',
    aliases: ['fidelity-weight', 'codeformer-fidelity'],
    help: '0 (quality) to 1 (identity), default 0.5',
  },
  upscaling: {
    value: 'S',
    short: 's',
    aliases: ['upscale'],
    help: 'size of the result over that of the photo, above 0 (default 2)',
  },
  aligned: { aliases: ['has-aligned'], help: 'the pictures are aligned face crops' },
  codes: {
    value: 'JSON',
    help: 'codes and settings that crops are decoded with, from `codeformer codes` or the research page; flags win over its settings',
  },
  'face-upscale': {
    aliases: ['face-upsample'],
    help: 'upscale restored faces before they are pasted, with an upscaler (default; --no-face-upscale)',
  },
  'background-upscale': { aliases: ['background-enhance'], help: 'upscale the rest of the photo, too' },
  'bg-upsampler': { value: 'NAME', help: null },
  ...PIPELINE_FLAGS,
  'save-crops': { value: 'DIR', help: 'write DIR/cropped_faces and DIR/restored_faces' },
  suffix: { value: 'TEXT', help: 'in folders, results are <name>_TEXT.png' },
  'output-type': { value: 'TYPE', help: 'png (default), jpg or webp, for folders and stdout' },
  quality: { value: 'Q', help: 'of JPEG and WebP, 1 to 100 (default 95)' },
  background: { value: 'COLOUR', help: 'under what is transparent, in JPEG, as #rrggbb (default white)' },
  metadata: { value: 'WHAT', help: 'keep (default): EXIF, XMP and IPTC of the photo, without its thumbnail; none' },
  overwrite: { help: 'replace files that exist' },
  json: { help: 'print one object per picture to stdout' },
  ...NETWORK_FLAGS,
  ...COMMON_FLAGS,
} as const satisfies Flags;

const share = (value: number): boolean => value >= 0 && value <= 1;
const atLeast0 = (value: number): boolean => value >= 0 && Number.isFinite(value);

const feathers = (value: number): boolean => value > 0 && value <= 1;

/** The options of the library that flags ask for. Throws `INVALID_ARGUMENT`. */
export function pipelineOptions(
  values: Partial<FlagValues<typeof PIPELINE_FLAGS>>,
): Omit<RestoreOptions, 'output' | 'fidelity'> {
  const whole = (value: number) => Number.isSafeInteger(value) && value >= 0;
  const grayscale = choiceFlag('grayscale', values.grayscale, ['auto', 'always', 'never']);
  const least = 'a number of at least 0';
  const mask = {
    regions: values['mask-regions']?.split(',').map(name => name.trim() as FaceRegion),
    feather: numberFlag('feather', values.feather, 'a number above 0, at most 1', feathers),
  };
  const perFace = perFaceFlag(values['per-face']);
  // Their contents are checked now, not when all has been loaded; fidelities are no maps here, so any size will do.
  checkRestoreOptions({ mask, perFace }, 0);
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
    neverWorse: values['never-worse'],
    compat: values.compat,
    mask,
    perFace,
  };
}

function perFaceFlag(text: string | undefined): RestoreOptions['perFace'] {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = `Expected JSON for --per-face: ${(cause as Error).message}`;
    throw new CodeFormerError('INVALID_ARGUMENT', message, { cause });
  }
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

export const restore = command({
  summary: 'restore the faces of photos, or aligned crops',
  positional: 'IN...',
  usage: 'IN... [-o OUT] [flags]',
  about: `Restores the faces of photos, or of aligned crops (--aligned). A photo without faces is enlarged and that is all.
IN is a picture (PNG, JPEG, WebP, AVIF, TIFF, BMP, GIF), a folder of them, a pattern as 'photos/*.jpg', or - for stdin. With several of
them, or where OUT ends with / or is one, OUT is a folder and the results are OUT/<name of the input>.png; where names repeat, pictures
keep their sub-folders. Results that exist are kept, and their pictures passed over, unless --overwrite is given. Of two names without
-o, the second is OUT if it is that of a picture which does not exist.`,
  notes: `With --json, on a line for each picture: { file, output, width, height, faces: [{ id, box, score, landmarks, share, untouched,
indices, margins, timings, warnings }], fidelity, seed, model, adapter, timings, warnings }; times in milliseconds. Pictures that fail have
{ file, error: { code, message } }, those whose results are kept { file, output, skipped: true }.

The names that the original implementation has for these flags are understood as well: --input_path (-i) --output_path --upscale
--fidelity_weight --has_aligned --bg_upsampler realesrgan --face_upsample --detection_model retinaface_resnet50.
`,
  flags: FLAGS,
  async run({ values, inputs }, io, services) {
    const { aligned = false, overwrite = false, suffix } = values;
    const device = engineFlags(values);
    const positive = (value: number) => value > 0 && Number.isFinite(value);
    const codes = values.codes === undefined ? null : await readCodes(values.codes, aligned, io.signal);
    const fidelity = numberFlag('fidelity', values.fidelity, 'a number from 0 to 1', share) ?? codes?.fidelity ?? 0.5;
    const pipeline = pipelineOptions(values);
    if (values.background !== undefined) checkBackground(values.background, '--background');
    const options: RestoreOptions = {
      ...pipeline,
      ...(codes && decodingOptions(codes, pipeline)),
      fidelity,
      aligned,
      maxPixels: device.maxPixels,
      upscaling: numberFlag('upscaling', values.upscaling, 'a number above 0', positive),
      faceUpscale: values['face-upscale'],
      backgroundUpscale: backgroundFlag(values),
      background: values.background,
      metadata:
        values.metadata === undefined ? undefined : choiceFlag('metadata', values.metadata, ['keep', 'none'] as const),
    };
    const type = typeFlag(values['output-type']);
    const inQuality = (value: number) => Number.isInteger(value) && value >= 1 && value <= 100;
    const quality = numberFlag('quality', values.quality, 'a whole number from 1 to 100', inQuality);
    const { inputs: named, output } = await splitOutput(inputs, values.output);
    const expanded = await expandInputs(named);
    const plan = await planJobs('restore', expanded, { output, type, suffix });
    if (values.json && plan.jobs.some(job => job.output === '-')) {
      throw new CodeFormerError(
        'INVALID_ARGUMENT',
        'Expected a file or folder for --output, as --json writes to stdout',
      );
    }
    await checkFolders(plan, output, io);
    const crops = values['save-crops'] === undefined ? null : await cropFolders(values['save-crops'], aligned, suffix);

    const check = async (job: Job) => {
      const kept = await checkFree(job.output, plan.folder, overwrite);
      // That of the first face tells before the work, those of others are asked when they are known.
      if (kept === null && crops) for (const path of cropPaths(crops, job, 0)) await checkFree(path, false, overwrite);
      return kept;
    };
    const work = async (job: Job, picture: Picture, engine: Engine, { name, say, run }: About) => {
      if (codes) checkFaceCodes(codes, engine.info, values.codes!);
      const output = typeFor(job.output, type);
      const result = await engine.restore(picture, { ...options, ...run, output, quality });
      for (const warning of allWarnings(result)) say.warn(`${name}: ${warning}`);
      for (const line of shares(result)) say.note(`${name}: ${line}`);
      await deliver(job.output, result.image, overwrite, io);
      const faces = aligned ? '' : ` (${counted(result.faces.length)})`;
      if (job.output !== '-') say.note(`${name} -> ${job.output}${faces}`);
      const files = crops && (await saveCrops(crops, job, result.faces, overwrite, io));
      if (values.json) await writeJson(io, reportOf(job, result, fidelity, engine, files));
    };
    const { jobs } = plan;
    // An aligned crop is neither looked for nor pasted.
    const roles = aligned ? (['restorer'] as const) : ROLES;
    return runBatch({ jobs, values, device, roles, warnings: expanded.warnings, check, work }, io, services);
  },
});

/** Whether the background upsampler of the original is asked for. */
function backgroundFlag(values: Pick<FlagValues<typeof FLAGS>, 'background-upscale' | 'bg-upsampler'>) {
  const name = values['bg-upsampler'];
  if (name === undefined || /^none$/i.test(name)) return values['background-upscale'];
  if (!/^realesrgan$/i.test(name)) throw invalidArgument('realesrgan or None', '--bg_upsampler', name);
  return values['background-upscale'] ?? true;
}

/** Codes that crops are decoded with. Throws `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `INVALID_CODES`. */
async function readCodes(path: string, aligned: boolean, signal: AbortSignal): Promise<FaceCodes> {
  if (!aligned) throw invalidArgument('--aligned as well (codes are those of a crop)', '--codes', path);
  return parseFaceCodes(await readText(path, signal), path);
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
    throw invalidArgument('--temperature as well (these codes were not drawn)', '--seed', seed);
  return { ...own, temperature, seed };
}

export const counted = (faces: number): string => (faces === 1 ? '1 face' : `${faces || 'no'} faces`);

function allWarnings({ warnings, faces }: RestoreResult<unknown>): string[] {
  return [...warnings, ...faces.flatMap(face => face.warnings.map(text => `face ${face.id}: ${text}`))];
}

/** What is said of faces that are left as they are, wholly or in part. */
function shares({ faces }: Pick<RestoreResult<unknown>, 'faces'>): string[] {
  return faces.flatMap(({ id, share, untouched }) => {
    if (untouched !== null) return [`face ${id} is left as it is: ${untouched}`];
    return share < 1 ? [`face ${id} is restored by ${Math.round(100 * share)} %: the photo has detail of its own`] : [];
  });
}

function reportOf(
  { input, output }: Job,
  { width, height, faces, seed, warnings, timings }: RestoreResult<unknown>,
  fidelity: Fidelity,
  { info }: Engine,
  files: readonly CropFiles[] | null,
) {
  const listed = faces.map(
    ({ id, box, score, landmarks, share, untouched, indices, margin, timings, warnings }, i) => ({
      id,
      box,
      score,
      landmarks,
      share,
      untouched,
      indices: indices && [...indices],
      margins: margin && [...margin],
      timings,
      warnings,
      ...files?.[i],
    }),
  );
  const { model, adapter } = info;
  const settings = { fidelity: fidelityToJson(fidelity), seed };
  return { file: input.name, output, width, height, faces: listed, ...settings, model, adapter, timings, warnings };
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
    await makeFolder(path);
    await checkWritable(join(path, 'face.png'));
    await removeLeftovers(path);
  }
  return { cropped, restored, suffix: suffix === undefined ? '' : `_${suffix}` };
}

/** Where the crop of a face goes, unless it is the input, and where the restored face. */
function cropPaths({ cropped, restored, suffix }: CropFolders, job: Job, id: number): string[] {
  const name = cropped === null ? job.name : `${job.name}_${String(id).padStart(2, '0')}`;
  const after = join(restored, `${name}${suffix}.png`);
  return cropped === null ? [after] : [join(cropped, `${name}.png`), after];
}

async function saveCrops(
  folders: CropFolders,
  job: Job,
  faces: readonly RestoredFace[],
  overwrite: boolean,
  { signal }: Io,
): Promise<CropFiles[]> {
  const files: CropFiles[] = [];
  for (const face of faces) {
    const paths = cropPaths(folders, job, face.id);
    const [restored, crop] = [paths.at(-1)!, paths.length > 1 ? paths[0] : undefined];
    for (const path of paths) await makeFolder(dirname(path));
    if (crop !== undefined) await writeImageFile(crop, face.crop, { signal, overwrite });
    await writeImageFile(restored, face.restored, { signal, overwrite });
    files.push({ ...(crop !== undefined && { crop }), restored });
  }
  return files;
}
