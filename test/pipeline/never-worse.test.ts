// Faces of which the photo knows as much as the network: left as they are, wholly or in part; and all others restored as before. The face is
// that of a portrait of 512x600 pixels, 400 of which are the crop; a network of 256 is supposed.

import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Picture } from '../../src/image/picture.js';
import { decodeImage, encodeImage, readImageFile } from '../../src/node/images.js';
import { scaling } from '../../src/pipeline/mask.js';
import { faceDetail, faceView, type Share, shareOf } from '../../src/pipeline/never-worse.js';
import { Photo } from '../../src/pipeline/photo.js';
import type { Restorer } from '../../src/pipeline/restorer.js';
import { randomNumbers } from '../../src/pipeline/sampling.js';
import type { RestoreOptions } from '../../src/pipeline/types.js';
import { gaussianBlur, resize, warpAffine } from '../../src/pixels/pixels.js';
import { testExecutor } from '../device.js';
import { colour, flat, landmarksAt, largestDifference, restorerWith } from './scene.js';

const SIDE = 400;
const NETWORK = 256;

let portrait: Picture;
let face: Picture;
beforeAll(async () => {
  portrait = await readImageFile(fileURLToPath(new URL('../../docs/samples/hopper.jpg', import.meta.url)));
  face = await warpAffine(await testExecutor(), portrait, [1, 0, -70, 0, 1, -10], { width: SIDE, height: SIDE });
});

/** What is used of a face that fills a picture. */
async function used(picture: Picture, most?: number, network = NETWORK): Promise<Share> {
  const photo = await Photo.open(await testExecutor(), picture, most);
  const view = faceView(scaling(network / picture.width), network, picture);
  const detail = await photo.detail(view.matrix, view.side, view.rect).finally(() => photo.destroy());
  return shareOf(faceDetail(detail));
}

async function sized(picture: Picture, side: number): Promise<Picture> {
  const filter = side < picture.width ? 'area' : 'lanczos4';
  return resize(await testExecutor(), picture, { width: side, height: side, filter });
}

function noisy(picture: Picture, deviation: number): Picture {
  const random = randomNumbers(1, 0);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const data = new Uint8ClampedArray(picture.data);
  for (let i = 0; i < data.length; i++) if (i % 4 !== 3) data[i] = picture.data[i]! + deviation * normal();
  return { ...picture, data };
}

const compressed = async (picture: Picture, quality: number) =>
  decodeImage(await encodeImage(picture, { type: 'jpeg', quality }));

describe('a face that is left as it is', () => {
  test('larger and sharper than the network', async () => {
    expect(await used(face)).toEqual({ share: 0, untouched: 'it is sharp and clean, with fine detail' });
    // As well where the photo is not on the device.
    expect(await used(face, 1000)).toEqual(await used(face));
  });

  test('by networks of more pixels as well', async () => {
    for (const side of [90, 170, 256]) {
      const picture = await sized(face, side);
      const { share } = await used(picture);
      expect((await used(picture, undefined, 512)).share).toBeCloseTo(share, 6);
    }
  });

  test('sharp and clean in the size of the network', async () => {
    expect(await used(await sized(face, NETWORK))).toMatchObject({ share: 0 });
  });

  test('in JPEG of usual quality', async () => {
    expect(await used(await compressed(face, 85))).toMatchObject({ share: 0 });
  });
});

