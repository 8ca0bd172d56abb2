// The pipeline: every face of a photo is found, aligned, restored and blended back.

import type { Executor } from '../executor.js';
import { checkEncodable } from '../image/encoding.js';
import type { Matrix, Size } from '../image/geometry.js';
import { isOpaque, type Picture } from '../image/picture.js';
import { roundHalfEven } from '../kernels/resize-plane/taps.js';
import { composeAffine } from '../pixels/affine.js';
import type { GreyLike } from '../pixels/colour.js';
import { cellsOf } from '../pixels/detail.js';
import { fillPicture } from '../pixels/fill.js';
import { resize } from '../pixels/pixels.js';
import { LEAST_SIDE, scaled } from './detection.js';
import { type AlignedFace, align, detected, facesOf, shorterSide } from './faces.js';
import { greyCrop, greyLike, greyPhoto } from './grey.js';
import { alike, copied, faceScale, finished, type Made, NOTHING, type Recipe } from './made.js';
import { faceLayer, pasteMatrix, referencePasteMatrix, scaling } from './mask.js';
import { faceDetail, faceView, isTooSmallToLeave, type Share, shareOf, WHOLE } from './never-worse.js';
import { checkResultSize, type DetectSettings, type Settings } from './options.js';
import { missingRestorer, type OpenFace, type Parts } from './parts.js';
import { type Layer, Photo } from './photo.js';
import { type Report, type Timings, timed } from './progress.js';
import type { DetectedFace, PreparedFace, RestoredFace } from './types.js';

export interface Outcome {
  /** One for each fidelity. */
  readonly images: readonly Picture[];
  readonly faces: readonly RestoredFace[];
  /** Restored faces, for each fidelity and face. */
  readonly restored: readonly (readonly Picture[])[];
  readonly warnings: readonly string[];
}

/** A face that waits to be restored. */
interface Work extends AlignedFace {
  /** How its greys look, in grey and toned photos. */
  readonly like: GreyLike | null;
  /** An aligned crop with its alpha, where that differs from what the network sees. */
  readonly cut?: Picture;
  /** How much of what the network makes of it is used, unless that is not asked for. */
  readonly measured: Share;
}

/** A face of one picture. */
interface Restored {
  readonly work: Work;
  readonly made: readonly Made[];
  readonly strength: number;
  readonly timings: Timings;
  readonly warnings: string[];
}

/**
 * Restores a photo at some fidelities; each face is encoded once.
 * @param picture RGBA, checked
 * @param fidelities one of each image; null for that of the settings
 * @param most bytes of a picture that is kept on the device
 */
export async function restorePhoto(
  device: Executor,
  picture: Picture,
  parts: Parts,
  settings: Settings,
  fidelities: readonly (number | null)[],
  report: Report,
  most?: number,
): Promise<Outcome> {
  // Refused before any work is done.
  if (!settings.aligned) outputSize(picture, settings);
  const photo = await OpenPhoto.open(device, picture, parts, settings, report, { most, once: true });
  try {
    return await photo.render(parts, settings, fidelities, report);
  } finally {
    photo.destroy();
  }
}

export interface OpenOptions {
  /** Bytes of a picture that is kept on the device. */
  readonly most?: number | undefined;
  /** Only one call of `render` follows, so nothing is kept for a second one. */
  readonly once: boolean;
}

/** Encoded faces that stay on the device; others are encoded again when they are needed. */
const KEPT_FACES = 8;

/** Bytes of a background that is kept for the next picture. */
const KEPT_BACKGROUND = 256 * 2 ** 20;

/** A photo whose faces are found and cut out. */
export class OpenPhoto {
  /** In the order of their last use. */
  private readonly encoded = new Map<number, OpenFace>();
  /** What was made of each face last. */
  private readonly made = new Map<number, { readonly recipe: Recipe; readonly made: Made }>();
  private background: { readonly key: string; readonly photo: Photo } | null = null;

  private constructor(
    private readonly device: Executor,
    private readonly picture: Picture,
    private readonly settings: Settings,
    private readonly works: readonly Work[],
    readonly warnings: readonly string[],
    /** The photo, and what faces are cut from; null for an aligned crop. */
    private readonly photos: { readonly original: Photo; readonly working: Photo } | null,
    private readonly options: OpenOptions,
  ) {}

