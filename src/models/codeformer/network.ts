// The CodeFormer network as two graphs: picture to codes (encoder, transformer, lookup of the best code), and codes to picture
// (codebook, AdaIN, generator with controllable feature fusion). Zhou et al., "Towards Robust Blind Face Restoration with Codebook
// Lookup Transformer", NeurIPS 2022.

import { Graph, type Program, type Tensor } from '../../graph/graph.js';
import { argmax } from '../../kernels/codebook/argmax.js';
import { lookup } from '../../kernels/codebook/lookup.js';
import { featureFusion } from '../../kernels/feature-fusion/feature-fusion.js';
import { fidelityMap } from '../../kernels/fidelity-map/fidelity-map.js';
import { layout, roundUp } from '../../kernels/kernel.js';
import { nchwToTensor, tensorToNchw } from '../../kernels/nchw/nchw.js';
import { pictureToTensor, tensorToPicture } from '../../kernels/picture/picture.js';
import { pixelShuffle, pixelUnshuffle } from '../../kernels/pixel-shuffle/pixel-shuffle.js';
import {
  type Block,
  type CodeFormerConfig,
  encoderBlocks,
  generatorBlocks,
  levelChannels,
  levelSides,
  tokenCount,
} from './tensors.js';

/** Which variant of the second program is built. */
export interface DecodeVariant {
  /** Encoder features are fused in; without it w plays no part. */
  readonly fuse: boolean;
  /** Statistics of the picture's own features are given to the codes. */
  readonly adain: boolean;
  /** Fidelity is one value per pixel of the crop instead of one per picture. */
  readonly map: boolean;
}

/** How pictures go in and come out: `tensor` f32 NCHW in [-1, 1], `picture` 8-bit RGBA. */
export type Form = 'tensor' | 'picture';

/** Called for every tensor that has a name in the fixtures: `encoder.3`, `tap.32`, `tokens.1`, `generator.9`, `fuse.32`, ... */
type Tap = (name: string, x: Tensor) => void;

/**
 * The tap of a fusion level lies in the first half of the channels of its tensor; the generator writes its own features into the second
 * half, so that the concatenation of both needs no copy.
 */
const tapName = (side: number): string => `tap.${side}`;

class Network {
  readonly graph = new Graph();
  private readonly channelsAt: ReadonlyMap<number, number>;

  constructor(
    readonly config: CodeFormerConfig,
    readonly batch: number,
    readonly tap: Tap = () => {},
  ) {
    const channels = levelChannels(config);
    this.channelsAt = new Map(levelSides(config).map((side, i) => [side, channels[i]!]));
  }

  get side(): number {
    return levelSides(this.config).at(-1)!;
  }

  /** Encoder features and generator features of a fusion level, side by side. */
  concatenation(side: number): { both: Tensor; encoder: Tensor; generator: Tensor } {
    const channels = this.channelsAt.get(side)!;
    const both = this.graph.external(tapName(side), layout(this.batch, side, side, 2 * channels));
    return {
      both,
      encoder: this.graph.slice(both, 0, channels),
      generator: this.graph.slice(both, channels, channels),
    };
  }

  feature(): Tensor {
    return this.graph.external('lq_feat', layout(this.batch, this.side, this.side, this.config.embedding));
  }

  private norm(x: Tensor, path: string) {
    return this.graph.groupNorm(x, path, this.config.groups);
  }

  private resBlock(x: Tensor, path: string, out: number, into?: Tensor): Tensor {
    const g = this.graph;
    const w = (name: string) => `${path}.${name}`;
    const h = g.conv(x, w('conv1'), { out, norm: this.norm(x, w('norm1')), normActivation: 'swish' });
    const residual = x.layout.c === out ? x : g.conv(x, w('conv_out'), { out, size: 1 });
    return g.conv(h, w('conv2'), {
      out,
      norm: this.norm(h, w('norm2')),
      normActivation: 'swish',
      residual,
      ...(into && { into }),
    });
  }

