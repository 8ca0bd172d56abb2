// Writes ONNX models: protocol buffers by hand, as far as networks of convolutions and attention need them.

import type { Layer, Layers } from './layers.js';

type Bytes = Uint8Array;

const join = (parts: readonly Bytes[]): Bytes => {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};

function varint(value: number): Bytes {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  out.push(rest);
  return Uint8Array.from(out);
}

const integer = (field: number, value: number): Bytes => join([varint(field * 8), varint(value)]);

const bytes = (field: number, value: Bytes): Bytes => join([varint(field * 8 + 2), varint(value.length), value]);

const text = (field: number, value: string): Bytes => bytes(field, new TextEncoder().encode(value));

const FLOAT = 1;
const INT64 = 7;

/** TensorProto. */
const tensor = (name: string, dims: readonly number[], data: Float32Array | BigInt64Array): Bytes =>
  join([
    ...dims.map(d => integer(1, d)),
    integer(2, data instanceof Float32Array ? FLOAT : INT64),
    text(8, name),
    bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ]);

/** ValueInfoProto, FLOAT. */
const value = (name: string, dims: readonly number[]): Bytes =>
  join([
    text(1, name),
    bytes(2, bytes(1, join([integer(1, FLOAT), bytes(2, join(dims.map(d => bytes(1, integer(1, d)))))]))),
  ]);

type Attribute = number | string | readonly number[] | { readonly float: number };

/** AttributeProto. */
function attribute(name: string, given: Attribute): Bytes {
  const typed = (type: number, ...content: Bytes[]): Bytes => join([text(1, name), ...content, integer(20, type)]);
  if (typeof given === 'number') return typed(2, integer(3, given));
  if (typeof given === 'string') return typed(3, text(4, given));
  if ('float' in given) return typed(1, join([varint(2 * 8 + 5), new Uint8Array(Float32Array.of(given.float).buffer)]));
  return typed(7, ...given.map(v => integer(8, v)));
}

class Model {
  private readonly nodes: Bytes[] = [];
  private readonly initializers = new Map<string, Bytes>();

  node(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    output = `n${this.nodes.length}`,
  ): string {
    this.nodes.push(
      join([
        ...inputs.map(name => text(1, name)),
        text(2, output),
        text(4, operator),
        ...Object.entries(attributes).map(([name, given]) => bytes(5, attribute(name, given))),
      ]),
    );
    return output;
  }

  constant(name: string, dims: readonly number[], data: Float32Array | BigInt64Array): string {
    if (!this.initializers.has(name)) this.initializers.set(name, tensor(name, dims, data));
    return name;
  }

  scalar(number: number): string {
    return this.constant(`scalar ${number}`, [], Float32Array.of(number));
  }

  integers(numbers: readonly number[]): string {
    return this.constant(`integers ${numbers}`, [numbers.length], BigInt64Array.from(numbers, BigInt));
  }

  reshape(x: string, shape: readonly number[], output?: string): string {
    return this.node('Reshape', [x, this.integers(shape)], {}, output);
  }

  /** The file, with operators of version 17, from `input` to `output`, both of these sizes. */
  bytes(input: string, output: string, dims: readonly number[]): Bytes {
    const graph = join([
      ...this.nodes.map(n => bytes(1, n)),
      text(2, 'network'),
      ...[...this.initializers.values()].map(t => bytes(5, t)),
      bytes(11, value(input, dims)),
      bytes(12, value(output, dims)),
    ]);
    const opset = join([text(1, ''), integer(2, 17)]);
    return join([integer(1, 8), bytes(7, graph), bytes(8, opset)]);
  }
}

/** 3x3 convolutions [1, C, H, W] -> [1, C, H, W] with one row of zeros around, `length` of them one after another. */
export function convChain(
  length: number,
  channels: number,
  height: number,
  width: number,
  weights: Float32Array,
): Bytes {
  const model = new Model();
  let x = 'x';
  for (let i = 0; i < length; i++) {
    const inputs = [
      x,
      model.constant(`w${i}`, [channels, channels, 3, 3], weights),
      model.constant(`b${i}`, [channels], new Float32Array(channels)),
    ];
    const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1] };
    x = model.node('Conv', inputs, attributes, i === length - 1 ? 'y' : `h${i}`);
  }
  return model.bytes('x', 'y', [1, channels, height, width]);
}

/** A network as exporters write it: norms of groups as those of instances, gelu by its error function. */
export function networkModel({ size, layers, constants }: Layers): Bytes {
  const model = new Model();
  for (const [name, { shape, values }] of constants) model.constant(name, shape, values);
  for (const layer of layers) lower(model, layer, constants);
  return model.bytes('input', 'output', [1, 3, size, size]);
}

