// The geometry of a CodeFormer network: its configuration, and the names and shapes of its tensors.

import { CodeFormerError, describe, invalidArgument } from '../../errors.js';
import { sameShape, type Weights } from '../../weights/weights.js';

/** Every number of a geometry. The official checkpoint is one of them, `OFFICIAL_CONFIG`. */
export interface CodeFormerConfig {
  /** Side of the picture in pixels. */
  readonly size: number;
  /** Channels of the first feature map, multiplied per level. */
  readonly channels: number;
  /** One factor per level, from the largest feature map down; each level has half the side of the one before. */
  readonly multipliers: readonly number[];
  /** Residual blocks per level, in the encoder and again in the generator. */
  readonly res_blocks: number;
  /** Sides of the feature maps after whose residual blocks attention follows. */
  readonly attention: readonly number[];
  /** Channels of the latent, so length of a code. */
  readonly embedding: number;
  /** Number of codes. */
  readonly codebook: number;
  /** Width, heads, layers and hidden units of the transformer. */
  readonly width: number;
  readonly heads: number;
  readonly layers: number;
  readonly mlp: number;
  /** Sides of the feature maps at which encoder features can be fused into the generator. */
  readonly fuse: readonly number[];
  /** Groups of every group normalisation. */
  readonly groups: number;
  /** The picture is un-shuffled into patch x patch times its channels first, and shuffled back at the end. */
  readonly patch: number;
  /**
   * Weights of the fusion at fidelities in equal steps from 0 to 1, so that equal steps of the fidelity are equal steps to the eye: 2 to
   * 65 numbers that rise from 0 to at most 1. Between them the weight changes linearly. Absent: the fidelity is the weight.
   */
  readonly fidelity?: readonly number[];
}

/** The released restoration checkpoint. */
export const OFFICIAL_CONFIG: CodeFormerConfig = {
  size: 512,
  channels: 64,
  multipliers: [1, 2, 2, 4, 4, 8],
  res_blocks: 2,
  attention: [16],
  embedding: 256,
  codebook: 1024,
  width: 512,
  heads: 8,
  layers: 9,
  mlp: 1024,
  fuse: [32, 64, 128, 256],
  groups: 32,
  patch: 1,
};

/** Geometries with a name: the released ones, and that of the embedded restorer. */
export const CONFIG_PRESETS: Readonly<Record<string, CodeFormerConfig>> = {
  official: OFFICIAL_CONFIG,
  colorization: { ...OFFICIAL_CONFIG, fuse: [32, 64, 128] },
  inpainting: { ...OFFICIAL_CONFIG, fuse: [32, 64, 128], codebook: 512 },
  small: {
    size: 256,
    channels: 32,
    multipliers: [1, 2, 4],
    res_blocks: 1,
    attention: [16],
    embedding: 64,
    codebook: 512,
    width: 192,
    heads: 6,
    layers: 4,
    mlp: 384,
    fuse: [32, 64],
    groups: 16,
    patch: 4,
  },
};

/** Largest value of each number of a geometry. */
const LIMITS: Readonly<Record<Exclude<keyof CodeFormerConfig, 'fidelity'>, number>> = {
  size: 4096,
  channels: 4096,
  multipliers: 64,
  res_blocks: 16,
  attention: 4096,
  embedding: 4096,
  codebook: 65536,
  width: 8192,
  heads: 128,
  layers: 64,
  mlp: 32768,
  fuse: 4096,
  groups: 1024,
  patch: 64,
};
const LISTS = ['multipliers', 'attention', 'fuse'];
/** Levels of a geometry, at most. */
const MAX_LEVELS = 12;
/** Attention among tokens is quadratic in their number. */
const MAX_TOKENS = 16384;
/** Points of the curve of the fidelity, at most. */
const MAX_POINTS = 65;

/**
 * Checks a configuration of unknown origin and returns a copy of it. `patch` may be absent and is 1 then, and so may
 * `fidelity`; other keys must be there, and no more, because an unknown key would be a network of another kind.
 * @throws INVALID_ARGUMENT for a number out of range, or numbers that do not fit together
 */
