// The pipeline: every face of a photo is found, aligned, restored and blended back.

import { CodeFormerError } from '../errors.js';
import type { Device } from '../gpu/device.js';
import { isOpaque, type Picture } from '../image/picture.js';
import type { Size } from '../kernels/resize-linear/resize-linear.js';
import { roundHalfEven } from '../kernels/resize-plane/taps.js';
import { composeAffine, type Matrix } from '../pixels/affine.js';
import { type ColourStatistics, isGrey, transferGreyGpu } from '../pixels/colour.js';
import { mergeGpuPlanes } from '../pixels/filter.js';
import { type FloatRgb, GpuPicture, GpuPlanes, isFloatRgb, scoped } from '../pixels/gpu-picture.js';
import { resize } from '../pixels/pixels.js';
import { resizeGpuPlanes } from '../pixels/resize.js';
import { alignFace } from './align.js';
import { completed, type Found, LEAST_SIDE, largest, missingDetector, nearestToCenter, scaled } from './detection.js';
import { faceLayer, PARSER_SIDE, pasteMatrix, referencePasteMatrix, scaling } from './mask.js';
import { checkResultSize, type DetectSettings, type Settings } from './options.js';
import { missingRestorer, type Parts } from './parts.js';
import { type Layer, Photo } from './photo.js';
import { type Report, type Timings, timed } from './progress.js';
import type { DetectedFace, Fidelity, OwnFace, RestoredFace } from './types.js';

export interface Outcome {
  /** One for each fidelity. */
  readonly images: readonly Picture[];
  readonly faces: readonly RestoredFace[];
  /** Restored faces, for each fidelity and face. */
  readonly restored: readonly (readonly Picture[])[];
  readonly warnings: readonly string[];
}

/** A face that is being restored. */
interface Work extends DetectedFace {
  /** From the photo to the crop. */
  readonly transform: Matrix;
  readonly crop: Picture;
  readonly strength: number;
  readonly timings: Timings;
  readonly warnings: string[];
}

/** A face restored at one fidelity. */
interface Made {
  /** As callers get it: grey in a grey photo. */
  readonly restored: Picture;
  /** As it is pasted, which may be larger and not rounded. */
  readonly pasted: Picture | FloatRgb;
  readonly labels: Uint8Array | null;
}

/**
 * Restores a photo at some fidelities; each face is encoded once.
 * @param picture RGBA, checked
 * @param fidelities one of each image; null for that of the settings
 * @param most bytes of a picture that is kept on the device
 */
