// Records kernel calls on symbolic tensors. A graph knows shapes, names and lifetimes, and nothing of what will run it.

import { CodeFormerError } from '../errors.js';
import { type AdainParams, adain } from '../kernels/adain/adain.js';
import { add } from '../kernels/add/add.js';
import { attention } from '../kernels/attention/attention.js';
import type { ConvParams } from '../kernels/conv/conv.js';
import { conv } from '../kernels/conv/conv.js';
import { groupNorm } from '../kernels/group-norm/group-norm.js';
import {
  ceilDiv,
  type ElementType,
  type Kernel,
  type Layout,
  layout,
  layoutElements,
  roundUp,
} from '../kernels/kernel.js';
import { layerNorm } from '../kernels/layer-norm/layer-norm.js';
import { normalize } from '../kernels/normalize/normalize.js';
import { pixelShuffle } from '../kernels/pixel-shuffle/pixel-shuffle.js';

/** Memory that tensors lie in. */
export interface Storage {
  readonly id: number;
  /** `transient`: planned by liveness; `external`: bound for each run, by name; `parameter`: weights, by name. */
  readonly kind: 'transient' | 'external' | 'parameter';
  readonly name: string;
  readonly type: ElementType;
  readonly elements: number;
}

/** A view of storage. */
export interface Tensor {
  readonly storage: Storage;
  readonly layout: Layout;
}

/** How a parameter is made from tensors of the weights' file. */
export interface Parameter {
  readonly name: string;
  readonly storage: Storage;
  /** Tensors (or rows of them) that are stacked along the first dimension. */
  readonly parts: readonly { readonly key: string; readonly rows?: readonly [number, number] }[];
  /** The stacked shape: [out, in, kh, kw], [out, in] or [count]. */
  readonly shape: readonly number[];
  /**
   * `conv`: for the convolution kernels; `rows`: as it is, rows padded with zeros to a multiple of 4; `depthwise`: [out, 1, kh, kw] as
   * rows of all channels, one for each tap.
   */
  readonly packing: 'conv' | 'rows' | 'depthwise';
  /** Path of a batch norm that is folded in: its factors into weights; into a bias, which may have no parts, its shifts too. */
  readonly batchNorm?: string | undefined;
}

/** One kernel on its tensors. */
export interface Call {
  /** Path of the layer: `encoder.blocks.4.conv1`. */
  readonly label: string;
  // biome-ignore lint/suspicious/noExplicitAny: a list over kernels of all parameter types
  readonly kernel: Kernel<any>;
  readonly params: unknown;
  readonly operands: Readonly<Record<string, Storage>>;
}

/** Group norm, folded: y = x * scale + shift. */
export interface FoldedNorm {
  readonly scale: Tensor;
  readonly shift: Tensor;
}

export interface ConvOptions {
  readonly out: number;
  /** Side of the filter. Default 3. */
  readonly size?: ConvParams['size'];
  readonly stride?: 1 | 2;
  /** Zeros (or mirrored pixels) above and on the left. Default (size - 1) / 2. */
  readonly pad?: number;
  readonly padMode?: ConvParams['padMode'];
  /** Nearest upsampling of the input before the convolution. */
  readonly upsample?: 1 | 2;
  /** Path of a batch norm of the output, folded into weights and bias when they are loaded. */
  readonly batchNorm?: string;
  /** Applied to the input before the padding. */
  readonly norm?: FoldedNorm;
  readonly normActivation?: 'none' | 'swish';
  readonly activation?: ConvParams['activation'];
  /** Default true, or false where there is a batch norm. */
  readonly bias?: boolean;
  /** y = residual + alpha * conv(x). */
  readonly residual?: Tensor;
  readonly alpha?: number;
  /** Writes there instead of into a tensor of its own; it may be another slice of the tensor that x is a slice of. */
  readonly into?: Tensor;
  /** Tensors of the file, if not `<path>.weight` and `<path>.bias`: stacked along the outputs. */
  readonly parts?: readonly {
    readonly weight: string;
    readonly bias?: string;
    readonly rows?: readonly [number, number];
  }[];
  /** The weights are a matrix [out, in], as of a linear layer. */
  readonly linear?: boolean;
  readonly outputType?: 'store' | 'f32';
}

/** The finished record: what an executor needs. */
export interface Program {
  readonly calls: readonly Call[];
  readonly parameters: readonly Parameter[];
}

/** Records the layers of a network, and which tensors and parameters they need. What does not fit throws `SHAPE_MISMATCH`. */
export class Graph {
  private readonly calls: Call[] = [];
  private readonly parameters = new Map<string, Parameter>();
  private readonly externals = new Map<string, Storage>();
  private count = 0;

  /** A tensor bound at every run under its name. */
  external(name: string, shape: Layout, type: ElementType = 'store'): Tensor {
    const existing = this.externals.get(name);
    const storage = existing ?? this.storage('external', name, type, layoutElements(shape));
    this.externals.set(name, storage);
    return { storage, layout: shape };
  }

