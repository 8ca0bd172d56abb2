// CodeFormer's two programs as one list of layers over whole tensors [1, C, H, W]: what other runtimes are given to run.

import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Call, Program, Storage } from '../src/graph/graph.js';
import type { AdainParams } from '../src/kernels/adain/adain.js';
import type { AddParams } from '../src/kernels/add/add.js';
import type { AttentionParams } from '../src/kernels/attention/attention.js';
import type { ArgmaxParams } from '../src/kernels/codebook/argmax.js';
import type { LookupParams } from '../src/kernels/codebook/lookup.js';
import type { ConvParams } from '../src/kernels/conv/conv.js';
import type { FeatureFusionParams } from '../src/kernels/feature-fusion/feature-fusion.js';
import type { GroupNormParams } from '../src/kernels/group-norm/group-norm.js';
import type { Layout } from '../src/kernels/kernel.js';
import type { LayerNormParams } from '../src/kernels/layer-norm/layer-norm.js';
import { decodeProgram, encodeProgram } from '../src/models/codeformer/network.js';
import type { CodeFormerConfig } from '../src/models/codeformer/tensors.js';
import type { Weights } from '../src/weights/weights.js';

/** What a layer does to its inputs, of which the first are values and the others weights. */
export type Operation =
  /** x, weights [out, in, k, k], bias [out]; `pads` are top, left, bottom and right. */
  | { readonly op: 'conv'; readonly stride: number; readonly pads: readonly number[] }
  /** x, gamma, beta. */
  | { readonly op: 'group-norm'; readonly groups: number; readonly eps: number }
  /** x, gamma, beta: over the channels. */
  | { readonly op: 'layer-norm'; readonly eps: number }
  | { readonly op: 'swish' | 'gelu' }
  | { readonly op: 'leaky'; readonly slope: number }
  /** Nearest, to twice the size. */
  | { readonly op: 'upsample' }
  /** a, b. */
  | { readonly op: 'add' }
  /** q, k, v. */
  | { readonly op: 'attention'; readonly heads: number; readonly scale: number }
  /** Channels of one or more tensors, side by side. */
  | { readonly op: 'concat' }
  | { readonly op: 'slice'; readonly from: number; readonly count: number }
  | { readonly op: 'reshape' }
  /** Logits [1, codes, 1, T] to indices [T]. */
  | { readonly op: 'argmax' }
  /** Indices, codebook [codes, C]. */
  | { readonly op: 'lookup' }
  /** x, style. */
  | { readonly op: 'adain' }
  /** d, scale, shift: d + w (d * scale + shift). */
  | { readonly op: 'fusion'; readonly fidelity: number };

export type Layer = Operation & {
  readonly inputs: readonly string[];
  readonly output: string;
  /** [1, C, H, W] of the output, [T] of indices. */
  readonly shape: readonly number[];
};

export interface Constant {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Layers in the order in which they run, from `input` [1, 3, S, S] to `output`, of the same shape. */
export interface Layers {
  readonly size: number;
  readonly layers: readonly Layer[];
  readonly constants: ReadonlyMap<string, Constant>;
}

/** A value that fills channels of a storage. */
interface Value {
  readonly name: string;
  readonly from: number;
  readonly shape: readonly number[];
}

const shapeOf = ({ c, h, w }: Layout): number[] => [1, c, h, w];

class Recorder {
  readonly layers: Layer[] = [];
  readonly constants = new Map<string, Constant>();
  private readonly values = new Map<string, Value[]>();
  /** Normalised tensors, by the storage of the scale that a convolution is given instead. */
  private readonly norms = new Map<string, string>();
  private readonly known = new Map<string, string>();
  private part = '';
  private program: Program | undefined;

  constructor(
    private readonly weights: Weights,
    private readonly fidelity: number,
  ) {}

  async record(part: string, program: Program): Promise<void> {
    this.part = part;
    this.program = program;
    for (const call of program.calls) await this.call(call);
  }

  /** Adds a layer, unless the same one is there already. */
  private layer(
    operation: Operation,
    inputs: readonly string[],
    shape: readonly number[],
    output = `v${this.layers.length}`,
  ): string {
    const key = JSON.stringify([operation, inputs, shape]);
    const known = this.known.get(key);
    if (known !== undefined) return known;
    this.known.set(key, output);
    this.layers.push({ ...operation, inputs, output, shape });
    return output;
  }

