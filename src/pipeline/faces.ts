// The faces of a photo that are to be restored, and their crops.

import { CodeFormerError } from '../errors.js';
import type { Matrix, Size } from '../image/geometry.js';
import { alignFace } from './align.js';
import { completed, type Found, largest, missingDetector, nearestToCenter, scaled } from './detection.js';
import type { Photo } from './photo.js';
import type { Context, Stages } from './stages.js';
import type { DetectedFace, OwnFace } from './types.js';

/** Where a face that is to be cut out lies, in pixels of the working picture, and what is to be said of it. */
export interface AlignedFace extends DetectedFace {
  /** From the working picture to the crop. */
  readonly transform: Matrix;
  /** What is to be said where the restored face is used: that detail goes. */
  readonly loss: string | null;
  readonly warnings: readonly string[];
}

/** All faces by the detector, or by the caller's own on the original, in pixels of the working picture. */
export async function detected(
  photo: Photo,
  original: Photo,
  enlargement: number,
  stages: Pick<Stages, 'detect' | 'detectFaces'>,
): Promise<DetectedFace[]> {
  const numbered = (faces: readonly Found[]) =>
    faces.map(({ box, score, landmarks }, id) => ({ id, box, score, landmarks }));
  const network = async () => (stages.detect ? stages.detect(photo.content) : []);
  if (!stages.detectFaces) {
    if (!stages.detect) throw missingDetector();
    return numbered(await network());
  }
  const own = await stages.detectFaces(await original.read());
  const found = own.every(face => face.landmarks) ? [] : await network();
  return numbered(own.map(face => completed(scaled(face, enlargement), found).face));
}

/** The faces to restore, in pixels of the working picture. */
export async function facesOf(
  photo: Photo,
  original: Photo,
  enlargement: number,
  { stages, settings }: Pick<Context, 'stages' | 'settings'>,
  warnings: string[],
): Promise<DetectedFace[]> {
  const { faces: choice, minFaceSize, onlyCenterFace } = settings;
  let faces: DetectedFace[];
  if (Array.isArray(choice) && typeof choice[0] === 'object') {
    const own = (choice as readonly OwnFace[]).map(face => scaled(face, enlargement));
    const search = own.some(face => !face.landmarks) && (stages.detect || stages.detectFaces);
    const found = search ? await detected(photo, original, enlargement, stages) : [];
    faces = own.map((face, id) => {
      const whole = completed(face, found);
      warnings.push(...whole.warnings.map(text => `face ${id}: ${text}`));
      return { id, ...whole.face };
    });
  } else if (Array.isArray(choice) && choice.length === 0) {
    return [];
  } else {
    const all = await detected(photo, original, enlargement, stages);
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

export const shorterSide = ({ box: [left, top, right, bottom] }: DetectedFace): number =>
  Math.min(right - left, bottom - top);

/** A crop of which the photo shows less than this side has nothing of a face. */
const TINY = 16;

/** A crop that is this much wider than what the restorer makes of it has details that go. */
const LARGE = 1.5;

/** Aligns a face. Those of the detector whose landmarks make no sense are left out. */
export function align(
  photo: Size,
  face: DetectedFace,
  { stages: { size }, settings }: Pick<Context, 'stages' | 'settings'>,
  warnings: string[],
): AlignedFace | null {
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
  const loss =
    side > size * LARGE
      ? `the face may lose detail: its crop is ${side.toFixed(1)} pixels wide in the photo, and ${size} restored`
      : null;
  const [left, top, right, bottom] = face.box;
  if (left < 0 || top < 0 || right > photo.width || bottom > photo.height)
    notes.push('the face reaches beyond the edge of the photo');
  return { ...face, transform, loss, warnings: notes };
}
