// Photos that are no plain rectangles of colours: cut-outs, toned black-and-white photos, faces that the edge of the photo cuts.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Picture } from '../../src/image/picture.js';
import { ResidualUpscaler } from '../../src/models/residual-upscaler/residual-upscaler.js';
import { openWeights } from '../../src/node/weights.js';
import type { Restorer } from '../../src/pipeline/restorer.js';
import type { OwnFace } from '../../src/pipeline/types.js';
import { gaussianBlur, resize } from '../../src/pixels/pixels.js';
import { testExecutor } from '../device.js';
import { colour, landmarksAt, restorerWith, scene } from './scene.js';

let restorer: Restorer;
beforeAll(async () => {
  restorer = await restorerWith();
});
afterAll(() => restorer.destroy());

/** Each pixel by its colour and place. */
function painted(
  { data, width, height }: Picture,
  paint: (pixel: number[], x: number, y: number) => number[],
): Picture {
  const out = new Uint8ClampedArray(data);
  for (let i = 0; i < out.length; i += 4)
    out.set(paint([...data.subarray(i, i + 4)], (i / 4) % width, Math.floor(i / 4 / width)), i);
  return { data: out, width, height };
}

const range = (values: Iterable<number>) => {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return [low, high] as const;
};

const FLAT = [200, 150, 100] as const;

/** How far the visible pixels of a picture are from one colour, weighed by their alpha, in levels. */
function worstVisible({ data }: Picture): number {
  let worst = 0;
  for (let i = 0; i < data.length; i += 4)
    for (let c = 0; c < 3; c++)
      worst = Math.max(worst, (Math.abs(data[i + c]! - FLAT[c]!) * (data[i + 3] ?? 255)) / 255);
  return worst;
}

describe('a cut-out', () => {
  /** One colour in a circle whose edge is soft by a pixel; another one hidden around it. */
  const cutOut = (hidden: readonly number[]) =>
    painted(scene(90, 70), (_, x, y) => {
      const alpha = Math.round(255 * Math.min(Math.max(30.5 - Math.hypot(x - 45, y - 35), 0), 1));
      return [...(alpha > 0 ? FLAT : hidden), alpha];
    });
  const faces: readonly OwnFace[] = [{ landmarks: landmarksAt(45, 30, 50) }];
  const asItIs = (crop: Picture) => crop;

  describe.each([
    ['black', [0, 0, 0]],
    ['magenta', [255, 0, 255]],
  ])('over hidden %s', (_, hidden) => {
    const photo = cutOut(hidden);

    test.each([0.6, 1, 1.5, 2])('has no line around it at %d times its size', async upscaling => {
      const crops: Picture[] = [];
      const restoreFace = (crop: Picture) => {
        crops.push(crop);
        return crop;
      };
      const { image } = await restorer.restore(photo, { faces, upscaling, restoreFace });
      expect(worstVisible(image)).toBeLessThanOrEqual(1.5);
      // Networks see no edge at all.
      expect(worstVisible(crops[0]!)).toBeLessThanOrEqual(1);
      const alpha = image.data.filter((_, i) => i % 4 === 3);
      expect(range(alpha)).toEqual([0, 255]);
    });

    test('has none by an upscaler', async () => {
      const seen: Picture[] = [];
      const upscale = async (picture: Picture, scale: number) => {
        seen.push(picture);
        const size = { width: scale * picture.width, height: scale * picture.height };
        return resize(await testExecutor(), picture, { ...size, filter: 'lanczos4' });
      };
      const options = { faces, backgroundUpscale: true, faceUpscale: false, upscale, restoreFace: asItIs };
      const { image } = await restorer.restore(photo, options);
      expect(worstVisible(seen[0]!)).toBeLessThanOrEqual(1);
      expect(worstVisible(image)).toBeLessThanOrEqual(1.5);
      expect(range(image.data.filter((_, i) => i % 4 === 3))).toEqual([0, 255]);
    });

    test('has none where it is an aligned crop', async () => {
      const seen: Picture[] = [];
      const restoreFace = (crop: Picture) => {
        seen.push(crop);
        return crop;
      };
      const { image } = await restorer.restore(photo, { aligned: true, restoreFace });
      expect(worstVisible(seen[0]!)).toBeLessThanOrEqual(1);
      expect(worstVisible(image)).toBeLessThanOrEqual(1.5);
      expect(image.data[3]).toBe(0);
    });
  });

  test('of a grey photo is grey, whatever is hidden', async () => {
    const grey = painted(cutOut([255, 0, 255]), ([r, g, b, a], x) =>
      a! > 0 ? [90 + x, 90 + x, 90 + x, a!] : [r!, g!, b!, a!],
    );
    const red = (crop: Picture) => painted(crop, ([r]) => [r!, r! >> 1, 40, 255]);
    const { image } = await restorer.restore(grey, { faces, upscaling: 1, restoreFace: red });
    const [low, high] = range(colour(image, 45, 30));
    expect(high - low).toBeLessThanOrEqual(1);
  });

  test('by the upscaler on its own', async () => {
    const device = await testExecutor();
    const weights = await openWeights('embedded', { role: 'upscaler' });
    const upscaler = await ResidualUpscaler.load(device, weights);
    expect(worstVisible(await upscaler.upscale(cutOut([255, 0, 255])))).toBeLessThan(3);
    upscaler.destroy();
    await weights.close();
  });
});