  private key({ kind, name, id }: Storage): string {
    return kind === 'external' ? name : `${this.part} ${id}`;
  }

  private read(storage: Storage, { offset, c, h, w }: Layout): string {
    const all = this.values.get(this.key(storage)) ?? [];
    const inside = all.filter(v => v.from >= offset && v.from + v.shape[1]! <= offset + c);
    const [first] = inside;
    let name: string | undefined;
    let height = h;
    if (first && inside.reduce((sum, v) => sum + v.shape[1]!, 0) === c) {
      height = first.shape[2]!;
      const sorted = [...inside].sort((a, b) => a.from - b.from).map(v => v.name);
      name = sorted.length === 1 ? sorted[0]! : this.layer({ op: 'concat' }, sorted, [1, c, height, first.shape[3]!]);
    } else {
      const whole = all.find(v => v.from <= offset && v.from + v.shape[1]! >= offset + c);
      if (!whole) throw new Error(`Expected a value in ${storage.name}`);
      height = whole.shape[2]!;
      const cut = [1, c, height, whole.shape[3]!];
      name = this.layer({ op: 'slice', from: offset - whole.from, count: c }, [whole.name], cut);
    }
    return height === h ? name : this.layer({ op: 'reshape' }, [name], [1, c, h, w]);
  }

  private write(storage: Storage, { offset, c, h, w }: Layout, name: string): void {
    const key = this.key(storage);
    const rest = (this.values.get(key) ?? []).filter(v => v.from + v.shape[1]! <= offset || v.from >= offset + c);
    this.values.set(key, [...rest, { name, from: offset, shape: [1, c, h, w] }]);
  }

  private async constant({ name }: Storage): Promise<string> {
    if (this.constants.has(name)) return name;
    const { parts, shape } = this.program!.parameters.find(p => p.name === name)!;
    const count = shape.reduce((a, b) => a * b, 1);
    const values = new Float32Array(count);
    let at = 0;
    for (const { key, rows } of parts) {
      const row = count / shape[0]!;
      const all = await this.weights.float32(key);
      const part = rows ? all.subarray(rows[0] * row, rows[1] * row) : all;
      values.set(part, at);
      at += part.length;
    }
    this.constants.set(name, { shape, values });
    return name;
  }

  private async call({ kernel, params, operands: o, label }: Call): Promise<void> {
    switch (kernel.name) {
      case 'nchw-to-tensor':
        return this.write(o.y!, (params as { y: Layout }).y, 'input');
      case 'tensor-to-nchw': {
        const { x } = params as { x: Layout };
        this.layer({ op: 'reshape' }, [this.read(o.x!, x)], shapeOf(x), 'output');
        return;
      }
      case 'conv':
        return this.conv(params as ConvParams, o);
      case 'group-norm': {
        const { x, groups, eps } = params as GroupNormParams;
        const inputs = [this.read(o.x!, x), await this.constant(o.gamma!), await this.constant(o.beta!)];
        this.norms.set(this.key(o.scale!), this.layer({ op: 'group-norm', groups, eps }, inputs, shapeOf(x)));
        return;
      }
      case 'layer-norm': {
        const { x, y, eps, yPosition } = params as LayerNormParams;
        const inputs = [this.read(o.x!, x), await this.constant(o.gamma!), await this.constant(o.beta!)];
        const normed = this.layer({ op: 'layer-norm', eps }, inputs, shapeOf(y));
        this.write(o.y!, y, normed);
        if (yPosition) {
          const table = this.positions(await this.constant(o.position!));
          this.write(o.yPosition!, yPosition, this.layer({ op: 'add' }, [normed, table], shapeOf(y)));
        }
        return;
      }
      case 'attention': {
        const { q, k, v, y, heads, scale } = params as AttentionParams;
        const inputs = [this.read(o.q!, q), this.read(o.k!, k), this.read(o.v!, v)];
        return this.write(o.y!, y, this.layer({ op: 'attention', heads, scale }, inputs, shapeOf(y)));
      }
      case 'add': {
        const { a, b, y } = params as AddParams;
        return this.write(o.y!, y, this.layer({ op: 'add' }, [this.read(o.a!, a), this.read(o.b!, b)], shapeOf(y)));
      }
      case 'codebook/argmax': {
        const { logits } = params as ArgmaxParams;
        this.layer({ op: 'argmax' }, [this.read(o.logits!, logits)], [logits.h * logits.w], 'indices');
        return;
      }
      case 'codebook/lookup': {
        const { y } = params as LookupParams;
        const inputs = ['indices', await this.constant(o.codebook!)];
        return this.write(o.y!, y, this.layer({ op: 'lookup' }, inputs, shapeOf(y)));
      }
      case 'adain': {
        const { x, style, y } = params as AdainParams;
        const inputs = [this.read(o.x!, x), this.read(o.style!, style)];
        return this.write(o.y!, y, this.layer({ op: 'adain' }, inputs, shapeOf(y)));
      }
      case 'feature-fusion': {
        const { d, scale, shift, y } = params as FeatureFusionParams;
        const inputs = [this.read(o.d!, d), this.read(o.scale!, scale), this.read(o.shift!, shift)];
        const operation = { op: 'fusion', fidelity: this.fidelity } as const;
        return this.write(o.y!, y, this.layer(operation, inputs, shapeOf(y)));
      }
      default:
        throw new Error(`${label}: no other runtime is told what ${kernel.name} is`);
    }
  }

