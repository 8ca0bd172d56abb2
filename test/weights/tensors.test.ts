// The tables of tensors against the published totals, and the rules of a geometry.

import { describe, expect, test } from 'vitest';
import {
  CONFIG_PRESETS,
  type CodeFormerConfig,
  codeFormerTensors,
  encoderBlocks,
  generatorBlocks,
  inferConfig,
  levelChannels,
  levelSides,
  OFFICIAL_CONFIG,
  parseConfig,
  tokenCount,
  validateConfig,
} from '../../src/models/codeformer/tensors.js';
import {
  generatedWeights,
  inferNetworkConfig,
  NETWORK_NAMES,
  NETWORKS,
  type NetworkKind,
  networkTensors,
  recognizeNetwork,
} from '../../src/models/networks.js';
import { elementCount } from '../../src/weights/dtype.js';
import { generatedTensors } from '../../src/weights/generated.js';
import { OFFICIAL_FILES } from '../../src/weights/official.js';
import { withMetadata } from '../../src/weights/weights.js';
import manifest from '../../weights/manifest.json' with { type: 'json' };

const totals = (tensors: Map<string, number[]>, counted: (name: string) => boolean = () => true) => {
  const names = [...tensors.keys()].filter(counted);
  return [names.length, names.reduce((sum, name) => sum + elementCount(tensors.get(name)!), 0)];
};
const learned = (name: string) => !/running_(mean|var)$/.test(name);

/** Two geometries unlike the official one: patch, odd multipliers, attention on two levels, no square of two. */
const odd: CodeFormerConfig = {
  size: 56,
  channels: 16,
  multipliers: [1, 3, 2, 4],
  res_blocks: 2,
  attention: [14, 7],
  embedding: 24,
  codebook: 40,
  width: 48,
  heads: 3,
  layers: 3,
  mlp: 80,
  fuse: [28, 56],
  groups: 16,
  patch: 1,
};
const small = CONFIG_PRESETS.small!;