describe('a face that the edge of the photo cuts', () => {
  /** Bright skin on all sides, so that a grey strip would be seen. */
  const photo = painted(scene(120, 120), ([r, g, b]) => [220 + r! / 12, 170 + g! / 12, 140 + b! / 12, 255]);
  // What networks do at least: what lies beside a pixel has its share in it.
  const blurred = async (crop: Picture) => gaussianBlur(await testExecutor(), crop, { size: 61 });

  test.each([
    ['on one side', landmarksAt(20, 60, 90)],
    ['in a corner, turned', landmarksAt(100, 105, 90, 25)],
    ['on all sides', landmarksAt(60, 60, 200)],
  ])('%s: no strip of another colour', async (_, landmarks) => {
    const { image, faces } = await restorer.restore(photo, {
      faces: [{ landmarks }],
      upscaling: 1,
      restoreFace: blurred,
    });
    const differences = image.data.map((value, i) => Math.abs(value - photo.data[i]!));
    expect(range(differences)[1]).toBeLessThanOrEqual(6);
    expect(range(faces[0]!.crop.data)[0]).toBeGreaterThanOrEqual(140);
  });
});

describe('a toned photo', () => {
  const TONES: Record<string, (grey: number) => number[]> = {
    sepia: grey => [1.35 * grey, 1.2 * grey, 0.94 * grey].map(value => Math.min(Math.round(value), 255)),
    yellowed: grey => [grey, grey, 0.8 * grey].map(Math.round),
    blue: grey => [0.75 * grey, 0.9 * grey, 30 + 0.88 * grey].map(Math.round),
  };
  const greyScene = painted(scene(180, 120), ([r, g, b]) => {
    const grey = Math.round((r! + g! + b!) / 3);
    return [grey, grey, grey, 255];
  });
  const faces: readonly OwnFace[] = [{ landmarks: landmarksAt(80, 60, 70) }];
  /** What a network makes of it: other greys, and colours of its own. */
  const coloured = (crop: Picture) =>
    painted(crop, ([r, g, b], x) => [r! + 25, g! - 10, b! + ((x >> 5) % 2 === 0 ? 40 : -20), 255]);
  const luma = ([r, g, b]: readonly number[]) => 0.2989 * r! + 0.587 * g! + 0.114 * b!;

  /** How far colours are from those that the photo has for their greys. */
  function worstTone({ data }: Picture, tone: (grey: number) => number[]): number {
    const known = Array.from({ length: 256 }, (_, grey) => tone(grey));
    let worst = 0;
    // A few hundred pixels all over the picture.
    const step = 4 * (2 * Math.floor(data.length / 3200) + 1);
    for (let i = 0; i < data.length; i += step) {
      const pixel = [...data.subarray(i, i + 3)];
      const distances = known.map(wanted => Math.max(...wanted.map((value, c) => Math.abs(value - pixel[c]!))));
      worst = Math.max(worst, Math.min(...distances));
    }
    return worst;
  }

  test.each(Object.entries(TONES))('%s keeps its tone', async (_, tone) => {
    const photo = painted(greyScene, pixel => [...tone(pixel[0]!), 255]);
    const { image, faces: found } = await restorer.restore(photo, { faces, upscaling: 1, restoreFace: coloured });
    expect(worstTone(image, tone)).toBeLessThanOrEqual(4);
    expect(worstTone(found[0]!.restored, tone)).toBeLessThanOrEqual(4);
    // The face is there, as light as it was.
    const [before, after] = [photo, image].map(picture => luma(colour(picture, 80, 60)));
    expect(Math.abs(after! - before!)).toBeLessThan(20);
    const aligned = await restorer.restore(photo, { aligned: true, restoreFace: coloured });
    expect(worstTone(aligned.image, tone)).toBeLessThanOrEqual(4);
    const free = await restorer.restore(photo, { faces, upscaling: 1, restoreFace: coloured, grayscale: false });
    expect(worstTone(free.image, tone)).toBeGreaterThan(15);
  });

  test('one face in colours in a photo that is grey for the rest keeps them', async () => {
    const wide = painted(scene(600, 400), (pixel, x, y) => {
      const grey = Math.round((pixel[0]! + pixel[1]! + pixel[2]!) / 3);
      return Math.hypot(x - 80, y - 60) < 24 ? [180, 60 + (x % 20), 100 - x / 2, 255] : [grey, grey, grey, 255];
    });
    const options = {
      faces: [{ landmarks: landmarksAt(80, 60, 40) }],
      upscaling: 1,
      restoreFace: (crop: Picture) => crop,
    };
    const { image } = await restorer.restore(wide, options);
    const [r, , b] = colour(image, 80, 60);
    expect(r! - b!).toBeGreaterThan(80);
  });
});
