// The stages of the pipeline as functions: networks on a device, or what a caller puts in their place. Pictures stay on the device but for those
// that a caller's own function gets or gives.

import { type CodeFormerError, invalidArgument, throwIfAborted } from '../errors.js';
import type { DeviceBuffer, Executor } from '../executor.js';
import { type Picture, toRgb, toRgba } from '../image/picture.js';
import type { CodeFormer, Encoded } from '../models/codeformer/codeformer.js';
import type { ParseNet } from '../models/parsenet/parsenet.js';
import { ResidualUpscaler } from '../models/residual-upscaler/residual-upscaler.js';
import { detectFaces as findFaces } from '../models/retinaface/detect.js';
import type { RetinaFace } from '../models/retinaface/retinaface.js';
import type { Upscaler } from '../models/upscaler/upscaler.js';
import {
  checkPlanes,
  type DevicePicture,
  type DevicePlanes,
  type FloatRgb,
  isFloatRgb,
  upload,
} from '../pixels/device-picture.js';
import { type Found, leastEyeDistance } from './detection.js';
import { PARSER_SIDE } from './mask.js';
import { checkOwnFaces, type DetectSettings, type Settings } from './options.js';
import { type Report, type Timings, timed } from './progress.js';
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
export interface EncodedCrop {
  /** Predicted codes and their margins; null where `restoreFace` was replaced. */
  readonly indices: Int32Array | null;
  readonly margin: Float32Array | null;
  /** The restored face, which the caller owns, and the codes that it was made from. */
  restore(job: RestoreJob): Promise<{ readonly picture: DevicePicture; readonly indices: Int32Array | null }>;
  destroy(): void;
}

/** Gets the share done, 0 to 1. */
export type OnShare = (share: number) => void;

export interface FaceJob {
  readonly id: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: OnShare;
  /** Takes the time of a stage. */
  readonly timings: Timings;
}

export interface RestoreJob extends FaceJob, Pick<Settings, 'adain' | 'temperature' | 'seed'> {
  readonly fidelity: Fidelity;
  /** Codes of the caller's own. */
  readonly indices: Int32Array | undefined;
}

export interface Stages {
  /** Side of crops. */
  readonly size: number;
  readonly detect: ((photo: Picture | DevicePicture) => Promise<readonly Found[]>) | null;
  /** The caller's own detector, on the whole photo. */
  readonly detectFaces: ((photo: Picture) => Promise<readonly OwnFace[]>) | null;
  readonly encodeFace: ((crop: Picture | DevicePicture, job: FaceJob) => Promise<EncodedCrop>) | null;
  /** Takes 512x512; the label of each pixel, four to a word. */
  readonly parse: ((face: DevicePicture) => Promise<DeviceBuffer>) | null;
  /** Gives about width * scale x height * scale; the share that is done to `onProgress`. */
  readonly upscale: ((photo: Picture, scale: number, onProgress: OnShare) => Promise<Picture>) | null;
  /** As `upscale`, of a face. */
  readonly upscaleFace: ((face: DevicePicture, scale: number, onProgress: OnShare) => Promise<DevicePicture>) | null;
  /** As `upscale`, of a face that is not rounded. */
  readonly upscaleFloat:
    | ((face: DevicePlanes, scale: number, onProgress: OnShare) => Promise<DevicePlanes | DevicePicture>)
    | null;
}

/** What a call works with. */
export interface Context {
  readonly device: Executor;
  readonly stages: Stages;
  readonly settings: Settings;
  readonly report: Report;
  /** Whether crops and restored faces stay there, as callers get none of them. */
  readonly onDevice: boolean;
}

