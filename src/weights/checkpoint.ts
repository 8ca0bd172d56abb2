// PyTorch checkpoints in both containers: zip archives (since PyTorch 1.6) and the older row of pickles. The description
// of all tensors is read at once, the tensors themselves one by one when asked for.

import { describe } from '../errors.js';
import { elementCount, ITEM_SIZE } from './dtype.js';
import { kind, PickleError, PickleList, PickleStorage, PickleTensor, type PickleValue, readPickle } from './pickle.js';
import { type ByteSource, broken, readExactly } from './source.js';
import { listed, type Weights, type WeightsEntry, weightsFrom, withoutModule } from './weights.js';
import { readZip } from './zip.js';

/** The pickle of the official checkpoint has 80 KB. */
const MAX_PICKLE = 8 * 2 ** 20;

/** `little` or `big`, perhaps with a line end. */
const MAX_BYTE_ORDER = 256;

/**
 * Views may share and repeat elements, but all tensors of a file together may not make more bytes of it than this: so many times its own
 * size and so many in any case.
 */
const MAX_EXPANSION = 4;
const MAX_REPEATED = 16 * 2 ** 20;

/** Bytes [begin, end) of a storage. */
type ReadStorage = (begin: number, end: number) => Promise<Uint8Array>;

/**
 * Opens a checkpoint in a zip archive: `<root>/data.pkl` describes the tensors, `<root>/data/<key>` holds a storage.
 * Throws `INVALID_CHECKPOINT`.
 */
export async function openZipCheckpoint(source: ByteSource): Promise<Weights> {
  const archive = await readZip(source);
  const pickles = [...archive.values()].filter(entry => entry.path.endsWith('/data.pkl'));
  if (pickles.length !== 1) {
    const found = `found ${pickles.length} among ${listed([...archive.keys()])}`;
    throw broken(source.name, `expected one data.pkl in the zip archive but ${found}`);
  }
  const [pickle] = pickles as [(typeof pickles)[0]];
  const root = pickle.path.slice(0, -'data.pkl'.length);
  if (archive.has(`${root}constants.pkl`)) {
    const instead = 'a TorchScript archive, which holds a program: save the state_dict() of its model instead';
    throw broken(source.name, `expected a PyTorch checkpoint but got ${instead}`);
  }
  if (pickle.size > MAX_PICKLE) {
    throw broken(source.name, `a pickle of ${pickle.size} bytes is above the limit of ${MAX_PICKLE}`);
  }
  const order = archive.get(`${root}byteorder`);
  if (order) {
    if (order.size > MAX_BYTE_ORDER) throw broken(source.name, `expected a byte order but got ${order.size} bytes`);
    const text = new TextDecoder().decode(await order.read(0, order.size));
    if (text.trim() !== 'little') throw broken(source.name, `expected little byte order but got ${describe(text)}`);
  }
  const bytes = await pickle.read(0, pickle.size);
  const { value } = parse(source.name, () => readPickle(bytes, 0));

  return stateDict(source, value, storage => {
    const path = `${root}data/${storage.key}`;
    const entry = archive.get(path);
    if (!entry) throw broken(source.name, `the data of storage ${describe(path)} is missing`);
    checkStorage(source.name, storage, entry.size);
    return (begin, end) => entry.read(begin, end);
  });
}

/**
 * Opens a checkpoint in the older container: pickles of the magic number, the version, facts about the system, the object
 * and the list of storage keys, then for each key an element count (int64) and the elements.
 * Throws `INVALID_CHECKPOINT`.
 */
