// A photo before it is restored: how it is read, and which part of it a crop covers.

import { encodedDimensions } from '../src/image/dimensions.js';
import { pictureFormat } from '../src/image/format.js';
import { readMetadata, withPictureMetadata } from '../src/image/metadata.js';
import { checkPixelCount, type PictureLimits } from '../src/image/picture.js';
import { CodeFormerError } from '../src/web/client.js';
import type { Area } from './store.js';
import type { Size } from './viewer/view.js';

/** Kinds of files that the engine tells from their bytes. */
const KNOWN = /^image\/(avif|gif|jpeg|png|webp)$/;

/**
 * Refuses encoded pictures that are too large by their headers: a browser can only be asked for their size when it has made all pixels.
 * @returns the size, before it is turned upright
 * @throws `IMAGE_TOO_LARGE`
 */
export async function checkHeader(blob: Blob, limits: PictureLimits = {}): Promise<Size | null> {
  const size = encodedDimensions(new Uint8Array(await blob.arrayBuffer()));
  if (size) checkPixelCount(size.width, size.height, limits);
  return size;
}

/** A photo as it is shown, upright, and as the engine gets it. */
export interface ReadPhoto {
  readonly bitmap: ImageBitmap;
  readonly file: Blob;
}

/**
 * Reads the file of a photo.
 * @param scale below 1 for a smaller one
 * @throws `IMAGE_TOO_LARGE`, from its header, `INVALID_IMAGE`
 */
export async function readPhoto(blob: Blob, scale: number): Promise<ReadPhoto> {
  await checkHeader(blob, { name: 'photo' });
  const bitmap = await createImageBitmap(blob, { imageOrientation: 'from-image' }).catch(cause => {
    throw new CodeFormerError('INVALID_IMAGE', `Expected a picture: ${cause.message}`, { cause });
  });
  if (scale === 1 && KNOWN.test(blob.type)) return { bitmap, file: blob };
  // Some browsers read more kinds of files than the engine knows.
  const width = Math.max(1, Math.round(scale * bitmap.width));
  const height = Math.max(1, Math.round(scale * bitmap.height));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d')!;
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const file = await withNotes(await canvas.convertToBlob(), blob, { width, height });
  return { bitmap: canvas.transferToImageBitmap(), file };
}

/** A picture that a canvas has written as PNG, with the notes of the photo that it was made of. */
async function withNotes(png: Blob, photo: Blob, size: Size): Promise<Blob> {
  const bytes = new Uint8Array(await photo.arrayBuffer());
  const format = pictureFormat(bytes);
  const notes = format && readMetadata(bytes, format);
  if (!notes) return png;
  return new Blob([withPictureMetadata(new Uint8Array(await png.arrayBuffer()), 'png', notes, size)], {
    type: png.type,
  });
}

/**
 * A photo as the engine gets it, where it is not shown.
 * @returns its file, and its size, maybe before it is turned upright
 * @throws as `readPhoto`
 */
export async function photoFile(blob: Blob): Promise<Size & { readonly file: Blob }> {
  const size = KNOWN.test(blob.type) ? await checkHeader(blob, { name: 'photo' }) : null;
  if (size) return { width: size.width, height: size.height, file: blob };
  const { bitmap, file } = await readPhoto(blob, 1);
  const { width, height } = bitmap;
  bitmap.close();
  return { width, height, file };
}

/**
 * A small picture of a photo: the middle of it, as a square.
 * @param side in pixels
 * @throws as `readPhoto`
 */
export async function thumbnailOf(blob: Blob, side: number): Promise<ImageBitmap> {
  const { bitmap } = await readPhoto(blob, 1);
  const { width, height } = bitmap;
  const least = Math.min(width, height);
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext('2d')!;
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, (width - least) / 2, (height - least) / 2, least, least, 0, 0, side, side);
  bitmap.close();
  return canvas.transferToImageBitmap();
}

/** A box with as much around it on each side as half of it is wide and high, as far as that is in the photo, at full pixels. */
export function around([left, top, right, bottom]: Area, photo: Size): Area {
  const [x, y] = [(right - left) / 2, (bottom - top) / 2];
  return [
    Math.max(0, Math.floor(left - x)),
    Math.max(0, Math.floor(top - y)),
    Math.min(photo.width, Math.ceil(right + x)),
    Math.min(photo.height, Math.ceil(bottom + y)),
  ];
}

/** A part of the file of a photo, as a file. */
export async function cutOut(file: Blob, [left, top, right, bottom]: Area): Promise<Blob> {
  const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
  const canvas = new OffscreenCanvas(right - left, bottom - top);
  canvas.getContext('2d')!.drawImage(bitmap, -left, -top);
  bitmap.close();
  return canvas.convertToBlob();
}

/** The part of the photo that a crop covers, at full pixels. */
export function areaOf(transform: ArrayLike<number>, side: number, photo: Size): Area {
  const [a, b, c, d, e, f] = Array.from(transform) as [number, number, number, number, number, number];
  const determinant = a * e - b * d;
  const corners = [
    [0, 0],
    [side, 0],
    [0, side],
    [side, side],
  ].map(([x, y]) => {
    const dx = x! - c;
    const dy = y! - f;
    return [(e * dx - b * dy) / determinant, (a * dy - d * dx) / determinant] as const;
  });
  const xs = corners.map(([x]) => x);
  const ys = corners.map(([, y]) => y);
  return [
    Math.max(0, Math.floor(Math.min(...xs))),
    Math.max(0, Math.floor(Math.min(...ys))),
    Math.min(photo.width, Math.ceil(Math.max(...xs))),
    Math.min(photo.height, Math.ceil(Math.max(...ys))),
  ];
}