/** The stages for finding faces. */
export function detectingStages(
  networks: Networks,
  { parts, rules: { compat }, detectionScales, signal }: DetectSettings,
  report: Report,
): Pick<Stages, 'detect' | 'detectFaces'> {
  const { detector } = networks;
  const { detectFaces } = parts;
  return {
    detect:
      detector &&
      (photo => {
        const minEyeDistance = leastEyeDistance(photo);
        const onProgress = (share: number) => report.share('detect', share);
        return findFaces(detector, photo, { compat, minEyeDistance, scales: detectionScales, signal, onProgress });
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
export function callStages(
  device: Executor,
  networks: Networks,
  settings: Settings,
  report: Report,
  size: number,
): Stages {
  const { restorer, parser } = networks;
  const upscaler = usedUpscaler(networks, settings);
  const { parts, signal } = settings;
  const { restoreFace, parseFace, upscale, upscaleFloat } = parts;
  return {
    size,
    ...detectingStages(networks, settings, report),
    encodeFace: restoreFace
      ? async crop => replacedFace(device, restoreFace, crop, size)
      : restorer && ((crop, job) => encodeFace(restorer, crop, job)),
    parse: parseFace
      ? async face => uploadLabels(device, checkLabels(await parseFace(await face.read()), signal))
      : parser && (face => parser.parseOnDevice(face, { signal })),
    upscale: upscale
      ? async (picture, scale) => checkUpscaled(await upscale(picture, scale), signal)
      : upscaler &&
        (async (picture, scale, onProgress) => {
          if (settings.rules.fills) return upscaler.upscale(picture, { scale, signal, onProgress });
          return toRgba(await upscaler.upscale(toRgb(picture), { scale, signal, onProgress }));
        }),
    upscaleFace: upscale
      ? async (face, scale) => upload(device, checkUpscaled(await upscale(await face.read(), scale), signal))
      : upscaler && ((face, scale, onProgress) => upscaler.upscaleOnDevice(face, { scale, signal, onProgress })),
    upscaleFloat: upscaleFloat
      ? async (face, scale) =>
          upload(device, checkUpscaledFloat(await upscaleFloat(await face.picture(), scale), signal))
      : upscaler && !upscale
        ? async (face, scale, onProgress) =>
            upload(device, await upscaler.upscaleFloat(await face.picture(), { scale, signal, onProgress }))
        : null,
  };
}

/** What the pipeline works with in a call. */
export function callContext(
  { device, networks }: { readonly device: Executor; readonly networks: Networks },
  settings: Settings,
  report: Report,
  size: number,
  onDevice = false,
): Context {
  return { device, stages: callStages(device, networks, settings, report, size), settings, report, onDevice };
}

/** The package's own upscaler may have to be asked for. */
function usedUpscaler({ upscaler }: Networks, { rules, given, backgroundUpscale }: Settings): Upscaler | null {
  const asked = backgroundUpscale || given.has('faceUpscale');
  return !rules.ownUpscaler && upscaler instanceof ResidualUpscaler && !asked ? null : upscaler;
}

async function uploadLabels(device: Executor, labels: Uint8Array): Promise<DeviceBuffer> {
  const { labels: buffer } = await device.allocate('a parsed face', { labels: labels.length });
  device.write(buffer, labels);
  return buffer;
}

function replacedFace(
  device: Executor,
  restoreFace: NonNullable<Settings['parts']['restoreFace']>,
  crop: Picture | DevicePicture,
  size: number,
): EncodedCrop {
  return {
    indices: null,
    margin: null,
    async restore({ id, fidelity, signal, onProgress, timings }) {
      const seen = 'read' in crop ? await crop.read() : crop;
      const answer = await timed(timings, 'restore', async () => restoreFace(seen, { id, fidelity, signal }));
      throwIfAborted(signal);
      const picture = toRgba(answer, { name: 'the result of restoreFace' });
      if (picture.width !== size || picture.height !== size) {
        const found = `${picture.width}x${picture.height}`;
        throw invalidArgument(`a picture of ${size}x${size}`, 'the result of restoreFace', found);
      }
      onProgress(1);
      return { picture: await upload(device, picture), indices: null };
    },
    destroy() {},
  };
}

async function encodeFace(
  net: CodeFormer,
  crop: Picture | DevicePicture,
  { timings, ...run }: FaceJob,
): Promise<EncodedCrop> {
  const encoded = await timed(timings, 'encode', () => net.encodePicture(crop, run));
  return {
    indices: encoded.indices,
    margin: encoded.margin,
    async restore({ id, fidelity, indices, adain, signal, onProgress, ...job }) {
      const chosen = indices ?? (await drawnCodes(net, encoded, job, id));
      const options = { fidelity, adain, signal, onProgress, ...(chosen && { indices: chosen }) };
      const picture = await timed(job.timings, 'decode', () => net.decodeOnDevice(encoded, options));
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