  private async conv(params: ConvParams, o: Call['operands']): Promise<void> {
    const { x, y, size, stride, padTop, padLeft, upsample, prologue, activation, residual } = params;
    const normed = prologue === 'none' ? undefined : this.norms.get(this.key(o.scale!));
    let value = normed ?? this.read(o.x!, x);
    if (prologue === 'affine-swish') value = this.layer({ op: 'swish' }, [value], shapeOf(x));
    if (upsample === 2) value = this.layer({ op: 'upsample' }, [value], [1, x.c, 2 * x.h, 2 * x.w]);
    const missing = (out: number, from: number, pad: number) => (out - 1) * stride + size - pad - from * upsample;
    const pads = [padTop, padLeft, missing(y.h, x.h, padTop), missing(y.w, x.w, padLeft)];
    const weights = await this.constant(o.weights!);
    const { shape, values } = this.constants.get(weights)!;
    this.constants.set(weights, { shape: [...shape, 1, 1].slice(0, 4), values });
    const inputs = [value, weights, ...(o.bias ? [await this.constant(o.bias)] : [])];
    value = this.layer({ op: 'conv', stride, pads }, inputs, shapeOf(y));
    if (activation.kind === 'leaky') {
      value = this.layer({ op: 'leaky', slope: activation.slope ?? 0 }, [value], shapeOf(y));
    } else if (activation.kind !== 'none') value = this.layer({ op: activation.kind }, [value], shapeOf(y));
    if (residual) value = this.layer({ op: 'add' }, [value, this.read(o.residual!, residual.layout)], shapeOf(y));
    this.write(o.y!, y, value);
  }

  /** A table [T, C] as a tensor [1, C, 1, T]. */
  private positions(name: string): string {
    const { shape, values } = this.constants.get(name)!;
    if (shape.length === 2) {
      const [tokens, width] = shape as [number, number];
      const turned = values.map((_, i) => values[(i % tokens) * width + Math.floor(i / tokens)]!);
      this.constants.set(name, { shape: [1, width, 1, tokens], values: turned });
    }
    return name;
  }
}

/** CodeFormer with AdaIN and the fusion of encoder features at a fidelity, on weights. */
export async function codeformerLayers(config: CodeFormerConfig, weights: Weights, fidelity: number): Promise<Layers> {
  const recorder = new Recorder(weights, fidelity);
  await recorder.record('encode', encodeProgram(config, 1, 'tensor'));
  await recorder.record('decode', decodeProgram(config, 1, { fuse: true, adain: true, map: false }, 'tensor'));
  return { size: config.size, layers: recorder.layers, constants: recorder.constants };
}

/** What `pytorch.py` reads: layers, constants and a picture. */
export async function writeLayers(folder: string, { layers, constants }: Layers, input: Float32Array): Promise<void> {
  const described = { layers, constants: [...constants].map(([name, { shape }]) => [name, shape]) };
  await writeFile(join(folder, 'layers.json'), JSON.stringify(described));
  await writeFile(join(folder, 'input.bin'), bytesOf(input));
  const file = await open(join(folder, 'constants.bin'), 'w');
  for (const { values } of constants.values()) await file.write(bytesOf(values));
  await file.close();
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