export function validateConfig(value: unknown): CodeFormerConfig {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidArgument('an object', 'config', value);
  }
  const given = new Map<string, unknown>([['patch', 1], ...Object.entries(value)]);
  const config: Record<string, number | number[]> = {};
  for (const [key, limit] of Object.entries(LIMITS)) {
    const item = given.get(key);
    given.delete(key);
    const what = `whole numbers from 1 to ${limit}`;
    const inRange = (n: unknown) => Number.isInteger(n) && (n as number) >= 1 && (n as number) <= limit;
    if (LISTS.includes(key)) {
      if (!Array.isArray(item) || item.length > MAX_LEVELS || !item.every(inRange)) {
        throw invalidArgument(`a list of at most ${MAX_LEVELS} ${what}`, `config.${key}`, item);
      }
      config[key] = [...item];
    } else {
      if (!inRange(item)) throw invalidArgument(what.replace('numbers', 'number'), `config.${key}`, item);
      config[key] = item as number;
    }
  }
  const curve = given.get('fidelity');
  given.delete('fidelity');
  if (curve !== undefined) config.fidelity = checkCurve(curve);
  if (given.size > 0) {
    throw invalidArgument(
      `only the keys ${Object.keys(LIMITS).join(', ')}, fidelity`,
      'config',
      [...given.keys()].join(', '),
    );
  }
  const checked = config as unknown as CodeFormerConfig;
  checkGeometry(checked);
  return checked;
}

function checkCurve(value: unknown): number[] {
  const points: unknown[] = Array.isArray(value) ? value : [];
  const rises = points.every((w, i) => typeof w === 'number' && (i === 0 ? w === 0 : w > (points[i - 1] as number)));
  if (points.length < 2 || points.length > MAX_POINTS || !rises || (points.at(-1) as number) > 1)
    throw invalidArgument(`2 to ${MAX_POINTS} numbers that rise from 0 to at most 1`, 'config.fidelity', value);
  return [...(points as number[])];
}

function checkGeometry(config: CodeFormerConfig): void {
  const { size, patch, multipliers, attention, fuse, groups, width, heads } = config;
  const levels = multipliers.length;
  if (levels < 1) throw invalidArgument('at least one level', 'config.multipliers', levels);
  const step = patch * 2 ** (levels - 1);
  if (size % step !== 0) {
    throw invalidArgument(`a multiple of ${step} (patch ${patch}, ${levels} levels)`, 'config.size', size);
  }
  const sides = levelSides(config);
  if (sides.at(-1)! ** 2 > MAX_TOKENS) {
    throw invalidArgument(`at most ${MAX_TOKENS} tokens`, 'config.size', `${sides.at(-1)} x ${sides.at(-1)} tokens`);
  }
  for (const side of attention) {
    if (!sides.includes(side)) throw invalidArgument(`sides among ${sides.join(', ')}`, 'config.attention', side);
  }
  const fusible = sides.slice(0, -1);
  for (const side of fuse) {
    if (!fusible.includes(side)) throw invalidArgument(`sides among ${fusible.join(', ')}`, 'config.fuse', side);
  }
  if (new Set(fuse).size !== fuse.length) throw invalidArgument('each side once', 'config.fuse', fuse.join(', '));
  for (const channels of [config.channels, ...levelChannels(config)]) {
    if (channels % groups !== 0) {
      throw invalidArgument(`a divisor of all channels (${channels} among them)`, 'config.groups', groups);
    }
  }
  if (width % heads !== 0) throw invalidArgument(`a divisor of the width ${width}`, 'config.heads', heads);
}

/** Channels per level, from the largest feature map down. */
export function levelChannels(config: CodeFormerConfig): number[] {
  return config.multipliers.map(factor => config.channels * factor);
}

/** Sides of the feature maps per level, from the largest down; the last is the side of the latent. */
export function levelSides(config: CodeFormerConfig): number[] {
  return config.multipliers.map((_, level) => config.size / config.patch / 2 ** level);
}

