// The self-test: what it finds, what is given up for it, and what is remembered.

import { describe, expect, test } from 'vitest';
import { CodeFormerError } from '../src/errors.js';
import type { Executor, Variant } from '../src/executor.js';
import { kernelTests } from '../src/kernels/registry.js';
import { generatedWeights } from '../src/models/networks.js';
import { packageVersion } from '../src/node/package.js';
import { createRestorer } from '../src/node/restorer.js';
import { openWeights } from '../src/node/weights.js';
import type { Check } from '../src/selftest/check.js';
import { difference, recordingOf } from '../src/selftest/networks.js';
import { settle } from '../src/selftest/settle.js';
import { VERSION } from '../src/version.js';
import { withMetadata } from '../src/weights/weights.js';
import { TINY } from './tiny.js';

const ALL: readonly Variant[] = ['winograd', 'f16', 'workgroup'];

/** An executor that only knows by which variants it computes, and a test that says what is wrong with these. */
function pretended(wrong: (variants: readonly Variant[]) => readonly string[]) {
  let variants = ALL;
  const executor = {
    get variants() {
      return variants;
    },
    use(used: readonly Variant[]) {
      variants = used;
    },
    describe: () => 'Card',
  } as unknown as Executor;
  const check = async (names: readonly string[] = ['conv', 'attention']): Promise<Check[]> =>
    names.map(name => ({ name, inputs: 1, fault: wrong(variants).includes(name) ? 'y[0] = 1, expected 2' : null }));
  return { executor, check };
}

describe('what is given up', () => {
  const settled = async (wrong: (variants: readonly Variant[]) => readonly string[], fixed: Variant[] = []) => {
    const { executor, check } = pretended(wrong);
    return { ...(await settle(executor, fixed, check)), used: executor.variants };
  };
  const by =
    (name: string, ...culprits: Variant[]) =>
    (variants: readonly Variant[]) =>
      culprits.some(variant => variants.includes(variant)) ? [name] : [];

  test('nothing where all is right', async () => {
    expect(await settled(() => [])).toEqual({ givenUp: [], faults: [], used: ALL });
  });

  test.each(ALL)('%s alone, where that is at fault', async variant => {
    const { givenUp, used, faults } = await settled(by('conv', variant));
    expect({ givenUp, used }).toEqual({ givenUp: [variant], used: ALL.filter(v => v !== variant) });
    expect(faults).toEqual(['conv: y[0] = 1, expected 2']);
  });

  test('two of them', async () => {
    expect(await settled(by('conv', 'winograd', 'f16'))).toMatchObject({
      givenUp: ['winograd', 'f16'],
      used: ['workgroup'],
    });
  });

  test('another one, where something else is wrong without the first', async () => {
    const wrong = (variants: readonly Variant[]) =>
      variants.includes('f16') ? ['conv'] : variants.includes('workgroup') ? ['attention'] : [];
    expect(await settled(wrong)).toMatchObject({ givenUp: ['f16', 'workgroup'], used: ['winograd'] });
  });

  test.each([
    ['everything is wrong', () => ['conv'], []],
    ['what cannot be given up is at fault', by('conv', 'f16'), ['f16']],
  ] as const)('nothing, but an error, where %s', async (_, wrong, fixed) => {
    const { executor, check } = pretended(wrong);
    await expect(settle(executor, fixed, check)).rejects.toMatchObject({
      code: 'GPU_ERROR',
      message: 'Card computes wrongly: conv: y[0] = 1, expected 2',
    });
    expect(executor.variants).toEqual(ALL);
  });

  test('nothing, but an error, where the test ends with one', async () => {
    const { executor, check } = pretended(() => ['conv']);
    let runs = 0;
    const ends = async (names?: readonly string[]) => {
      if (runs++ > 0) throw new CodeFormerError('ABORTED', 'Aborted');
      return check(names);
    };
    await expect(settle(executor, [], ends)).rejects.toMatchObject({ code: 'ABORTED' });
    expect([runs, executor.variants]).toEqual([2, ALL]);
  });

  test('nothing, but an error, where what is wrong changes', async () => {
    let runs = 0;
    await expect(settled(() => (runs++ % 2 === 0 && runs < 2 ? ['conv'] : []))).rejects.toMatchObject({
      code: 'GPU_ERROR',
    });
  });
});