  private attention(x: Tensor, path: string, into?: Tensor): Tensor {
    const g = this.graph;
    const { c, h, w } = x.layout;
    const qkv = g.conv(x, `${path}.qkv`, {
      out: 3 * c,
      size: 1,
      norm: this.norm(x, `${path}.norm`),
      parts: ['q', 'k', 'v'].map(name => ({ weight: `${path}.${name}.weight`, bias: `${path}.${name}.bias` })),
    });
    const tokens = g.reshape(qkv, 1, h * w);
    const [q, k, v] = [0, 1, 2].map(i => g.slice(tokens, i * c, c)) as [Tensor, Tensor, Tensor];
    const y = g.reshape(g.attention(q, k, v, 1, c ** -0.5, `${path}.attention`), h, w);
    return g.conv(y, `${path}.proj_out`, { out: c, size: 1, residual: x, ...(into && { into }) });
  }

  /** Runs blocks one after another; `into` names tensors that block outputs are written to, `after` may replace an output. */
  blocks(
    x: Tensor,
    path: string,
    blocks: readonly Block[],
    into: (index: number) => Tensor | undefined,
    after: (index: number, x: Tensor) => Tensor,
  ): Tensor {
    const g = this.graph;
    let y = x;
    for (const [index, block] of blocks.entries()) {
      const name = `${path}.blocks.${index}`;
      const target = into(index);
      const options = { out: block.to, ...(target && { into: target }) };
      if (block.kind === 'norm') {
        // Folded into the convolution that follows.
        continue;
      }
      if (block.kind === 'conv') {
        const previous = blocks[index - 1];
        const norm = previous?.kind === 'norm' ? this.norm(y, `${path}.blocks.${index - 1}`) : undefined;
        if (norm) this.tapNorm(`${path}.${index - 1}`, y, norm);
        y = g.conv(y, name, { ...options, ...(norm && { norm }) });
      } else if (block.kind === 'res') {
        y = this.resBlock(y, name, block.to, target);
      } else if (block.kind === 'attention') {
        y = this.attention(y, name, target);
      } else if (block.kind === 'down') {
        y = g.conv(y, `${name}.conv`, { ...options, stride: 2, pad: 0 });
      } else {
        y = g.conv(y, `${name}.conv`, { ...options, upsample: 2 });
      }
      this.tap(`${path}.${index}`, y);
      y = after(index, y);
    }
    return y;
  }

  /** The output of a norm exists only folded; it is computed for those who ask. */
  private tapNorm(name: string, x: Tensor, norm: ReturnType<Graph['groupNorm']>): void {
    if (this.wanted?.(name)) this.tap(name, this.graph.normalize(x, norm, name));
  }

  /** Set while tracing: which names are asked for. */
  wanted: ((name: string) => boolean) | null = null;

  encode(form: Form): void {
    const { config, graph: g, batch } = this;
    const { size, patch } = config;
    let x = g.tensor('input', layout(batch, size, size, 3));
    const input = this.interface('input', form);
    if (form === 'picture') {
      g.call('input', pictureToTensor, { y: x.layout, range: 'signed' }, { picture: input, y: x });
    } else {
      g.call('input', nchwToTensor, { y: x.layout }, { input, y: x });
    }
    if (patch > 1) {
      const y = g.tensor('unshuffle', layout(batch, size / patch, size / patch, 3 * patch * patch));
      g.call('unshuffle', pixelUnshuffle, { x: x.layout, y: y.layout, factor: patch }, { x, y });
      x = y;
    }
    const { blocks, taps } = encoderBlocks(config);
    const sideOf = new Map([...taps].map(([side, index]) => [index, side]));
    const feature = this.feature();
    this.blocks(
      x,
      'encoder',
      blocks,
      index => {
        if (index === blocks.length - 1) return feature;
        const side = sideOf.get(index);
        return side === undefined ? undefined : this.concatenation(side).encoder;
      },
      (index, y) => {
        const side = sideOf.get(index);
        if (side !== undefined) this.tap(tapName(side), y);
        return y;
      },
    );
    this.tap('lq_feat', feature);
    this.codes(g.reshape(feature, 1, this.side ** 2));
  }

