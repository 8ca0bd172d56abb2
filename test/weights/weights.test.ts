// Generated weights, the comparison of weights with a network, and the manifest.

import { describe, expect, test } from 'vitest';
import { generatedWeights } from '../../src/models/networks.js';
import { generatedTensors, generateTensor } from '../../src/weights/generated.js';
import { parseManifest } from '../../src/weights/manifest.js';
import { OFFICIAL_FILES } from '../../src/weights/official.js';
import { checkTensors, storedBytes, type Weights } from '../../src/weights/weights.js';

describe('generated weights', () => {
  test.each<[string, number[], number[]]>([
    ['position_emb', [256, 512], [-1.1301913261413574, -1.4665477275848389]],
    ['quantize.embedding.weight', [1024, 256], [-0.05361533164978027, 0.3240644931793213]],
    ['encoder.blocks.0.weight', [64, 3, 3, 3], [-0.15811467170715332, -0.30869704484939575]],
    ['encoder.blocks.0.bias', [64], [0.07775787264108658, 0.046123065054416656]],
    ['encoder.blocks.1.norm1.weight', [64], [0.9951962828636169, 1.0433084964752197]],
    ['encoder.blocks.17.q.weight', [512, 512, 1, 1], [0.19378028810024261, 0.021134352311491966]],
    ['ft_layers.3.self_attn.in_proj_weight', [1536, 512], [-0.2153392732143402, 0.1264072209596634]],
    ['feat_emb.weight', [512, 256], [-0.3838840126991272, 0.22208596765995026]],
    ['conv_last.weight', [3, 64, 3, 3], [-0.0026043325196951628, -0.0009177065221592784]],
    ['ClassHead.0.conv1x1.weight', [4, 64, 1, 1], [0.0030997046269476414, 0.00551419984549284]],
    ['bn1.running_mean', [64], [0.04005439206957817, -0.14925161004066467]],
    ['bn1.running_var', [64], [0.8965809941291809, 1.0519849061965942]],
  ])('%s has the values that the rules give', (name, shape, values) => {
    expect([...generateTensor(name, shape, 7).subarray(0, 2)]).toEqual(values);
  });

  test('the same for the same seed, others for another', async () => {
    const [a, b, c] = [7, 7, 8].map(seed => generatedWeights('retinaface-mobile', undefined, seed)) as Weights[];
    const name = 'fpn.merge1.0.weight';
    expect(await a!.float32(name)).toEqual(await b!.float32(name));
    expect(await a!.float32(name)).not.toEqual(await c!.float32(name));
    expect(a!.metadata).toEqual({ seed: '7' });
    expect(() => generatedWeights('parsenet', undefined, -1)).toThrow(/for seed but received -1/);
  });
});

describe('checkTensors', () => {
  const table = (entries: Record<string, number[]>) => new Map(Object.entries(entries));
  const weights = generatedTensors(table({ a: [2, 3], b: [4], 'bn.num_batches_tracked': [] }), 7);

  test('exact weights pass, counters of batch normalisation may be left over', () => {
    checkTensors(weights, table({ a: [2, 3], b: [4] }));
    expect(storedBytes(weights)).toBe(44);
  });

  test('one error lists all that is missing, left over or wrong', () => {
    expect(() => checkTensors(weights, table({ a: [3, 2], c: [1], d: [1] }))).toThrow(
      expect.objectContaining({
        code: 'WEIGHTS_MISMATCH',
        message:
          'generated weights (seed 7): expected the 3 tensors of the network but 2 are missing: c, d; ' +
          '1 is of the wrong shape or type: a (expected [3, 2], got [2, 3]); 1 is left over: b',
      }),
    );
  });

  test('the message stays short whatever the file holds', () => {
    const many = table(Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`${i}.${'x'.repeat(500)}`, [1]])));
    expect(() => checkTensors(generatedTensors(many, 7), table({ a: [1] }))).toThrow(
      /5000 are left over.* and 4980 more/,
    );
    try {
      checkTensors(generatedTensors(many, 7), table({ a: [1] }));
    } catch (error) {
      expect((error as Error).message.length).toBeLessThan(4000);
    }
  });
});

describe('the manifest', () => {
  const entry = {
    file: 'a.safetensors',
    role: 'restorer',
    network: 'codeformer',
    bytes: 10,
    sha256: 'a'.repeat(64),
    licence: 'MIT',
  };
  const parse = (...files: unknown[]) => parseManifest(JSON.stringify({ version: 1, files }), 'manifest.json');

  test('is read with an entry for each role', () => {
    const detector = { ...entry, file: 'b.safetensors', role: 'detector', network: 'retinaface-mobile' };
    expect(parse(entry, detector).files).toEqual([entry, detector]);
  });

  test.each<[string, unknown[], RegExp]>([
    ['a path', [{ ...entry, file: '../a' }], /file name for files\[0\].file but got "..\/a"/],
    ['a role', [{ ...entry, role: 'painter' }], /one of restorer, .* for files\[0\].role/],
    ['a role twice', [entry, entry], /each role once for files\[1\].role/],
    ['a network', [{ ...entry, network: 7 }], /files\[0\].network/],
    ['a size', [{ ...entry, bytes: 0 }], /files\[0\].bytes/],
    ['a hash', [{ ...entry, sha256: 'A'.repeat(64) }], /64 hex digits/],
    ['a licence', [{ ...entry, licence: '' }], /files\[0\].licence/],
    ['an entry', [7], /an object for files\[0\] but got 7/],
  ])('refuses a wrong %s', (_, files, message) => {
    expect(() => parse(...files)).toThrow(message);
  });

  test('refuses other versions and other files', () => {
    expect(() => parseManifest('{"version":2}', 'm')).toThrow(/m: expected 1 for version but got 2/);
    expect(() => parseManifest('null', 'm')).toThrow(/an object/);
    expect(() => parseManifest('<', 'm')).toThrow(/not valid JSON/);
    expect(() => parseManifest('{"version":1}', 'm')).toThrow(/a list for files/);
  });
});

test('released files have distinct names, https addresses and well-formed hashes', () => {
  expect(new Set(OFFICIAL_FILES.map(({ file }) => file)).size).toBe(OFFICIAL_FILES.length);
  for (const { file, url, sha256, bytes, licence } of OFFICIAL_FILES) {
    expect(url).toMatch(/^https:\/\/github\.com\//);
    expect(url.endsWith(`/${file}`)).toBe(true);
    expect(sha256 ?? '0'.repeat(64)).toMatch(/^[0-9a-f]{64}$/);
    expect(bytes === undefined).toBe(sha256 === undefined);
    expect(licence).not.toBe('');
  }
});
