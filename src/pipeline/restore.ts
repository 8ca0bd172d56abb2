// The pipeline: faces of a photo are found, aligned, measured, restored, and pasted back through a soft mask.

import type { Executor } from '../executor.js';
import type { Matrix, Size } from '../image/geometry.js';
import { isOpaque, type Picture } from '../image/picture.js';
import type { GreyLike } from '../pixels/colour.js';
import { cellsOf } from '../pixels/detail.js';
import { DevicePicture, scoped } from '../pixels/device-picture.js';
import { fillPicture } from '../pixels/fill.js';
import { resize } from '../pixels/pixels.js';
import { closePhotos, openPhotos, type Photos } from './background.js';
import { scaled } from './detection.js';
import { type AlignedFace, align, detected, facesOf, shorterSide } from './faces.js';
import { type GreyPhoto, greyCrop, greyLike, greyPhoto } from './grey.js';
import { faceLayer, pasteMatrix, scaling } from './mask.js';
import { faceDetail, faceView, isTooSmallToLeave, measuredSide, type Share, shareOf, WHOLE } from './never-worse.js';
import type { DetectSettings, Settings } from './options.js';
import type { Layer, Photo } from './photo.js';
import { faceScale, NO_POSTPROCESSING, type PostprocessedFace, postprocess, type Recipe } from './postprocess.js';
import { type Timings, timed, UPSCALING_WORK } from './progress.js';
import { outputSize } from './sizes.js';
import type { Context, EncodedCrop, Stages } from './stages.js';
import type { DetectedFace } from './types.js';

/** A face that waits to be restored, in pixels of the working picture. */
export interface PendingFace extends AlignedFace {
  /** On the device where `onDevice` says so. */
  readonly crop: Picture | DevicePicture;
  /** How its greys look, in grey and toned photos. */
  readonly like: GreyLike | null;
  /** An aligned crop with its alpha, where that differs from what the network sees. */
  readonly cut?: Picture;
  /** How much of what the network makes of it is used, unless that is not asked for. */
  readonly measured: Share;
  readonly timings: Timings;
}

/** A face that waits to be pasted. */
export interface RenderedFace {
  readonly pending: PendingFace;
  readonly made: PostprocessedFace;
  readonly strength: number;
  readonly timings: Timings;
  readonly warnings: string[];
}

/** The faces of a photo, without restoring them. */
export async function detectPhoto(
  picture: Picture | DevicePicture,
  {
    device,
    stages,
    settings,
    report,
  }: Pick<Context, 'device' | 'report'> & {
    readonly stages: Pick<Stages, 'detect' | 'detectFaces'>;
    readonly settings: DetectSettings;
  },
): Promise<DetectedFace[]> {
  const { enlargement } = settings.rules.working(picture);
  const photos = await openPhotos(picture, device, settings.rules);
  try {
    report.stage('detect');
    const found = await detected(photos.working, photos.original, enlargement, stages);
    return found.map(face => scaled(face, 1 / enlargement)).filter(face => shorterSide(face) >= settings.minFaceSize);
  } finally {
    closePhotos(photos);
  }
}

/**
 * The faces that are to be restored, cut out.
 * @param measures whether it is measured how much is used of what the network makes of them
 * @param warnings gets what is to be said of the photo
 */
export async function findFaces(
  { original, working }: Photos,
  context: Context,
  measures: boolean,
  warnings: string[],
): Promise<PendingFace[]> {
  const { settings, report } = context;
  report.clock('grey');
  const grey = await greyPhoto(working, settings);
  report.stage('detect');
  const found = await facesOf(working, original, settings.rules.working(original).enlargement, context, warnings);
  const faces: PendingFace[] = [];
  try {
    for (const [i, face] of found.entries()) {
      report.stage('align', i + 1, found.length);
      const aligned = align(working, face, context, warnings);
      if (aligned) faces.push(await cutOut(working, aligned, grey, context, measures));
    }
    return faces;
  } catch (error) {
    releaseCrops(faces);
    throw error;
  }
}

/** A crop or restored face of a call whose caller gets them. */
export const inMemory = (picture: Picture | DevicePicture | null): Picture => picture as Picture;

