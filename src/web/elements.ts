// Pictures that a page shows: canvases and image elements.

import { CodeFormerError, describe } from '../errors.js';
import type { PictureElement } from '../pipeline/types.js';

/** Workers know only some of the kinds. */
export const isElement = (value: unknown): value is PictureElement =>
  [globalThis.HTMLCanvasElement, globalThis.OffscreenCanvas, globalThis.HTMLImageElement].some(
    kind => kind !== undefined && value instanceof kind,
  );

/**
 * What an element shows, upright and in its own size, whatever its size on the page.
 * @throws `INVALID_IMAGE` for an element without a picture
 */
export async function bitmapOf(element: PictureElement): Promise<ImageBitmap> {
  try {
    if ('decode' in element) await element.decode();
    return await createImageBitmap(element);
  } catch (cause) {
    const message = `photo: ${describe(element)} has no picture: ${(cause as Error).message}`;
    throw new CodeFormerError('INVALID_IMAGE', message, { cause });
  }
}