  /** The transformer: tokens of the feature to logits over the codes, and the best code of each token. */
  private codes(feature: Tensor): void {
    const { config, graph: g, batch } = this;
    const { width, heads, mlp, codebook } = config;
    const tokens = tokenCount(config);
    const position = g.parameter('position_emb', [tokens, width], 'rows', 'f32', tokens * roundUp(width, 4));
    const linear = { size: 1, linear: true } as const;
    let x = g.conv(feature, 'feat_emb', { out: width, ...linear });
    this.tap('tokens.0', x);
    for (let i = 0; i < config.layers; i++) {
      const path = `ft_layers.${i}`;
      const attn = `${path}.self_attn`;
      const projection = (from: number, to: number) => ({
        out: to - from,
        ...linear,
        parts: [{ weight: `${attn}.in_proj_weight`, bias: `${attn}.in_proj_bias`, rows: [from, to] as const }],
      });
      const n = g.layerNorm(x, `${path}.norm1`, position);
      const qk = g.conv(n.positioned, `${attn}.qk`, projection(0, 2 * width));
      const v = g.conv(n.y, `${attn}.v`, projection(2 * width, 3 * width));
      const q = g.slice(qk, 0, width);
      const k = g.slice(qk, width, width);
      const y = g.attention(q, k, v, heads, (width / heads) ** -0.5, attn);
      x = g.conv(y, `${attn}.out_proj`, { out: width, ...linear, residual: x });
      const hidden = g.conv(g.layerNorm(x, `${path}.norm2`).y, `${path}.linear1`, {
        out: mlp,
        ...linear,
        activation: { kind: 'gelu' },
      });
      x = g.conv(hidden, `${path}.linear2`, { out: width, ...linear, residual: x });
      this.tap(`tokens.${i + 1}`, x);
    }
    const logits = g.external('logits', layout(batch, 1, tokens, codebook), 'f32');
    g.conv(g.layerNorm(x, 'idx_pred_layer.0').y, 'idx_pred_layer.1', {
      out: codebook,
      ...linear,
      bias: false,
      outputType: 'f32',
      into: logits,
    });
    const each = layout(batch, 1, 1, tokens, tokens);
    const indices = g.external('indices', each, 'i32');
    const margin = g.external('margin', each, 'f32');
    g.call('codes', argmax, { logits: logits.layout }, { logits, indices, margin });
  }

  /** What goes in or comes out: planes of float32, or a picture of one RGBA word per pixel. */
  private interface(name: 'input' | 'output', form: Form): Tensor {
    const count = this.config.size ** 2 * (form === 'picture' ? 1 : 3);
    return this.graph.external(name, layout(this.batch, 1, 1, count, count), form === 'picture' ? 'u32' : 'f32');
  }

  decode(variant: DecodeVariant, form: Form): void {
    const { config, graph: g, batch, side } = this;
    const { embedding, codebook, patch, size } = config;
    const tokens = tokenCount(config);
    const indices = g.external('indices', layout(batch, 1, 1, tokens, tokens), 'i32');
    const codes = g.tensor('lookup', layout(batch, side, side, embedding));
    const table = g.parameter(
      'quantize.embedding.weight',
      [codebook, embedding],
      'rows',
      'f32',
      codebook * roundUp(embedding, 4),
    );
    g.call('lookup', lookup, { codes: codebook, y: codes.layout }, { indices, codebook: table, y: codes });
    this.tap('lookup', codes);
    let x: Tensor = codes;
    if (variant.adain) {
      x = g.adain(codes, this.feature(), 'adain');
      this.tap('adain', x);
    }
    const { blocks, fusions } = generatorBlocks(config);
    const sideOf = new Map(variant.fuse ? [...fusions].map(([side, index]) => [index, side]) : []);
    let y = this.blocks(
      x,
      'generator',
      blocks,
      index => {
        const at = sideOf.get(index);
        return at === undefined ? undefined : this.concatenation(at).generator;
      },
      (index, value) => {
        const at = sideOf.get(index);
        if (at === undefined) return value;
        const fused = this.fuse(at, variant.map);
        this.tap(`fuse.${at}`, fused);
        return fused;
      },
    );
    if (patch > 1) {
      const shuffled = g.tensor('shuffle', layout(batch, size, size, 3));
      g.call('shuffle', pixelShuffle, { x: y.layout, y: shuffled.layout, factor: patch }, { x: y, y: shuffled });
      y = shuffled;
    }
    const output = this.interface('output', form);
    if (form === 'picture') {
      g.call('output', tensorToPicture, { x: y.layout, range: 'signed' }, { x: y, picture: output });
    } else {
      g.call('output', tensorToNchw, { x: y.layout }, { x: y, output });
    }
  }