/** Frees the crops that stayed on the device. */
export function releaseCrops(faces: readonly PendingFace[]): void {
  for (const { crop } of faces) if (crop instanceof DevicePicture) crop.destroy();
}

async function cutOut(
  photo: Photo,
  aligned: AlignedFace,
  grey: GreyPhoto | null,
  { stages: { size }, settings, onDevice }: Context,
  measures: boolean,
): Promise<PendingFace> {
  const { rules, signal } = settings;
  const timings: Timings = {};
  const measured = measures
    ? await timed(timings, 'measure', () => measuredShare(photo, aligned.transform, size, settings))
    : WHOLE;
  return timed(timings, 'align', async () => {
    const cut = await photo.crop(aligned.transform, size, rules, { signal });
    let crop: PendingFace['crop'] | undefined;
    try {
      const like = await greyLike(cut, grey, settings);
      crop = onDevice ? cut : await cut.read();
      return { ...aligned, crop, like, measured, timings };
    } finally {
      if (crop !== cut) cut.destroy();
    }
  });
}

/** A picture that is one aligned face. */
export async function alignedFace(picture: Picture, context: Context, measures: boolean): Promise<PendingFace> {
  const { device, stages, settings } = context;
  const { size } = stages;
  const { width, height } = picture;
  const timings: Timings = {};
  const { crop, cut } = await timed(timings, 'align', () => alignedCrop(picture, size, device, settings));
  const transform = scaling(size / width, size / height);
  let measured = WHOLE;
  if (measures && isMeasurable(transform, size, settings)) {
    const photos = await openPhotos(picture, device, settings.rules);
    measured = await timed(timings, 'measure', () => measuredShare(photos.working, transform, size, settings)).finally(
      () => closePhotos(photos),
    );
  }
  const like = await scoped(async keep => greyCrop(keep(await DevicePicture.upload(device, crop)), settings));
  const box = [0, 0, width, height] as const;
  const found = { id: 0, box, score: 1, landmarks: [], transform, loss: null, warnings: [] };
  return { ...found, crop, cut, like, measured, timings };
}

/**
 * An aligned crop in the size of the network: opaque, and with the alpha that it came with.
 * @param picture RGBA
 */
export async function alignedCrop(
  picture: Picture,
  size: number,
  device: Executor,
  { rules, signal }: Pick<Settings, 'rules' | 'signal'>,
): Promise<{ crop: Picture; cut: Picture }> {
  const premultiplied = rules.fills && !isOpaque(picture);
  const cut = await resize(device, picture, { width: size, height: size, filter: 'linear', premultiplied, signal });
  return { crop: premultiplied ? await fillPicture(device, cut, { signal }) : cut, cut };
}

/** Whether anything can be measured of a face that would tell how much of it is used. */
const isMeasurable = (transform: Matrix, size: number, { rules }: Pick<Settings, 'rules'>): boolean =>
  rules.measures && cellsOf(2 * measuredSide(size)) !== null && !isTooSmallToLeave(transform, size);

/** How much is used of what the network makes of a face. */
async function measuredShare(photo: Photo, transform: Matrix, size: number, settings: Settings): Promise<Share> {
  if (!isMeasurable(transform, size, settings)) return WHOLE;
  const { matrix, side, rect } = faceView(transform, size, photo);
  return shareOf(faceDetail(await photo.detail(matrix, side, rect, { signal: settings.signal })));
}

/** Codes of the caller's own, or drawn ones, are wanted as they are. */
export const usedShare = ({ id, measured }: PendingFace, { neverWorse, indices, temperature }: Settings): Share =>
  neverWorse && !indices[id] && temperature === 0 ? measured : WHOLE;

/** What is to be said of a face. */
export const warningsOf = (face: PendingFace, settings: Settings): string[] =>
  face.loss !== null && usedShare(face, settings).share > 0 ? [...face.warnings, face.loss] : [...face.warnings];

