// The readers against files that PyTorch wrote, hostile files, and the tables and generated weights against reference values.

import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { CodeFormerError } from '../../src/errors.js';
import {
  type CodeFormerConfig,
  codeFormerTensors,
  inferConfig,
  OFFICIAL_CONFIG,
  parseConfig,
  validateConfig,
} from '../../src/models/codeformer/tensors.js';
import { generatedWeights, networkTensors, recognizeNetwork } from '../../src/models/networks.js';
import { fileSource } from '../../src/node/file-source.js';
import { elementCount } from '../../src/weights/dtype.js';
import { generateTensor } from '../../src/weights/generated.js';
import { openWeightsSource } from '../../src/weights/open.js';
import { bytesSource } from '../../src/weights/source.js';
import { checkTensors, type Weights } from '../../src/weights/weights.js';
import { oracle, shared, sharedFolder } from '../shared.js';

const open = async (...path: string[]): Promise<Weights> => openWeightsSource(await fileSource(shared(...path)));
const listed = (...path: string[]): string[] => (sharedFolder ? readdirSync(shared(...path)) : ['']);
const json = <T>(...path: string[]): T => JSON.parse(readFileSync(shared(...path), 'utf8'));

async function configOf(file: string): Promise<CodeFormerConfig> {
  const weights = await open('fixtures', `${file}.safetensors`);
  await weights.close();
  return parseConfig(weights)!;
}

interface Expected {
  readonly dtype: string;
  readonly shape: number[];
  readonly values: number[];
  readonly sum: number;
}