describe('networks beside what was recorded', () => {
  const recorded = { codes: Array.from({ length: 100 }, (_, i) => i), values: [0, 500, -250] };
  const found = { ...recorded, margins: new Float32Array(100).fill(1) };
  const changed = (index: number, margin: number) => ({
    ...found,
    codes: recorded.codes.with(index, 7000),
    margins: found.margins.with(index, margin),
  });

  test('are right with the same codes and nearly the same values', () => {
    expect(difference('restorer', recorded, found, 'f32')).toBe(null);
    expect(difference('restorer', recorded, { ...found, values: [2, 499, -252] }, 'f32')).toBe(null);
  });

  test.each([
    ['a code that was far from the next one', changed(3, 1), /^code 7000 of token 3, expected 3$/],
    ['a margin that is no number', changed(3, Number.NaN), /^code 7000 of token 3/],
    ['a value', { ...found, values: [0, 510, -250] }, /^value 1 is 0.51, expected 0.5$/],
    ['a value that is no number', { ...found, values: [0, Number.NaN, -250] }, /^value 1 is NaN/],
    ['too few values', { ...found, values: [0] }, /^value 1 is NaN/],
    [
      'many codes that were close',
      { ...found, codes: recorded.codes.map(code => (code < 6 ? 7000 : code)), margins: new Float32Array(100) },
      /^6 of 100 codes differ/,
    ],
  ])('are wrong with %s', (_, got, fault) => {
    expect(difference('restorer', recorded, got, 'f32')).toMatch(fault);
  });

  test('may differ in a code that was close to the next one, and by more in half precision', () => {
    expect(difference('restorer', recorded, changed(3, 0.001), 'f32')).toBe(null);
    expect(difference('restorer', recorded, changed(3, 0.1), 'f32')).not.toBe(null);
    expect(difference('restorer', recorded, changed(3, 0.1), 'f16')).toBe(null);
    expect(difference('upscaler', recorded, { ...found, values: [6, 500, -250] }, 'f32')).not.toBe(null);
    expect(difference('upscaler', recorded, { ...found, values: [6, 500, -250] }, 'f16')).toBe(null);
  });

  test.each([
    ['{"values":"1 -2 3","codes":"4 5"}', { values: [1, -2, 3], codes: [4, 5] }],
    ['{"values":"1"}', { values: [1] }],
    ['{"codes":"4 5"}', null],
    ['{"values":"1 two"}', null],
    ['{"values":[1]}', null],
    ['{', null],
    ['null', null],
    [undefined, null],
  ])('are read from metadata: %s', (check, recording) => {
    expect(recordingOf(check === undefined ? {} : { check })).toEqual(recording);
  });
});

const tiny = generatedWeights('codeformer', TINY, 5);
const nets = { weights: tiny, detector: null, upscaler: null } as const;

test('WebAssembly passes, with the embedded networks', async () => {
  await using restorer = await createRestorer({ adapter: 'wasm' });
  expect(restorer.info.selfTest).toBe(null);
  const { checks, ...result } = await restorer.selfTest();
  expect(checks.filter(({ fault }) => fault !== null)).toEqual([]);
  expect(result).toMatchObject({ passed: true, precision: 'f32', variants: [], givenUp: [], faults: [] });
  const there = kernelTests.filter(({ convolution }) => convolution !== 'subgroup-matrices');
  expect(checks).toHaveLength(there.length + 3);
  expect(checks.every(({ inputs }) => inputs > 0)).toBe(true);
});

test('weights that give something else than what was recorded of them are found', async () => {
  const embedded = await openWeights('embedded', { role: 'upscaler' });
  const { values } = JSON.parse(embedded.metadata.check!) as { values: string };
  const check = JSON.stringify({ values: values.replace(/^-?\d+/, '900') });
  await using restorer = await createRestorer({
    adapter: 'wasm',
    weights: null,
    detector: null,
    upscaler: withMetadata(embedded, { check }),
  });
  await expect(restorer.selfTest()).rejects.toMatchObject({
    code: 'GPU_ERROR',
    message: expect.stringMatching(/computes wrongly: upscaler: value 0 is .*, expected 0.9/),
  });
});

test('options and aborts', async () => {
  await using restorer = await createRestorer({ adapter: 'wasm', ...nets });
  await expect(restorer.selfTest({ fast: true } as object)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(restorer.selfTest({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
});

test('the version is that of the package', async () => {
  expect(VERSION).toBe(await packageVersion());
});
