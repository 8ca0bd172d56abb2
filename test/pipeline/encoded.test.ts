// From an encoded photo to an encoded result: what decoding tells, what of it is kept, and what is refused before any work.

import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage, encodeImage } from '../../src/node/images.js';
import type { Restorer } from '../../src/pipeline/restorer.js';
import { restorerWith } from './scene.js';

const options = { faces: [], upscaling: 2 } as const;

describe('an encoded photo', () => {
  let restorer: Restorer;
  let photo: Buffer;

  beforeAll(async () => {
    restorer = await restorerWith({ weights: null });
    const image = sharp({ create: { width: 24, height: 16, channels: 3, background: '#c86432' } });
    const exif = { IFD0: { Copyright: 'Jane Doe', Orientation: '6' }, IFD2: { PixelXDimension: '24' } };
    photo = await image.withExif(exif).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  });
  afterAll(() => restorer.destroy());

  test('gives its EXIF data to an encoded result, unless that is not wanted', async () => {
    const exifOf = async (bytes: Uint8Array) => (await sharp(bytes).metadata()).exif?.toString('latin1') ?? '';
    for (const output of ['png', 'jpeg', 'webp'] as const) {
      const { image, width, height } = await restorer.restore(photo, { ...options, output });
      expect([width, height]).toEqual([32, 48]);
      expect(await exifOf(image), output).toContain('Jane Doe');
      const { width: seen, orientation = 1 } = await sharp(image).metadata();
      expect([seen, orientation], output).toEqual([32, 1]);
      const without = await restorer.restore(photo, { ...options, output, metadata: 'none' });
      expect(await exifOf(without.image), output).toBe('');
    }
    // Also where the caller decoded it.
    const { image } = await restorer.restore(await decodeImage(photo), { ...options, output: 'png' });
    expect(await exifOf(image)).toContain('Jane Doe');
    const swept = await restorer.sweep(photo, { faces: [], fidelity: [0.5], output: 'jpeg' });
    expect(await exifOf(swept.images[0]!.image)).toContain('Jane Doe');
    const prepared = await restorer.prepare(photo, options);
    expect(await exifOf((await prepared.render({ output: 'webp' })).image)).toContain('Jane Doe');
    expect(await exifOf((await prepared.render({ output: 'webp', metadata: 'none' })).image)).toBe('');
    prepared.destroy();
  });

  test('that ends early is a result with a warning', async () => {
    const { warnings } = await restorer.restore(photo.subarray(0, -2), options);
    expect(warnings).toEqual(['the JPEG ends early: hardly anything is missing']);
    const prepared = await restorer.prepare(photo.subarray(0, -2), options);
    expect(prepared.warnings).toEqual(warnings);
    prepared.destroy();
  });

  test('with transparency goes on white in JPEG, or on another colour, with a warning', async () => {
    const clear = await encodeImage({ data: new Uint8ClampedArray(4 * 64), width: 8, height: 8 });
    const white = await restorer.restore(clear, { ...options, output: 'jpeg' });
    expect(white.warnings).toEqual(['JPEG has no transparency: the result was put on white']);
    expect([...(await decodeImage(white.image)).data.subarray(0, 3)]).toEqual([255, 255, 255]);
    const grey = await restorer.restore(clear, { ...options, output: 'jpeg', background: '#808080' });
    expect(grey.warnings).toEqual(['JPEG has no transparency: the result was put on #808080']);
    expect([...(await decodeImage(grey.image)).data.subarray(0, 3)]).toEqual([128, 128, 128]);
    expect((await restorer.restore(clear, { ...options, output: 'png' })).warnings).toEqual([]);
    expect((await restorer.restore(clear, options)).warnings).toEqual([]);
  });

  test('too large for the format of the result is refused before the work', async () => {
    const wide = await encodeImage({ data: new Uint8ClampedArray(3 * 9000).fill(9), width: 9000, height: 1 });
    const stages: string[] = [];
    const onProgress = ({ stage }: { stage: string }) => stages.push(stage);
    const made = restorer.restore(wide, { ...options, output: 'webp', onProgress });
    await expect(made).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' });
    await expect(made).rejects.toThrow(
      'the result: expected sides of at most 16383 pixels for WebP but it has 18000x2',
    );
    expect(new Set(stages)).toEqual(new Set(['decode']));
    expect((await restorer.restore(wide, { ...options, output: 'jpeg' })).width).toBe(18_000);
  });

  test.each([{ background: 'red' }, { background: 7 }, { metadata: 'all' }, { metadata: null }])(
    'refuses %o',
    async wrong => {
      const made = restorer.restore(photo, { ...options, ...(wrong as object) });
      await expect(made).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    },
  );
});