function lower(model: Model, layer: Layer, constants: Layers['constants']): void {
  const { inputs, output, shape } = layer;
  const [x = '', second = '', third = ''] = inputs;
  const [, channels = 1, height = 1, width = 1] = shape;
  const pixels = height * width;
  const perChannel = (name: string): string =>
    model.constant(`${name} of channels`, [1, channels, 1, 1], constants.get(name)!.values);
  switch (layer.op) {
    case 'conv': {
      const side = constants.get(second)!.shape[2]!;
      const { pads, stride } = layer;
      model.node('Conv', inputs, { kernel_shape: [side, side], pads, strides: [stride, stride] }, output);
      return;
    }
    case 'group-norm': {
      const { groups, eps } = layer;
      const fill = (number: number): string =>
        model.constant(`${groups} times ${number}`, [groups], new Float32Array(groups).fill(number));
      const rows = model.reshape(x, [1, groups, -1]);
      const normed = model.node('InstanceNormalization', [rows, fill(1), fill(0)], { epsilon: { float: eps } });
      const scaled = model.node('Mul', [model.reshape(normed, shape), perChannel(second)]);
      model.node('Add', [scaled, perChannel(third)], {}, output);
      return;
    }
    case 'layer-norm': {
      const tokens = model.node('Transpose', [model.reshape(x, [1, channels, pixels])], { perm: [0, 2, 1] });
      const attributes = { axis: 2, epsilon: { float: layer.eps } };
      const normed = model.node('LayerNormalization', [tokens, second, third], attributes);
      model.reshape(model.node('Transpose', [normed], { perm: [0, 2, 1] }), shape, output);
      return;
    }
    case 'swish':
      model.node('Mul', [x, model.node('Sigmoid', [x])], {}, output);
      return;
    case 'gelu': {
      const erf = model.node('Erf', [model.node('Div', [x, model.scalar(Math.SQRT2)])]);
      const product = model.node('Mul', [x, model.node('Add', [erf, model.scalar(1)])]);
      model.node('Mul', [product, model.scalar(0.5)], {}, output);
      return;
    }
    case 'leaky':
      model.node('LeakyRelu', [x], { alpha: { float: layer.slope } }, output);
      return;
    case 'upsample': {
      const scales = model.constant('scales', [4], Float32Array.of(1, 1, 2, 2));
      const attributes = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
      model.node('Resize', [x, '', scales], attributes, output);
      return;
    }
    case 'add':
      model.node('Add', inputs, {}, output);
      return;
    case 'attention': {
      const { heads, scale } = layer;
      const [q, k, v] = inputs.map(name => model.reshape(name, [heads, channels / heads, pixels])) as [
        string,
        string,
        string,
      ];
      const turned = (name: string): string => model.node('Transpose', [name], { perm: [0, 2, 1] });
      const scores = model.node('Mul', [model.node('MatMul', [turned(q), k]), model.scalar(scale)]);
      const shares = model.node('Softmax', [scores], { axis: 2 });
      model.reshape(model.node('MatMul', [v, turned(shares)]), shape, output);
      return;
    }
    case 'concat':
      model.node('Concat', inputs, { axis: 1 }, output);
      return;
    case 'slice': {
      const { from, count } = layer;
      const range = [[from], [from + count], [1]].map(numbers => model.integers(numbers));
      model.node('Slice', [x, ...range], {}, output);
      return;
    }
    case 'reshape':
      model.reshape(x, shape, output);
      return;
    case 'argmax':
      model.reshape(model.node('ArgMax', [x], { axis: 1, keepdims: 1 }), shape, output);
      return;
    case 'lookup': {
      const rows = model.node('Gather', [second, x], { axis: 0 });
      model.reshape(model.node('Transpose', [rows], { perm: [1, 0] }), shape, output);
      return;
    }
    case 'adain': {
      const statistics = (name: string) => {
        const mean = model.node('ReduceMean', [name], { axes: [2, 3], keepdims: 1 });
        const centred = model.node('Sub', [name, mean]);
        const squares = model.node('ReduceMean', [model.node('Mul', [centred, centred])], {
          axes: [2, 3],
          keepdims: 1,
        });
        const variance = model.node('Mul', [squares, model.scalar(pixels / (pixels - 1))]);
        return { mean, centred, deviation: model.node('Sqrt', [model.node('Add', [variance, model.scalar(1e-5)])]) };
      };
      const [own, style] = [statistics(x), statistics(second)];
      const scaled = model.node('Mul', [model.node('Div', [own.centred, own.deviation]), style.deviation]);
      model.node('Add', [scaled, style.mean], {}, output);
      return;
    }
    case 'fusion': {
      const change = model.node('Add', [model.node('Mul', [x, second]), third]);
      model.node('Add', [x, model.node('Mul', [change, model.scalar(layer.fidelity)])], {}, output);
      return;
    }
  }
}
