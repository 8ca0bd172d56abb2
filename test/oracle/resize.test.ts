// The bilinear resize against OpenCV's own results.

import { describe, expect, test } from 'vitest';
import { openWeights } from '../../src/node/weights.js';
import { resize } from '../../src/pixels/pixels.js';
import { testDevice } from '../device.js';
import { shared, sharedFolder } from '../shared.js';

type Values = { shape: number[]; data: Uint8Array };

describe.skipIf(!sharedFolder)('resize', async () => {
  const recorded = sharedFolder ? await openWeights(shared('fixtures', 'pixels.safetensors')) : null;
  const tensor = async (name: string) => (await recorded!.tensor(name)) as Values;

  const compare = async (image: Values, want: Values) => {
    const picture = { data: image.data, width: image.shape[1]!, height: image.shape[0]! };
    const [height, width] = want.shape as [number, number];
    const got = await resize(await testDevice(), picture, { width, height });
    expect(got.data.length).toBe(want.data.length);
    expect(got.data.findIndex((value, i) => value !== want.data[i])).toBe(-1);
  };

  const linear = recorded?.names().filter(name => name.startsWith('resize.linear.')) ?? [];
  test.each(linear)('%s', async name => compare(await tensor('image'), await tensor(name)));

  test('resize.half', async () => {
    const { shape, data } = await tensor('image');
    const [height, width] = [46, 60];
    const cut = new Uint8Array(height * width * 3);
    for (let y = 0; y < height; y++)
      cut.set(data.subarray(y * shape[1]! * 3, (y * shape[1]! + width) * 3), y * width * 3);
    await compare({ shape: [height, width, 3], data: cut }, await tensor('resize.half'));
  });
});
