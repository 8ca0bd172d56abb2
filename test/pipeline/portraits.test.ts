// The networks of the package on the two portraits in docs/samples: each face is found and restored, upright and turned.

import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readImageFile } from '../../src/node/images.js';
import { createRestorer } from '../../src/node/restorer.js';
import type { Restorer } from '../../src/pipeline/restorer.js';
import { warpAffine } from '../../src/pixels/pixels.js';
import { testExecutor } from '../device.js';

let restorer: Restorer;
beforeAll(async () => {
  restorer = await createRestorer({ device: await testExecutor() });
  expect(restorer.info.networks).toMatchObject({ parser: null, upscaler: { network: 'residual-upscaler' } });
});
afterAll(() => restorer?.destroy());

const sample = (name: string) => readImageFile(fileURLToPath(new URL(`../../docs/samples/${name}`, import.meta.url)));

test.each([
  ['hopper.jpg', 0],
  ['hopper.jpg', 20],
  ['astronaut.png', 0],
  ['astronaut.png', -20],
  ['hopper.jpg', 90],
  ['astronaut.png', 180],
])('%s, turned by %d degrees', async (name, turn) => {
  const photo = await sample(name);
  const { width, height } = photo;
  const [cos, sin] = [Math.cos((turn * Math.PI) / 180), Math.sin((turn * Math.PI) / 180)];
  const [cx, cy] = [width / 2, height / 2];
  const matrix = [cos, -sin, cx - cos * cx + sin * cy, sin, cos, cy - sin * cx - cos * cy];
  const turned = turn === 0 ? photo : await warpAffine(await testExecutor(), photo, matrix, { width, height });
  const { faces, image } = await restorer.restore(turned, { upscaling: 1 });
  expect(faces.length).toBe(1);
  const { score, transform, indices, warnings } = faces[0]!;
  expect(score).toBeGreaterThan(0.9);
  const roll = (-Math.atan2(transform[3]!, transform[0]!) * 180) / Math.PI;
  const off = Math.abs(roll - turn) % 360;
  expect(Math.min(off, 360 - off)).toBeLessThan(8);
  expect(indices!.length).toBe(256);
  expect(warnings).toEqual([]);
  expect([image.width, image.height]).toEqual([width, height]);
});
