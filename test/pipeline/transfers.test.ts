// What goes to the device and back for a photo: pictures stay there between the stages.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Device } from '../../src/gpu/device.js';
import { generatedWeights } from '../../src/models/networks.js';
import type { Restorer } from '../../src/pipeline/restorer.js';
import type { RestoreOptions } from '../../src/pipeline/types.js';
import { testDevice } from '../device.js';
import { TINY } from '../tiny.js';
import { landmarksAt, restorerWith, scene } from './scene.js';

const SIDE = 32;
const CROP = 4 * SIDE ** 2;
const [WIDTH, HEIGHT] = [160, 100];
const PHOTO = 4 * WIDTH * HEIGHT;

let device: Device;
let restorer: Restorer;
beforeAll(async () => {
  device = await testDevice();
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
