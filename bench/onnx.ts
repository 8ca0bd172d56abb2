// Writes ONNX models of a chain of equal convolutions: protocol buffers by hand, as far as that needs.

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

/** TensorProto, FLOAT. */
const tensor = (name: string, dims: readonly number[], data: Float32Array): Bytes =>
  join([
    ...dims.map(d => integer(1, d)),
    integer(2, 1),
    text(8, name),
    bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ]);

/** ValueInfoProto, FLOAT. */
const value = (name: string, dims: readonly number[]): Bytes =>
  join([
    text(1, name),
    bytes(2, bytes(1, join([integer(1, 1), bytes(2, join(dims.map(d => bytes(1, integer(1, d)))))]))),
  ]);

/** AttributeProto, INTS. */
const integers = (name: string, values: readonly number[]): Bytes =>
  join([text(1, name), ...values.map(v => integer(8, v)), integer(20, 7)]);

/** 3x3 convolutions [1, C, H, W] -> [1, C, H, W] with one row of zeros around, `length` of them one after another. */
export function convChain(
  length: number,
  channels: number,
  height: number,
  width: number,
  weights: Float32Array,
): Bytes {
  const dims = [1, channels, height, width];
  const name = (i: number): string => (i === 0 ? 'x' : i === length ? 'y' : `h${i}`);
  const nodes = Array.from({ length }, (_, i) =>
    join([
      text(1, name(i)),
      text(1, `w${i}`),
      text(1, `b${i}`),
      text(2, name(i + 1)),
      text(4, 'Conv'),
      bytes(5, integers('kernel_shape', [3, 3])),
      bytes(5, integers('pads', [1, 1, 1, 1])),
      bytes(5, integers('strides', [1, 1])),
    ]),
  );
  const initializers = Array.from({ length }, (_, i) => [
    tensor(`w${i}`, [channels, channels, 3, 3], weights),
    tensor(`b${i}`, [channels], new Float32Array(channels)),
  ]).flat();
  const graph = join([
    ...nodes.map(n => bytes(1, n)),
    text(2, 'chain'),
    ...initializers.map(t => bytes(5, t)),
    bytes(11, value('x', dims)),
    bytes(12, value('y', dims)),
  ]);
  const opset = join([text(1, ''), integer(2, 17)]);
  return join([integer(1, 8), bytes(7, graph), bytes(8, opset)]);
}
