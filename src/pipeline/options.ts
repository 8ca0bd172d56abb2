// Checks the options of a call before any work is done, and fills in what they leave out.

import {
  checkCallback,
  checkFlag,
  checkObject,
  checkOptions,
  checkRunOptions,
  checkScales,
  checkSignal,
} from '../checks.js';
import { CodeFormerError, invalidArgument } from '../errors.js';
import { checkBackground, checkQuality, checkType, type EncodedType } from '../image/encoding.js';
import type { Point, Size } from '../image/geometry.js';
import { type PictureLimits, pixelLimit } from '../image/picture.js';
import { DEFAULT_REGIONS, FACE_REGIONS, type FaceRegion, regionValues } from './regions.js';
import type { DecodeFaceOptions } from './restorer-types.js';
import { DEFAULT_RULES, REFERENCE_RULES, type Rules } from './rules.js';
import { drawSeed } from './sampling.js';
import type { Box, FaceChoice, Fidelity, OwnFace, PhotoOptions, RenderOptions, RestoreOptions } from './types.js';

/** The soft edge of masks, see `MaskOptions`. */
const FEATHER = 0.2;

/** Options of a call, complete and checked. */
export interface Settings {
  readonly fidelity: Fidelity;
  readonly upscaling: number;
  readonly aligned: boolean;
  readonly onlyCenterFace: boolean;
  readonly faceUpscale: boolean;
  readonly backgroundUpscale: boolean;
  readonly seed: number;
  readonly temperature: number;
  readonly indices: NonNullable<RestoreOptions['indices']>;
  readonly adain: boolean;
  readonly faces: FaceChoice;
  readonly perFace: NonNullable<RestoreOptions['perFace']>;
  readonly strength: number;
  readonly neverWorse: boolean;
  readonly minFaceSize: number;
  readonly detectionScales: readonly number[];
  readonly mask: { readonly values: Float32Array; readonly feather: number; readonly regionsGiven: boolean };
  readonly grayscale: 'auto' | boolean;
  /** Those of the reference where `compat` asks for them. */
  readonly rules: Rules;
  readonly maxPixels: number;
  readonly output: EncodedType | null;
  readonly quality: number | undefined;
  readonly background: string | undefined;
  readonly metadata: 'keep' | 'none';
  readonly signal: AbortSignal | undefined;
  readonly onProgress: PhotoOptions['onProgress'];
  readonly parts: Pick<RestoreOptions, 'restoreFace' | 'parseFace' | 'upscale' | 'upscaleFloat' | 'detectFaces'>;
  /** Names of options that were given. */
  readonly given: ReadonlySet<string>;
}

const DETECT_OPTIONS = [
  'compat',
  'detectFaces',
  'detectionScales',
  'maxPixels',
  'minFaceSize',
  'onProgress',
  'signal',
] as const;

const RESTORE_OPTIONS = [
  ...DETECT_OPTIONS,
  'adain',
  'aligned',
  'background',
  'backgroundUpscale',
  'faceUpscale',
  'faces',
  'fidelity',
  'grayscale',
  'indices',
  'mask',
  'metadata',
  'neverWorse',
  'onlyCenterFace',
  'output',
  'parseFace',
  'perFace',
  'quality',
  'restoreFace',
  'seed',
  'strength',
  'temperature',
  'upscale',
  'upscaleFloat',
  'upscaling',
] as const satisfies readonly (keyof RestoreOptions)[];

/**
 * @param size side of crops, which fidelity maps must have
 * @throws `INVALID_ARGUMENT` that names the option
 */
