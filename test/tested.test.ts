// How networks are loaded onto a GPU, which is pretended as they are: what is remembered of it, and when half precision is taken.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { CodeFormerError } from '../src/errors.js';
import type { Executor, TunedShape, Variant } from '../src/executor.js';
import { CodeFormer } from '../src/models/codeformer/codeformer.js';
import { generatedWeights } from '../src/models/networks.js';
import { NOTES } from '../src/node/notes.js';
import type { Sources } from '../src/pipeline/networks.js';
import type { Notes } from '../src/pipeline/platform.js';
import { loadTested, rememberTuning } from '../src/pipeline/tested.js';
import { peakOf } from '../src/selftest/networks.js';
import { testExecutor } from './device.js';
import { TINY } from './tiny.js';

let loads = 0;
let destroyed = 0;
/** The largest activation of the network without metadata. */
let peak = 0;

/** The variant that is wrong. */
let wrong: Variant | null = null;

/** The variant with which networks are refused, though kernels are right. */
let refused: Variant | null = null;

vi.mock(import('../src/selftest/kernels.js'), () => ({
  checkKernels: async ({ variants }) => [
    { name: 'conv', inputs: 1, fault: wrong && variants.includes(wrong) ? 'y[0] = 1, expected 2' : null },
  ],
}));
beforeEach(() => {
  [loads, destroyed, peak, wrong, refused] = [0, 0, 0, null, null];
});

function setting(features: readonly string[] = ['shader-f16'], given?: Notes) {
  let variants: readonly Variant[] = ['winograd', 'workgroup'];
  const applied: string[][] = [];
  const device = {
    lost: new Promise(() => {}),
    check: () => {},
    describe: () => 'Card',
    adapter: { vendor: 'maker', architecture: '', device: '', description: '', software: false },
    features,
    get variants() {
      return variants;
    },
    get precision() {
      return variants.includes('f16') ? 'f16' : 'f32';
    },
    use(used: readonly Variant[]) {
      // It has none of these.
      variants = used.filter(variant => variant !== 'subgroup-matrices');
    },
    tuner: { apply: (shapes: readonly TunedShape[]) => void applied.push(shapes.map(({ choice }) => choice)) },
  } as unknown as Executor;
  const kept = new Map<string, string>();
  const notes = given ?? {
    host: 'test',
    read: async (key: string) => kept.get(key) ?? null,
    write: async (key: string, text: string) => void kept.set(key, text),
  };
  const load = (ranges: { restorer?: string; detector?: string }, half = true, fixed: readonly Variant[] = []) => {
    const source = (name: string, range: string | undefined) => ({
      name,
      kind: name,
      weights: { metadata: range ? { range } : {} },
    });
    const sources = {
      restorer: source('codeformer', ranges.restorer),
      detector: source('retinaface-mobile', ranges.detector),
      parser: null,
      upscaler: null,
    } as unknown as Sources;
    const networks = async () => {
      loads++;
      if (refused && variants.includes(refused))
        throw new CodeFormerError('GPU_ERROR', 'a large tile does not compile');
      const network = { peakOf: async () => peak };
      const all = { detector: network, restorer: network, parser: null, upscaler: null };
      return { ...all, destroy: () => void destroyed++ } as never;
    };
    return loadTested(device, sources, { load: networks, notes, signal: undefined, fresh: false, fixed, half });
  };
  return { device, load, applied, notes };
}

test('what was found is remembered in the cache folder, and found again where that is damaged or cannot be written', async () => {
  const cache = mkdtempSync(join(tmpdir(), 'codeformer-notes-'));
  vi.stubEnv('CODEFORMER_CACHE', cache);
  try {
    // One starts with all variants each time.
    const started = async () => {
      const { device, load } = setting([], NOTES);
      const { verdict } = await load({ restorer: '9807', detector: '227' });
      return { ...verdict, used: device.variants };
    };
    wrong = 'winograd';
    const found = { givenUp: ['winograd'], faults: ['conv: y[0] = 1, expected 2'], used: ['workgroup'] };
    expect(await started()).toEqual({ ...found, remembered: false });
    expect(await started()).toEqual({ ...found, remembered: true });
    const [name] = readdirSync(join(cache, 'adapters')) as [string];
    const file = join(cache, 'adapters', name);
    const note = JSON.parse(readFileSync(file, 'utf8')) as { key: string; text: string };
    const text = (value: object) => JSON.stringify({ ...note, text: JSON.stringify(value) });
    for (const damaged of [
      '',
      'null',
      '{"key":',
      JSON.stringify({ ...note, key: 'of another adapter' }),
      JSON.stringify({ ...note, text: 7 }),
      JSON.stringify({ ...note, text: '{' }),
      text({ givenUp: ['everything'], faults: [] }),
      text({ givenUp: [], faults: [7] }),
      text({ faults: [] }),
    ]) {
      writeFileSync(file, damaged);
      expect(await started(), damaged).toEqual({ ...found, remembered: false });
    }
    expect(await started()).toEqual({ ...found, remembered: true });
    writeFileSync(join(cache, 'no-folder'), '');
    vi.stubEnv('CODEFORMER_CACHE', join(cache, 'no-folder'));
    for (let i = 0; i < 2; i++) expect(await started()).toEqual({ ...found, remembered: false });
    await rememberTuning(setting().device, NOTES, []);
  } finally {
    vi.unstubAllEnvs();
    rmSync(cache, { recursive: true, force: true });
  }
});

