// The parser against the recorded outputs of the original, on generated weights.

import { expect, test } from 'vitest';
import { generatedWeights } from '../../src/models/networks.js';
import { ParseNet } from '../../src/models/parsenet/parsenet.js';
import { openWeights } from '../../src/node/weights.js';
import { EXECUTORS, executorNamed } from '../device.js';
import { oracle, shared } from '../shared.js';

const SIDE = 512;
const CLASSES = 19;

/** Recorded logits are those of every 16th pixel. */
const STEP = 16;

oracle('parsenet', () => {
  test.each(EXECUTORS)(
    'labels and logits on %s',
    async name => {
      const recorded = await openWeights(shared('fixtures', 'parsenet.safetensors'));
      const weights = generatedWeights('parsenet', undefined, Number(recorded.metadata.seed));
      const parser = await ParseNet.load(await executorNamed(name, false), weights);
      const bgr = (await recorded.tensor('image_bgr')).data as Uint8Array;
      const rgb = Uint8Array.from({ length: bgr.length }, (_, i) => bgr[i - (i % 3) + 2 - (i % 3)]!);
      const parsed = await parser.parse({ data: rgb, width: SIDE, height: SIDE });

      const labels = (await recorded.tensor('labels')).data as Uint8Array;
      const margin = await recorded.float32('margin');
      expect(parsed.labels.length).toBe(labels.length);
      const wrong = labels.findIndex((label, i) => margin[i]! > 0.05 && parsed.labels[i] !== label);
      expect(wrong).toBe(-1);
      const different = labels.filter((label, i) => parsed.labels[i] !== label).length;

      const logits = await parsed.logits();
      const want = await recorded.float32('logits_16');
      const errors = Float64Array.from(want, (value, i) => {
        const [c, row, column] = [Math.floor(i / 1024), Math.floor(i / 32) % 32, i % 32];
        return Math.abs(logits[(c * SIDE + row * STEP) * SIDE + column * STEP]! - value);
      }).sort();
      expect(logits.length).toBe(CLASSES * SIDE * SIDE);
      const mean = errors.reduce((a, b) => a + b, 0) / errors.length;
      const shown = `mean ${mean}, max ${errors.at(-1)}, ${different} labels differ`;
      expect(mean, shown).toBeLessThanOrEqual(1e-4);
      expect(errors[Math.floor(errors.length * 0.999)]!, shown).toBeLessThanOrEqual(2e-3);
      expect(errors.at(-1)!, shown).toBeLessThanOrEqual(2e-2);
      parser.destroy();
      await recorded.close();
    },
    600_000,
  );
});