export function checkRestoreOptions(options: RestoreOptions, size: number): Settings {
  const given = checkOptions(options, RESTORE_OPTIONS);
  const { fidelity = 0.5, mask = {}, perFace = {}, grayscale = 'auto', output = null, metadata = 'keep' } = options;
  checkObject(perFace, 'perFace');
  for (const [id, own] of Object.entries(perFace)) {
    if (!/^\d+$/.test(id)) throw invalidArgument('ids of faces as keys', 'perFace', id);
    checkObject(own, `perFace[${id}]`);
    checkOptions(own, ['fidelity', 'strength'], `perFace[${id}].`);
    checkFidelity(own.fidelity ?? 0, size, `perFace[${id}].fidelity`);
    checkShare(own.strength ?? 1, `perFace[${id}].strength`);
  }
  checkObject(mask, 'mask');
  checkOptions(mask, ['feather', 'regions'], 'mask.');
  if (!['auto', true, false].includes(grayscale))
    throw invalidArgument("'auto', true or false", 'grayscale', grayscale);
  if (options.background !== undefined) checkBackground(options.background);
  if (metadata !== 'keep' && metadata !== 'none') throw invalidArgument("'keep' or 'none'", 'metadata', metadata);
  return {
    fidelity: checkFidelity(fidelity, size),
    upscaling: positive(options.upscaling ?? 2, 'upscaling'),
    aligned: flag(options, 'aligned', false),
    onlyCenterFace: flag(options, 'onlyCenterFace', false),
    faceUpscale: flag(options, 'faceUpscale', true),
    backgroundUpscale: flag(options, 'backgroundUpscale', false),
    seed: options.seed === undefined ? drawSeed() : checkSeed(options.seed),
    temperature: atLeast0(options.temperature ?? 0, 'temperature'),
    indices: checkIndices(options.indices ?? {}),
    adain: flag(options, 'adain', true),
    faces: checkFaces(options.faces ?? 'all'),
    perFace,
    strength: checkShare(options.strength ?? 1, 'strength'),
    neverWorse: flag(options, 'neverWorse', true),
    minFaceSize: atLeast0(options.minFaceSize ?? 0, 'minFaceSize'),
    detectionScales: checkScales(options.detectionScales ?? [1], 'detectionScales'),
    mask: {
      values: regionValues(checkRegions(mask.regions ?? DEFAULT_REGIONS)),
      feather: checkFeather(mask.feather),
      regionsGiven: mask.regions !== undefined,
    },
    grayscale,
    rules: flag(options, 'compat', false) ? REFERENCE_RULES : DEFAULT_RULES,
    maxPixels: pixelLimit(options.maxPixels),
    output: output === null ? null : checkType(output, 'output'),
    quality: options.quality === undefined ? undefined : checkQuality(options.quality),
    background: options.background,
    metadata,
    signal: checkSignal(options.signal),
    onProgress: checkCallback(options.onProgress, 'onProgress'),
    parts: {
      restoreFace: checkCallback(options.restoreFace, 'restoreFace'),
      parseFace: checkCallback(options.parseFace, 'parseFace'),
      upscale: checkCallback(options.upscale, 'upscale'),
      upscaleFloat: checkCallback(options.upscaleFloat, 'upscaleFloat'),
      detectFaces: checkCallback(options.detectFaces, 'detectFaces'),
    },
    given,
  };
}

const RENDER_OPTIONS = [
  'adain',
  'background',
  'backgroundUpscale',
  'faces',
  'faceUpscale',
  'fidelity',
  'indices',
  'mask',
  'metadata',
  'neverWorse',
  'onProgress',
  'output',
  'perFace',
  'quality',
  'seed',
  'signal',
  'strength',
  'temperature',
  'upscaling',
] as const satisfies readonly (keyof RenderOptions)[];

/**
 * Settings of a picture of a prepared photo.
 * @param defaults what was given to `prepare`
 * @param known ids of the prepared faces
 * @throws as `checkRestoreOptions`
 */
export function checkRenderOptions(
  defaults: RestoreOptions,
  options: RenderOptions,
  size: number,
  known: readonly number[],
): Settings & { readonly ids: readonly number[] } {
  checkOptions(options, RENDER_OPTIONS);
  const { faces: ids = known, ...own } = options;
  if (!Array.isArray(ids)) throw invalidArgument('an array of ids', 'faces', ids);
  const wrong = ids.find(id => !known.includes(id));
  if (wrong !== undefined) throw invalidArgument(`ids among ${known.join(', ')}`, 'faces', wrong);
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  const settings = checkRestoreOptions({ ...defaults, signal: undefined, onProgress: undefined, ...given }, size);
  return { ...settings, ids };
}