/** What is asked of the network for a face. */
export function recipeOf(
  { id, transform, like }: PendingFace,
  picture: Size,
  photos: Photos | null,
  { stages, settings }: Context,
): Recipe {
  const { perFace, adain, temperature, seed, rules } = settings;
  const fidelity = perFace[id]?.fidelity ?? settings.fidelity;
  const likeness = settings.likeness && rules.measures;
  const recipe = { fidelity, indices: settings.indices[id], adain, temperature, seed, likeness };
  if (!photos) return { ...recipe, scale: null };
  const matrix = pasteMatrix(transform, photos.working, outputSize(picture, settings));
  return { ...recipe, scale: faceScale(stages, settings, like, Math.hypot(matrix[0]!, matrix[3]!)) };
}

/** Restores a face by a recipe: decodes it, and makes of it what is pasted. */
export async function restoreFace(
  { id, like, crop }: PendingFace,
  encoded: EncodedCrop,
  recipe: Recipe,
  isPasted: boolean,
  { stages, settings, onDevice }: Context,
  {
    timings,
    onProgress,
    onRestored,
  }: Pick<Parameters<typeof postprocess>[6], 'timings' | 'onRestored'> & {
    readonly onProgress: (share: number) => void;
  },
): Promise<PostprocessedFace> {
  const { signal } = settings;
  // The network has about as much work with a face as the upscaler has with some pixels.
  const upscaled = isPasted && recipe.scale !== null ? (UPSCALING_WORK * stages.size ** 2) / 1e6 : 0;
  const decoded = 1 / (1 + upscaled);
  const following = { timings, onProgress: (share: number) => onProgress(decoded * share) };
  const { picture, indices } = await encoded.restore({ id, ...recipe, signal, ...following });
  const used = isPasted ? stages : NO_POSTPROCESSING;
  const enlarging = { timings, onRestored, onProgress: (share: number) => onProgress(decoded + (1 - decoded) * share) };
  const seen = recipe.likeness ? crop : null;
  const made = await postprocess(picture, like, used, settings, recipe.scale, seen, enlarging, !onDevice);
  return { ...made, indices, margin: encoded.margin };
}

/** Pastes faces onto the photo in the size of the result. Those that lie outside get a warning. */
export async function pasteFaces(
  canvas: Photo,
  { working }: Photos,
  faces: readonly RenderedFace[],
  { device, stages: { size }, settings, report }: Context,
): Promise<void> {
  const { rules, signal, upscaling, mask } = settings;
  report.clock('paste');
  const layers: Layer[] = [];
  const timings: Timings[] = [];
  for (const face of faces) {
    const layer = layerOf(face);
    if (layer) {
      layers.push(layer);
      timings.push(face.timings);
    } else face.warnings.push('the face lies outside of the photo');
  }
  let before = performance.now();
  const onLayer = (number: number) => {
    const now = performance.now();
    timings[number]!.paste = Math.round(10 * ((timings[number]!.paste ?? 0) + now - before)) / 10;
    before = now;
    report.share('paste', (number + 1) / layers.length);
  };
  await canvas.paste(layers, { compat: rules.compat, signal, onLayer });

  function layerOf({ pending: { transform, like }, made, strength }: RenderedFace): Layer | null {
    const { pasted, scale, labels } = made;
    const place = { transform, working, canvas, upscaling, scale, side: pasted.width, networkSide: size };
    const matrix = rules.pasteMatrix(place);
    const greyLike = rules.greysFirst && scale !== null ? null : like;
    const face = { face: pasted, greyLike, labels, strength, matrix, values: mask.values, feather: mask.feather };
    return faceLayer(device, canvas, face, { rules, scale: upscaling, signal });
  }
}

/** A share of the restored crop over the crop, whose alpha stays: the network knows colours only. */
export function blendCrop({ pending, made, strength }: RenderedFace): Picture {
  const crop = inMemory(pending.cut ?? pending.crop);
  const restored = inMemory(made.restored);
  if (strength === 1 && isOpaque(crop)) return restored;
  const data = new Uint8ClampedArray(crop.data);
  for (let i = 0; i < data.length; i++) {
    if (i % 4 !== 3) data[i] = crop.data[i]! + strength * (restored.data[i]! - crop.data[i]!);
  }
  return { ...crop, data };
}
