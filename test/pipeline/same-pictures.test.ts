// Pictures on WebAssembly beside those of SwiftShader: the same codes, and levels that differ by one at most, by two in compat mode.

import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readImageFile } from '../../src/node/images.js';
import { createRestorer } from '../../src/node/restorer.js';
import type { RestoreResult } from '../../src/pipeline/types.js';
import { testDevice, testExecutor } from '../device.js';
import { shared, sharedFolder } from '../shared.js';
import { largestDifference } from './scene.js';

const sample = (name: string) => fileURLToPath(new URL(`../../docs/samples/${name}`, import.meta.url));

async function compare(path: string, { compat = false } = {}): Promise<void> {
  const photo = await readImageFile(path);
  const results: RestoreResult[] = [];
  for (const device of [await testDevice(false), await testExecutor()]) {
    await using restorer = await createRestorer({ device });
    // Compat mode rounds places to 1/32 of a pixel, and the last digits of landmarks decide which way.
    const faces = compat ? results[0]?.faces.map(({ landmarks }) => ({ landmarks })) : undefined;
    results.push(await restorer.restore(photo, { compat, faces }));
  }
  const [want, got] = results as [RestoreResult, RestoreResult];
  expect(got.faces.length).toBe(want.faces.length);
  for (const [i, { indices }] of got.faces.entries()) expect(indices).toEqual(want.faces[i]!.indices);
  // Compat mode rounds faces to whole levels before it pastes them, and the result once more.
  expect(largestDifference(got.image, want.image)).toBeLessThanOrEqual(compat ? 2 : 1);
}

describe.each(['hopper.jpg', 'astronaut.png'])('%s', name => {
  test('as it is by default', () => compare(sample(name)));
});

test('in compat mode', () => compare(sample('hopper.jpg'), { compat: true }));

test.skipIf(!sharedFolder)('of four people', () => compare(shared('images', 'group-00.jpg')));
