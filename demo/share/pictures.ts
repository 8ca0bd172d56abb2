// Before and after in one picture.

import type { Area } from '../store.js';
import type { Size } from '../viewer/view.js';

/** A photo before and after, however large each is. */
export interface Sides {
  readonly before: ImageBitmap | OffscreenCanvas;
  readonly after: ImageBitmap | OffscreenCanvas;
}

/** Longest side of each half, in pixels. */
const LONGEST = 2048;

/** Width by height above which one half lies above the other. */
const WIDE = 1.25;

/** The words on pictures. */
export const BEFORE = 'Before';
export const AFTER = 'After';

/** How the halves lie in a picture of both: the size of each, and where the second begins. */
export function halves({ width, height }: Size): { readonly half: Size; readonly second: { x: number; y: number } } {
  const scale = Math.min(1, LONGEST / Math.max(width, height));
  const half = { width: Math.max(1, Math.round(scale * width)), height: Math.max(1, Math.round(scale * height)) };
  const gap = Math.max(2, Math.round(Math.max(half.width, half.height) / 200));
  const isWide = width > WIDE * height;
  return { half, second: isWide ? { x: 0, y: half.height + gap } : { x: half.width + gap, y: 0 } };
}

/** Both halves on white. */
export function sideBySide({ before, after }: Sides): OffscreenCanvas {
  const { half, second } = halves(after);
  const canvas = new OffscreenCanvas(second.x + half.width, second.y + half.height);
  const context = canvas.getContext('2d', { alpha: false })!;
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(before, 0, 0, half.width, half.height);
  context.drawImage(after, second.x, second.y, half.width, half.height);
  label(context, BEFORE, 0, half.height, half);
  label(context, AFTER, second.x, canvas.height, half);
  return canvas;
}

/** A word in the lower left corner of a part of a picture, as large as fits a part of that size. */
export function label(
  context: OffscreenCanvasRenderingContext2D,
  word: string,
  left: number,
  bottom: number,
  { width, height }: Size,
): void {
  const size = Math.max(10, Math.round(Math.min(width, height) / 24));
  context.font = `600 ${size}px system-ui, sans-serif`;
  const { width: length } = context.measureText(word);
  context.fillStyle = 'rgb(20 20 20 / 70%)';
  context.beginPath();
  context.roundRect(left + size * 0.6, bottom - size * 2.4, length + size * 1.4, size * 1.8, size * 0.9);
  context.fill();
  context.fillStyle = '#fff';
  context.textBaseline = 'middle';
  context.fillText(word, left + size * 1.3, bottom - size * 1.5);
}

/** The square of a photo around a part of it, as far as the photo has one. */
export function squareAround([left, top, right, bottom]: Area, photo: Size): { x: number; y: number; side: number } {
  const side = Math.min(Math.max(right - left, bottom - top), photo.width, photo.height);
  const along = (middle: number, length: number) => Math.min(Math.max(0, middle - side / 2), length - side);
  return { x: along((left + right) / 2, photo.width), y: along((top + bottom) / 2, photo.height), side };
}