export async function restorePhoto(
  device: Device,
  picture: Picture,
  parts: Parts,
  settings: Settings,
  fidelities: readonly (number | null)[],
  report: Report,
  most?: number,
): Promise<Outcome> {
  if (settings.aligned) return restoreAligned(device, picture, parts, settings, fidelities, report);
  const { compat, signal } = settings;
  const warnings: string[] = [];
  const enlargement = compat ? referenceEnlargement(picture) : 1;
  const output = outputSize(picture, enlargement, settings);
  const original = await Photo.open(device, picture, most);
  let photo = original;
  try {
    const grey = await timed(report.timings, 'grey', () => wantsGrey(original, settings));
    if (enlargement > 1) photo = await enlarged(original, enlargement);

    report.stage('detect');
    const found = await timed(report.timings, 'detect', () =>
      facesOf(photo, picture, enlargement, parts, settings, warnings),
    );

    const works: Work[] = [];
    for (const [i, face] of found.entries()) {
      report.stage('align', i + 1, found.length);
      const work = await align(photo, face, parts.size, settings, warnings);
      if (work) works.push(work);
    }

    const wanted = (id: number) => fidelities.map(fidelity => fidelity ?? fidelityOf(id, settings));
    const faces: { work: Work; made: Made[]; like: ColourStatistics | null; result: RestoredFace }[] = [];
    for (const [i, work] of works.entries()) {
      report.stage('restore', i + 1, works.length);
      const onProgress = (share: number) => report.share('restore', share, i + 1, works.length);
      const { pictures, indices, margin } = await restoreCrop(parts, work, wanted(work.id), onProgress);
      const like = grey ? await statisticsOf(device, work.crop) : null;
      const made: Made[] = [];
      for (const coloured of pictures) made.push(await prepare(device, coloured, like, parts, settings, work));
      const { strength, crop, transform, ...face } = work;
      const result = { ...face, crop, restored: made[0]!.restored, indices, margin, transform };
      faces.push({ work, made, like, result });
    }

    const canvasWarnings = missingParts(parts, settings);
    const images: Picture[] = [];
    for (const i of fidelities.keys()) {
      report.stage('paste');
      const canvas = await timed(report.timings, 'background', () =>
        background(device, original, photo, picture, output, parts, settings),
      );
      try {
        const layers: Layer[] = [];
        const timings: Timings[] = [];
        for (const { work, made, like } of faces) {
          const layer = layerOf(device, { work, made: made[i]!, like }, photo, canvas, parts, settings);
          if (layer) {
            layers.push(layer);
            timings.push(work.timings);
          } else if (i === 0) work.warnings.push('the face lies outside of the photo');
        }
        let last = performance.now();
        const onLayer = (number: number) => {
          const now = performance.now();
          timings[number]!.paste = Math.round(10 * ((timings[number]!.paste ?? 0) + now - last)) / 10;
          last = now;
          report.share('paste', (i + (number + 1) / layers.length) / fidelities.length);
        };
        await timed(report.timings, 'paste', () => canvas.paste(layers, { compat, signal, onLayer }));
        images.push(await timed(report.timings, 'read', () => canvas.read()));
      } finally {
        canvas.destroy();
      }
    }
    const restored = fidelities.map((_, i) => faces.map(({ made }) => made[i]!.restored));
    const inPhoto = faces.map(({ result }) => inPixelsOfPhoto(result, enlargement));
    return { images, faces: inPhoto, restored, warnings: [...warnings, ...canvasWarnings] };
  } finally {
    if (photo !== original) photo.destroy();
    original.destroy();
  }
}

/** The faces of a photo, without restoring them. */
export async function detectPhoto(
  device: Device,
  picture: Picture,
  parts: Pick<Parts, 'detect' | 'detectFaces'>,
  settings: DetectSettings,
  report: Report,
  most?: number,
): Promise<DetectedFace[]> {
  const enlargement = settings.compat ? referenceEnlargement(picture) : 1;
  const original = await Photo.open(device, picture, most);
  let photo = original;
  try {
    if (enlargement > 1) photo = await enlarged(original, enlargement);
    report.stage('detect');
    const found = await detected(photo, picture, enlargement, parts);
    return found.map(face => scaled(face, 1 / enlargement)).filter(face => shorterSide(face) >= settings.minFaceSize);
  } finally {
    if (photo !== original) photo.destroy();
    original.destroy();
  }
}

/** How much the reference enlarges a photo before anything else. */
function referenceEnlargement({ width, height }: Size): number {
  return Math.max(1, LEAST_SIDE / Math.min(width, height));
}

const timesHalfEven = ({ width, height }: Size, factor: number): Size => ({
  width: roundHalfEven(width * factor),
  height: roundHalfEven(height * factor),
});

function enlarged(photo: Photo, factor: number): Promise<Photo> {
  return photo.resized(timesHalfEven(photo, factor), 'linear', { step: 1 / factor });
}

/** The size of the result. Throws `IMAGE_TOO_LARGE`. */
function outputSize(picture: Size, enlargement: number, { upscaling, compat, maxPixels }: Settings): Size {
  if (!compat) {
    const side = (length: number) => Math.max(1, Math.round(length * upscaling));
    const size = { width: side(picture.width), height: side(picture.height) };
    checkResultSize(size, { maxPixels });
    return size;
  }
  const working = timesHalfEven(picture, enlargement);
  checkResultSize(working, { maxPixels, name: 'the photo enlarged to a shorter side of 512' });
  const side = (length: number) => Math.max(1, Math.trunc(length * upscaling));
  const size = { width: side(working.width), height: side(working.height) };
  checkResultSize(size, { maxPixels });
  return size;
}

/** Grey photos stay grey. */
async function wantsGrey(photo: Photo, { grayscale, signal }: Settings): Promise<boolean> {
  return grayscale === 'auto' ? isGrey(await photo.statistics({ signal })) : grayscale;
}

