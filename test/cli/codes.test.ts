// `codes`, and `restore --codes`, which takes what it prints: with a pretended engine, and once around with a real one.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Engine, type EngineOptions, openEngine } from '../../src/cli/engine.js';
import { decodeImage, encodeImage } from '../../src/node/images.js';
import { type FaceCodes, formatFaceCodes, parseFaceCodes } from '../../src/pipeline/face-codes.js';
import type { RestoreOptions } from '../../src/pipeline/types.js';
import { TINY } from '../tiny.js';
import { CODE_SPACE, codeformer, SIZE, sample } from './harness.js';

const folder = mkdtempSync(join(tmpdir(), 'codeformer-codes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const crop = join(folder, 'crop.png');
const out = join(folder, 'out.png');
beforeAll(async () => writeFileSync(crop, await encodeImage(sample())));

/** Writes a document and returns its path. */
function written(text: string): string {
  const path = join(folder, 'codes.json');
  writeFileSync(path, text);
  return path;
}

const CODES: FaceCodes = { ...CODE_SPACE, size: SIZE, model: 'w.pth', indices: Int32Array.of(0, 1, 2, 3) };

const document = (more: Partial<FaceCodes> = {}) => written(formatFaceCodes({ ...CODES, ...more }));

describe('codes', () => {
  test('prints codes and margins', async () => {
    const { code, stdout, stderr, destroyed } = await codeformer(['codes', crop, '--weights', 'w.pth']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout.toString())).toEqual({
      format: 'codeformer-codes',
      version: 1,
      file: crop,
      size: SIZE,
      ...CODE_SPACE,
      model: 'w.pth',
      indices: [3, 1, 2, 0],
      margins: [0.5, 0.25, 1, 2],
    });
    expect(stderr).toBe('adapter: pretended\n');
    expect(destroyed).toBe(1);
  });

  test('reads stdin, takes one picture', async () => {
    const { stdout } = await codeformer(['codes', '-'], { stdin: readFileSync(crop) });
    expect(JSON.parse(stdout.toString()).file).toBe('-');
    for (const inputs of [[], [crop, crop]])
      expect((await codeformer(['codes', ...inputs])).stderr).toMatch(/^error: Expected IN for codes but received /);
    expect((await codeformer(['codes', folder])).stderr).toMatch(/^error: Expected one picture for codes but /);
    expect((await codeformer(['codes', crop, '--fidelity', '1'])).code).toBe(2);
    expect((await codeformer(['codes', join(folder, 'none.png')])).code).toBe(1);
  });

  test('Ctrl-C', async () => {
    const controller = new AbortController();
    const during = () => controller.abort();
    const { code, stdout } = await codeformer(['codes', crop], { during, signal: controller.signal });
    expect([code, stdout.length]).toEqual([130, 0]);
  });
});

describe('restore --codes', () => {
  const restore = async (path: string, ...flags: string[]) => {
    const args = ['restore', crop, '-o', out, '--overwrite', '--aligned', '--codes', path, ...flags];
    const { code, stderr, calls } = await codeformer(args);
    return { code, stderr, options: calls[0] as RestoreOptions | undefined };
  };

  test('hands on codes and settings', async () => {
    const fidelity = new Float32Array(SIZE * SIZE).fill(1, 9).fill(Math.fround(51 / 255), 9, 20);
    const { code, options } = await restore(document({ fidelity, adain: false }));
    expect(code).toBe(0);
    expect(options).toMatchObject({ indices: { 0: CODES.indices }, fidelity, adain: false });
    expect((await restore(document())).options).toMatchObject({ fidelity: 0.5, adain: undefined });
  });

  test('flags win over the settings', async () => {
    const path = document({ fidelity: 0.25, adain: false });
    expect((await restore(path, '--fidelity', '1', '--adain')).options).toMatchObject({ fidelity: 1, adain: true });
    expect((await restore(document({ adain: true }), '--no-adain')).options).toMatchObject({ adain: false });
  });

  test('--no-adain goes without a document, and for sweeps, too', async () => {
    for (const command of ['restore', 'sweep']) {
      const { calls } = await codeformer([command, crop, '-o', out, '--overwrite', '--aligned', '--no-adain']);
      expect(calls[0]).toMatchObject({ adain: false });
    }
  });

  test('draws anew where flags ask for it', async () => {
    const drawn = document({ sampling: { temperature: 0.7, seed: 3 } });
    expect((await restore(drawn)).options).toMatchObject({ indices: { 0: CODES.indices }, temperature: undefined });
    expect((await restore(drawn, '--seed', '4')).options).toMatchObject({ temperature: 0.7, seed: 4 });
    const { options } = await restore(drawn, '--temperature', '0.1');
    expect(options).toMatchObject({ temperature: 0.1, seed: 3 });
    expect(options).not.toHaveProperty('indices');
    const { code, stderr } = await restore(document(), '--seed', '4');
    expect(code).toBe(2);
    expect(stderr).toMatch(/--temperature as well/);
  });

  test('says the map with --json as documents have it', async () => {
    const path = document({ fidelity: new Float32Array(SIZE * SIZE).fill(1) });
    const args = ['restore', crop, '-o', out, '--overwrite', '--aligned', '--codes', path, '--json'];
    const { stdout } = await codeformer(args);
    // 255, and 63 more of it.
    expect(JSON.parse(stdout.toString()).fidelity).toEqual({ runs: '/z8=' });
  });

  test('is refused for photos', async () => {
    const { code, stderr, opened } = await codeformer(['restore', crop, '-o', out, '--codes', document()]);
    expect([code, opened]).toEqual([2, []]);
    expect(stderr).toMatch(/Expected --aligned as well.* for --codes/);
  });

  test.each([
    ['another network', { fingerprint: 'f'.repeat(64) }, /another one \("w\.pth"\), with fingerprint f{64}\n/],
    ['another size', { size: 16 }, /with size 8, but they are of another one \("w\.pth"\), with size 16\n/],
    ['another codebook', { codebook: 9, model: null }, /another one, with codebook 9\n/],
    ['another grid', { grid: 1, indices: Int32Array.of(0) }, /with grid 1\n/],
  ])('refuses codes of %s', async (_, more, message) => {
    const { code, stderr, options } = await restore(document(more));
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr).toContain('codes.json: ');
    expect(options).toBeUndefined();
  });

  test('refuses documents that are broken or not there before it opens the engine', async () => {
    for (const [path, message] of [
      [written('{'), /codes\.json: expected JSON/],
      [join(folder, 'none.json'), /There is no file/],
      [folder, /cannot be read|not one/],
    ] as const) {
      const { code, stderr, opened } = await codeformer(['restore', crop, '-o', out, '--aligned', '--codes', path]);
      expect([code, opened]).toEqual([1, []]);
      expect(stderr).toMatch(message);
    }
  });
});

