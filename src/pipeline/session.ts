// A photo whose faces are found, and what is kept of it from one picture to the next: encoded faces, restored faces, the background.

import type { Executor } from '../executor.js';
import type { Picture } from '../image/picture.js';
import { composeAffine } from '../pixels/affine.js';
import type { DevicePicture } from '../pixels/device-picture.js';
import { background, closePhotos, openPhotos, type Photos } from './background.js';
import { scaled } from './detection.js';
import type { Photo } from './photo.js';
import {
  deviceBytes,
  discard,
  type PostprocessedFace,
  type Recipe,
  sameRecipe,
  snapshot,
  spilled,
} from './postprocess.js';
import { type Timings, UPSCALING_WORK } from './progress.js';
import {
  alignedFace,
  blendCrop,
  findFaces,
  inMemory,
  type PendingFace,
  pasteFaces,
  type RenderedFace,
  recipeOf,
  releaseCrops,
  restoreFace,
  usedShare,
  warningsOf,
} from './restore.js';
import type { Rules } from './rules.js';
import { outputSize } from './sizes.js';
import { type Context, type EncodedCrop, type FaceJob, missingRestorer } from './stages.js';
import type { DetectedFace, IntoResult, PreparedFace, RestoredFace } from './types.js';

/** A picture with its faces. */
export interface RenderResult {
  readonly image: Picture;
  readonly faces: readonly RestoredFace[];
  readonly warnings: readonly string[];
}

export interface SessionOptions {
  /** Only one call of `render` follows, so nothing is kept for a second one. */
  readonly once: boolean;
  /** Whether it is measured how much is used of restored faces. */
  readonly measures: boolean;
  /** Bytes of a picture that is kept on the device. */
  readonly maxDeviceBytes?: number | undefined;
}

/** Encoded faces that stay on the device; others are encoded again when they are needed. */
const KEPT_FACES = 8;

/** Bytes of a background that is kept for the next picture, and of restored faces on the device. */
const KEPT_BYTES = 256 * 2 ** 20;

/** The first half of the network has about a quarter of the work. */
const ENCODER_SHARE = 0.25;

/** One photo through the pipeline, rendered once or as often as wanted. */
export class PhotoSession {
  /** In the order of their last use. */
  private readonly crops = new Map<number, EncodedCrop>();
  /** What was made of each face last. */
  private readonly made = new Map<number, { readonly recipe: Recipe; readonly face: PostprocessedFace }>();
  private background: { readonly key: string; readonly photo: Photo } | null = null;
  /** Whether the faces' own timings have been told. */
  private told = false;

  private constructor(
    private readonly device: Executor,
    private readonly picture: Picture | DevicePicture,
    private readonly rules: Rules,
    private readonly faces: readonly PendingFace[],
    /** What is to be said of the photo. */
    readonly warnings: readonly string[],
    /** Null for an aligned crop. */
    private readonly photos: Photos | null,
    private readonly options: SessionOptions,
  ) {}

  /**
   * Finds the faces, and cuts them out.
   * @param picture RGBA, checked; one on the device, which is no aligned crop, is the session's own from then on
   */
  static async open(
    picture: Picture | DevicePicture,
    context: Context,
    options: SessionOptions,
  ): Promise<PhotoSession> {
    const { device, stages, settings, report } = context;
    const { aligned, rules } = settings;
    if (aligned) {
      report.clock('align');
      const face = await alignedFace(inMemory(picture), context, options.measures);
      return new PhotoSession(device, picture, rules, [face], sizeWarnings(picture, stages.size), null, options);
    }
    report.clock('upload');
    const photos = await openPhotos(picture, device, rules, options.maxDeviceBytes);
    const warnings: string[] = [];
    try {
      const faces = await findFaces(photos, context, options.measures, warnings);
      return new PhotoSession(device, picture, rules, faces, warnings, photos, options);
    } catch (error) {
      closePhotos(photos);
      throw error;
    }
  }

  /** The same faces on another device. */
  async rebindTo(device: Executor): Promise<PhotoSession> {
    const { picture, rules, faces, warnings, options } = this;
    const photos = this.photos && (await openPhotos(picture, device, rules, options.maxDeviceBytes));
    const session = new PhotoSession(device, picture, rules, faces, warnings, photos, options);
    session.told = this.told;
    return session;
  }

  /** Encodes all faces. */
  async encode(context: Context): Promise<PreparedFace[]> {
    const { settings, report } = context;
    const faces: PreparedFace[] = [];
    for (const [i, face] of this.faces.entries()) {
      report.stage('restore', i + 1, this.faces.length);
      const onProgress = (share: number) => report.share('restore', share, i + 1, this.faces.length);
      const timings = { ...face.timings };
      const job = { id: face.id, signal: settings.signal, onProgress, timings };
      const { indices, margin } = await this.encoded(face, context, job);
      const codes = { indices, margin, timings, warnings: warningsOf(face, settings), crop: inMemory(face.crop) };
      faces.push(this.inPixelsOfPhoto({ ...publicFace(face), ...usedShare(face, settings), ...codes }));
    }
    this.told = true;
    return faces;
  }