/** All faces by the detector, or by the caller's own, in pixels of the working picture. */
async function detected(
  photo: Photo,
  picture: Picture,
  enlargement: number,
  parts: Pick<Parts, 'detect' | 'detectFaces'>,
): Promise<DetectedFace[]> {
  const numbered = (faces: readonly Found[]) =>
    faces.map(({ box, score, landmarks }, id) => ({ id, box, score, landmarks }));
  const network = async () => (parts.detect ? parts.detect(photo.content) : []);
  if (!parts.detectFaces) {
    if (!parts.detect) throw missingDetector();
    return numbered(await network());
  }
  const own = await parts.detectFaces(picture);
  const found = own.every(face => face.landmarks) ? [] : await network();
  return numbered(own.map(face => completed(scaled(face, enlargement), found).face));
}

/** The faces to restore, in pixels of the working picture. */
async function facesOf(
  photo: Photo,
  picture: Picture,
  enlargement: number,
  parts: Parts,
  settings: Settings,
  warnings: string[],
): Promise<DetectedFace[]> {
  const { faces: choice, minFaceSize, onlyCenterFace } = settings;
  let faces: DetectedFace[];
  if (Array.isArray(choice) && typeof choice[0] === 'object') {
    const own = (choice as readonly OwnFace[]).map(face => scaled(face, enlargement));
    const search = own.some(face => !face.landmarks) && (parts.detect || parts.detectFaces);
    const found = search ? await detected(photo, picture, enlargement, parts) : [];
    faces = own.map((face, id) => {
      const whole = completed(face, found);
      warnings.push(...whole.warnings.map(text => `face ${id}: ${text}`));
      return { id, ...whole.face };
    });
  } else if (Array.isArray(choice) && choice.length === 0) {
    return [];
  } else {
    const all = await detected(photo, picture, enlargement, parts);
    if (choice === 'all') faces = all;
    else if (choice === 'largest') faces = largest(all, photo);
    else if (choice === 'center') faces = nearestToCenter(all, photo);
    else if (typeof choice === 'function') {
      faces = all.filter(face => choice(scaled(face, 1 / enlargement)));
    } else {
      const ids = choice as readonly number[];
      faces = all.filter(({ id }) => ids.includes(id));
      const unknown = ids.filter(id => id >= all.length);
      if (unknown.length > 0) warnings.push(`no face has the id ${unknown.join(', ')}: there are ${all.length}`);
    }
  }
  const least = minFaceSize * enlargement;
  const large = faces.filter(face => shorterSide(face) >= least);
  return onlyCenterFace ? nearestToCenter(large, photo) : large;
}

const shorterSide = ({ box: [left, top, right, bottom] }: DetectedFace): number => Math.min(right - left, bottom - top);

/** A crop of which the photo shows less than this side has nothing of a face. */
const TINY = 16;

/** Cuts a face out. Faces of the detector whose landmarks make no sense are left out. */
async function align(
  photo: Photo,
  face: DetectedFace,
  size: number,
  settings: Settings,
  warnings: string[],
): Promise<Work | null> {
  const { perFace, strength, compat, signal } = settings;
  const timings: Timings = {};
  let transform: Matrix;
  try {
    transform = alignFace(face.landmarks, size);
  } catch (error) {
    const own = Array.isArray(settings.faces) && typeof settings.faces[0] === 'object';
    if (own || settings.parts.detectFaces || !(error instanceof CodeFormerError)) throw error;
    warnings.push(`face ${face.id} is left out: ${error.message}`);
    return null;
  }
  const notes: string[] = [];
  const side = size / Math.hypot(transform[0]!, transform[3]!);
  if (side < 2 * TINY) notes.push(`the face is tiny: its crop is ${side.toFixed(1)} pixels wide in the photo`);
  const [left, top, right, bottom] = face.box;
  if (left < 0 || top < 0 || right > photo.width || bottom > photo.height)
    notes.push('the face reaches beyond the edge of the photo');
  const crop = await timed(timings, 'align', () => photo.crop(transform, size, { compat, signal }));
  return { ...face, transform, crop, timings, warnings: notes, strength: perFace[face.id]?.strength ?? strength };
}