test('once around: the same bytes as without codes, other ones for other codes', async () => {
  const weights = join(folder, 'tiny.safetensors');
  const config = ['--config', JSON.stringify(TINY)];
  expect((await codeformer(['weights', 'generate', 'codeformer', ...config, '-o', weights])).code).toBe(0);
  const input = join(folder, 'face.png');
  writeFileSync(input, await encodeImage(sample(TINY.size, TINY.size)));

  // One engine for all runs: to open one takes longest.
  let engine: Engine | undefined;
  const shared = async (options: EngineOptions): Promise<Engine> => {
    const { size, info, ...rest } = (engine ??= await openEngine(options));
    const own = engine;
    const methods = { restore: own.restore.bind(own), encode: own.encode.bind(own) };
    return { ...rest, size, info, ...methods, destroy: async () => {} } as Engine;
  };
  const run = async (...args: string[]) => {
    const flags = ['--weights', weights, '--adapter', 'software'];
    const { code, stdout, stderr } = await codeformer([...args, ...flags], { openEngine: shared });
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('error')]);
    return stdout.toString();
  };
  const restored = async (...flags: string[]) => {
    await run('restore', input, '--aligned', '-o', out, '--overwrite', ...flags);
    return (await decodeImage(readFileSync(out))).data;
  };
  try {
    const text = await run('codes', input);
    const codes = parseFaceCodes(text, 'codes');
    expect(codes).toMatchObject({ size: TINY.size, codebook: TINY.codebook, model: weights });
    expect(codes.indices.length).toBe(codes.grid ** 2);

    const plain = await restored();
    expect(await restored('--codes', written(text))).toEqual(plain);

    const indices = codes.indices.map((code, i) => (i === 0 ? (code + 1) % TINY.codebook : code));
    const swapped = written(formatFaceCodes({ ...codes, indices }));
    const other = await restored('--codes', swapped);
    expect(other).not.toEqual(plain);
    expect(await restored('--codes', swapped, '--no-adain')).not.toEqual(other);

    const half = new Float32Array(TINY.size ** 2).fill(1, TINY.size ** 2 / 2);
    const mapped = await restored('--codes', written(formatFaceCodes({ ...codes, fidelity: half })));
    expect(mapped).not.toEqual(plain);
    expect(mapped).not.toEqual(await restored('--fidelity', '1'));
  } finally {
    await engine?.destroy();
  }
});