  /** A tensor for intermediate values. */
  tensor(name: string, shape: Layout, type: ElementType = 'store'): Tensor {
    return { storage: this.storage('transient', name, type, layoutElements(shape)), layout: shape };
  }

  /** Channels `from` to `from + count` of a tensor, in place. */
  slice(x: Tensor, from: number, count: number): Tensor {
    if (from % 4 !== 0) throw shapeError(x.storage.name, 'a slice that starts at a multiple of 4 channels', `${from}`);
    const { n, h, w, stride, offset } = x.layout;
    return { storage: x.storage, layout: layout(n, h, w, count, stride, offset + from) };
  }

  /** The same values as tokens (h = 1, w = pixels) or as a picture of another height. */
  reshape(x: Tensor, h: number, w: number): Tensor {
    const l = x.layout;
    if (h * w !== l.h * l.w) throw shapeError(x.storage.name, `${l.h * l.w} pixels`, `${h}x${w}`);
    return { storage: x.storage, layout: layout(l.n, h, w, l.c, l.stride, l.offset) };
  }

  /** Weights by their names in the file; the same parameter asked for twice is one. */
  parameter(
    name: string,
    shape: readonly number[],
    packing: Parameter['packing'],
    type: ElementType,
    elements: number,
    parts: Parameter['parts'] = [{ key: name }],
    batchNorm?: string,
  ): Storage {
    const existing = this.parameters.get(name);
    if (existing) return existing.storage;
    const storage = this.storage('parameter', name, type, elements);
    this.parameters.set(name, { name, storage, parts, shape, packing, batchNorm });
    return storage;
  }

  /** A vector of `count` values, zero padded to `elements`. */
  vector(key: string, count: number, elements = roundUp(count, 4)): Storage {
    return this.parameter(key, [count], 'rows', 'f32', elements);
  }

  /** Records a call of any kernel. */
  call<P>(label: string, kernel: Kernel<P>, params: P, operands: Readonly<Record<string, Tensor | Storage>>): void {
    const storages: Record<string, Storage> = {};
    for (const [name, { type, elements }] of Object.entries(kernel.operands(params))) {
      const given = operands[name];
      const storage = given && ('storage' in given ? given.storage : given);
      if (!storage) throw shapeError(label, `a tensor for ${name}`, 'none');
      if (storage.type !== type) throw shapeError(label, `${name} of type ${type}`, storage.type);
      if (storage.elements < elements)
        throw shapeError(label, `${name} of ${elements} elements`, `${storage.elements}`);
      storages[name] = storage;
    }
    this.calls.push({ label, kernel, params, operands: storages });
  }

  /** A convolution or linear layer. */
  conv(x: Tensor, path: string, options: ConvOptions): Tensor {
    const { out, size = 3, stride = 1, upsample = 1, norm, residual, batchNorm, linear = false } = options;
    const ownBias = options.bias ?? !batchNorm;
    const bias = ownBias || batchNorm !== undefined;
    const { n, h, w, c } = x.layout;
    const pad = options.pad ?? (size - 1) / 2;
    const rows = ceilDiv(h * upsample, stride);
    const columns = ceilDiv(w * upsample, stride);
    const outputType = options.outputType ?? 'store';
    const y = options.into ?? this.tensor(path, layout(n, rows, columns, out), outputType);
    same(path, 'its output', y, { n, h: rows, w: columns, c: out });
    if (residual) same(path, 'its residual', residual, { n, h: rows, w: columns, c: out });
    const params: ConvParams = {
      x: x.layout,
      y: y.layout,
      size,
      stride,
      padTop: pad,
      padLeft: pad,
      padMode: options.padMode ?? 'zero',
      upsample,
      prologue: !norm ? 'none' : options.normActivation === 'swish' ? 'affine-swish' : 'affine',
      activation: options.activation ?? { kind: 'none' },
      bias,
      outputType,
      ...(residual && { residual: { layout: residual.layout, alpha: options.alpha ?? 1 } }),
    };
    const expected = conv.operands(params);
    const parts = options.parts ?? [{ weight: `${path}.weight`, bias: `${path}.bias` }];
    const shape = linear ? [out, c] : [out, c, size, size];
    const keyed = (key: string, r?: readonly [number, number]) => (r ? { key, rows: r } : { key });
    this.call(path, conv, params, {
      x,
      y,
      weights: this.parameter(
        `${path}.weight`,
        shape,
        'conv',
        'store',
        expected.weights!.elements,
        parts.map(p => keyed(p.weight, p.rows)),
        batchNorm,
      ),
      ...(bias && {
        bias: this.parameter(
          `${path}.bias`,
          [out],
          'rows',
          'f32',
          expected.bias!.elements,
          ownBias ? parts.map(p => keyed(p.bias!, p.rows)) : [],
          batchNorm,
        ),
      }),
      ...(norm && { scale: norm.scale, shift: norm.shift }),
      ...(residual && { residual }),
    });
    return y;
  }

