// The safetensors container: an 8-byte length, a JSON header, and the tensors one after another.

import { describe, invalidArgument } from '../errors.js';
import { type DType, elementCount, ITEM_SIZE } from './dtype.js';
import { parseJson } from './json.js';
import { type ByteSource, broken, readExactly } from './source.js';
import { type Weights, type WeightsEntry, weightsFrom, withoutModule } from './weights.js';

const CODES: Readonly<Record<DType, string>> = {
  float64: 'F64',
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint64: 'U64',
  uint32: 'U32',
  uint16: 'U16',
  uint8: 'U8',
  bool: 'BOOL',
};
const DTYPE_OF = new Map((Object.entries(CODES) as [DType, string][]).map(([dtype, code]) => [code, dtype]));

/** The official checkpoint needs 60 KB of header; this leaves room and keeps a hostile length from taking memory and time. */
const MAX_HEADER = 2 * 2 ** 20;
const MAX_DIMENSIONS = 32;

/**
 * Opens a safetensors file: reads and checks the header, and nothing else.
 * Throws `INVALID_CHECKPOINT` where the header is not exactly right: sizes, types, offsets without holes or overlaps.
 */
export async function openSafetensors(source: ByteSource): Promise<Weights> {
  const { name } = source;
  const prefix = await readExactly(source, 0, 8, 'the length of the header');
  const length = Number(new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true));
  if (length > MAX_HEADER) throw broken(name, `a header of ${length} bytes is above the limit of ${MAX_HEADER}`);
  const bytes = await readExactly(source, 8, length, 'the header');
  const start = 8 + length;
  const available = source.size - start;

  let metadata: Record<string, string> = {};
  const entries = new Map<string, WeightsEntry>();
  const ranges: { tensor: string; begin: number; end: number }[] = [];
  for (const [tensor, value] of Object.entries(parseHeader(name, bytes))) {
    if (tensor === '__metadata__') {
      metadata = checkMetadata(name, value);
      continue;
    }
    const { dtype, shape, begin, end } = checkEntry(name, tensor, value);
    ranges.push({ tensor, begin, end });
    entries.set(tensor, {
      dtype,
      shape,
      read: () => readExactly(source, start + begin, end - begin, `tensor ${describe(tensor)}`),
    });
  }

  ranges.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { tensor, begin, end } of ranges) {
    if (begin !== covered) {
      const fault = begin < covered ? 'overlaps the tensor before it' : 'leaves a hole before it';
      throw broken(name, `tensor ${describe(tensor)} ${fault}: expected offset ${covered}, got ${begin}`);
    }
    covered = end;
  }
  if (covered !== available) {
    throw broken(name, `the tensors take ${covered} bytes but ${available} follow the header`);
  }
  return weightsFrom(name, metadata, withoutModule(entries), async () => source.close?.());
}

function parseHeader(file: string, bytes: Uint8Array): object {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw broken(file, 'the header is not valid JSON', cause);
  }
  const header = parseJson(text, fault => broken(file, `the header ${fault}`));
  if (!isObject(header)) throw broken(file, `expected an object as header but got ${describe(header)}`);
  return header;
}

function checkMetadata(file: string, value: unknown): Record<string, string> {
  if (!isObject(value)) throw broken(file, `expected an object for __metadata__ but got ${describe(value)}`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') {
      throw broken(file, `expected a string for metadata ${describe(key)} but got ${describe(text)}`);
    }
  }
  return value as Record<string, string>;
}

function checkEntry(file: string, tensor: string, value: unknown) {
  const label = `tensor ${describe(tensor)}`;
  if (!isObject(value)) throw broken(file, `expected an object for ${label} but got ${describe(value)}`);
  const { dtype: code, shape, data_offsets: offsets } = value as Record<string, unknown>;
  const dtype = typeof code === 'string' ? DTYPE_OF.get(code) : undefined;
  if (!dtype) throw broken(file, `${label} has the unknown type ${describe(code)}`);
  if (!isSizes(shape) || shape.length > MAX_DIMENSIONS) {
    throw broken(file, `expected whole numbers from 0 for the shape of ${label} but got ${show(shape)}`);
  }
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[1]! < offsets[0]!) {
    throw broken(file, `expected two ascending offsets for ${label} but got ${show(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  const size = elementCount(shape) * ITEM_SIZE[dtype];
  if (!Number.isSafeInteger(size) || size !== end - begin) {
    throw broken(file, `${label} of shape [${shape.join(', ')}] needs ${size} bytes but has ${end - begin}`);
  }
  return { dtype, shape, begin, end };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(side => Number.isSafeInteger(side) && side >= 0);
}

function show(value: unknown): string {
  return Array.isArray(value) ? describe(JSON.stringify(value)) : describe(value);
}

/** A tensor to be written: its elements as stored, contiguous and row-major, now or when its turn comes. */
export interface OutgoingTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: ArrayBufferView | (() => Promise<ArrayBufferView>);
}

/**
 * Writes a safetensors file piece by piece: the header, then tensor after tensor, with one of them in memory at a time.
 * Tensors are ordered by element size and name, so every one is aligned to its element size and the file depends on the
 * content alone.
 */
export async function* streamSafetensors(
  tensors: Iterable<OutgoingTensor>,
  metadata: Readonly<Record<string, string>> = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { header, ordered } = layOut(tensors, metadata);
  yield header;
  for (const tensor of ordered) {
    yield checkedBytes(tensor, typeof tensor.data === 'function' ? await tensor.data() : tensor.data);
  }
}

/** A safetensors file in memory. */
export function writeSafetensors(
  tensors: Iterable<OutgoingTensor & { readonly data: ArrayBufferView }>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const { header, ordered, total } = layOut(tensors, metadata);
  const file = new Uint8Array(header.length + total);
  file.set(header);
  let offset = header.length;
  for (const tensor of ordered) {
    const bytes = checkedBytes(tensor, tensor.data);
    file.set(bytes, offset);
    offset += bytes.length;
  }
  return file;
}

function layOut<T extends OutgoingTensor>(tensors: Iterable<T>, metadata: Readonly<Record<string, string>>) {
  const ordered = [...tensors].sort(
    (a, b) => ITEM_SIZE[b.dtype] - ITEM_SIZE[a.dtype] || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );
  const fields: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) fields.push(['__metadata__', metadata]);
  const seen = new Set(['__metadata__']);
  let total = 0;
  for (const { name, dtype, shape } of ordered) {
    if (seen.has(name)) throw invalidArgument('unique names other than __metadata__', 'tensors', name);
    seen.add(name);
    const end = total + byteLength(dtype, shape);
    fields.push([name, { dtype: CODES[dtype], shape, data_offsets: [total, end] }]);
    total = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(fields)));
  const padded = Math.ceil(json.length / 8) * 8;
  const header = new Uint8Array(8 + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(json, 8);
  return { header, ordered, total };
}

function byteLength(dtype: DType, shape: readonly number[]): number {
  return elementCount(shape) * ITEM_SIZE[dtype];
}

function checkedBytes({ name, dtype, shape }: OutgoingTensor, data: ArrayBufferView): Uint8Array {
  const expected = byteLength(dtype, shape);
  if (data.byteLength !== expected) {
    throw invalidArgument(`${expected} bytes (${dtype} [${shape.join(', ')}])`, `tensor ${name}`, data.byteLength);
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
