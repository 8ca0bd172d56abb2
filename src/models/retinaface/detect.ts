// Faces of a photo of any size: brought to the size that the detector was trained for, at one or several scales.

import { invalidArgument } from '../../errors.js';
import { checkPicture, type Picture } from '../../image/picture.js';
import type { Size } from '../../kernels/resize-linear/resize-linear.js';
import { GpuPicture, scoped } from '../../pixels/gpu-picture.js';
import { resize } from '../../pixels/pixels.js';
import { resizeGpuPicture } from '../../pixels/resize.js';
import { planWarp, warpGpuPicture } from '../../pixels/warp.js';
import { type Detection, suppress } from './decode.js';
import type { DetectorOptions, RetinaFace } from './retinaface.js';

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

/** Quarter turns to the left. */
type Turn = 0 | 1 | 2 | 3;

/** Least score of faces that are only seen when the photo is turned: they are rarer than mistakes that look like them. */
const TURNED_SCORE = 0.9;

/** Sides are multiples of it, so that photos of many sizes share a few programs of the detector. */
const SIZE_STEP = 32;

/**
 * The faces of a photo, best first, in its pixels. Where none is upright, the photo is turned by quarters, and the turn counts in which the
 * best face is seen; not in compat mode.
 * @throws `INVALID_ARGUMENT`, `INVALID_IMAGE`, `IMAGE_TOO_LARGE`, `ADAPTER_LIMITS`, `OUT_OF_MEMORY`, `ABORTED`
 */
export async function detectFaces(
  detector: RetinaFace,
  photo: Picture | GpuPicture,
  options: DetectFacesOptions = {},
): Promise<Detection[]> {
  const { minEyeDistance = 5, scales = [1], compat = false, nms = 0.4 } = options;
  if (!(photo instanceof GpuPicture)) checkPicture(photo);
  if (!(minEyeDistance >= 0)) throw invalidArgument('a number of at least 0', 'minEyeDistance', minEyeDistance);
  if (!Array.isArray(scales) || scales.length === 0 || !scales.every(scale => scale >= 1 / 16 && scale <= 16))
    throw invalidArgument('one or more numbers from 1/16 to 16', 'scales', scales);
  // Several scales may be the same size where enlarging ends.
  const views = new Map(
    scales.map(scale => viewOf(photo, scale, compat)).map(view => [`${view.width}x${view.height}`, view]),
  );
  const look = async (turn: Turn, given: DetectFacesOptions): Promise<Detection[]> => {
    const faces: Detection[] = [];
    for (const [i, view] of [...views.values()].entries()) {
      const onProgress = given.onProgress && ((done: number) => given.onProgress?.((i + done) / views.size));
      faces.push(...(await detectAt(detector, photo, view, turn, { ...given, onProgress })));
    }
    return faces.sort((a, b) => b.score - a.score);
  };
  let found = await look(0, options);
  if (found.length === 0 && !compat) {
    const threshold = Math.max(TURNED_SCORE, options.threshold ?? 0);
    const best = (faces: readonly Detection[]) => faces[0]?.score ?? 0;
    for (const turn of [1, 3, 2] as const) {
      const turned = await look(turn, { ...options, threshold, onProgress: undefined });
      if (best(turned) > best(found)) found = turned;
    }
  }
  const faces = scales.length > 1 ? suppress(found, nms) : found;
  return faces.filter(face => eyeDistance(face, compat) >= minEyeDistance);
}

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
  photo: Picture | GpuPicture,
  { fx, fy, ...size }: View,
  turn: Turn,
  options: DetectFacesOptions,
): Promise<Detection[]> {
  const filter = Math.max(fx, fy) < 1 ? 'area' : 'linear';
  const seen =
    photo instanceof GpuPicture
      ? await resizeGpuPicture(photo, size, filter, options)
      : await resize(detector.device, photo, { ...size, filter, signal: options.signal });
  try {
    const faces = await (turn === 0 ? detector.detect(seen, options) : detectTurned(detector, seen, turn, options));
    return faces.map(({ box: [x1, y1, x2, y2], score, landmarks }) => ({
      box: [x1 / fx, y1 / fy, x2 / fx, y2 / fy],
      score: options.compat ? score / fx : score,
      landmarks: landmarks.map(([x, y]) => [x / fx, y / fy] as const),
    }));
  } finally {
    if (seen instanceof GpuPicture) seen.destroy();
  }
}

/** The faces of a picture that is turned before it is looked at, in its pixels. */
async function detectTurned(
  detector: RetinaFace,
  picture: Picture | GpuPicture,
  turn: Exclude<Turn, 0>,
  options: DetectFacesOptions,
): Promise<Detection[]> {
  const { width, height } = picture;
  const size = turn === 2 ? { width, height } : { width: height, height: width };
  const matrix = {
    1: [0, 1, 0, -1, 0, width - 1],
    2: [-1, 0, width - 1, 0, -1, height - 1],
    3: [0, -1, height - 1, 1, 0, 0],
  }[turn];
  const back = (x: number, y: number): [number, number] =>
    turn === 1 ? [width - y, x] : turn === 2 ? [width - x, height - y] : [y, height - x];
  const faces = await scoped(async keep => {
    const upright = picture instanceof GpuPicture ? picture : keep(await GpuPicture.upload(detector.device, picture));
    const target = { x: 0, y: 0, ...size };
    const turned = keep(await warpGpuPicture(upright, planWarp(matrix, false), target, [0, 0, 0, 255], options));
    return detector.detect(turned, options);
  });
  return faces.map(({ box: [x1, y1, x2, y2], score, landmarks }) => {
    const [[a, b], [c, d]] = [back(x1, y1), back(x2, y2)];
    return {
      box: [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)],
      score,
      landmarks: landmarks.map(([x, y]) => back(x, y)),
    };
  });
}

function eyeDistance({ landmarks: [left, right, nose] }: Detection, compat: boolean): number {
  return compat
    ? Math.hypot(left![1] - right![1], right![0] - nose![0])
    : Math.hypot(left![0] - right![0], left![1] - right![1]);
}
