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
import { checkBackground, checkQuality, checkType } from '../image/encoding.js';
import type { Point, Size } from '../image/geometry.js';
import { type PictureLimits, pixelLimit } from '../image/picture.js';
import { DEFAULT_REGIONS, FACE_REGIONS, type FaceRegion, regionValues } from './regions.js';
import type { DecodeFaceOptions } from './restorer-types.js';
import { DEFAULT_RULES, REFERENCE_RULES, type Rules } from './rules.js';
import { drawSeed } from './sampling.js';
import type {
  Box,
  FaceChoice,
  Fidelity,
  IntoOptions,
  MaskOptions,
  OwnFace,
  PhotoOptions,
  RenderOptions,
  ReplaceableParts,
  RestoreOptions,
} from './types.js';

/** The soft edge of masks, see `MaskOptions`. */
const FEATHER = 0.2;

/** Checks a value, or makes what stands for none. */
type Check<V, T> = (value: V | undefined, name: string, size: number) => T;

const flag =
  (otherwise: boolean): Check<boolean, boolean> =>
  (value = otherwise, name) =>
    checkFlag(value, name);

/** The options of `detect`, each with its check. */
const DETECT = {
  compat: flag(false),
  detectFaces: checkCallback,
  detectionScales: (value = [1], name) => checkScales(value, name),
  maxPixels: value => pixelLimit(value),
  minFaceSize: (value = 0, name) => atLeast0(value, name),
  onProgress: checkCallback,
  signal: value => checkSignal(value),
} satisfies Checks<PhotoOptions>;

/** Those that can change from one picture of a prepared photo to the next. */
const RENDER = {
  adain: flag(true),
  background(value) {
    if (value !== undefined) checkBackground(value);
    return value;
  },
  backgroundUpscale: flag(false),
  faceUpscale: flag(true),
  fidelity: (value = 0.5, name, size): Fidelity => checkFidelity(value, size, name),
  indices: (value = {}) => checkIndices(value),
  likeness: flag(false),
  mask: (value = {}) => checkMask(value),
  metadata(value = 'keep', name) {
    if (value !== 'keep' && value !== 'none') throw invalidArgument("'keep' or 'none'", name, value);
    return value;
  },
  neverWorse: flag(true),
  onFace: checkCallback,
  output: (value, name) => (value === undefined ? null : checkType(value, name)),
  perFace: (value = {}, _, size) => checkPerFace(value, size),
  quality: value => (value === undefined ? undefined : checkQuality(value)),
  seed: value => (value === undefined ? drawSeed() : checkSeed(value)),
  strength: (value = 1, name) => checkShare(value, name),
  temperature: (value = 0, name) => atLeast0(value, name),
  upscaling: (value = 2, name) => positive(value, name),
} satisfies Checks<Omit<RenderOptions, 'faces' | 'onProgress' | 'signal'>>;

/** All options of `restore`. */
const OPTIONS = {
  ...DETECT,
  ...RENDER,
  aligned: flag(false),
  faces: (value = 'all') => checkFaces(value),
  grayscale(value = 'auto', name) {
    if (!['auto', true, false].includes(value)) throw invalidArgument("'auto', true or false", name, value);
    return value;
  },
  onlyCenterFace: flag(false),
  parseFace: checkCallback,
  restoreFace: checkCallback,
  upscale: checkCallback,
  upscaleFloat: checkCallback,
} satisfies Checks<RestoreOptions>;

type Checks<O> = { readonly [K in keyof Required<O>]: Check<NonNullable<O[K]>, unknown> };

/** What checks make of options. Functions keep their types. */
type Checked<C, O> = {
  readonly [K in keyof C & keyof O]: C[K] extends typeof checkCallback
    ? O[K]
    : C[K] extends Check<never, infer T>
      ? T
      : never;
};

/** Parts of the pipeline that the caller has replaced. */
type ReplacedParts = keyof ReplaceableParts;

/** Options of a call, complete and checked. */
export interface Settings extends Omit<Checked<typeof OPTIONS, RestoreOptions>, 'compat' | ReplacedParts> {
  /** Those of the reference where `compat` asks for them. */
  readonly rules: Rules;
  readonly parts: Pick<RestoreOptions, ReplacedParts>;
  /** Names of options that were given. */
  readonly given: ReadonlySet<string>;
}

