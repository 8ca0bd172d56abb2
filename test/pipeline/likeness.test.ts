// How alike restored faces look to those of the photo: what is measured, and where.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Executor } from '../../src/executor.js';
import type { Picture } from '../../src/image/picture.js';
import type { Restorer } from '../../src/pipeline/restorer.js';
import type { RestoreOptions } from '../../src/pipeline/types.js';
import { DevicePicture, scoped } from '../../src/pixels/device-picture.js';
import { likenessOnDevice } from '../../src/pixels/likeness.js';
import { EXECUTORS, executorNamed } from '../device.js';
import { Random } from '../random.js';
import { flat, landmarksAt, restorerWith, scene } from './scene.js';

const measured = (device: Executor, a: Picture, b: Picture) =>
  scoped(async keep =>
    likenessOnDevice(keep(await DevicePicture.upload(device, a)), keep(await DevicePicture.upload(device, b))),
  );

const changed = (picture: Picture, change: (value: number, i: number) => number): Picture => ({
  ...picture,
  data: Uint8ClampedArray.from(picture.data, (value, i) => (i % 4 === 3 ? value : change(value, i))),
});

describe('the measure', () => {
  let devices: Executor[];
  beforeAll(async () => {
    devices = await Promise.all(EXECUTORS.map(name => executorNamed(name)));
  });

  test('is 1 for the same, also brighter and with less contrast, -1 for the negative, 0 where there is nothing', async () => {
    const face = scene(256, 256);
    for (const device of devices) {
      expect(await measured(device, face, face)).toBeCloseTo(1, 9);
      expect(
        await measured(
          device,
          face,
          changed(face, value => value / 2 + 100),
        ),
      ).toBeGreaterThan(0.9995);
      expect(
        await measured(
          device,
          face,
          changed(face, value => 255 - value),
        ),
      ).toBeCloseTo(-1, 3);
      expect(await measured(device, face, flat([9, 9, 9])(face))).toBe(0);
      // Crops may have different sizes.
      expect(await measured(device, face, scene(64, 64))).toBeLessThan(1);
    }
  });

  test('is the correlation of the greens of 32 x 32 pixels in the part where the face is, on every device', async () => {
    const [a, b] = [1, 2].map(seed => {
      const random = new Random(seed);
      return changed(scene(64, 64), () => random.below(256));
    }) as [Picture, Picture];
    const greens = ({ data }: Picture) => {
      const values: number[] = [];
      for (let y = 6; y < 30; y++)
        for (let x = 6; x < 26; x++) {
          const at = (dx: number, dy: number) => data[4 * ((2 * y + dy) * 64 + 2 * x + dx) + 1]!;
          values.push((at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)) / 4);
        }
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      return values.map(value => value - mean);
    };
    const [u, v] = [greens(a), greens(b)];
    const dot = (p: number[], q: number[]) => p.reduce((sum, value, i) => sum + value * q[i]!, 0);
    const want = dot(u, v) / Math.sqrt(dot(u, u) * dot(v, v));
    const got = await Promise.all(devices.map(device => measured(device, a, b)));
    // Shrunk pictures have whole levels.
    expect(got[0]).toBeCloseTo(want, 2);
    expect(got[1]).toBe(got[0]);
    // What lies outside of that part does not count.
    const around = changed(b, (value, i) => ((i >> 2) % 64 < 12 || (i >> 2) >> 6 < 12 ? 0 : value));
    expect(await measured(devices[0]!, a, around)).toBe(got[0]);
  });
});

describe('of restored faces', () => {
  let restorer: Restorer;
  beforeAll(async () => {
    restorer = await restorerWith();
  });
  afterAll(() => restorer.destroy());
  const faces = [{ landmarks: landmarksAt(100, 100, 120) }];
  const common = { faces, upscaling: 1, restoreFace: (crop: Picture) => changed(crop, value => 255 - value) };
  const likenessOf = async (options: RestoreOptions) =>
    (await restorer.restore(scene(200, 200), { ...common, ...options, output: undefined })).faces[0]!.likeness;

  test('is told where it is asked for, but not in compat mode', async () => {
    expect(await likenessOf({})).toBeNull();
    expect(await likenessOf({ likeness: true })).toBeCloseTo(-1, 3);
    expect(await likenessOf({ likeness: true, restoreFace: crop => crop })).toBeCloseTo(1, 9);
    expect(await likenessOf({ likeness: true, aligned: true, restoreFace: crop => crop })).toBeCloseTo(1, 9);
    expect(await likenessOf({ likeness: true, compat: true })).toBeNull();
    await expect(likenessOf({ likeness: 1 as never })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('can be asked for later, of a face that is restored already', async () => {
    const prepared = await restorer.prepare(scene(200, 200), common);
    expect((await prepared.render()).faces[0]!.likeness).toBeNull();
    expect((await prepared.render({ likeness: true })).faces[0]!.likeness).toBeCloseTo(-1, 3);
    prepared.destroy();
  });
});