/** Number of tokens, so of codes per picture. */
export function tokenCount(config: CodeFormerConfig): number {
  return levelSides(config).at(-1)! ** 2;
}

/** One block of the encoder or generator, in order of `blocks.N`. */
export interface Block {
  readonly kind: 'conv' | 'res' | 'attention' | 'norm' | 'down' | 'up';
  /** Channels of the input and of the output. */
  readonly from: number;
  readonly to: number;
  /** Side of the output feature map. */
  readonly side: number;
}

/**
 * The blocks of the encoder, and at which of them features are tapped for fusion.
 * `taps` maps the side of a feature map to the index of the block whose output it is: the last one before the side halves.
 */
export function encoderBlocks(config: CodeFormerConfig): { blocks: Block[]; taps: Map<number, number> } {
  const { channels, patch, res_blocks, attention, fuse, embedding } = config;
  const sides = levelSides(config);
  const widths = levelChannels(config);
  const taps = new Map<number, number>();
  let from = channels;
  const blocks: Block[] = [{ kind: 'conv', from: 3 * patch * patch, to: from, side: sides[0]! }];
  for (const [level, to] of widths.entries()) {
    const side = sides[level]!;
    for (let i = 0; i < res_blocks; i++) {
      blocks.push({ kind: 'res', from, to, side });
      from = to;
      if (attention.includes(side)) blocks.push({ kind: 'attention', from, to, side });
    }
    if (level < widths.length - 1) {
      if (fuse.includes(side)) taps.set(side, blocks.length - 1);
      blocks.push({ kind: 'down', from, to, side: side / 2 });
    }
  }
  const side = sides.at(-1)!;
  blocks.push(
    { kind: 'res', from, to: from, side },
    { kind: 'attention', from, to: from, side },
    { kind: 'res', from, to: from, side },
    { kind: 'norm', from, to: from, side },
    { kind: 'conv', from, to: embedding, side },
  );
  return { blocks, taps };
}

/**
 * The blocks of the generator, and after which of them encoder features are fused in.
 * `fusions` maps the side of a feature map to the index of the first residual block with that side.
 */
export function generatorBlocks(config: CodeFormerConfig): { blocks: Block[]; fusions: Map<number, number> } {
  const { patch, res_blocks, attention, fuse, embedding } = config;
  const sides = levelSides(config);
  const widths = levelChannels(config);
  const fusions = new Map<number, number>();
  let from = widths.at(-1)!;
  let side = sides.at(-1)!;
  const blocks: Block[] = [
    { kind: 'conv', from: embedding, to: from, side },
    { kind: 'res', from, to: from, side },
    { kind: 'attention', from, to: from, side },
    { kind: 'res', from, to: from, side },
  ];
  for (let level = widths.length - 1; level >= 0; level--) {
    const to = widths[level]!;
    side = sides[level]!;
    for (let i = 0; i < res_blocks; i++) {
      if (i === 0 && fuse.includes(side)) fusions.set(side, blocks.length);
      blocks.push({ kind: 'res', from, to, side });
      from = to;
      if (attention.includes(side)) blocks.push({ kind: 'attention', from, to, side });
    }
    if (level > 0) blocks.push({ kind: 'up', from, to, side: side * 2 });
  }
  blocks.push({ kind: 'norm', from, to: from, side }, { kind: 'conv', from, to: 3 * patch * patch, side });
  return { blocks, fusions };
}