export async function openLegacyCheckpoint(source: ByteSource): Promise<Weights> {
  const { name } = source;
  const { system, object, keys, end } = await readLegacyPickles(source);
  if (!(system instanceof Map) || system.get('little_endian') !== true) {
    throw broken(name, 'expected a little-endian checkpoint but it does not say that it is one');
  }
  if (!(keys instanceof PickleList)) throw broken(name, `expected a list of storage keys but got ${kind(keys)}`);

  // Storages follow one another without an index, so the place of each is known from the sizes before it.
  const storages = new Map<string, PickleStorage>();
  for (const storage of storagesOf(name, object)) storages.set(storage.key, storage);
  const places = new Map<string, number>();
  let offset = end;
  for (const key of keys.items) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (!storage || places.has(storage.key)) {
      throw broken(name, `the list of storage keys has ${kind(key)}, which no tensor uses or which is there twice`);
    }
    places.set(storage.key, offset);
    offset += 8 + storage.count * ITEM_SIZE[storage.dtype];
  }
  if (offset !== source.size) {
    throw broken(name, `the pickles describe a file of ${offset} bytes but it has ${source.size}`);
  }

  return stateDict(source, object, storage => {
    const place = places.get(storage.key);
    if (place === undefined) throw broken(name, `the data of storage ${describe(storage.key)} is missing`);
    const reference = storages.get(storage.key)!;
    checkStorage(name, storage, reference.count * ITEM_SIZE[reference.dtype]);
    return async (begin, until) => {
      const label = `storage ${describe(storage.key)}`;
      const count = await readExactly(source, place, 8, `the element count of ${label}`);
      const found = new DataView(count.buffer, count.byteOffset).getBigInt64(0, true);
      if (found !== BigInt(reference.count)) {
        throw broken(name, `${label} has ${found} elements but its tensors expect ${reference.count}`);
      }
      return readExactly(source, place + 8 + begin, until - begin, label);
    };
  });
}

/** The five pickles at the start of the older container, whose length only reading them tells. */
async function readLegacyPickles(source: ByteSource) {
  const limit = Math.min(source.size, MAX_PICKLE);
  for (let length = Math.min(limit, 2 ** 18); ; length = Math.min(limit, length * 8)) {
    const bytes = await readExactly(source, 0, length, 'the pickles');
    try {
      const magic = readPickle(bytes, 0);
      const version = readPickle(bytes, magic.end);
      if (version.value !== 1001)
        throw new PickleError(`expected protocol version 1001 but got ${kind(version.value)}`);
      const system = readPickle(bytes, version.end);
      const object = readPickle(bytes, system.end);
      const keys = readPickle(bytes, object.end);
      return { system: system.value, object: object.value, keys: keys.value, end: keys.end };
    } catch (error) {
      if (!(error instanceof PickleError)) throw error;
      if (!error.truncated || length === limit) throw broken(source.name, error.message);
    }
  }
}

function parse<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof PickleError) throw broken(file, error.message);
    throw error;
  }
}

/** Every storage anywhere in the object: the older container has them all, also those of tensors that are not wanted. */
function storagesOf(file: string, object: PickleValue): Iterable<PickleStorage> {
  const found = new Map<string, PickleStorage>();
  const seen = new Set<object>();
  const queue: PickleValue[] = [object];
  while (queue.length > 0) {
    const value = queue.pop()!;
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    if (value instanceof PickleTensor) queue.push(value.storage);
    else if (value instanceof PickleStorage) {
      const other = found.get(value.key);
      if (other && other.count * ITEM_SIZE[other.dtype] !== value.count * ITEM_SIZE[value.dtype]) {
        throw broken(file, `storage ${describe(value.key)} is described with two sizes`);
      }
      found.set(value.key, value);
    } else if (value instanceof Map) for (const item of value.values()) queue.push(item);
    else if (value instanceof PickleList) for (const item of value.items) queue.push(item);
    else if (Array.isArray(value)) for (const item of value) queue.push(item);
  }
  return found.values();
}

function checkStorage(file: string, storage: PickleStorage, bytes: number): void {
  const needed = storage.count * ITEM_SIZE[storage.dtype];
  if (bytes !== needed) {
    throw broken(
      file,
      `storage ${describe(storage.key)} should have ${needed} bytes (${storage.count} of ${storage.dtype}) but has ${bytes}`,
    );
  }
}

/** Dictionaries that hold the weights inside a checkpoint, the preferred one first. */
const WRAPPERS = ['params_ema', 'params', 'state_dict'];