  /**
   * Restores the faces and pastes them.
   * @param ids of the faces; default all
   */
  async render(context: Context, ids?: readonly number[]): Promise<RenderResult> {
    return this.withFaces(context, ids, async rendered => {
      const { image, warnings } = this.photos
        ? await this.pasted(this.photos, rendered, context, canvas => {
            context.report.clock('read');
            return canvas.read();
          })
        : blendedCrop(this.faces[0]!, rendered, context);
      const faces = rendered.map(face => {
        // The result of an aligned crop is the face.
        const restored = this.photos ? inMemory(face.made.restored) : image;
        return { ...this.described(face, context), crop: inMemory(face.pending.crop), restored };
      });
      return { image, faces, warnings: [...this.warnings, ...warnings] };
    });
  }

  /**
   * As `render`, for a result that stays on the device.
   * @param store gets it; it is freed afterwards
   */
  async renderInto(
    context: Context,
    store: (result: Photo) => Promise<void>,
  ): Promise<Pick<IntoResult, 'faces' | 'warnings'>> {
    return this.withFaces(context, undefined, async rendered => {
      const { warnings } = await this.pasted(this.photos!, rendered, context, canvas => {
        context.report.clock('store');
        return store(canvas);
      });
      return { faces: rendered.map(face => this.described(face, context)), warnings: [...this.warnings, ...warnings] };
    });
  }

  /** Restores faces, which are freed after `work` unless the next picture may need them. */
  private async withFaces<T>(
    context: Context,
    ids: readonly number[] | undefined,
    work: (rendered: readonly RenderedFace[]) => Promise<T>,
  ): Promise<T> {
    const { report } = context;
    const chosen = ids ? [...new Set(ids)].map(id => this.faces.find(face => face.id === id)!) : this.faces;
    const rendered: RenderedFace[] = [];
    report.plan(chosen.length, this.backgroundWork(context));
    try {
      for (const [i, face] of chosen.entries()) {
        report.stage('restore', i + 1, chosen.length);
        const onProgress = (share: number) => report.share('restore', share, i + 1, chosen.length);
        rendered.push(await this.rendered(face, context, onProgress, rendered));
      }
      this.told = true;
      // Where faces overlap, it is not the order of the work that says which lies above.
      rendered.sort((a, b) => this.faces.indexOf(a.pending) - this.faces.indexOf(b.pending));
      return await work(rendered);
    } finally {
      if (this.options.once) for (const { made } of rendered) discard(made, this.device);
    }
  }

  destroy(): void {
    for (const crop of this.crops.values()) crop.destroy();
    this.crops.clear();
    for (const { face } of this.made.values()) discard(face, this.device);
    this.made.clear();
    this.background?.photo.destroy();
    this.background = null;
    releaseCrops(this.faces);
    if (this.photos) closePhotos(this.photos);
  }

  /** The encoded face, which may be there already. */
  private async encoded(face: PendingFace, { stages }: Context, job: FaceJob): Promise<EncodedCrop> {
    const { crops } = this;
    let crop = crops.get(face.id);
    crops.delete(face.id);
    if (!crop) {
      if (!stages.encodeFace) throw missingRestorer();
      crop = await stages.encodeFace(face.crop, job);
    }
    crops.set(face.id, crop);
    for (const [id, oldest] of crops) {
      if (crops.size <= (this.options.once ? 1 : KEPT_FACES)) break;
      crops.delete(id);
      oldest.destroy();
    }
    return crop;
  }

  /** A face restored, which may have been done before. */
  private async rendered(
    pending: PendingFace,
    context: Context,
    onProgress: (share: number) => void,
    before: readonly RenderedFace[],
  ): Promise<RenderedFace> {
    const { settings } = context;
    const { id } = pending;
    const recipe = recipeOf(pending, this.picture, this.photos, context);
    const timings: Timings = this.told ? {} : { ...pending.timings };
    const warnings = warningsOf(pending, settings);
    const strength = (settings.perFace[id]?.strength ?? settings.strength) * usedShare(pending, settings).share;
    const onRestored = (restored: Picture) => settings.onFace?.({ id, restored });
    let made = this.made.get(id);
    if (made && sameRecipe(made.recipe, recipe)) {
      if (made.face.restored) onRestored(made.face.restored);
    } else {
      if (made) discard(made.face, this.device);
      this.made.delete(id);
      const begun = this.crops.has(id) ? 0 : ENCODER_SHARE;
      const job = { id, signal: settings.signal, timings };
      const crop = await this.encoded(pending, context, { ...job, onProgress: share => onProgress(begun * share) });
      const restoring = { timings, onRestored, onProgress: (share: number) => onProgress(begun + (1 - begun) * share) };
      let face = await restoreFace(pending, crop, recipe, this.photos !== null, context, restoring);
      const others = this.options.once ? before.map(one => one.made) : [...this.made.values()].map(one => one.face);
      const held = others.reduce((sum, other) => sum + deviceBytes(other), 0);
      if (held + deviceBytes(face) > KEPT_BYTES) face = await spilled(face, this.device);
      made = { recipe: snapshot(recipe), face };
      if (!this.options.once) this.made.set(id, made);
    }
    if (recipe.indices && !made.face.indices) warnings.push('indices: not used, as restoreFace is replaced');
    return { pending, made: made.face, strength, timings, warnings };
  }