  /** Finds the faces, and cuts them out. */
  static async open(
    device: Executor,
    picture: Picture,
    parts: Parts,
    settings: Settings,
    report: Report,
    options: OpenOptions,
  ): Promise<OpenPhoto> {
    if (settings.aligned) {
      report.clock('align');
      return OpenPhoto.openAligned(device, picture, parts, settings, options);
    }
    const warnings: string[] = [];
    const enlargement = enlargementOf(picture, settings);
    report.clock('upload');
    const photos = await openPhotos(device, picture, enlargement, settings, options.most);
    const { working } = photos;
    try {
      report.clock('grey');
      const grey = await greyPhoto(working, settings);
      report.stage('detect');
      const found = await facesOf(working, picture, enlargement, parts, settings, warnings);
      const works: Work[] = [];
      for (const [i, face] of found.entries()) {
        report.stage('align', i + 1, found.length);
        const aligned = await align(working, face, parts.size, settings, warnings);
        if (!aligned) continue;
        const like = await greyLike(device, aligned.crop, grey, settings);
        const measured = await timed(aligned.timings, 'measure', () =>
          measuredShare(working, aligned.transform, parts.size, settings, options.once),
        );
        works.push({ ...aligned, like, measured });
      }
      return new OpenPhoto(device, picture, settings, works, warnings, photos, options);
    } catch (error) {
      closePhotos(photos);
      throw error;
    }
  }

  /** A picture that is one aligned face. */
  private static async openAligned(
    device: Executor,
    picture: Picture,
    { size }: Parts,
    settings: Settings,
    options: OpenOptions,
  ): Promise<OpenPhoto> {
    const { width, height } = picture;
    const timings: Timings = {};
    const { crop, cut } = await timed(timings, 'align', () => alignedCrop(device, picture, size, settings));
    const transform = scaling(size / width, size / height);
    let measured = WHOLE;
    if (isMeasured(transform, size, settings, options.once)) {
      const photos = await openPhotos(device, picture, 1, settings, options.most);
      measured = await timed(timings, 'measure', () =>
        measuredShare(photos.working, transform, size, settings, options.once),
      ).finally(() => closePhotos(photos));
    }
    const work: Work = {
      id: 0,
      box: [0, 0, width, height],
      score: 1,
      landmarks: [],
      transform,
      measured,
      loss: null,
      crop,
      cut,
      timings,
      warnings: [],
      like: await greyCrop(device, crop, settings),
    };
    return new OpenPhoto(device, picture, settings, [work], sizeWarnings(picture, size), null, options);
  }

  /** The same faces on another device. */
  async on(device: Executor): Promise<OpenPhoto> {
    const { picture, settings, works, warnings, options } = this;
    const enlargement = enlargementOf(picture, settings);
    const photos = this.photos && (await openPhotos(device, picture, enlargement, settings, options.most));
    return new OpenPhoto(device, picture, settings, works, warnings, photos, options);
  }

  /** Encodes all faces. */
  async encode(parts: Parts, settings: Settings, report: Report): Promise<PreparedFace[]> {
    const { signal } = settings;
    const faces: PreparedFace[] = [];
    for (const [i, work] of this.works.entries()) {
      report.stage('restore', i + 1, this.works.length);
      const onProgress = (share: number) => report.share('restore', share, i + 1, this.works.length);
      const timings = { ...work.timings };
      const { indices, margin } = await this.opened(work, parts, { signal, onProgress, timings });
      const told = {
        ...faceOf(work),
        ...usedShare(work, settings),
        indices,
        margin,
        timings,
        warnings: warningsOf(work, settings),
      };
      faces.push(this.inPixelsOfPhoto(told));
    }
    return faces;
  }