/** Runs the checks of a table. */
function checkAll<C extends object, O extends object>(checks: C, options: O, size: number): Checked<C, O> {
  const entries = Object.entries<Check<never, unknown>>(checks as never);
  const checked = entries.map(([name, check]) => [name, check(options[name as keyof O] as never, name, size)]);
  return Object.fromEntries(checked) as Checked<C, O>;
}

const rulesOf = (compat: boolean): Rules => (compat ? REFERENCE_RULES : DEFAULT_RULES);

/**
 * @param size side of crops, which fidelity maps must have
 * @throws `INVALID_ARGUMENT` that names the option
 */
export function checkRestoreOptions(options: RestoreOptions, size: number): Settings {
  const given = checkOptions(options, Object.keys(OPTIONS));
  const { compat, restoreFace, parseFace, upscale, upscaleFloat, detectFaces, ...settings } = checkAll(
    OPTIONS,
    options,
    size,
  );
  const parts = { restoreFace, parseFace, upscale, upscaleFloat, detectFaces };
  return { ...settings, rules: rulesOf(compat), parts, given };
}

/** Options of `restore` that a result on the device has not. */
const NOT_INTO = ['aligned', 'background', 'metadata', 'onFace', 'output', 'quality'];

/** @throws as `checkRestoreOptions` */
export function checkIntoOptions(options: IntoOptions, size: number): Settings {
  checkOptions(
    options,
    Object.keys(OPTIONS).filter(name => !NOT_INTO.includes(name)),
  );
  return checkRestoreOptions(options, size);
}

/** Options that are about one call. */
const NOT_KEPT = { signal: undefined, onProgress: undefined, onFace: undefined };

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
  checkOptions(options, [...Object.keys(RENDER), 'faces', 'onProgress', 'signal']);
  const { faces: ids = known, ...own } = options;
  if (!Array.isArray(ids)) throw invalidArgument('an array of ids', 'faces', ids);
  const wrong = ids.find(id => !known.includes(id));
  if (wrong !== undefined) throw invalidArgument(`ids among ${known.join(', ')}`, 'faces', wrong);
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  const settings = checkRestoreOptions({ ...defaults, ...NOT_KEPT, ...given }, size);
  return { ...settings, ids };
}

export type DetectSettings = Pick<
  Settings,
  'rules' | 'minFaceSize' | 'detectionScales' | 'maxPixels' | 'signal' | 'onProgress' | 'parts'
>;

/** @throws as `checkRestoreOptions` */
export function checkDetectOptions(options: PhotoOptions): DetectSettings {
  checkOptions(options, Object.keys(DETECT));
  const { compat, detectFaces, ...settings } = checkAll(DETECT, options, 0);
  return { ...settings, rules: rulesOf(compat), parts: { detectFaces } };
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

function checkPerFace(perFace: NonNullable<RestoreOptions['perFace']>, size: number) {
  checkObject(perFace, 'perFace');
  for (const [id, own] of Object.entries(perFace)) {
    if (!/^\d+$/.test(id)) throw invalidArgument('ids of faces as keys', 'perFace', id);
    checkObject(own, `perFace[${id}]`);
    checkOptions(own, ['fidelity', 'strength'], `perFace[${id}].`);
    checkFidelity(own.fidelity ?? 0, size, `perFace[${id}].fidelity`);
    checkShare(own.strength ?? 1, `perFace[${id}].strength`);
  }
  return perFace;
}

function checkMask(mask: MaskOptions) {
  checkObject(mask, 'mask');
  checkOptions(mask, ['feather', 'regions'], 'mask.');
  return {
    values: regionValues(checkRegions(mask.regions ?? DEFAULT_REGIONS)),
    feather: checkFeather(mask.feather),
    regionsGiven: mask.regions !== undefined,
  };
}

function checkRegions(regions: readonly FaceRegion[]): readonly FaceRegion[] {
  if (!Array.isArray(regions)) throw invalidArgument('an array of regions', 'mask.regions', regions);
  const wrong = regions.find(region => !FACE_REGIONS.includes(region));
  if (wrong !== undefined) throw invalidArgument(`regions among ${FACE_REGIONS.join(', ')}`, 'mask.regions', wrong);
  return regions;
}

/** Numbers and ranges of codes are for the network to check. */
function checkIndices(indices: NonNullable<RestoreOptions['indices']>) {
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