/** Names and shapes of all tensors of a geometry, under their PyTorch names; 515 for the official one. */
export function codeFormerTensors(config: CodeFormerConfig): Map<string, number[]> {
  const { embedding, codebook, width, layers, mlp } = config;
  const tensors = new Map<string, number[]>();
  const both = (name: string, ...weight: number[]) => {
    tensors.set(`${name}.weight`, weight);
    tensors.set(`${name}.bias`, [weight[0]!]);
  };
  const resBlock = (name: string, from: number, to: number) => {
    both(`${name}.norm1`, from);
    both(`${name}.conv1`, to, from, 3, 3);
    both(`${name}.norm2`, to);
    both(`${name}.conv2`, to, to, 3, 3);
    if (from !== to) both(`${name}.conv_out`, to, from, 1, 1);
  };
  const addBlocks = (name: string, blocks: readonly Block[]) => {
    for (const [i, { kind, from, to }] of blocks.entries()) {
      const block = `${name}.blocks.${i}`;
      if (kind === 'conv') both(block, to, from, 3, 3);
      else if (kind === 'res') resBlock(block, from, to);
      else if (kind === 'norm') both(block, to);
      else if (kind === 'attention') {
        both(`${block}.norm`, to);
        for (const part of ['q', 'k', 'v', 'proj_out']) both(`${block}.${part}`, to, to, 1, 1);
      } else both(`${block}.conv`, to, to, 3, 3);
    }
  };

  tensors.set('position_emb', [tokenCount(config), width]);
  addBlocks('encoder', encoderBlocks(config).blocks);
  tensors.set('quantize.embedding.weight', [codebook, embedding]);
  addBlocks('generator', generatorBlocks(config).blocks);
  both('feat_emb', width, embedding);
  for (let i = 0; i < layers; i++) {
    const layer = `ft_layers.${i}`;
    tensors.set(`${layer}.self_attn.in_proj_weight`, [3 * width, width]);
    tensors.set(`${layer}.self_attn.in_proj_bias`, [3 * width]);
    both(`${layer}.self_attn.out_proj`, width, width);
    both(`${layer}.linear1`, mlp, width);
    both(`${layer}.linear2`, width, mlp);
    both(`${layer}.norm1`, width);
    both(`${layer}.norm2`, width);
  }
  both('idx_pred_layer.0', width);
  tensors.set('idx_pred_layer.1.weight', [codebook, width]);
  const sides = levelSides(config);
  const widths = levelChannels(config);
  for (const side of config.fuse) {
    const channels = widths[sides.indexOf(side)]!;
    const fuse = `fuse_convs_dict.${side}`;
    resBlock(`${fuse}.encode_enc`, 2 * channels, channels);
    for (const part of ['scale', 'shift']) {
      for (const i of [0, 2]) both(`${fuse}.${part}.${i}`, channels, channels, 3, 3);
    }
  }
  return tensors;
}

/** The configuration in the metadata of weights, or null where there is none. Throws `INVALID_CHECKPOINT` for a wrong one. */
export function parseConfig(weights: Weights): CodeFormerConfig | null {
  const text = weights.metadata.config;
  if (text === undefined) return null;
  try {
    return validateConfig(JSON.parse(text));
  } catch (cause) {
    const fault = cause instanceof CodeFormerError ? cause.message : `config is not valid JSON: ${describe(text)}`;
    throw new CodeFormerError('INVALID_CHECKPOINT', `${weights.name}: ${fault}`, { cause });
  }
}

/**
 * The configuration of weights: the one in their metadata, or that of the released checkpoint whose shapes they have
 * (restoration, colorization, inpainting). Heads and groups leave no trace in the shapes, so other geometries without
 * metadata throw `WEIGHTS_MISMATCH`.
 */
export function inferConfig(weights: Weights): CodeFormerConfig {
  const config = parseConfig(weights);
  if (config) return config;
  const names = new Set(weights.names());
  const has = (name: string, ...shape: number[]) => names.has(name) && sameShape(weights.shape(name), shape);
  const official =
    has('position_emb', 256, 512) && has('encoder.blocks.0.weight', 64, 3, 3, 3) && has('feat_emb.weight', 512, 256);
  if (!official) {
    throw new CodeFormerError(
      'WEIGHTS_MISMATCH',
      `${weights.name}: expected the shapes of a released CodeFormer checkpoint, or metadata with the key config, ` +
        `but got neither among its ${names.size} tensors`,
    );
  }
  if (weights.names().some(name => name.startsWith('fuse_convs_dict.256.'))) return OFFICIAL_CONFIG;
  const inpainting = CONFIG_PRESETS.inpainting!;
  const { codebook, embedding } = inpainting;
  return has('quantize.embedding.weight', codebook, embedding) ? inpainting : CONFIG_PRESETS.colorization!;
}