  /**
   * Restores the faces and blends them back.
   * @param fidelities as for `restorePhoto`
   * @param ids of the faces; default all
   */
  async render(
    parts: Parts,
    settings: Settings,
    fidelities: readonly (number | null)[],
    report: Report,
    ids?: readonly number[],
  ): Promise<Outcome> {
    const chosen = this.works.filter(({ id }) => !ids || ids.includes(id));
    const restored: Restored[] = [];
    for (const [i, work] of chosen.entries()) {
      report.stage('restore', i + 1, chosen.length);
      const onProgress = (share: number) => report.share('restore', share, i + 1, chosen.length);
      restored.push(await this.restoreFace(work, parts, settings, fidelities, onProgress));
    }
    const outcome = this.photos
      ? await this.pasted(this.photos, restored, parts, settings, fidelities, report)
      : blendedCrops(this.works[0]!.cut ?? this.works[0]!.crop, restored, settings, fidelities);
    const faces = restored.map(({ work, made, timings, warnings }) => {
      const { restored: picture, indices, margin } = made[0]!;
      const own = { ...faceOf(work), ...usedShare(work, settings) };
      return this.inPixelsOfPhoto({ ...own, restored: picture, indices, margin, timings, warnings });
    });
    const own = fidelities.map((_, i) => restored.map(({ made }) => made[i]!.restored));
    return {
      // The result of an aligned crop is the face.
      faces: this.photos ? faces : faces.map(face => ({ ...face, restored: outcome.images[0]! })),
      images: outcome.images,
      restored: this.photos ? own : outcome.images.map(image => [image]),
      warnings: [...this.warnings, ...outcome.warnings],
    };
  }

  destroy(): void {
    for (const face of this.encoded.values()) face.destroy();
    this.encoded.clear();
    this.background?.photo.destroy();
    this.background = null;
    if (this.photos) closePhotos(this.photos);
  }

  /** The encoded face, which may be there already. */
  private async opened(work: Work, parts: Parts, job: Omit<Parameters<NonNullable<Parts['open']>>[1], 'id'>) {
    const { encoded } = this;
    let face = encoded.get(work.id);
    encoded.delete(work.id);
    if (!face) {
      if (!parts.open) throw missingRestorer();
      face = await parts.open(work.crop, { id: work.id, ...job });
    }
    encoded.set(work.id, face);
    for (const [id, oldest] of encoded) {
      if (encoded.size <= (this.options.once ? 1 : KEPT_FACES)) break;
      encoded.delete(id);
      oldest.destroy();
    }
    return face;
  }

  private async restoreFace(
    work: Work,
    parts: Parts,
    settings: Settings,
    fidelities: readonly (number | null)[],
    onProgress: (share: number) => void,
  ): Promise<Restored> {
    const { id, like } = work;
    const { perFace, signal, adain, temperature, seed } = settings;
    const [own, indices] = [perFace[id], settings.indices[id]];
    const timings: Timings = this.options.once ? { ...work.timings } : {};
    const encoderShare = this.encoded.has(id) ? 0 : ENCODER_SHARE;
    const scale = this.scaleOf(work, parts, settings);
    let face: OpenFace | null = null;
    const made: Made[] = [];
    for (const [i, given] of fidelities.entries()) {
      const fidelity = given ?? own?.fidelity ?? settings.fidelity;
      const recipe = { fidelity, indices, adain, temperature, seed, scale };
      const last = this.made.get(id);
      if (last && alike(last.recipe, recipe)) {
        made.push(last.made);
        continue;
      }
      const encoding = (share: number) => onProgress(encoderShare * share);
      face ??= await this.opened(work, parts, { signal, timings, onProgress: encoding });
      const share = (done: number) => onProgress(encoderShare + ((1 - encoderShare) * (i + done)) / fidelities.length);
      const { picture, ...codes } = await face.restore({ id, ...recipe, signal, timings, onProgress: share });
      const used = this.photos ? parts : NOTHING;
      const ready = await finished(this.device, picture, like, used, settings, scale, timings);
      made.push({ ...codes, margin: face.margin, ...ready });
      if (!this.options.once) this.made.set(id, { recipe: copied(recipe), made: made.at(-1)! });
    }
    const warnings = warningsOf(work, settings);
    if (indices && !made[0]!.indices) warnings.push('indices: restoreFace is replaced, which knows no codes');
    const strength = (own?.strength ?? settings.strength) * usedShare(work, settings).share;
    return { work, made, strength, timings, warnings };
  }

  /** By how much a face is upscaled before it is pasted, or null. */
  private scaleOf({ transform, like }: Work, parts: Parts, settings: Settings): number | null {
    if (!this.photos) return null;
    const size = outputSize(this.picture, settings);
    const matrix = pasteMatrix(transform, this.photos.working, size);
    return faceScale(parts, settings, like, Math.hypot(matrix[0]!, matrix[3]!));
  }