test('networks that an adapter refuses, though it computes kernels rightly, are loaded without what it refuses', async () => {
  refused = 'winograd';
  const { device, load } = setting([]);
  const { verdict } = await load({ restorer: '9807', detector: '227' });
  expect(verdict).toMatchObject({ givenUp: ['winograd'], faults: ['networks: a large tile does not compile'] });
  expect(device.variants).toEqual(['workgroup']);
  refused = 'workgroup';
  const none = setting([]);
  expect((await none.load({ restorer: '9807', detector: '227' })).verdict!.givenUp).toEqual(['workgroup']);
});

test('what a tuner found is remembered with what it found before, for each precision', async () => {
  const { device, load, applied, notes } = setting([]);
  const ranges = { restorer: '9807', detector: '227' };
  await load(ranges);
  await rememberTuning(device, notes, [
    { shape: 'a', choice: 'registers', times: {}, leftOut: [] },
    { shape: 'b', choice: 'workgroup', times: {}, leftOut: [] },
  ]);
  await rememberTuning(device, notes, [{ shape: 'b', choice: 'registers', times: {}, leftOut: [] }]);
  await load(ranges);
  expect(applied).toEqual([[], ['registers', 'registers']]);
  const half = setting(['shader-f16'], notes);
  await half.load(ranges);
  expect(half.applied).toEqual([[]]);
});

test.each(['', 'null', '7', '{', '[null]', '[{"shape":1,"choice":"registers"}]', '[{"shape":"a"}]'])(
  'nothing is known of tuning where what is there is damaged: %s',
  async damaged => {
    const { device, load, applied, notes } = setting([]);
    await load({});
    await rememberTuning(device, { ...notes, write: key => notes.write(key, damaged) }, []);
    await load({});
    expect(applied).toEqual([[], []]);
    await rememberTuning(device, notes, [{ shape: 'b', choice: 'registers', times: {}, leftOut: [] }]);
    await load({});
    expect(applied.at(-1)).toEqual(['registers']);
  },
);

test('f16 that is wrong is given up', async () => {
  wrong = 'f16';
  const { device, load } = setting();
  const { verdict } = await load({ restorer: '9807', detector: '227' });
  expect([device.precision, verdict!.givenUp, loads]).toEqual(['f32', ['f16'], 2]);
});

test('what another restorer gave up is not taken from a device that cannot give it up', async () => {
  wrong = 'f16';
  const { notes, load } = setting();
  await load({ restorer: '9807', detector: '227' });
  const shared = setting(['shader-f16'], notes);
  const variants = ['winograd', 'workgroup', 'f16'] as const;
  shared.device.use(variants);
  await expect(shared.load({ restorer: '9807', detector: '227' }, false, ['f16'])).rejects.toMatchObject({
    code: 'GPU_ERROR',
  });
  expect(shared.device.variants).toEqual(variants);
});

test('networks that say so are computed in half precision', async () => {
  const { device, load } = setting();
  await load({ restorer: '9807', detector: '227' });
  expect([device.precision, loads]).toEqual(['f16', 1]);
});

test.each([
  ['where one says that it needs more', { restorer: '60000', detector: '227' }, ['shader-f16'], true],
  ['where the GPU has no half precision', { restorer: '9807', detector: '227' }, [], true],
  ['where it is not left to the restorer', { restorer: '9807', detector: '227' }, ['shader-f16'], false],
])('none are %s', async (_, ranges, features, half) => {
  const { device, load } = setting(features);
  await load(ranges, half);
  expect([device.precision, loads]).toEqual(['f32', 1]);
});

test('networks that say nothing are where they stay far below the end on a picture', async () => {
  const { device, load } = setting();
  peak = 5000;
  await load({ detector: '227' });
  expect([device.precision, loads]).toEqual(['f16', 1]);
});

test.each([10_000, Number.POSITIVE_INFINITY, Number.NaN])(
  'and are not where they reach %f, which is remembered',
  async reached => {
    const { device, load } = setting();
    peak = reached;
    await load({ detector: '227' });
    expect([device.precision, device.variants, loads, destroyed]).toEqual(['f32', ['winograd', 'workgroup'], 2, 1]);
    await load({ detector: '227' });
    expect([device.precision, loads]).toEqual(['f32', 3]);
  },
);

test('the largest activation is that of all layers', async () => {
  const device = await testExecutor();
  const network = await CodeFormer.load(device, generatedWeights('codeformer', TINY, 5));
  const input = Float32Array.from({ length: 3 * TINY.size ** 2 }, (_, i) => Math.sin(0.01 * i * (1 + (i % 7))));
  const names = ['encoder.0', 'encoder.1', 'lq_feat', 'tokens.0', 'adain'];
  const traced = await network.trace(input, { names });
  const shown = Math.max(...Object.values(traced).flatMap(values => Array.from(values, Math.abs)));
  const before = device.memory.allocated;
  const found = await network.peakOf(() => network.trace(input, { names: [] }));
  expect(found).toBeGreaterThanOrEqual(shown);
  expect(found).toBeLessThan(100 * shown);
  expect(await network.peakOf(async () => {})).toBe(0);
  expect(await peakOf('restorer', network)).toBeGreaterThan(0);
  expect(device.memory.allocated).toBeLessThanOrEqual(before + 2 ** 22);
  network.destroy();
});
