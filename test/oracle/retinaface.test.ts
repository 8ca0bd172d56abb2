// The detector against the recorded outputs of the original, for both backbones, and its faces on whole photos.

import { readFile } from 'node:fs/promises';
import { PNG } from 'pngjs';
import { describe, expect, test } from 'vitest';
import type { Picture } from '../../src/image/picture.js';
import { generatedWeights } from '../../src/models/networks.js';
import { RetinaFace } from '../../src/models/retinaface/retinaface.js';
import { readImageFile } from '../../src/node/images.js';
import { openWeights } from '../../src/node/weights.js';
import { resize } from '../../src/pixels/pixels.js';
import type { Weights } from '../../src/weights/weights.js';
import { EXECUTORS, executorNamed } from '../device.js';
import { oracle, shared } from '../shared.js';

const mobile = () => openWeights(shared('weights', 'retinaface-mobile0.25', 'legacy.pth'));

/** BGR bytes [height, width, 3] as an RGB picture. */
async function recordedPicture(recorded: Weights) {
  const { shape, data } = await recorded.tensor('image_bgr');
  const bgr = data as Uint8Array;
  const rgb = Uint8Array.from({ length: bgr.length }, (_, i) => bgr[i - (i % 3) + 2 - (i % 3)]!);
  return { data: rgb, width: shape[1]!, height: shape[0]! };
}

/** The pixels of a photo as OpenCV reads them: it knows nothing of colour profiles. */
async function photoAsRecorded(path: string): Promise<Picture> {
  if (!path.endsWith('.png')) return readImageFile(path);
  const { data, width, height } = PNG.sync.read(await readFile(path));
  return { data: new Uint8Array(data), width, height };
}

function worst(got: ArrayLike<number>, want: ArrayLike<number>): number {
  expect(got.length).toBe(want.length);
  return Array.from(want).reduce((most, value, i) => Math.max(most, Math.abs(value - got[i]!)), 0);
}

oracle.each(EXECUTORS)('raw outputs on %s', executor => {
  test.each([
    ['retinaface-mobile', mobile],
    ['retinaface-resnet50', (seed: number) => generatedWeights('retinaface-resnet50', undefined, seed)],
  ] as const)('%s', async (name, weights) => {
    const recorded = await openWeights(shared('fixtures', `${name}.safetensors`));
    const source = await weights(Number(recorded.metadata.seed));
    const detector = await RetinaFace.load(await executorNamed(executor, false), source);
    const outputs = await detector.forward(await recordedPicture(recorded));
    for (const key of ['loc', 'conf', 'landms'] as const)
      expect(worst(outputs[key], await recorded.float32(key)), key).toBeLessThanOrEqual(1e-3);
    detector.destroy();
    await source.close();
    await recorded.close();
  });
});

oracle.each(EXECUTORS)('faces of photos on %s', executor => {
  describe.each(['group-00.jpg', 'group-06.png', 'portrait-04.jpg'])('%s', photo => {
    test('boxes, landmarks and scores', async () => {
      const device = await executorNamed(executor, false);
      const recorded = await openWeights(shared('fixtures', `detect-mobile-${photo.split('.')[0]}.safetensors`));
      const source = await mobile();
      const detector = await RetinaFace.load(device, source);
      const { width, height, scale } = recorded.metadata as Record<'width' | 'height' | 'scale', string>;
      let picture = await photoAsRecorded(shared('images', photo));
      // The original enlarges small photos before it looks for faces.
      const side = Math.min(picture.width, picture.height);
      if (side < 512) picture = await resize(device, picture, { factor: 512 / side });
      const filter = Number(scale) < 1 ? 'area' : 'linear';
      const size = { width: Number(width), height: Number(height), filter } as const;
      const faces = await detector.detect(await resize(device, picture, size));
      const rows = faces.flatMap(({ box, score, landmarks }) => [...box, score, ...landmarks.flat()]);
      const want = await recorded.float32('rows');
      expect(worst(rows, want)).toBeLessThanOrEqual(0.05);
      const scores = (values: ArrayLike<number>) => Array.from(values).filter((_, i) => i % 15 === 4);
      expect(worst(scores(rows), scores(want))).toBeLessThanOrEqual(1e-3);
      detector.destroy();
      await source.close();
      await recorded.close();
    });
  });
});
