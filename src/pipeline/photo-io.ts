// Photos as callers give them, and results as they get them: encoded, or as pixels in the form in which the photo came.

import { orAbort } from '../abort.js';
import { CodeFormerError, invalidArgument } from '../errors.js';
import type { Executor } from '../executor.js';
import type { Size } from '../image/geometry.js';
import {
  checkPicture,
  checkPixelCount,
  type DecodedPicture,
  isMetadata,
  isOpaque,
  type Picture,
  type PictureMetadata,
  toRgb,
  toRgba,
} from '../image/picture.js';
import { DevicePicture } from '../pixels/device-picture.js';
import type { Settings } from './options.js';
import type { Platform } from './platform.js';
import type { Report } from './progress.js';
import type { RenderResult } from './session.js';
import type { DevicePhoto, DeviceTarget, PhotoInput, RestoreResult } from './types.js';

/** A photo with what its result is turned into. */
export interface Opened {
  /** RGBA. */
  readonly picture: Picture;
  readonly metadata: PictureMetadata | null;
  readonly warnings: readonly string[];
  /** Another picture in the form in which the photo came. */
  toInputForm(picture: Picture): unknown;
}

/** Pictures as the pipeline and as the caller gets them. */
export interface Delivered {
  readonly results: readonly RenderResult[];
  readonly delivered: readonly unknown[];
  readonly warnings: readonly string[];
}

const NO_NOTES = { metadata: null, warnings: [] } as const;

const isBlob = (value: unknown): value is Blob => typeof Blob !== 'undefined' && value instanceof Blob;

/**
 * Decodes what is encoded, and takes pixels as they are.
 * @param maxPixels most pixels of the photo
 * @throws `INVALID_ARGUMENT`, `INVALID_IMAGE`, `IMAGE_TOO_LARGE`, `ABORTED`
 */
export async function openPhoto(
  platform: Platform,
  photo: PhotoInput,
  maxPixels: number,
  report: Report,
): Promise<Opened> {
  report.stage('decode');
  const { signal } = report;
  const limits = { maxPixels, name: 'photo' };
  const encoded = photo instanceof Uint8Array || photo instanceof ArrayBuffer || isBlob(photo);
  if (encoded) {
    const picture = await orAbort(signal, async () => {
      const bytes = isBlob(photo) ? new Uint8Array(await photo.arrayBuffer()) : photo;
      return platform.decodeImage(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes), limits);
    });
    return { ...notesOf(picture), picture: toRgba(picture, limits), toInputForm: made => made };
  }
  const own = await orAbort(signal, () => platform.readPixels(photo, limits));
  if (own) return { ...NO_NOTES, picture: toRgba(own.picture, limits), toInputForm: made => own.toInputForm(made) };
  if (typeof photo !== 'object' || photo === null || !('data' in photo))
    throw invalidArgument('a Blob, bytes of a picture, or pixels', 'photo', photo);
  const channels = checkPicture(photo, limits);
  const kind = photo.data instanceof Uint8ClampedArray ? Uint8ClampedArray : Uint8Array;
  const toInputForm = (made: Picture): Picture => {
    const picture = channels === 3 ? toRgb(made) : made;
    const { buffer, byteOffset, length } = picture.data;
    return { ...picture, data: new kind(buffer as ArrayBuffer, byteOffset, length) };
  };
  return { ...notesOf(photo), picture: toRgba(photo, limits), toInputForm };
}

/** A photo in memory, or one that is on the device already. */
export interface Source extends Size {
  readonly warnings: readonly string[];
  /** The pixels; the caller owns what is on the device. What is there already is only read now. */
  take(device: Executor): Promise<Picture | DevicePicture>;
}

/**
 * As `openPhoto`, without reading what is on the device.
 * @throws as `openPhoto`
 */
export async function openSource(
  platform: Platform,
  { images }: Executor,
  photo: PhotoInput | DevicePhoto,
  maxPixels: number,
  report: Report,
): Promise<Source> {
  const size = images?.sizeOf(photo);
  if (!size) {
    const { picture, warnings } = await openPhoto(platform, photo as PhotoInput, maxPixels, report);
    return { width: picture.width, height: picture.height, warnings, take: async () => picture };
  }
  report.stage('decode');
  checkPixelCount(size.width, size.height, { maxPixels, name: 'photo' });
  return {
    ...size,
    warnings: [],
    async take(device) {
      const picture = await DevicePicture.create(device, size, 'photo');
      try {
        await device.images!.load(photo, size, picture.buffer);
        return picture;
      } catch (error) {
        picture.destroy();
        throw error;
      }
    },
  };
}

/**
 * Throws unless a result of that size can be made on the device and written to what the caller has there.
 * @throws `INVALID_ARGUMENT`, `ADAPTER_LIMITS`
 */
export function checkTarget(device: Executor, target: DeviceTarget, size: Size): void {
  if (!device.images)
    throw invalidArgument('a device of WebGPU, which has textures, buffers and canvases,', 'device', device.describe());
  const { bufferBytes } = device.limits;
  if (4 * size.width * size.height > bufferBytes) {
    throw new CodeFormerError(
      'ADAPTER_LIMITS',
      `Expected a result of at most ${bufferBytes} bytes, as ${device.describe()} allows, but it has ${size.width}x${size.height} pixels`,
    );
  }
  device.images.checkTarget(target, size);
}

/** Writes a picture to a target that was checked. */
export const storePicture = (picture: DevicePicture, target: DeviceTarget): Promise<void> =>
  picture.device.images!.store(picture.buffer, picture, target);

/** What decoding told beside the pixels: also of a picture that `decodeImage` gave to the caller. */
function notesOf({ metadata, warnings }: Picture & Partial<DecodedPicture>): Pick<Opened, 'metadata' | 'warnings'> {
  return {
    metadata: isMetadata(metadata) ? metadata : null,
    warnings: Array.isArray(warnings) ? warnings.filter(warning => typeof warning === 'string') : [],
  };
}

/**
 * The results of a photo as its caller gets them.
 * @throws `INVALID_ARGUMENT`, `IMAGE_TOO_LARGE` for sides that the format does not take, `ABORTED`
 */
export async function deliver(
  platform: Platform,
  opened: Opened,
  settings: Settings,
  results: readonly RenderResult[],
  report: Report,
): Promise<Delivered> {
  const { output, quality, background, signal } = settings;
  const metadata = settings.metadata === 'keep' ? opened.metadata : null;
  report.stage('encode');
  const delivered: unknown[] = [];
  for (const { image } of results) {
    const encoded = () => platform.encodeImage(image, { type: output!, quality, background, metadata });
    delivered.push(output ? await orAbort(signal, encoded) : await opened.toInputForm(image));
  }
  return { results, delivered, warnings: allWarnings(opened, settings, results) };
}

/** The warnings of decoding, of the pipeline, and of encoding. */
function allWarnings(
  { warnings }: Opened,
  { output, background }: Settings,
  results: readonly RenderResult[],
): string[] {
  const all = [...warnings, ...results[0]!.warnings];
  if (output === 'jpeg' && results.some(({ image }) => !isOpaque(image)))
    all.push(`JPEG has no transparency: the result was put on ${background ?? 'white'}`);
  return all;
}

/** What `restore` returns, of the first result. */
export function restoreResult(
  { results, delivered, warnings }: Delivered,
  { seed }: Settings,
  report: Report,
): RestoreResult<unknown> {
  const [{ image, faces }] = results as [RenderResult];
  const { width, height } = image;
  return { image: delivered[0], width, height, faces, seed, warnings, timings: report.finish() };
}