export type DetectSettings = Pick<
  Settings,
  'rules' | 'minFaceSize' | 'detectionScales' | 'maxPixels' | 'signal' | 'onProgress' | 'parts'
>;

/** @throws as `checkRestoreOptions` */
export function checkDetectOptions(options: PhotoOptions): DetectSettings {
  checkOptions(options, DETECT_OPTIONS);
  return {
    rules: flag(options, 'compat', false) ? REFERENCE_RULES : DEFAULT_RULES,
    minFaceSize: atLeast0(options.minFaceSize ?? 0, 'minFaceSize'),
    detectionScales: checkScales(options.detectionScales ?? [1], 'detectionScales'),
    maxPixels: pixelLimit(options.maxPixels),
    signal: checkSignal(options.signal),
    onProgress: checkCallback(options.onProgress, 'onProgress'),
    parts: { detectFaces: checkCallback(options.detectFaces, 'detectFaces') },
  };
}

function flag<K extends string>(options: { readonly [P in K]?: boolean | undefined }, name: K, otherwise: boolean) {
  return checkFlag(options[name] ?? otherwise, name);
}

function positive(value: number, name: string): number {
  if (!(typeof value === 'number' && value > 0 && Number.isFinite(value)))
    throw invalidArgument('a finite number above 0', name, value);
  return value;
}

function atLeast0(value: number, name: string): number {
  if (!(typeof value === 'number' && value >= 0 && Number.isFinite(value)))
    throw invalidArgument('a finite number of at least 0', name, value);
  return value;
}

function checkShare(value: number, name: string): number {
  if (!(typeof value === 'number' && value >= 0 && value <= 1))
    throw invalidArgument('a number from 0 to 1', name, value);
  return value;
}

function checkSeed(seed: number): number {
  if (!(Number.isSafeInteger(seed) && seed >= 0)) throw invalidArgument('a whole number of at least 0', 'seed', seed);
  return seed;
}

/** Throws `INVALID_ARGUMENT` unless the value is a fidelity for crops of a size. */
function checkFidelity(value: Fidelity, size: number, name = 'fidelity'): Fidelity {
  if (!(value instanceof Float32Array)) return checkShare(value, name);
  if (value.length !== size * size)
    throw invalidArgument(`a number from 0 to 1, or ${size * size} of them, one for each pixel,`, name, value);
  const wrong = value.find(w => !(w >= 0 && w <= 1));
  if (wrong !== undefined) throw invalidArgument('numbers from 0 to 1', name, wrong);
  return value;
}

/** Options of `EncodedFace.decode`, complete and checked. */
export function checkDecodeOptions(options: DecodeFaceOptions, size: number) {
  checkOptions(options, ['adain', 'fidelity', 'indices', 'onProgress', 'seed', 'signal', 'temperature']);
  const { fidelity = 0.5, adain, indices, temperature, seed } = options;
  checkRunOptions(options);
  const sampling = checkRestoreOptions({ adain, temperature, seed, ...(indices && { indices: { 0: indices } }) }, size);
  return {
    fidelity: checkFidelity(fidelity, size),
    adain: sampling.adain,
    indices,
    temperature: sampling.temperature,
    seed: sampling.seed,
    onProgress: options.onProgress,
  };
}

/** Most results of a sweep: one for each hundredth. All of them are held in memory. */
const MOST_SWEPT = 101;

/** The fidelities of a sweep. */
export function checkSweep(values: readonly number[]): readonly number[] {
  if (!Array.isArray(values) || values.length === 0 || values.length > MOST_SWEPT)
    throw invalidArgument(`an array of 1 to ${MOST_SWEPT} numbers`, 'fidelity', values);
  return values.map((value, i) => checkShare(value, `fidelity[${i}]`));
}

function checkRegions(regions: readonly FaceRegion[]): readonly FaceRegion[] {
  if (!Array.isArray(regions)) throw invalidArgument('an array of regions', 'mask.regions', regions);
  const wrong = regions.find(region => !FACE_REGIONS.includes(region));
  if (wrong !== undefined) throw invalidArgument(`regions among ${FACE_REGIONS.join(', ')}`, 'mask.regions', wrong);
  return regions;
}

