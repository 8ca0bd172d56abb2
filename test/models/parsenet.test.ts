// The parser as callers use it, on generated weights and small pictures; what its numbers are, the oracle test checks.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { generatedWeights } from '../../src/models/networks.js';
import { ParseNet } from '../../src/models/parsenet/parsenet.js';
import { DevicePicture } from '../../src/pixels/device-picture.js';
import { testDevice } from '../device.js';

const SIDE = 48;
const PIXELS = SIDE * SIDE;
const weights = generatedWeights('parsenet', undefined, 5);

function pictureOf(seed: number, channels = 4) {
  const data = Uint8Array.from({ length: channels * PIXELS }, (_, i) => (Math.imul(i + seed, 2654435761) >>> 9) & 255);
  return { data, width: SIDE, height: SIDE };
}

let parser: ParseNet;
beforeAll(async () => {
  parser = await ParseNet.load(await testDevice(), weights, { size: SIDE });
});
afterAll(() => parser.destroy());

test('labels are those of the largest logits', async () => {
  const parsed = await parser.parse(pictureOf(1));
  const logits = await parsed.logits();
  expect(logits.length).toBe(19 * PIXELS);
  const largest = Uint8Array.from({ length: PIXELS }, (_, pixel) => {
    const values = Array.from({ length: 19 }, (_, c) => logits[c * PIXELS + pixel]!);
    return values.indexOf(Math.max(...values));
  });
  expect(parsed.labels).toEqual(largest);
  expect(new Set(largest).size).toBeGreaterThan(1);
});

test('logits of an earlier picture, of pixels as they were', async () => {
  const picture = pictureOf(2);
  const first = await parser.parse(picture);
  const wanted = await first.logits();
  picture.data.fill(0);
  await parser.parse(pictureOf(3));
  expect(await first.logits()).toEqual(wanted);
  expect(await first.logits()).toEqual(wanted);
});

test('RGB, and labels that stay on the device', async () => {
  const rgb = pictureOf(4, 3);
  const { labels } = await parser.parse(rgb);
  const uploaded = await DevicePicture.upload(parser.device, rgb);
  const { allocated } = parser.device.memory;
  const buffer = await parser.parseOnDevice(uploaded);
  expect(new Uint8Array(await parser.device.read(buffer))).toEqual(labels);
  parser.device.release(buffer);
  expect(parser.device.memory.allocated).toBe(allocated);
  uploaded.destroy();
});

test('an aborted call does not disturb the next one', async () => {
  const { labels } = await parser.parse(pictureOf(5));
  const signal = AbortSignal.abort();
  await expect(parser.parse(pictureOf(6), { signal })).rejects.toMatchObject({ code: 'ABORTED' });
  expect((await parser.parse(pictureOf(5))).labels).toEqual(labels);
});

test('wrong arguments, and a network that was destroyed', async () => {
  const device = await testDevice();
  const { allocated } = device.memory;
  const code = { code: 'INVALID_ARGUMENT' };
  const small = { data: new Uint8Array(4 * 16 * 16), width: 16, height: 16 };
  await expect(parser.parse(small)).rejects.toMatchObject(code);
  for (const size of [16, 40, 512.5])
    await expect(ParseNet.load(device, weights, { size })).rejects.toMatchObject(code);
  const wrong = generatedWeights('retinaface-mobile', undefined, 1);
  await expect(ParseNet.load(device, wrong)).rejects.toMatchObject({ code: 'WEIGHTS_MISMATCH' });
  const other = await ParseNet.load(device, weights, { size: 32 });
  other.destroy();
  other.destroy();
  const picture = { data: new Uint8Array(4 * 32 * 32), width: 32, height: 32 };
  await expect(other.parse(picture)).rejects.toMatchObject({ code: 'DESTROYED' });
  expect(device.memory.allocated).toBe(allocated);
});