describe('CodeFormer', () => {
  test('the released geometries have the published numbers of tensors and parameters', () => {
    expect(totals(codeFormerTensors(OFFICIAL_CONFIG))).toEqual([515, 94_112_707]);
    expect(totals(codeFormerTensors(CONFIG_PRESETS.colorization!))).toEqual([497, 93_046_083]);
    expect(totals(codeFormerTensors(CONFIG_PRESETS.inpainting!))).toEqual([497, 92_652_867]);
    const tensors = codeFormerTensors(OFFICIAL_CONFIG);
    expect(totals(tensors, name => name.startsWith('encoder.'))).toEqual([164, 29_416_000]);
    expect(totals(tensors, name => name.startsWith('generator.'))).toEqual([164, 34_061_955]);
    expect(totals(tensors, name => name.startsWith('ft_layers.'))).toEqual([108, 18_925_056]);
    for (const [side, count] of [
      [32, 4_263_168],
      [64, 4_263_168],
      [128, 1_066_624],
      [256, 1_066_624],
    ] as const) {
      expect(totals(tensors, name => name.startsWith(`fuse_convs_dict.${side}.`))).toEqual([18, count]);
    }
    expect(totals(codeFormerTensors(small))).toEqual([239, 4_321_072]);
  });

  test('the official blocks, taps and fusions are where the files have them', () => {
    const encoder = encoderBlocks(OFFICIAL_CONFIG);
    expect(encoder.blocks.map(({ kind }) => kind[0]).join('')).toBe('crrdrrdrrdrrdrrdrararar' + 'nc');
    expect([...encoder.taps]).toEqual([
      [256, 5],
      [128, 8],
      [64, 11],
      [32, 14],
    ]);
    const generator = generatorBlocks(OFFICIAL_CONFIG);
    expect(generator.blocks.map(({ kind }) => kind[0]).join('')).toBe('crarraraurrurrurrurrurrnc');
    expect([...generator.fusions]).toEqual([
      [32, 9],
      [64, 12],
      [128, 15],
      [256, 18],
    ]);
    expect(codeFormerTensors(OFFICIAL_CONFIG).get('generator.blocks.24.weight')).toEqual([3, 64, 3, 3]);
  });

  test('other geometries follow from their numbers', () => {
    expect([levelSides(odd), levelChannels(odd), tokenCount(odd)]).toEqual([[56, 28, 14, 7], [16, 48, 32, 64], 49]);
    const { blocks, taps } = encoderBlocks(odd);
    expect(blocks.map(({ kind }) => kind[0]).join('')).toBe('crrdrrdraradrararar' + 'nc');
    expect([...taps]).toEqual([
      [56, 2],
      [28, 5],
    ]);
    const tensors = codeFormerTensors(odd);
    expect(tensors.get('fuse_convs_dict.28.encode_enc.conv_out.weight')).toEqual([48, 96, 1, 1]);
    expect(tensors.get('position_emb')).toEqual([49, 48]);
    const patched = codeFormerTensors(small);
    expect(patched.get('encoder.blocks.0.weight')).toEqual([32, 48, 3, 3]);
    expect(patched.get(`generator.blocks.${generatorBlocks(small).blocks.length - 1}.bias`)).toEqual([48]);
  });

  test('a configuration is checked, patch is 1 where absent', () => {
    const { patch: _, ...without } = odd;
    expect(validateConfig(without)).toEqual(odd);
    expect(validateConfig(JSON.parse(JSON.stringify(OFFICIAL_CONFIG)))).toEqual(OFFICIAL_CONFIG);
    const curved = { ...odd, fidelity: [0, 0.2, 1] };
    expect(validateConfig(curved)).toEqual(curved);
  });

  test.each<[string, unknown, RegExp]>([
    ['nothing', null, /an object for config/],
    ['a list', [], /an object for config/],
    ['a missing key', { ...odd, heads: undefined }, /whole number from 1 to 128 for config.heads/],
    ['an unknown key', { ...odd, blur: 1 }, /only the keys .* "blur"/],
    ['a size that halves badly', { ...odd, size: 60 }, /multiple of 8 .* config.size .* 60/],
    ['a size of a billion', { ...odd, size: 1e9 }, /1 to 4096 for config.size/],
    ['text', { ...odd, width: '48' }, /whole number.*config.width/],
    ['a fraction', { ...odd, layers: 1.5 }, /config.layers/],
    ['no levels', { ...odd, multipliers: [] }, /at least one level/],
    ['too many levels', { ...odd, multipliers: new Array(100).fill(1) }, /at most 12/],
    ['groups that do not divide', { ...odd, groups: 32 }, /divisor of all channels \(16/],
    ['heads that do not divide', { ...odd, heads: 5 }, /divisor of the width 48/],
    ['attention where no level is', { ...odd, attention: [13] }, /among 56, 28, 14, 7 for config.attention .* 13/],
    ['fusion at the latent', { ...odd, fuse: [7] }, /among 56, 28, 14 for config.fuse .* 7/],
    ['a curve of one point', { ...odd, fidelity: [0] }, /2 to 65 numbers .* config.fidelity/],
    ['a curve that begins later', { ...odd, fidelity: [0.1, 1] }, /rise from 0/],
    ['a curve that falls', { ...odd, fidelity: [0, 0.5, 0.5] }, /rise from 0/],
    ['a curve beyond 1', { ...odd, fidelity: [0, 2] }, /at most 1/],
    ['a curve of text', { ...odd, fidelity: [0, '1'] }, /config.fidelity/],
    ['fusion twice', { ...odd, fuse: [28, 28] }, /each side once/],
    ['too many tokens', { ...odd, size: 1040, attention: [], fuse: [], multipliers: [1, 1] }, /at most 16384 tokens/],
  ])('refused: %s', (_, config, message) => {
    expect(() => validateConfig(config)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(() => validateConfig(config)).toThrow(message);
  });

  test('weights say their configuration, or have the shapes of a released file', () => {
    const bare = (config: CodeFormerConfig) => generatedTensors(codeFormerTensors(config), 7);
    for (const preset of ['official', 'colorization', 'inpainting']) {
      expect(inferConfig(bare(CONFIG_PRESETS[preset]!))).toEqual(CONFIG_PRESETS[preset]);
    }
    expect(inferConfig(generatedWeights('codeformer', odd, 7))).toEqual(odd);
    expect(parseConfig(bare(odd))).toBeNull();
    expect(() => inferConfig(bare(odd))).toThrow(expect.objectContaining({ code: 'WEIGHTS_MISMATCH' }));
    const wrong = withMetadata(bare(odd), { config: '{"size":1}' });
    expect(() => parseConfig(wrong)).toThrow(expect.objectContaining({ code: 'INVALID_CHECKPOINT' }));
    expect(() => parseConfig(withMetadata(wrong, { config: '{' }))).toThrow(/not valid JSON/);
  });
});

test('RetinaFace, ParseNet and RRDBNet have the published numbers of tensors and parameters', () => {
  const mobile = networkTensors('retinaface-mobile');
  expect([mobile.size, totals(mobile, learned)[1]]).toEqual([253, 426_608]);
  const resnet = networkTensors('retinaface-resnet50');
  expect([resnet.size, totals(resnet, learned)[1]]).toEqual([383, 27_293_600]);
  expect(totals(resnet, name => name.startsWith('body.') && learned(name))[1]).toBe(23_508_032);
  const parsenet = networkTensors('parsenet');
  // 238 in the file, with one counter for each of the 36 normalisations.
  expect([parsenet.size + 36, totals(parsenet, learned)[1]]).toEqual([238, 21_303_254]);
  expect(totals(networkTensors('rrdbnet'))).toEqual([702, 16_703_171]);
});

test('a network is told from its tensors, and its configuration too', () => {
  for (const kind of NETWORK_NAMES) {
    const weights = generatedWeights(kind, kind === 'codeformer' ? odd : undefined, 7);
    expect(recognizeNetwork(weights)).toBe(kind);
    expect(new Map(weights.names().map(name => [name, weights.shape(name)]))).toEqual(
      networkTensors(kind, inferNetworkConfig(kind, weights)),
    );
  }
  const upscaler = generatedTensors(networkTensors('rrdbnet', { blocks: 2, channels: 8, growth: 4 }), 7);
  expect(inferNetworkConfig('rrdbnet', upscaler)).toEqual({ blocks: 2, channels: 8, growth: 4 });
  const own = generatedTensors(networkTensors('residual-upscaler', { channels: 8 }), 7);
  expect(inferNetworkConfig('residual-upscaler', own)).toEqual({ channels: 8, blocks: 6 });
  // The geometry of the package's weights.
  expect(totals(networkTensors('residual-upscaler'))).toEqual([28, 280_608]);
  expect(recognizeNetwork(generatedTensors(new Map([['x', [1]]]), 7))).toBeNull();
  expect(() => networkTensors('rrdbnet', { blocks: 0 })).toThrow(/config.blocks/);
  expect(() => networkTensors('rrdbnet', { toString: 1 })).toThrow(/only the keys/);
  expect(() => networkTensors('vgg' as 'rrdbnet')).toThrow(/one of codeformer/);
});

test('the files of the package and the official ones name networks of their roles', () => {
  for (const { file, network, role } of [...manifest.files, ...OFFICIAL_FILES])
    expect([file, NETWORKS[network as NetworkKind]?.role]).toEqual([file, role]);
});
