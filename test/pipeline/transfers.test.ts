// What goes to the device and back for a photo: pictures stay there between the stages.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Executor } from '../../src/executor.js';
import { generatedWeights } from '../../src/models/networks.js';
import { deviceBytes, spilled } from '../../src/pipeline/postprocess.js';
import type { Restorer } from '../../src/pipeline/restorer.js';

import type { RestoreOptions } from '../../src/pipeline/types.js';
import { DevicePicture, DevicePlanes } from '../../src/pixels/device-picture.js';
import { testExecutor } from '../device.js';
import { TINY } from '../tiny.js';
import { landmarksAt, restorerWith, scene } from './scene.js';

const SIDE = 32;
const CROP = 4 * SIDE ** 2;
const [WIDTH, HEIGHT] = [160, 100];
const PHOTO = 4 * WIDTH * HEIGHT;

let device: Executor;
let restorer: Restorer;
beforeAll(async () => {
  device = await testExecutor();
  restorer = await restorerWith({
    weights: generatedWeights('codeformer', TINY, 3),
    upscaler: generatedWeights('rrdbnet', { blocks: 1, channels: 8, growth: 4 }, 11),
  });
});
afterAll(() => restorer.destroy());

/** What the colours of a picture are summed up in. */
const SUMS = 4 * 6 * 256;

/** Sizes of all transfers of pictures of at least a crop, in bytes. */
async function transfers(options: RestoreOptions) {
  const read = vi.spyOn(device, 'read');
  const write = vi.spyOn(device, 'write');
  try {
    const { faces } = await restorer.restore(scene(WIDTH, HEIGHT), options);
    const large = (sizes: number[]) => sizes.filter(size => size >= CROP && size !== SUMS);
    return {
      faces,
      reads: large(read.mock.calls.map(([buffer, offset = 0, size = buffer.size - offset]) => size)),
      // Tables and plans are words.
      writes: large(
        write.mock.calls.map(([, data]) =>
          'BYTES_PER_ELEMENT' in data && data.BYTES_PER_ELEMENT === 1 ? data.byteLength : 0,
        ),
      ),
    };
  } finally {
    vi.restoreAllMocks();
  }
}

describe('an upscaled face', () => {
  const faces = [{ landmarks: landmarksAt(60, 50, 60) }];

  test('is read as a crop and as it is restored, and written once', async () => {
    const { reads, writes, faces: found } = await transfers({ faces });
    expect(found[0]!.timings.upscale).toBeGreaterThan(0);
    expect(reads).toEqual([CROP, CROP, 4 * PHOTO]);
    expect(writes).toEqual([PHOTO, CROP]);
  });

  test('in grey as well', async () => {
    const { reads, writes } = await transfers({ faces, grayscale: true });
    expect(reads).toEqual([CROP, CROP, 4 * PHOTO]);
    expect(writes).toEqual([PHOTO, CROP]);
  });

  test('each one of several', async () => {
    const three = [30, 80, 130].map(x => ({ landmarks: landmarksAt(x, 50, 40) }));
    const { reads, writes } = await transfers({ faces: three });
    expect(reads).toEqual([...Array(6).fill(CROP), 4 * PHOTO]);
    expect(writes).toEqual([PHOTO, ...Array(3).fill(CROP)]);
  });

  test('passes through memory for functions of the caller alone', async () => {
    const upscale = vi.fn(picture => ({
      width: 2 * SIDE,
      height: 2 * SIDE,
      data: new Uint8Array(4 * CROP).fill(picture.data[0]),
    }));
    const { reads, writes } = await transfers({ faces, upscale });
    expect(upscale).toHaveBeenCalledOnce();
    expect(reads).toEqual([CROP, CROP, CROP, 4 * PHOTO]);
    expect(writes).toEqual([PHOTO, CROP, 4 * CROP]);
  });
});

test('faces that the device has no room for wait in memory', async () => {
  const { allocated } = device.memory;
  const nothing = { scale: null, labels: null, indices: null, margin: null, likeness: null };
  const codes = { restored: scene(SIDE, SIDE), ...nothing };
  const size = { width: SIDE, height: SIDE };
  const rgba = await spilled({ ...codes, pasted: await DevicePicture.upload(device, scene(SIDE, SIDE)) }, device);
  expect(rgba.pasted).toEqual(scene(SIDE, SIDE));
  const planes = { data: new Float32Array(3 * SIDE ** 2).map((_, i) => i / 16), ...size };
  const floats = await spilled({ ...codes, pasted: await DevicePlanes.upload(device, planes) }, device);
  expect(floats.pasted).toEqual(planes);
  expect(await spilled(floats, device)).toBe(floats);
  expect([deviceBytes(rgba), device.memory.allocated]).toEqual([0, allocated]);
});