  /** The photo with faces pasted over it, once for each fidelity. */
  private async pasted(
    photos: { readonly original: Photo; readonly working: Photo },
    faces: readonly Restored[],
    parts: Parts,
    settings: Settings,
    fidelities: readonly (number | null)[],
    report: Report,
  ): Promise<Pick<Outcome, 'images' | 'warnings'>> {
    const { compat, signal } = settings;
    const images: Picture[] = [];
    for (const i of fidelities.keys()) {
      report.stage('paste');
      report.clock('background');
      const last = this.options.once && i === fidelities.length - 1;
      const canvas = await this.canvas(photos, parts, settings, last);
      try {
        report.clock('paste');
        const layers: Layer[] = [];
        const timings: Timings[] = [];
        for (const face of faces) {
          const layer = layerOf(this.device, face, face.made[i]!, photos.working, canvas, parts.size, settings);
          if (layer) {
            layers.push(layer);
            timings.push(face.timings);
          } else if (i === 0) face.warnings.push('the face lies outside of the photo');
        }
        let before = performance.now();
        const onLayer = (number: number) => {
          const now = performance.now();
          timings[number]!.paste = Math.round(10 * ((timings[number]!.paste ?? 0) + now - before)) / 10;
          before = now;
          report.share('paste', (i + (number + 1) / layers.length) / fidelities.length);
        };
        await canvas.paste(layers, { compat, signal, onLayer });
        report.clock('read');
        images.push(await canvas.read());
      } finally {
        canvas.destroy();
      }
    }
    return { images, warnings: missingParts(parts, settings) };
  }

  /** The photo in the size of the result, to be painted on; what was made for the last picture is used again. */
  private async canvas(
    { original, working }: { readonly original: Photo; readonly working: Photo },
    parts: Parts,
    settings: Settings,
    last: boolean,
  ): Promise<Photo> {
    const size = outputSize(this.picture, settings);
    const upscaled = settings.backgroundUpscale && parts.upscale;
    const key = `${size.width}x${size.height}${upscaled ? ' upscaled' : ''}`;
    if (this.background?.key !== key) {
      this.background?.photo.destroy();
      this.background = null;
      const photo = await background(this.device, original, working, this.picture, size, parts, settings);
      if (last || 4 * size.width * size.height > KEPT_BACKGROUND) return photo;
      this.background = { key, photo };
    }
    return this.background.photo.copy();
  }

  /** Faces are reported in pixels of the photo, whatever the pipeline worked on. */
  private inPixelsOfPhoto<F extends PreparedFace>(face: F): F {
    const enlargement = this.photos ? enlargementOf(this.picture, this.settings) : 1;
    if (enlargement === 1) return face;
    const transform = composeAffine(face.transform, Float64Array.of(enlargement, 0, 0, 0, enlargement, 0));
    return { ...scaled(face, 1 / enlargement), transform };
  }
}

/** The first half of the network has about a quarter of the work. */
const ENCODER_SHARE = 0.25;

/** Whether the share of a face is measured. Where the photo is prepared, that can be asked for later. */
const isMeasured = (transform: Matrix, size: number, { neverWorse, compat }: Settings, once: boolean): boolean =>
  !compat && (neverWorse || !once) && cellsOf(2 * size) !== null && !isTooSmallToLeave(transform);

/** How much is used of what the network makes of a face. */
async function measuredShare(
  photo: Photo,
  transform: Matrix,
  size: number,
  settings: Settings,
  once: boolean,
): Promise<Share> {
  if (!isMeasured(transform, size, settings, once)) return WHOLE;
  const { matrix, side, rect } = faceView(transform, size, photo);
  return shareOf(faceDetail(await photo.detail(matrix, side, rect, { signal: settings.signal })));
}

/** Codes of the caller's own, or drawn ones, are wanted as they are. */
const usedShare = ({ id, measured }: Work, { neverWorse, indices, temperature }: Settings): Share =>
  neverWorse && !indices[id] && temperature === 0 ? measured : WHOLE;