describe('a face that is restored', () => {
  test.each([90, 60, 30])('of %d pixels', async side => {
    expect(await used(await sized(face, side))).toEqual({ share: 1, untouched: null });
  });

  test('that somebody enlarged before', async () => {
    expect((await used(await sized(await sized(face, 90), 700))).share).toBe(1);
  });

  test('that is blurred', async () => {
    expect((await used(await gaussianBlur(await testExecutor(), face, { size: 25, sigma: 4 }))).share).toBe(1);
  });

  test('that is noisy, at full resolution too', async () => {
    expect((await used(noisy(face, 25))).share).toBe(1);
    expect((await used(noisy(await sized(face, NETWORK), 25))).share).toBe(1);
  });

  test('with strong blocks of JPEG', async () => {
    expect((await used(await compressed(face, 8))).share).toBe(1);
    expect((await used(await compressed(await sized(face, NETWORK), 12))).share).toBe(1);
  });

  test('that is blurred and noisy: noise is no detail', async () => {
    const blurred = await gaussianBlur(await testExecutor(), await sized(face, NETWORK), { size: 15, sigma: 2.5 });
    expect((await used(noisy(blurred, 8))).share).toBe(1);
    // Neither is noise that was enlarged.
    const coarse = noisy(await sized(await gaussianBlur(await testExecutor(), face, { size: 61, sigma: 10 }), 100), 10);
    expect((await used(await sized(coarse, SIDE))).share).toBe(1);
  });
});

test('between both ends the share falls as the face becomes larger', async () => {
  const shares: number[] = [];
  for (const side of [90, 140, 170, 256]) shares.push((await used(await sized(face, side))).share);
  expect(shares).toEqual(shares.toSorted((a, b) => b - a));
  expect(shares[0]).toBe(1);
  expect(shares.at(-1)).toBe(0);
});

describe('the pipeline', () => {
  let restorer: Restorer;
  beforeAll(async () => {
    restorer = await restorerWith();
  });
  afterAll(() => restorer.destroy());
  const RED = flat([250, 10, 20]);
  const faces = [{ landmarks: landmarksAt(270, 210, SIDE) }];
  const restore = (options: RestoreOptions = {}) =>
    restorer.restore(portrait, { faces, upscaling: 1, restoreFace: RED, ...options, output: undefined });
  const isRed = (picture: Picture) => colour(picture, 270, 210)[1]! < 20;

  test('leaves a sharp face, says why, and does not where it is told', async () => {
    const left = await restore();
    expect(left.faces).toMatchObject([{ share: 0, untouched: expect.stringMatching(/sharp|detail/) }]);
    expect(largestDifference(left.image, portrait)).toBe(0);
    // What the network made is told all the same.
    expect(isRed(left.faces[0]!.restored)).toBe(true);
    for (const options of [{ neverWorse: false }, { compat: true }]) {
      const { image, faces } = await restore(options);
      expect(faces).toMatchObject([{ share: 1, untouched: null }]);
      expect(isRed(image)).toBe(true);
    }
  });

  test('measures no face that would be enlarged twice for it', async () => {
    const measured = vi.spyOn(Photo.prototype, 'detail');
    for (const [side, times] of [
      [120, 0],
      [130, 1],
    ] as const) {
      const faces = [{ landmarks: landmarksAt(270, 210, side) }];
      await restorer.restore(portrait, { faces, upscaling: 1, restoreFace: RED });
      expect(measured).toHaveBeenCalledTimes(times);
    }
    measured.mockRestore();
  });

  test('tells it of prepared photos, for which it can be turned off later', async () => {
    const prepared = await restorer.prepare(portrait, { faces, upscaling: 1, restoreFace: RED });
    expect(prepared.faces).toMatchObject([{ share: 0 }]);
    const [left, all] = [await prepared.render(), await prepared.render({ neverWorse: false })];
    expect([isRed(left.image), isRed(all.image)]).toEqual([false, true]);
    expect(all.faces).toMatchObject([{ share: 1, untouched: null }]);
    prepared.destroy();
  });

  test('holds for aligned crops, and not for sweeps', async () => {
    const crop = await sized(face, 512);
    const { image, faces } = await restorer.restore(face, { aligned: true, restoreFace: RED });
    expect(faces).toMatchObject([{ share: 0 }]);
    expect([image.width, image.height]).toEqual([crop.width, crop.height]);
    expect(isRed(image)).toBe(false);
    const swept = await restorer.sweep(face, { aligned: true, restoreFace: RED, fidelity: [0, 1] });
    expect(swept.images.map(({ image }) => isRed(image))).toEqual([true, true]);
  });
});
