// Named tensors of a network, read one at a time, whatever container or rule they come from.

import { CodeFormerError, describe, invalidArgument } from '../errors.js';
import { type DType, elementCount, ITEM_SIZE, isFloat, type TensorData, toFloat32, typedData } from './dtype.js';

/** Tensors under their PyTorch names. Nothing is read before it is asked for, and nothing is kept. */
export interface Weights {
  /** How messages name them: the name of the source. */
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The names, in the order of the container. */
  names(): string[];
  /**
   * Sizes of a tensor, outermost first; [] for a scalar.
   * @param name one of `names()`, here as below
   * @throws `INVALID_ARGUMENT` for an unknown name
   */
  shape(name: string): number[];
  /**
   * Element type as stored.
   * @param name of the tensor
   * @throws `INVALID_ARGUMENT` for an unknown name
   */
  dtype(name: string): DType;
  /**
   * The values, contiguous and row-major.
   * @param name of the tensor
   * @throws `INVALID_ARGUMENT` for an unknown name, `INVALID_CHECKPOINT` for broken data, and what reading the source throws
   */
  tensor(name: string): Promise<{ dtype: DType; shape: number[]; data: TensorData }>;
  /**
   * The values rounded to float32, contiguous and row-major.
   * @param name of the tensor
   * @throws as `tensor`
   */
  float32(name: string): Promise<Float32Array>;
  /**
   * The elements as stored, little-endian, contiguous and row-major; for float16, the bits.
   * @param name of the tensor
   * @throws as `tensor`
   */
  raw(name: string): Promise<{ dtype: DType; bytes: Uint8Array }>;
  /**
   * Releases the source.
   * @throws what closing the source throws
   */
  close(): Promise<void>;
}

/** One tensor that can be read. */
export interface WeightsEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Its elements, contiguous, row-major and little-endian, at offset 0 of a buffer of their own. */
  read(): Promise<Uint8Array>;
}

const METHODS = ['names', 'shape', 'dtype', 'tensor', 'float32', 'raw', 'close'] as const;

/** Whether a value has what `Weights` have. */
export function isWeights(value: unknown): value is Weights {
  if (typeof value !== 'object' || value === null) return false;
  const { name, metadata, ...methods } = Object.fromEntries(
    ['name', 'metadata', ...METHODS].map(key => [key, (value as Record<string, unknown>)[key]]),
  );
  const described = typeof name === 'string' && typeof metadata === 'object' && metadata !== null;
  return described && METHODS.every(key => typeof methods[key] === 'function');
}

/** Throws `INVALID_ARGUMENT` unless the value is what `openWeights` gives. */
export function checkWeights(weights: Weights): void {
  if (!isWeights(weights)) throw invalidArgument('weights that openWeights opened', 'weights', weights);
}

/** Builds `Weights` from entries that know how to read themselves. */
export function weightsFrom(
  name: string,
  metadata: Readonly<Record<string, string>>,
  entries: ReadonlyMap<string, WeightsEntry>,
  close: () => Promise<void> = async () => {},
): Weights {
  const entry = (tensor: string): WeightsEntry => {
    const found = entries.get(tensor);
    if (!found) throw invalidArgument(`the name of one of the ${entries.size} tensors of ${name}`, 'name', tensor);
    return found;
  };
  return {
    name,
    metadata,
    names: () => [...entries.keys()],
    shape: tensor => [...entry(tensor).shape],
    dtype: tensor => entry(tensor).dtype,
    async tensor(tensor) {
      const { dtype, shape, read } = entry(tensor);
      return { dtype, shape: [...shape], data: typedData(dtype, await read()) };
    },
    async float32(tensor) {
      const { dtype, read } = entry(tensor);
      return toFloat32(dtype, await read());
    },
    async raw(tensor) {
      const { dtype, read } = entry(tensor);
      return { dtype, bytes: await read() };
    },
    close,
  };
}

const MODULE = 'module.';

/** The entries without the `module.` that training on several devices puts before every name, where each has it. */
export function withoutModule(entries: ReadonlyMap<string, WeightsEntry>): ReadonlyMap<string, WeightsEntry> {
  const all = [...entries];
  if (!all.every(([name]) => name.startsWith(MODULE))) return entries;
  return new Map(all.map(([name, entry]) => [name.slice(MODULE.length), entry]));
}

/** The same tensors with more metadata; closing the result closes the original. */
export function withMetadata(weights: Weights, metadata: Readonly<Record<string, string>>): Weights {
  return { ...weights, metadata: { ...weights.metadata, ...metadata } };
}

/** Bytes of all tensors together, as stored. */
export function storedBytes(weights: Weights): number {
  let total = 0;
  for (const name of weights.names()) total += elementCount(weights.shape(name)) * ITEM_SIZE[weights.dtype(name)];
  return total;
}

/** How many names of a kind a message lists before it only counts. */
const LISTED = 20;

/**
 * Compares names and shapes with what a network expects and throws one `WEIGHTS_MISMATCH` that lists every tensor that is
 * missing, left over or of the wrong shape or type (the first 20 of each kind and a count). Counters of batch
 * normalisation (`num_batches_tracked`) may be left over.
 * @param expected shapes by name
 */
export function checkTensors(weights: Weights, expected: ReadonlyMap<string, readonly number[]>): void {
  const present = new Set(weights.names());
  const missing: string[] = [];
  const wrong: string[] = [];
  for (const [name, shape] of expected) {
    if (!present.has(name)) missing.push(name);
    else if (!sameShape(weights.shape(name), shape)) {
      wrong.push(`${name} (expected [${shape.join(', ')}], got [${weights.shape(name).join(', ')}])`);
    } else if (!isFloat(weights.dtype(name))) wrong.push(`${name} (expected floats, got ${weights.dtype(name)})`);
  }
  const leftOver = [...present].filter(name => !expected.has(name) && !/(^|\.)num_batches_tracked$/.test(name));
  if (missing.length + wrong.length + leftOver.length === 0) return;
  const parts = [list('missing', missing), list('of the wrong shape or type', wrong), list('left over', leftOver)];
  throw new CodeFormerError(
    'WEIGHTS_MISMATCH',
    `${weights.name}: expected the ${expected.size} tensors of the network but ${parts.filter(Boolean).join('; ')}`,
  );
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((side, i) => side === b[i]);
}

function list(kind: string, names: string[]): string {
  return names.length === 0 ? '' : `${names.length} ${names.length === 1 ? 'is' : 'are'} ${kind}: ${listed(names)}`;
}

/** The first names, and a count of the rest. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, LISTED).map(name => (name.length > 160 ? describe(name) : name));
  return `${shown.join(', ') || 'nothing'}${names.length > LISTED ? ` and ${names.length - LISTED} more` : ''}`;
}