/** What is to be said of a face. */
const warningsOf = (work: Work, settings: Settings): string[] =>
  work.loss !== null && usedShare(work, settings).share > 0 ? [...work.warnings, work.loss] : [...work.warnings];

/** What is told of a face. */
function faceOf({ id, box, score, landmarks, transform, crop }: Work) {
  return { id, box, score, landmarks, transform, crop };
}

/** The photo, and the working picture that faces are looked for in and cut from: enlarged as by the reference, or opaque. */
async function openPhotos(
  device: Executor,
  picture: Picture,
  enlargement: number,
  { compat }: Pick<Settings, 'compat'>,
  most: number | undefined,
) {
  const original = await Photo.open(device, picture, most);
  try {
    if (enlargement > 1) return { original, working: await enlarged(original, enlargement) };
    return { original, working: compat || isOpaque(picture) ? original : await original.filled() };
  } catch (error) {
    original.destroy();
    throw error;
  }
}

function closePhotos({ original, working }: { readonly original: Photo; readonly working: Photo }): void {
  if (working !== original) working.destroy();
  original.destroy();
}

/** The faces of a photo, without restoring them. */
export async function detectPhoto(
  device: Executor,
  picture: Picture,
  parts: Pick<Parts, 'detect' | 'detectFaces'>,
  settings: DetectSettings,
  report: Report,
  most?: number,
): Promise<DetectedFace[]> {
  const enlargement = enlargementOf(picture, settings);
  const photos = await openPhotos(device, picture, enlargement, settings, most);
  try {
    report.stage('detect');
    const found = await detected(photos.working, picture, enlargement, parts);
    return found.map(face => scaled(face, 1 / enlargement)).filter(face => shorterSide(face) >= settings.minFaceSize);
  } finally {
    closePhotos(photos);
  }
}

/** How much the photo is enlarged before anything else: only as the reference does. */
function enlargementOf({ width, height }: Size, { compat }: Pick<Settings, 'compat'>): number {
  if (!compat) return 1;
  return Math.max(1, LEAST_SIDE / Math.min(width, height));
}

const timesHalfEven = ({ width, height }: Size, factor: number): Size => ({
  width: roundHalfEven(width * factor),
  height: roundHalfEven(height * factor),
});

function enlarged(photo: Photo, factor: number): Promise<Photo> {
  return photo.resized(timesHalfEven(photo, factor), 'linear', { step: 1 / factor });
}

/** The size of the result. Throws `IMAGE_TOO_LARGE`, also for what the format of the result cannot hold. */
function outputSize(picture: Size, settings: Settings): Size {
  const { maxPixels, output } = settings;
  const size = sizeOfResult(picture, settings);
  checkResultSize(size, { maxPixels });
  if (output) checkEncodable(size, output);
  return size;
}

function sizeOfResult(picture: Size, settings: Settings): Size {
  const { upscaling, compat, maxPixels } = settings;
  if (!compat) {
    const side = (length: number) => Math.max(1, Math.round(length * upscaling));
    return { width: side(picture.width), height: side(picture.height) };
  }
  const working = timesHalfEven(picture, enlargementOf(picture, settings));
  checkResultSize(working, { maxPixels, name: 'the photo enlarged to a shorter side of 512' });
  const side = (length: number) => Math.max(1, Math.trunc(length * upscaling));
  return { width: side(working.width), height: side(working.height) };
}

/** Upscalers that were asked for and are not there, and regions without a parser. */
function missingParts({ upscale, parse }: Parts, { given, faceUpscale, backgroundUpscale, mask }: Settings): string[] {
  const warnings: string[] = [];
  if (!upscale && backgroundUpscale)
    warnings.push('backgroundUpscale: no upscaler is loaded, so the background is interpolated');
  if (!upscale && faceUpscale && given.has('faceUpscale'))
    warnings.push('faceUpscale: no upscaler is loaded, so restored faces are interpolated');
  if (!parse && mask.regionsGiven)
    warnings.push('mask.regions: no parser is loaded, so masks have the shape of the crop');
  return warnings;
}

