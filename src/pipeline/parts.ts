// The networks of the pipeline on a device, and what a call makes of them: functions on pictures, any of which a caller can replace.

import { type CodeFormerError, invalidArgument, throwIfAborted } from '../errors.js';
import { type Picture, toRgb, toRgba } from '../image/picture.js';
import type { CodeFormer, Encoded } from '../models/codeformer/codeformer.js';
import type { ParseNet } from '../models/parsenet/parsenet.js';
import { ResidualUpscaler } from '../models/residual-upscaler/residual-upscaler.js';
import { detectFaces as findFaces } from '../models/retinaface/detect.js';
import type { RetinaFace } from '../models/retinaface/retinaface.js';
import type { Upscaler } from '../models/upscaler/upscaler.js';
import { checkPlanes, type DevicePicture, type FloatRgb, isFloatRgb } from '../pixels/device-picture.js';
import { type Found, leastEyeDistance } from './detection.js';
import { PARSER_SIDE } from './mask.js';
import { checkOwnFaces, type DetectSettings, type Settings } from './options.js';
import { type Timings, timed } from './progress.js';
import { randomNumbers, sampleCodes } from './sampling.js';
import type { Fidelity, OwnFace } from './types.js';

/** The networks that are loaded; null for those that are not. */
export interface Networks {
  readonly restorer: CodeFormer | null;
  readonly detector: RetinaFace | null;
  readonly parser: ParseNet | null;
  readonly upscaler: Upscaler | null;
}

/** A crop that can be restored as often as wanted. */
export interface OpenFace {
  /** Predicted codes and their margins; null where `restoreFace` was replaced. */
  readonly indices: Int32Array | null;
  readonly margin: Float32Array | null;
  restore(job: RestoreJob): Promise<{ readonly picture: Picture; readonly indices: Int32Array | null }>;
  destroy(): void;
}

interface FaceJob {
  readonly id: number;
  readonly signal: AbortSignal | undefined;
  /** Gets the share done, 0 to 1. */
  readonly onProgress: (share: number) => void;
  /** Takes the time of a stage. */
  readonly timings: Timings;
}

export interface RestoreJob extends FaceJob, Pick<Settings, 'adain' | 'temperature' | 'seed'> {
  readonly fidelity: Fidelity;
  /** Codes of the caller's own. */
  readonly indices: Int32Array | undefined;
}

export interface Parts {
  /** Side of crops. */
  readonly size: number;
  readonly detect: ((photo: Picture | DevicePicture) => Promise<readonly Found[]>) | null;
  /** The caller's own detector, on the whole photo. */
  readonly detectFaces: ((photo: Picture) => Promise<readonly OwnFace[]>) | null;
  readonly open: ((crop: Picture, job: FaceJob) => Promise<OpenFace>) | null;
  /** Takes 512x512. */
  readonly parse: ((face: Picture) => Promise<Uint8Array>) | null;
  /** Gives about width * scale x height * scale. */
  readonly upscale: ((picture: Picture, scale: number) => Promise<Picture>) | null;
  /** As `upscale`, of faces that are not rounded. */
  readonly upscaleFloat: ((face: FloatRgb, scale: number) => Promise<FloatRgb | Picture>) | null;
}

/** Parts for finding faces. */
export function detectingParts(
  networks: Networks,
  { parts, compat, detectionScales, signal }: DetectSettings,
): Pick<Parts, 'detect' | 'detectFaces'> {
  const { detector } = networks;
  const { detectFaces } = parts;
  return {
    detect:
      detector &&
      (photo => {
        const minEyeDistance = leastEyeDistance(photo);
        return findFaces(detector, photo, { compat, minEyeDistance, scales: detectionScales, signal });
      }),
    detectFaces:
      detectFaces === undefined
        ? null
        : async photo => {
            const faces = checkOwnFaces(await detectFaces(photo), 'the result of detectFaces');
            throwIfAborted(signal);
            return faces;
          },
  };
}

