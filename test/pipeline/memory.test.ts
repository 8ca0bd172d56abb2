// Devices without memory: every buffer of a call may be the one that there is no room for. The error is typed, and nothing stays behind.

import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Device } from '../../src/gpu/device.js';
import { generatedWeights } from '../../src/models/networks.js';
import type { Restorer } from '../../src/pipeline/restorer.js';
import { testDevice } from '../device.js';
import { TINY } from '../tiny.js';
import { landmarksAt, restorerWith, scene } from './scene.js';

let device: Device;
let restorer: Restorer;
beforeAll(async () => {
  device = await testDevice();
  restorer = await restorerWith({ weights: generatedWeights('codeformer', TINY, 3) });
});
afterAll(() => restorer.destroy());

const photo = scene(160, 100);
const faces = [{ landmarks: landmarksAt(60, 50, 60) }];

const calls: [string, () => Promise<unknown>][] = [
  ['restore', () => restorer.restore(photo, { faces, grayscale: true })],
  [
    'encode and decode',
    async () => {
      using face = await restorer.encode(photo);
      await face.decode();
      await face.logits();
    },
  ],
  [
    'prepare and render',
    async () => {
      using prepared = await restorer.prepare(photo, { faces });
      await prepared.render({ fidelity: 0.1 });
      await prepared.render({ upscaling: 1 });
    },
  ],
];

/** Makes the device fail at one of the buffers or submits, as the specification has it, or by throwing. */
const failures: [string, (at: () => boolean) => void, first: number][] = [
  [
    'an error scope says so',
    fails => {
      const pop = device.gpu.popErrorScope.bind(device.gpu);
      let number = 0;
      vi.spyOn(device.gpu, 'popErrorScope').mockImplementation(async () => {
        // The scope of memory is the second of three.
        const injected = number++ % 3 === 1 && fails();
        const error = await pop();
        return injected ? ({ message: 'injected' } as GPUError) : error;
      });
    },
    0,
  ],
  [
    'createBuffer throws',
    fails => {
      const create = device.gpu.createBuffer.bind(device.gpu);
      vi.spyOn(device.gpu, 'createBuffer').mockImplementation(descriptor => {
        if (fails()) throw new RangeError('injected');
        return create(descriptor);
      });
    },
    1,
  ],
];

test.each(failures)('no memory: %s', async (_, inject, first) => {
  for (const [name, call] of calls) {
    await call();
    let [count, at] = [0, -1];
    inject(() => count++ === at);
    try {
      await call();
      const all = count;
      const before = device.memory.allocated;
      // Every second place: the other kind of failure comes at those between.
      for (at = first; at < all; at += 2) {
        count = 0;
        const error = await call().then(
          () => null,
          (reason: { code?: string }) => reason,
        );
        // Who has failed before may need less now.
        if (count > at) expect([name, at, error?.code]).toEqual([name, at, 'OUT_OF_MEMORY']);
        expect([name, at, device.memory.allocated - before]).toEqual([
          name,
          at,
          Math.min(0, device.memory.allocated - before),
        ]);
      }
      at = -1;
      await call();
      expect(device.memory.allocated).toBe(before);
    } finally {
      vi.restoreAllMocks();
    }
  }
});

test('a buffer is given back once', async () => {
  const before = device.memory.allocated;
  const buffer = device.buffer('twice', 64);
  device.release(buffer);
  device.release(buffer);
  expect(device.memory.allocated).toBe(before);
});