/** The photo in the size of the result. */
async function background(
  device: Executor,
  original: Photo,
  photo: Photo,
  picture: Picture,
  output: Size,
  { upscale }: Parts,
  { backgroundUpscale, compat, upscaling, signal }: Settings,
): Promise<Photo> {
  if (backgroundUpscale && upscale) {
    // The reference's upscaler sees the colours under transparent parts; opaque pictures have none.
    const large = await upscale(compat || isOpaque(picture) ? picture : await photo.read(), upscaling);
    const whole = isOpaque(large) && !isOpaque(picture) ? await withAlphaOf(device, large, picture) : large;
    const canvas = await Photo.open(device, whole);
    return canvas.resized(output, 'lanczos4', { signal }).finally(() => canvas.destroy());
  }
  if (compat) return photo.resized(output, 'linear', { signal });
  const premultiplied = !isOpaque(picture);
  const shrinks = output.width <= original.width && output.height <= original.height;
  return original.resized(output, shrinks ? 'area' : 'lanczos4', { premultiplied, signal });
}

/** An upscaled picture with the alpha of the picture: upscalers may know colours only. */
async function withAlphaOf(device: Executor, large: Picture, picture: Picture): Promise<Picture> {
  const { width, height } = large;
  const alpha = await resize(device, picture, { width, height, filter: 'linear' });
  const data = new Uint8ClampedArray(large.data);
  for (let i = 3; i < data.length; i += 4) data[i] = alpha.data[i]!;
  return { data, width, height };
}

/** The layer of a face made in some size, or null where it lies outside. */
function layerOf(
  device: Executor,
  { work, strength }: Restored,
  { pasted, scale, labels }: Made,
  photo: Photo,
  canvas: Photo,
  size: number,
  settings: Settings,
): Layer | null {
  const { compat, upscaling, mask, signal } = settings;
  const { transform, like } = work;
  const enlargedFace = pasted.width / size;
  const matrix = compat
    ? referencePasteMatrix(transform, upscaling, scale)
    : composeAffine(pasteMatrix(transform, photo, canvas), scaling(1 / enlargedFace));
  const greyLike = compat && scale !== null ? null : like;
  const { values, feather } = mask;
  const face = { face: pasted, greyLike, labels, values, feather, strength, matrix };
  return faceLayer(device, canvas, face, { compat, scale: upscaling, signal });
}

/** Aligned crops have no background: the result is the face, in the network's size. */
function blendedCrops(
  crop: Picture,
  [face]: readonly Restored[],
  { given, backgroundUpscale }: Settings,
  fidelities: readonly (number | null)[],
): Pick<Outcome, 'images' | 'warnings'> {
  const warnings: string[] = [];
  if (given.has('upscaling'))
    warnings.push(`upscaling: aligned crops have no background, so the result has ${crop.width}x${crop.width}`);
  if (backgroundUpscale) warnings.push('backgroundUpscale: aligned crops have no background');
  const images = fidelities.map((_, i) => (face ? blended(crop, face.made[i]!.restored, face.strength) : crop));
  return { images, warnings };
}

/**
 * An aligned crop in the size of the network: opaque, and with the alpha that it came with.
 * @param picture RGBA
 */
export async function alignedCrop(
  device: Executor,
  picture: Picture,
  size: number,
  { compat, signal }: Pick<Settings, 'compat' | 'signal'>,
): Promise<{ crop: Picture; cut: Picture }> {
  const premultiplied = !compat && !isOpaque(picture);
  const cut = await resize(device, picture, { width: size, height: size, filter: 'linear', premultiplied, signal });
  return { crop: premultiplied ? await fillPicture(device, cut, { signal }) : cut, cut };
}

/** What is to be said of a crop that has not the size of the network. */
export function sizeWarnings({ width, height }: Size, size: number): string[] {
  if (width === size && height === size) return [];
  const stretched = width === height ? '' : ', which changes its aspect ratio';
  return [`expected a crop of ${size}x${size} but it has ${width}x${height}: resized${stretched}`];
}

/** A share of the restored crop over the crop, whose alpha stays: the network knows colours only. */
function blended(crop: Picture, restored: Picture, strength: number): Picture {
  if (strength === 1 && isOpaque(crop)) return restored;
  const data = new Uint8ClampedArray(crop.data);
  for (let i = 0; i < data.length; i++) {
    if (i % 4 !== 3) data[i] = crop.data[i]! + strength * (restored.data[i]! - crop.data[i]!);
  }
  return { ...crop, data };
}