/** @param size side of crops */
export function callParts(networks: Networks, settings: Settings, size: number): Parts {
  const { restorer, parser } = networks;
  const upscaler = usedUpscaler(networks, settings);
  const { parts, signal } = settings;
  const { restoreFace, parseFace, upscale, upscaleFloat } = parts;
  return {
    size,
    ...detectingParts(networks, settings),
    open: restoreFace
      ? async crop => replacedFace(restoreFace, crop, size)
      : restorer && ((crop, job) => openFace(restorer, crop, job)),
    parse: parseFace
      ? async face => checkLabels(await parseFace(face), signal)
      : parser && (async face => (await parser.parse(face, { signal })).labels),
    upscale: upscale
      ? async (picture, scale) => checkUpscaled(await upscale(picture, scale), signal)
      : upscaler &&
        (async (picture, scale) => {
          // The reference's networks see the colours under transparent parts.
          if (!settings.compat) return upscaler.upscale(picture, { scale, signal });
          return toRgba(await upscaler.upscale(toRgb(picture), { scale, signal }));
        }),
    upscaleFloat: upscaleFloat
      ? async (face, scale) => checkUpscaledFloat(await upscaleFloat(face, scale), signal)
      : upscaler && !upscale
        ? (face, scale) => upscaler.upscaleFloat(face, { scale, signal })
        : null,
  };
}

/** In compat mode, the package's own upscaler, which the reference has not, works only where it is asked for. */
function usedUpscaler({ upscaler }: Networks, { compat, given, backgroundUpscale }: Settings): Upscaler | null {
  const asked = backgroundUpscale || given.has('faceUpscale');
  return compat && upscaler instanceof ResidualUpscaler && !asked ? null : upscaler;
}

function replacedFace(
  restoreFace: NonNullable<Settings['parts']['restoreFace']>,
  crop: Picture,
  size: number,
): OpenFace {
  return {
    indices: null,
    margin: null,
    async restore({ id, fidelity, signal, onProgress, timings }) {
      const answer = await timed(timings, 'restore', async () => restoreFace(crop, { id, fidelity, signal }));
      throwIfAborted(signal);
      const picture = toRgba(answer, { name: 'the result of restoreFace' });
      if (picture.width !== size || picture.height !== size) {
        const found = `${picture.width}x${picture.height}`;
        throw invalidArgument(`a picture of ${size}x${size}`, 'the result of restoreFace', found);
      }
      onProgress(1);
      return { picture, indices: null };
    },
    destroy() {},
  };
}

async function openFace(net: CodeFormer, crop: Picture, { timings, ...run }: FaceJob): Promise<OpenFace> {
  const encoded = await timed(timings, 'encode', () => net.encodePicture(crop, run));
  return {
    indices: encoded.indices,
    margin: encoded.margin,
    async restore({ id, fidelity, indices, adain, signal, onProgress, ...job }) {
      const chosen = indices ?? (await drawnCodes(net, encoded, job, id));
      const options = { fidelity, adain, signal, onProgress, ...(chosen && { indices: chosen }) };
      const picture = await timed(job.timings, 'decode', () => net.decodePicture(encoded, options));
      return { picture, indices: chosen ?? encoded.indices };
    },
    destroy: () => encoded.destroy(),
  };
}

/** Codes drawn at random where a temperature asks for it, else null. Each face has numbers of its own. */
export async function drawnCodes(
  net: CodeFormer,
  encoded: Encoded,
  { temperature, seed }: Pick<Settings, 'temperature' | 'seed'>,
  id: number,
): Promise<Int32Array | null> {
  if (temperature === 0) return null;
  return sampleCodes(await encoded.logits(), net.config.codebook, temperature, randomNumbers(seed, id));
}

function checkLabels(labels: Uint8Array, signal: AbortSignal | undefined): Uint8Array {
  throwIfAborted(signal);
  const count = PARSER_SIDE ** 2;
  if (!(labels instanceof Uint8Array) || labels.length !== count)
    throw invalidArgument(`a Uint8Array of ${count} labels`, 'the result of parseFace', labels);
  return labels;
}

function checkUpscaled(answer: Picture, signal: AbortSignal | undefined): Picture {
  throwIfAborted(signal);
  return toRgba(answer, { name: 'the result of upscale', maxPixels: Number.MAX_SAFE_INTEGER });
}

function checkUpscaledFloat(answer: FloatRgb | Picture, signal: AbortSignal | undefined): FloatRgb | Picture {
  throwIfAborted(signal);
  const name = 'the result of upscaleFloat';
  if (!isFloatRgb(answer)) return toRgba(answer, { name, maxPixels: Number.MAX_SAFE_INTEGER });
  checkPlanes(answer, name);
  return answer;
}

/** Throws for a network that is needed and not there. */
export function missingRestorer(): CodeFormerError {
  return invalidArgument('a restorer or `restoreFace`', 'weights', null);
}