/** Numbers and ranges of codes are for the network to check. */
function checkIndices(indices: Settings['indices']): Settings['indices'] {
  checkObject(indices, 'indices');
  for (const [id, codes] of Object.entries(indices)) {
    if (!/^\d+$/.test(id)) throw invalidArgument('ids of faces as keys', 'indices', id);
    if (!(codes instanceof Int32Array)) throw invalidArgument('an Int32Array', `indices[${id}]`, codes);
  }
  return indices;
}

function checkFeather(feather = FEATHER): number {
  if (!(typeof feather === 'number' && feather > 0 && feather <= 1))
    throw invalidArgument('a number above 0, at most 1', 'mask.feather', feather);
  return feather;
}

function checkFaces(faces: FaceChoice): FaceChoice {
  if (typeof faces === 'function' || faces === 'all' || faces === 'largest' || faces === 'center') return faces;
  if (!Array.isArray(faces)) {
    const what = "'all', 'largest', 'center', an array of ids or of faces of your own, or a function";
    throw invalidArgument(what, 'faces', faces);
  }
  if (faces.every((face): face is number => typeof face === 'number')) {
    const wrong = faces.find(id => !(Number.isSafeInteger(id) && id >= 0));
    if (wrong !== undefined) throw invalidArgument('ids of faces', 'faces', wrong);
    return faces;
  }
  return checkOwnFaces(faces as OwnFace[], 'faces');
}

/**
 * Checks faces that came from outside.
 * @throws `INVALID_ARGUMENT` for what has neither five landmarks nor a box that holds something, within a million pixels
 */
export function checkOwnFaces(faces: readonly OwnFace[], name: string): readonly OwnFace[] {
  if (!Array.isArray(faces)) throw invalidArgument('an array of faces', name, faces);
  return faces.map((face, i) => {
    const at = `${name}[${i}]`;
    checkObject(face, at);
    const { landmarks, box } = face;
    if (landmarks === undefined && box === undefined) throw invalidArgument('landmarks or a box', at, face);
    if (landmarks !== undefined) checkLandmarks(landmarks, `${at}.landmarks`);
    if (box !== undefined) checkBox(box, `${at}.box`);
    if (landmarks && face.score !== undefined) checkScore(face.score, `${at}.score`);
    return face;
  });
}

/** Far outside of every photo, and far below what integers and float32 can tell apart. */
const MOST_COORDINATE = 2 ** 20;

const isCoordinate = (value: unknown): boolean => typeof value === 'number' && Math.abs(value) <= MOST_COORDINATE;

function checkScore(score: number, name: string): void {
  if (!Number.isFinite(score)) throw invalidArgument('a finite number', name, score);
}

function checkLandmarks(landmarks: readonly Point[], name: string): void {
  if (!Array.isArray(landmarks) || landmarks.length !== 5) throw invalidArgument('five points', name, landmarks);
  landmarks.forEach((point, i) => {
    if (!(point?.length === 2 && isCoordinate(point[0]) && isCoordinate(point[1])))
      throw invalidArgument(`two numbers from -${MOST_COORDINATE} to ${MOST_COORDINATE}`, `${name}[${i}]`, point);
  });
}

function checkBox(box: Box, name: string): void {
  if (!(Array.isArray(box) && box.length === 4 && box.every(isCoordinate)))
    throw invalidArgument(`four numbers from -${MOST_COORDINATE} to ${MOST_COORDINATE}`, name, box);
  if (!(box[2] > box[0] && box[3] > box[1]))
    throw invalidArgument('left < right and top < bottom', name, box.join(' '));
}

/** Throws `IMAGE_TOO_LARGE` where a result would have more pixels than allowed. */
export function checkResultSize({ width, height }: Size, { maxPixels, name = 'the result' }: PictureLimits): void {
  if (width * height > maxPixels!) {
    throw new CodeFormerError(
      'IMAGE_TOO_LARGE',
      `${name}: expected at most ${maxPixels} pixels but it would have ${width}x${height} = ${width * height}`,
    );
  }
}
