// The eight orientations of EXIF: how the stored rows and columns are to be turned and mirrored to stand upright.

import type { Picture } from './picture.js';

/** Whether an orientation exchanges width and height. */
const turnsSides = (orientation: number): boolean => orientation >= 5 && orientation <= 8;

/** An RGBA picture, upright. Orientations other than 2 to 8 mean that it is already. */
export function upright(picture: Picture, orientation: number): Picture {
  if (!(orientation >= 2 && orientation <= 8)) return picture;
  const { width, height } = picture;
  const turned = turnsSides(orientation);
  const to = { width: turned ? height : width, height: turned ? width : height };
  // Where the pixel (x, y) of the upright picture is stored.
  const flipX = [2, 3, 7, 8].includes(orientation);
  const flipY = [3, 4, 6, 7].includes(orientation);
  const data = new Uint8ClampedArray(picture.data.length);
  const source = new DataView(picture.data.buffer, picture.data.byteOffset, picture.data.byteLength);
  const target = new DataView(data.buffer);
  for (let y = 0, at = 0; y < to.height; y++)
    for (let x = 0; x < to.width; x++, at += 4) {
      const column = turned ? y : x;
      const row = turned ? x : y;
      const pixel = (flipY ? height - 1 - row : row) * width + (flipX ? width - 1 - column : column);
      target.setUint32(at, source.getUint32(4 * pixel));
    }
  return { data, ...to };
}