  /** d + w (d * scale + shift), scale and shift made from encoder and generator features. */
  private fuse(side: number, map: boolean): Tensor {
    const { graph: g, batch, config } = this;
    const { both, generator: d } = this.concatenation(side);
    const path = `fuse_convs_dict.${side}`;
    const channels = d.layout.c;
    const m = this.resBlock(both, `${path}.encode_enc`, channels);
    const [scale, shift] = ['scale', 'shift'].map(name => {
      const h = g.conv(m, `${path}.${name}.0`, { out: channels, activation: { kind: 'leaky', slope: 0.2 } });
      return g.conv(h, `${path}.${name}.2`, { out: channels });
    }) as [Tensor, Tensor];
    let fidelity: Tensor;
    if (map) {
      const whole = g.external('fidelity', layout(batch, 1, 1, config.size ** 2, config.size ** 2), 'f32');
      fidelity = g.tensor(`${path}.fidelity`, layout(batch, 1, 1, side * side, roundUp(side * side, 4)), 'f32');
      const params = { n: batch, size: config.size, side };
      g.call(`${path}.fidelity`, fidelityMap, params, { map: whole, y: fidelity });
    } else {
      fidelity = g.external('fidelity', layout(batch, 1, 1, 1, 1), 'f32');
    }
    const y = g.tensor(path, layout(batch, side, side, channels));
    const params = { d: d.layout, scale: scale.layout, shift: shift.layout, y: y.layout, map };
    g.call(path, featureFusion, params, { d, scale, shift, fidelity, y });
    return y;
  }
}

/** Picture to codes: external `input` to `lq_feat`, `tap.S`, `logits`, `indices`, `margin`. */
export function encodeProgram(config: CodeFormerConfig, batch: number, form: Form): Program {
  const network = new Network(config, batch);
  network.encode(form);
  return network.graph.finish();
}

/** Codes to picture: external `indices`, `lq_feat`, `tap.S`, `fidelity` to `output`. */
export function decodeProgram(config: CodeFormerConfig, batch: number, variant: DecodeVariant, form: Form): Program {
  const network = new Network(config, batch);
  network.decode(variant, form);
  return network.graph.finish();
}

/** A traced tensor: its name, and its shape as arrays have it. */
export interface Traced {
  readonly name: string;
  /** [N, C, H, W], or [N, T, C] for tokens. */
  readonly shape: readonly number[];
}

/**
 * Both halves in one program that also writes the named intermediates, as external tensors of the same names prefixed with `trace.`.
 * @returns the program and what of the names it has
 */
export function traceProgram(
  config: CodeFormerConfig,
  batch: number,
  variant: DecodeVariant,
  names: readonly string[],
): { program: Program; traced: Traced[]; known: string[] } {
  const wanted = new Set(names);
  const traced: Traced[] = [];
  const known: string[] = [];
  const network: Network = new Network(config, batch, (name, x) => {
    known.push(name);
    if (!wanted.has(name)) return;
    const { n, h, w, c, stride, offset } = x.layout;
    const tokens = name.startsWith('tokens.');
    // Planes of one pixel each are rows of channels.
    const from = tokens ? layout(n * h * w, 1, 1, c, stride, offset) : x.layout;
    const output = network.graph.external(`trace.${name}`, layout(1, 1, 1, n * h * w * c, n * h * w * c), 'f32');
    network.graph.call(`trace.${name}`, tensorToNchw, { x: from }, { x, output });
    traced.push({ name, shape: tokens ? [n, h * w, c] : [n, c, h, w] });
  });
  network.wanted = name => {
    known.push(name);
    return wanted.has(name);
  };
  network.encode('tensor');
  network.decode(variant, 'tensor');
  return { program: network.graph.finish(), traced, known };
}
