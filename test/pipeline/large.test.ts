// Photos that the adapter has no buffers for, pretended by a limit: they go through the device in parts, and come out the same.

import { expect, test } from 'vitest';
import type { Picture } from '../../src/image/picture.js';
import { checkRestoreOptions } from '../../src/pipeline/options.js';
import { meeting, parts } from '../../src/pipeline/photo.js';
import { Report } from '../../src/pipeline/progress.js';
import { PhotoSession } from '../../src/pipeline/session.js';
import { callContext } from '../../src/pipeline/stages.js';
import type { RestoreOptions } from '../../src/pipeline/types.js';
import { testExecutor } from '../device.js';
import { landmarksAt, largestDifference, scene } from './scene.js';

/** Faces apart from each other, two of which overlap. */
const faces = [
  { landmarks: landmarksAt(50, 50, 60, 15) },
  { landmarks: landmarksAt(85, 60, 60) },
  { landmarks: landmarksAt(200, 70, 50) },
];

async function restored(
  options: RestoreOptions,
  maxDeviceBytes: number | undefined,
  photo = scene(260, 120),
): Promise<Picture> {
  const inverted = ({ data, width, height }: Picture) => ({
    data: data.map((value, i) => (i % 4 === 3 ? 255 : 255 - value)),
    width,
    height,
  });
  const settings = checkRestoreOptions({ restoreFace: inverted, faces, ...options }, 512);
  const none = { restorer: null, detector: null, parser: null, upscaler: null };
  const report = new Report(undefined, undefined);
  const device = await testExecutor();
  const context = callContext({ device, networks: none }, settings, report, 512);
  const session = await PhotoSession.open(photo, context, { once: true, measures: true, maxDeviceBytes });
  try {
    return (await session.render(context)).image;
  } finally {
    session.destroy();
  }
}

test.each([
  ['the result', {}, 4 * 260 * 120],
  ['both', {}, 100_000],
  ['both, of one size', { upscaling: 1 }, 60_000],
  ['in compat mode', { compat: true, upscaling: 1 }, 2 ** 20],
  ['over the edge of the photo', { faces: [{ landmarks: landmarksAt(250, 10, 90, 20) }] }, 60_000],
  ['of parsed faces', { parseFace: () => new Uint8Array(512 * 512).fill(1) }, 100_000],
] as const)('%s', async (_, options, most) => {
  const device = await testExecutor();
  const before = device.memory.allocated;
  const got = await restored(options, most);
  const want = await restored(options, undefined);
  expect([got.width, got.height]).toEqual([want.width, want.height]);
  // Where parts of a group are rounded on their own, overlapping faces may differ by a level.
  expect(largestDifference(got, want)).toBeLessThanOrEqual(1);
  expect(device.memory.allocated).toBe(before);
});

test('cut-outs, and toned photos', async () => {
  const photo = scene(260, 120);
  const cutOut = {
    ...photo,
    data: photo.data.map((value, i) => (i % 4 === 3 ? ((i >> 4) % 65 < 40 ? 255 : 0) : value)),
  };
  const sepia = { ...photo, data: photo.data.map((_, i) => [1, 0.8, 0.6, 1.5][i % 4]! * photo.data[i - (i % 4)]!) };
  for (const picture of [cutOut, sepia]) {
    const want = await restored({}, undefined, picture);
    expect(largestDifference(await restored({}, 60_000, picture), want)).toBeLessThanOrEqual(1);
  }
});

test('rectangles are cut into parts that cover them once', () => {
  const cut = parts({ x: 3, y: 5, width: 101, height: 37 }, 500);
  expect(cut.every(({ width, height }) => width * height <= 500)).toBe(true);
  const covered = new Set(
    cut.flatMap(({ x, y, width, height }) =>
      Array.from({ length: width * height }, (_, i) => `${x + (i % width)} ${y + Math.floor(i / width)}`),
    ),
  );
  expect(covered.size).toBe(101 * 37);
  expect(cut.reduce((sum, { width, height }) => sum + width * height, 0)).toBe(101 * 37);
});

test('rectangles that meet, also by way of others, become one', () => {
  const at = (x: number) => ({ x, y: 0, width: 10, height: 10 });
  expect(meeting([at(0), at(16), at(40)])).toEqual([at(0), at(16), at(40)]);
  expect(meeting([at(0), at(16), at(40), at(8)])).toEqual([at(40), { x: 0, y: 0, width: 26, height: 10 }]);
});
