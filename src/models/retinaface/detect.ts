// Faces of a photo of any size: brought to the size that the detector was trained for, at one or several scales.

import { checkFlag, checkNumber, checkRunOptions, checkScales } from '../../checks.js';
import { invalidArgument } from '../../errors.js';
import type { Size } from '../../image/geometry.js';
import { checkPicture, type Picture } from '../../image/picture.js';
import { DevicePicture } from '../../pixels/device-picture.js';
import { resize } from '../../pixels/pixels.js';
import { resizeDevicePicture } from '../../pixels/resize.js';
import { type Detection, suppress } from './decode.js';
import type { DetectorOptions, RetinaFace } from './retinaface.js';
import { CANDIDATE_SCORE, detectUnder, refineDetection, rotation, type Turn, transformDetection } from './views.js';

/** At which sizes faces are looked for, and which count. */
export interface DetectFacesOptions extends DetectorOptions {
  /** Faces whose eyes are nearer to each other are left out, in pixels of the photo. Default 5. */
  readonly minEyeDistance?: number | undefined;
  /**
   * The short side of what the detector sees, relative to 640 pixels. At 1 it finds faces of about 16 to 640 pixels there: smaller scales
   * find larger faces, larger scales smaller ones. Several are merged. Default [1].
   */
  readonly scales?: readonly number[] | undefined;
  /**
   * The reference's sizes, its comparison of wrong coordinates for the distance of the eyes, and scores divided by the scale, so that they
   * may pass 1. Default false.
   */
  readonly compat?: boolean | undefined;
}

/** Short side of what the detector sees. */
const SIDE = 640;

/** Photos are not enlarged further: there is nothing more to be seen. */
const MOST_ENLARGED = 2;

/** Most pixels for the detector, which very long photos would pass. */
const MOST_PIXELS = 2 ** 22;

/** Least score of faces that are only seen when the photo is turned: they are rarer than mistakes that look like them. */
const TURNED_SCORE = 0.9;

/** Sides are multiples of it, so that photos of many sizes share a few programs of the detector. */
const SIZE_STEP = 32;

/**
 * The faces of a photo, best first, in its pixels. What may be a face is looked at again from nearby, and both looks count. Where none is
 * upright, the photo is turned by quarters, and the turn counts in which the best face is seen. In compat mode there is one look.
 * @param detector runs on its own device
 * @param photo RGB or RGBA, of any size; alpha is ignored
 * @returns the same as `RetinaFace.detect`; empty where there is no face
 * @throws `INVALID_ARGUMENT`, `INVALID_IMAGE`, `IMAGE_TOO_LARGE`, `ADAPTER_LIMITS`, `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`,
 *   `ABORTED`
 */
export async function detectFaces(
  detector: RetinaFace,
  photo: Picture | DevicePicture,
  options: DetectFacesOptions = {},
): Promise<Detection[]> {
  checkRunOptions(options);
  if (typeof detector?.detect !== 'function') throw invalidArgument('a RetinaFace', 'detector', detector);
  const { minEyeDistance = 5, scales = [1], compat = false, threshold = 0.8, nms = 0.4 } = options;
  if (!(photo instanceof DevicePicture)) checkPicture(photo);
  checkNumber(threshold, 'threshold', 0, 1);
  checkNumber(nms, 'nms', 0, 1);
  checkNumber(minEyeDistance, 'minEyeDistance', 0);
  checkFlag(compat, 'compat');
  checkScales(scales, 'scales');
  // Several scales may be the same size where enlarging ends.
  const views = new Map(
    scales.map(scale => viewOf(photo, scale, compat)).map(view => [`${view.width}x${view.height}`, view]),
  );
  const look = async (turn: Turn, least: number, given: DetectFacesOptions): Promise<Detection[]> => {
    const faces: Detection[] = [];
    for (const [i, view] of [...views.values()].entries()) {
      const onProgress = given.onProgress && ((done: number) => given.onProgress?.((i + done) / views.size));
      const first = { ...given, threshold: compat ? least : Math.min(CANDIDATE_SCORE, least), onProgress };
      faces.push(...(await detectAt(detector, photo, view, turn, first)));
    }
    faces.sort(byScore);
    if (compat) return scales.length > 1 ? suppress(faces, nms) : faces;
    const again: Detection[] = [];
    for (const face of suppress(faces, nms)) {
      const sure =
        eyeDistance(face, false) >= minEyeDistance && (await refineDetection(detector, photo, face, options));
      if (sure && sure.score > least) again.push(sure);
    }
    return suppress(again.sort(byScore), nms);
  };
  let found = await look(0, threshold, options);
  if (found.length === 0 && !compat) {
    const best = (faces: readonly Detection[]) => faces[0]?.score ?? 0;
    for (const turn of [1, 3, 2] as const) {
      const other = await look(turn, Math.max(TURNED_SCORE, threshold), { ...options, onProgress: undefined });
      if (best(other) > best(found)) found = other;
    }
  }
  return found.filter(face => eyeDistance(face, compat) >= minEyeDistance);
}

const byScore = (a: Detection, b: Detection) => b.score - a.score;

/** What the detector sees: its size, and pixels for each pixel of the photo. */
interface View extends Size {
  readonly fx: number;
  readonly fy: number;
}

function viewOf(photo: Size, scale: number, compat: boolean): View {
  const ratio = (SIDE * scale) / Math.min(photo.width, photo.height);
  if (compat) {
    // The short side may be a pixel less than it should, and both factors are the same all the same.
    const cut = (side: number) => Math.max(1, Math.trunc(side * ratio));
    return { width: cut(photo.width), height: cut(photo.height), fx: ratio, fy: ratio };
  }
  const limited = Math.min(ratio, MOST_ENLARGED, Math.sqrt(MOST_PIXELS / (photo.width * photo.height)));
  const round = (side: number) => Math.max(1, Math.round((side * limited) / SIZE_STEP)) * SIZE_STEP;
  const [width, height] = [round(photo.width), round(photo.height)];
  return { width, height, fx: width / photo.width, fy: height / photo.height };
}

async function detectAt(
  detector: RetinaFace,
  photo: Picture | DevicePicture,
  { fx, fy, ...size }: View,
  turn: Turn,
  options: DetectFacesOptions,
): Promise<Detection[]> {
  const filter = Math.max(fx, fy) < 1 ? 'area' : 'linear';
  const seen =
    photo instanceof DevicePicture
      ? await resizeDevicePicture(photo, size, filter, options)
      : await resize(detector.device, photo, { ...size, filter, signal: options.signal });
  try {
    const faces = await (turn === 0
      ? detector.detect(seen, options)
      : detectUnder(detector, seen, ...rotation(turn, size), options));
    return faces.map(face => {
      const there = transformDetection(face, [1 / fx, 0, 0, 0, 1 / fy, 0]);
      return options.compat ? { ...there, score: face.score / fx } : there;
    });
  } finally {
    if (seen instanceof DevicePicture) seen.destroy();
  }
}

function eyeDistance({ landmarks: [left, right, nose] }: Detection, compat: boolean): number {
  return compat
    ? Math.hypot(left![1] - right![1], right![0] - nose![0])
    : Math.hypot(left![0] - right![0], left![1] - right![1]);
}