  /** Statistics of a group norm, folded with its weights. */
  groupNorm(x: Tensor, path: string, groups: number, eps = 1e-6): FoldedNorm {
    const { n, c } = x.layout;
    if (c % groups !== 0) throw shapeError(path, `channels divisible by ${groups} groups`, `${c}`);
    const scale = this.tensor(`${path}/scale`, layout(n, 1, 1, c), 'f32');
    const shift = this.tensor(`${path}/shift`, layout(n, 1, 1, c), 'f32');
    const gamma = this.vector(`${path}.weight`, c);
    const beta = this.vector(`${path}.bias`, c);
    this.call(path, groupNorm, { x: x.layout, groups, eps }, { x, gamma, beta, scale, shift });
    return { scale, shift };
  }

  /** Applies a folded norm. */
  normalize(x: Tensor, norm: FoldedNorm, label: string): Tensor {
    const { n, h, w, c } = x.layout;
    const y = this.tensor(label, layout(n, h, w, c));
    this.call(label, normalize, { x: x.layout, y: y.layout, activation: 'none' }, { x, ...norm, y });
    return y;
  }

  /** Layer norm over the channels of tokens; with a position table [T, C] also the sum of the two. */
  layerNorm(x: Tensor, path: string, position?: Storage, eps = 1e-5): { y: Tensor; positioned: Tensor } {
    const { n, h, w, c } = x.layout;
    const y = this.tensor(path, layout(n, h, w, c));
    const positioned = position ? this.tensor(`${path}+position`, layout(n, h, w, c)) : y;
    this.call(
      path,
      layerNorm,
      { x: x.layout, y: y.layout, eps, ...(position && { yPosition: positioned.layout }) },
      {
        x,
        gamma: this.vector(`${path}.weight`, c),
        beta: this.vector(`${path}.bias`, c),
        y,
        ...(position && { position, yPosition: positioned }),
      },
    );
    return { y, positioned };
  }

  /** softmax(q k^T scale) v for each head; tokens in, tokens out. */
  attention(q: Tensor, k: Tensor, v: Tensor, heads: number, scale: number, label: string): Tensor {
    const { n, h, w, c } = q.layout;
    if (c % heads !== 0) throw shapeError(label, `channels divisible by ${heads} heads`, `${c}`);
    const y = this.tensor(label, layout(n, h, w, c));
    const params = { q: q.layout, k: k.layout, v: v.layout, y: y.layout, heads, scale };
    this.call(label, attention, params, { q, k, v, y });
    return y;
  }

  /** Gives each channel of x the mean and deviation of the same channel of `style`. */
  adain(x: Tensor, style: Tensor, label: string): Tensor {
    const { n, h, w, c } = x.layout;
    same(label, 'its style', style, x.layout);
    const y = this.tensor(label, layout(n, h, w, c));
    const params: AdainParams = { x: x.layout, style: style.layout, y: y.layout };
    this.call(label, adain, params, { x, style, y });
    return y;
  }

  /** Writes the values of x to `into`, which may be a slice. */
  copy(x: Tensor, into: Tensor, label: string): Tensor {
    // Shuffling by 1 changes nothing but the place.
    this.call(label, pixelShuffle, { x: x.layout, y: into.layout, factor: 1 }, { x, y: into });
    return into;
  }

  /** a + alpha * b, b enlarged to the size of a by repeating its pixels; negative sums times `slope`. */
  add(a: Tensor, b: Tensor, label: string, options: { alpha?: number; slope?: number; into?: Tensor } = {}): Tensor {
    const { n, h, w, c } = a.layout;
    const y = options.into ?? this.tensor(label, layout(n, h, w, c));
    const { alpha = 1, slope = 1 } = options;
    this.call(label, add, { a: a.layout, b: b.layout, y: y.layout, alpha, slope }, { a, b, y });
    return y;
  }

  finish(): Program {
    return { calls: this.calls, parameters: [...this.parameters.values()] };
  }

  private storage(kind: Storage['kind'], name: string, type: ElementType, elements: number): Storage {
    return { id: this.count++, kind, name, type, elements };
  }
}

function same(label: string, what: string, got: Tensor, want: Pick<Layout, 'n' | 'h' | 'w' | 'c'>): void {
  const { n, h, w, c } = got.layout;
  if (n === want.n && h === want.h && w === want.w && c === want.c) return;
  throw shapeError(label, `${what} to be ${want.n}x${want.h}x${want.w}x${want.c}`, `${n}x${h}x${w}x${c}`);
}

function shapeError(label: string, expected: string, received: string): CodeFormerError {
  return new CodeFormerError('SHAPE_MISMATCH', `${label}: expected ${expected} but received ${received}`);
}