oracle('checkpoints of PyTorch', () => {
  test.each(listed('fixtures', 'checkpoints', 'good'))('%s: names, types, shapes and values', async file => {
    const expected = json<Record<string, Record<string, Expected>>>('fixtures', 'checkpoints', 'expect.json')[file]!;
    const weights = await open('fixtures', 'checkpoints', 'good', file);
    expect(weights.names().sort()).toEqual(Object.keys(expected).sort());
    for (const [name, { dtype, shape, values, sum }] of Object.entries(expected)) {
      const tensor = await weights.tensor(name);
      expect([tensor.dtype, tensor.shape]).toEqual([dtype, shape]);
      const numbers = Array.from(tensor.data as Float64Array, Number);
      expect(numbers.slice(0, values.length)).toEqual(values);
      expect(numbers.length).toBe(elementCount(shape));
      expect(numbers.reduce((a, b) => a + b, 0)).toBeCloseTo(sum, 9);
      expect(Array.from(await weights.float32(name))).toEqual(numbers.map(Math.fround));
    }
    await weights.close();
  });

  test.each(listed('fixtures', 'checkpoints', 'bad'))(
    '%s: a typed error with its name, and little read',
    async file => {
      let read = 0;
      const readAll = async () => {
        const source = await fileSource(shared('fixtures', 'checkpoints', 'bad', file));
        const counted = (offset: number, length: number) => {
          read += length;
          return source.read(offset, length);
        };
        const weights = await openWeightsSource({ ...source, read: counted });
        for (const name of weights.names())
          await weights.tensor(name).catch(error => weights.close().then(() => Promise.reject(error)));
        return weights;
      };
      if (file === 'proto.safetensors') {
        const weights = await readAll();
        expect(weights.names()).toEqual(['__proto__', 'constructor']);
        expect(({} as Record<string, unknown>).dtype).toBeUndefined();
        await weights.close();
      } else {
        const error = await readAll().then(
          () => expect.unreachable(`${file} was read`),
          (reason: unknown) => reason,
        );
        expect(error).toBeInstanceOf(CodeFormerError);
        expect((error as CodeFormerError).code).toBe('INVALID_CHECKPOINT');
        expect((error as CodeFormerError).message).toContain(file);
        expect((error as CodeFormerError).message.length).toBeLessThan(1000);
      }
      expect(read).toBeLessThan(20 * 2 ** 20);
    },
  );

  test('real RetinaFace files in both containers have the tensors of the table', async () => {
    for (const file of ['legacy.pth', 'zip.pth']) {
      const weights = await open('weights', 'retinaface-mobile0.25', file);
      expect(recognizeNetwork(weights)).toBe('retinaface-mobile');
      checkTensors(weights, networkTensors('retinaface-mobile'));
      for (const name of weights.names()) {
        const values = await weights.float32(name);
        expect(values.every(Number.isFinite)).toBe(true);
      }
      await weights.close();
    }
  });

  test('the same weights come out of both containers and of the generator, bit for bit', async () => {
    const config = await configOf('codeformer-a');
    const made = generatedWeights('codeformer', config, 7);
    for (const file of ['codeformer-a.zip.pth', 'codeformer-a.legacy.pth']) {
      const weights = await open('fixtures', file);
      expect(recognizeNetwork(weights)).toBe('codeformer');
      checkTensors(weights, codeFormerTensors(config));
      for (const name of weights.names()) {
        expect(Buffer.from((await weights.raw(name)).bytes).equals((await made.raw(name)).bytes), name).toBe(true);
      }
      expect(() => inferConfig(weights)).toThrow(/metadata with the key config/);
      await weights.close();
    }
  });

  test('cut at any place, a checkpoint is an error and never half a set of weights', async () => {
    for (const path of ['dtypes.zip.pth', 'dtypes.legacy.pth', 'views.legacy.pth']) {
      const bytes = readFileSync(shared('fixtures', 'checkpoints', 'good', path));
      for (let length = 0; length < bytes.length; length += 7) {
        const source = bytesSource(bytes.subarray(0, length), basename(path));
        await expect(openWeightsSource(source)).rejects.toMatchObject({ code: 'INVALID_CHECKPOINT' });
      }
    }
  });

  test('with any byte changed, a checkpoint is read or a typed error', async () => {
    for (const path of ['views.zip.pth', 'views.legacy.pth', 'parameter.pth']) {
      const bytes = readFileSync(shared('fixtures', 'checkpoints', 'good', path));
      for (let at = 0; at < bytes.length; at++) {
        for (const change of [0x01, 0x80, 0xff]) {
          const copy = new Uint8Array(bytes);
          copy[at]! ^= change;
          try {
            const weights = await openWeightsSource(bytesSource(copy, path));
            for (const name of weights.names()) await weights.tensor(name);
          } catch (error) {
            if (!(error instanceof CodeFormerError))
              throw new Error(`${path} byte ${at} ^ ${change}`, { cause: error });
            expect(error.code).toBe('INVALID_CHECKPOINT');
          }
        }
      }
    }
  });
});

oracle('tables and generated weights', () => {
  test('generated values equal the reference', () => {
    const reference = json<Record<string, Expected>>('fixtures', 'generated-weights.json');
    for (const [entry, { shape, values, sum }] of Object.entries(reference)) {
      const [name, seed] = entry.split('@') as [string, string];
      const made = generateTensor(name, shape, Number(seed));
      expect(Array.from(made.subarray(0, values.length)), entry).toEqual(values);
      expect(made.reduce((a, b) => a + b, 0)).toBeCloseTo(sum, 6);
    }
  });

  test.each(['codeformer-a', 'codeformer-b', 'codeformer-512'])('%s: its configuration is understood', async file => {
    const config = await configOf(file);
    expect(config.patch).toBe(1);
    if (file === 'codeformer-512') expect(config).toEqual(OFFICIAL_CONFIG);
    expect(validateConfig(config)).toEqual(config);
  });

  test('the trained restorer has exactly the tensors of its configuration', async () => {
    const weights = await open('lab', 'training', 'restorer-first.safetensors');
    checkTensors(weights, codeFormerTensors(inferConfig(weights)));
    await weights.close();
  });
});