/**
 * The tensors of the dictionary of weights. Entries of it that are no tensors (epochs, options) are not weights and are
 * passed over; a `module.` before every name, which training on several devices adds, is removed.
 */
function stateDict(source: ByteSource, object: PickleValue, open: (storage: PickleStorage) => ReadStorage): Weights {
  const { name } = source;
  if (!(object instanceof Map)) throw broken(name, `expected a dictionary of tensors but got ${kind(object)}`);
  const wrapper = WRAPPERS.find(key => object.has(key));
  const dict = wrapper === undefined ? object : object.get(wrapper)!;
  if (!(dict instanceof Map)) throw broken(name, `expected a dictionary for ${wrapper} but got ${kind(dict)}`);

  const tensors = [...dict].filter((item): item is [string, PickleTensor] => item[1] instanceof PickleTensor);
  if (tensors.length === 0) {
    const place = wrapper === undefined ? 'at the top' : `under ${wrapper}`;
    const there = dict.size === 0 ? 'is empty' : `has ${listed([...dict].map(summary))} ${place}`;
    const known = `weights are looked for at the top and under ${WRAPPERS.join(', ')}`;
    throw broken(name, `expected a dictionary of tensors but it has none: the file ${there}, and ${known}`);
  }
  const limit = MAX_EXPANSION * source.size + MAX_REPEATED;
  let total = 0;
  const entries = new Map<string, WeightsEntry>();
  for (const [key, tensor] of tensors) {
    if (typeof key !== 'string') throw broken(name, `expected names of tensors but got the key ${kind(key)}`);
    const read = open(tensor.storage);
    const { dtype, count: stored } = tensor.storage;
    const count = elementCount(tensor.shape);
    total += count * ITEM_SIZE[dtype];
    if (!(total <= limit)) {
      const makes = `makes ${count} elements out of the ${stored} that are stored`;
      throw broken(name, `tensor ${describe(key)} ${makes}, which brings all tensors above ${limit} bytes`);
    }
    entries.set(key, { dtype, shape: tensor.shape, read: () => gather(tensor, read) });
  }
  return weightsFrom(name, {}, withoutModule(entries), async () => source.close?.());
}

/** A name and what is under it, for messages. */
function summary([key, value]: [PickleValue, PickleValue]): string {
  if (!(value instanceof Map)) return `${kind(key)} (${kind(value)})`;
  const tensors = [...value.values()].filter(item => item instanceof PickleTensor).length;
  return `${kind(key)} (${tensors > 0 ? `${tensors} tensors` : kind(value)})`;
}

/** Reads the part of the storage that a view covers and brings its elements into row-major order. */
async function gather(tensor: PickleTensor, read: ReadStorage): Promise<Uint8Array> {
  const { offset, shape, stride } = tensor;
  const item = ITEM_SIZE[tensor.storage.dtype];
  const count = elementCount(shape);
  if (count === 0) return new Uint8Array(0);
  const span = shape.reduce((sum, side, i) => sum + (side - 1) * stride[i]!, 1);
  const stored = await read(offset * item, (offset + span) * item);
  if (isContiguous(shape, stride)) return stored;

  const out = new Uint8Array(count * item);
  const wordSize = Math.min(item, 4);
  const perItem = item / wordSize;
  const [from, to] = [words(stored, wordSize), words(out, wordSize)];
  const index = new Array<number>(shape.length).fill(0);
  let at = 0;
  for (let i = 0; i < count; i++) {
    for (let word = 0; word < perItem; word++) to[i * perItem + word] = from[at * perItem + word]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += stride[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      at -= stride[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

function isContiguous(shape: readonly number[], stride: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && stride[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

/** Elements as opaque words of 1, 2 or 4 bytes, which copying leaves as they are. */
function words(bytes: Uint8Array, size: number): Uint8Array | Uint16Array | Uint32Array {
  const { buffer, byteOffset, length } = bytes;
  if (size === 1) return bytes;
  return size === 2 ? new Uint16Array(buffer, byteOffset, length / 2) : new Uint32Array(buffer, byteOffset, length / 4);
}