  private async pasted<T>(
    photos: Photos,
    faces: readonly RenderedFace[],
    context: Context,
    taken: (canvas: Photo) => Promise<T>,
  ): Promise<{ readonly image: T; readonly warnings: string[] }> {
    const { report } = context;
    report.clock('background');
    const canvas = await this.canvas(photos, context);
    try {
      report.stage('paste');
      await pasteFaces(canvas, photos, faces, context);
      return { image: await taken(canvas), warnings: missingStages(context) };
    } finally {
      canvas.destroy();
    }
  }

  /** The photo in the size of the result, to be painted on; what was made for the last picture is used again. */
  private async canvas(photos: Photos, context: Context): Promise<Photo> {
    const size = outputSize(this.picture, context.settings);
    const key = this.backgroundKey(context);
    if (this.background?.key !== key) {
      this.background?.photo.destroy();
      this.background = null;
      const photo = await background(this.picture, photos, size, context);
      if (this.options.once || 4 * size.width * size.height > KEPT_BYTES) return photo;
      this.background = { key, photo };
    }
    return this.background.photo.copy();
  }

  /** What is told of a restored face, but for its pictures. */
  private described({ pending, made, timings, warnings }: RenderedFace, { settings }: Context) {
    const { indices, margin, likeness } = made;
    return this.inPixelsOfPhoto({
      ...publicFace(pending),
      ...usedShare(pending, settings),
      indices,
      margin,
      likeness,
      timings,
      warnings,
    });
  }

  private backgroundKey({ settings, stages }: Context): string {
    const { width, height } = outputSize(this.picture, settings);
    return `${width}x${height}${settings.backgroundUpscale && stages.upscale ? ' upscaled' : ''}`;
  }

  /** How much work it will be to upscale the background, beside the faces. */
  private backgroundWork(context: Context): number {
    const { settings, stages } = context;
    if (!this.photos || !settings.backgroundUpscale || !stages.upscale) return 0;
    const { width, height } = this.picture;
    return this.background?.key === this.backgroundKey(context) ? 0 : (UPSCALING_WORK * width * height) / 1e6;
  }

  /** Faces are reported in pixels of the photo, whatever the pipeline worked on. */
  private inPixelsOfPhoto<F extends DetectedFace & Pick<PreparedFace, 'transform'>>(face: F): F {
    const enlargement = this.photos ? this.rules.working(this.picture).enlargement : 1;
    if (enlargement === 1) return face;
    const transform = composeAffine(face.transform, Float64Array.of(enlargement, 0, 0, 0, enlargement, 0));
    return { ...scaled(face, 1 / enlargement), transform };
  }
}

/** What is told of a face. */
function publicFace({ id, box, score, landmarks, transform }: PendingFace) {
  return { id, box, score, landmarks, transform };
}

/** Aligned crops have no background: the result is the face, in the network's size. */
function blendedCrop(
  pending: PendingFace,
  [face]: readonly RenderedFace[],
  { settings: { given, backgroundUpscale } }: Context,
): Pick<RenderResult, 'image' | 'warnings'> {
  const crop = inMemory(pending.cut ?? pending.crop);
  const warnings: string[] = [];
  if (given.has('upscaling'))
    warnings.push(`upscaling: aligned crops have no background, so the result has ${crop.width}x${crop.width}`);
  if (backgroundUpscale) warnings.push('backgroundUpscale: aligned crops have no background');
  return { image: face ? blendCrop(face) : crop, warnings };
}

/** What is to be said of a crop that has not the size of the network. */
export function sizeWarnings({ width, height }: Pick<Picture, 'width' | 'height'>, size: number): string[] {
  if (width === size && height === size) return [];
  const stretched = width === height ? '' : ', which changes its aspect ratio';
  return [`expected a crop of ${size}x${size} but it has ${width}x${height}: resized${stretched}`];
}

/** Upscalers that were asked for and are not there, and regions without a parser. */
function missingStages({ stages: { upscale, parse }, settings }: Context): string[] {
  const { given, faceUpscale, backgroundUpscale, mask } = settings;
  const warnings: string[] = [];
  if (!upscale && backgroundUpscale)
    warnings.push('backgroundUpscale: no upscaler is loaded, so the background is interpolated');
  if (!upscale && faceUpscale && given.has('faceUpscale'))
    warnings.push('faceUpscale: no upscaler is loaded, so restored faces are interpolated');
  if (!parse && mask.regionsGiven)
    warnings.push('mask.regions: no parser is loaded, so masks have the shape of the crop');
  return warnings;
}