const fidelityOf = (id: number, { perFace, fidelity }: Settings): Fidelity => perFace[id]?.fidelity ?? fidelity;

function restoreCrop(
  { restore }: Parts,
  { id, crop, timings }: Pick<Work, 'id' | 'crop' | 'timings'>,
  fidelities: readonly Fidelity[],
  onProgress: (share: number) => void,
) {
  if (!restore) throw missingRestorer();
  return restore(crop, { id, fidelities, onProgress, timed: (stage, work) => timed(timings, stage, work) });
}

async function statisticsOf(device: Device, picture: Picture): Promise<ColourStatistics> {
  const photo = await Photo.open(device, picture);
  return photo.statistics().finally(() => photo.destroy());
}

/** A face in grey, with the tint and contrast of its crop, clipped. */
function greyPlanes(device: Device, picture: Picture, like: ColourStatistics): Promise<FloatRgb> {
  return scoped(async keep => {
    const grey = keep(await transferGreyGpu(keep(await GpuPicture.upload(device, picture)), like));
    return { data: await grey.read(), width: grey.width, height: grey.height };
  });
}

/** As `greyPlanes`, rounded. */
async function greyed(device: Device, picture: Picture, like: ColourStatistics): Promise<Picture> {
  return rounded(device, await greyPlanes(device, picture, like));
}

function rounded(device: Device, planes: FloatRgb): Promise<Picture> {
  return scoped(async keep => keep(await mergeGpuPlanes(keep(await GpuPlanes.upload(device, planes)))).read());
}

function resizedPlanes(device: Device, planes: FloatRgb, size: Size): Promise<FloatRgb> {
  if (planes.width === size.width && planes.height === size.height) return Promise.resolve(planes);
  return scoped(async keep => {
    const made = keep(await resizeGpuPlanes(keep(await GpuPlanes.upload(device, planes)), size, 'lanczos4'));
    return { data: await made.read(), ...size };
  });
}

/** Upscales a restored face, and parses it. */
async function prepare(
  device: Device,
  coloured: Picture,
  like: ColourStatistics | null,
  parts: Parts,
  settings: Settings,
  { timings }: Work,
): Promise<Made> {
  const { compat } = settings;
  const restored = like ? await greyed(device, coloured, like) : coloured;
  const scale = faceScale(parts, settings, like);
  // The reference upscales grey faces; else greys are made last, from what is not rounded.
  const pasted = scale === null ? coloured : await timed(timings, 'upscale', () => enlargedFace(scale));
  const labels = parts.parse && (await timed(timings, 'parse', async () => parts.parse!(await parserInput())));
  return { restored, pasted, labels };

  async function enlargedFace(factor: number): Promise<Picture | FloatRgb> {
    const side = Math.round(factor * coloured.width);
    const size = { width: side, height: side };
    const large =
      compat && like && parts.upscaleFloat
        ? await parts.upscaleFloat(await greyPlanes(device, coloured, like), factor)
        : await parts.upscale!(compat ? restored : coloured, factor);
    return isFloatRgb(large)
      ? resizedPlanes(device, large, size)
      : resize(device, large, { ...size, filter: 'lanczos4' });
  }

  async function parserInput(): Promise<Picture> {
    const face = !compat || scale === null ? restored : isFloatRgb(pasted) ? await rounded(device, pasted) : pasted;
    return resize(device, face, { width: PARSER_SIDE, height: PARSER_SIDE, filter: 'linear' });
  }
}

/** The upscaler's own factor. */
const UPSCALER_FACTOR = 2;

/** By how much a restored face is upscaled, or null. */
function faceScale(parts: Parts, settings: Settings, like: ColourStatistics | null): number | null {
  const { faceUpscale, compat, upscaling } = settings;
  const upscaler = parts.upscale ?? (compat && like && parts.upscaleFloat);
  if (!upscaler || !faceUpscale) return null;
  return compat ? upscaling : UPSCALER_FACTOR;
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
  device: Device,
  original: Photo,
  photo: Photo,
  picture: Picture,
  output: Size,
  { upscale }: Parts,
  { backgroundUpscale, compat, upscaling, signal }: Settings,
): Promise<Photo> {
  if (backgroundUpscale && upscale) {
    const large = await upscale(picture, upscaling);
    const whole = isOpaque(large) && !isOpaque(picture) ? await withAlphaOf(device, large, picture) : large;
    const canvas = await Photo.open(device, whole);
    return canvas.resized(output, 'lanczos4', { signal }).finally(() => canvas.destroy());
  }
  if (compat) return photo.resized(output, 'linear', { signal });
  const shrinks = output.width <= original.width && output.height <= original.height;
  return original.resized(output, shrinks ? 'area' : 'lanczos4', { signal });
}

/** An upscaled picture with the alpha of the picture: upscalers may know colours only. */
async function withAlphaOf(device: Device, large: Picture, picture: Picture): Promise<Picture> {
  const { width, height } = large;
  const alpha = await resize(device, picture, { width, height, filter: 'linear' });
  const data = new Uint8ClampedArray(large.data);
  for (let i = 3; i < data.length; i += 4) data[i] = alpha.data[i]!;
  return { data, width, height };
}

/** The layer of a face, or null where it lies outside. */
function layerOf(
  device: Device,
  { work, made, like }: { work: Work; made: Made; like: ColourStatistics | null },
  photo: Photo,
  canvas: Photo,
  parts: Parts,
  settings: Settings,
): Layer | null {
  const { compat, upscaling, mask, signal } = settings;
  const scale = faceScale(parts, settings, like);
  const enlargedFace = made.pasted.width / parts.size;
  const matrix = compat
    ? referencePasteMatrix(work.transform, upscaling, scale)
    : composeAffine(pasteMatrix(work.transform, photo, canvas), scaling(1 / enlargedFace));
  const greyLike = compat && scale !== null ? null : like;
  const { values, feather } = mask;
  const face = { face: made.pasted, greyLike, labels: made.labels, values, feather, strength: work.strength, matrix };
  return faceLayer(device, canvas, face, { compat, scale: upscaling, signal });
}

/** Faces are reported in pixels of the photo, whatever the pipeline worked on. */
function inPixelsOfPhoto(face: RestoredFace, enlargement: number): RestoredFace {
  if (enlargement === 1) return face;
  const transform = composeAffine(face.transform, Float64Array.of(enlargement, 0, 0, 0, enlargement, 0));
  return { ...scaled(face, 1 / enlargement), transform };
}

/** Restores a picture that is one aligned face: without detection and pasting, in the network's size. */
async function restoreAligned(
  device: Device,
  picture: Picture,
  parts: Parts,
  settings: Settings,
  fidelities: readonly (number | null)[],
  report: Report,
): Promise<Outcome> {
  const { size } = parts;
  const { width, height } = picture;
  const { signal, given, backgroundUpscale } = settings;
  const warnings = sizeWarnings(picture, size);
  if (given.has('upscaling'))
    warnings.push(`upscaling: aligned crops have no background, so the result has ${size}x${size}`);
  if (backgroundUpscale) warnings.push('backgroundUpscale: aligned crops have no background');
  const timings: Timings = {};
  const crop = await timed(timings, 'align', () =>
    resize(device, picture, { width: size, height: size, filter: 'linear', signal }),
  );
  const like = await statisticsOf(device, crop);
  const grey = settings.grayscale === 'auto' ? isGrey(like) : settings.grayscale;

  report.stage('restore', 1, 1);
  const wanted = fidelities.map(fidelity => fidelity ?? fidelityOf(0, settings));
  const onProgress = (share: number) => report.share('restore', share, 1, 1);
  const { pictures, indices, margin } = await restoreCrop(parts, { id: 0, crop, timings }, wanted, onProgress);
  const images: Picture[] = [];
  const strength = settings.perFace[0]?.strength ?? settings.strength;
  for (const coloured of pictures) {
    const restored = grey ? await greyed(device, coloured, like) : coloured;
    images.push(blended(crop, restored, strength));
  }
  const face: RestoredFace = {
    id: 0,
    box: [0, 0, width, height],
    score: 1,
    landmarks: [],
    crop,
    restored: images[0]!,
    indices,
    margin,
    transform: scaling(size / width, size / height),
    timings,
    warnings: [],
  };
  return { images, faces: [face], restored: images.map(image => [image]), warnings };
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
