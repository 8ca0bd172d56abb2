// An interpreter for the part of Python's pickle format that PyTorch checkpoints consist of. It builds numbers, strings,
// lists, tuples, dictionaries and descriptions of tensors; it knows a fixed list of names and calls nothing else.

import { describe } from '../errors.js';
import { type DType, elementCount } from './dtype.js';

/** What a pickle can hold. Tuples are arrays, dictionaries maps. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly PickleValue[]
  | PickleList
  | PickleDict
  | PickleGlobal
  | PickleStorage
  | PickleTensor;

export type PickleDict = Map<PickleValue, PickleValue>;

/** A list; tuples are arrays. */
export class PickleList {
  readonly items: PickleValue[] = [];
}

/** A name of the fixed list. */
class PickleGlobal {
  constructor(
    readonly path: string,
    readonly means: 'OrderedDict' | 'tensor' | 'parameter' | { readonly storage: DType },
  ) {}
}

/** A run of elements of one type that is stored outside of the pickle. */
export class PickleStorage {
  constructor(
    readonly dtype: DType,
    readonly key: string,
    readonly count: number,
  ) {}
}

/** A view of a storage: element (i, j, ...) is at offset + i * stride[0] + j * stride[1] + ... */
export class PickleTensor {
  constructor(
    readonly storage: PickleStorage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly stride: readonly number[],
  ) {}
}

/** What is wrong with a pickle; `truncated` where more bytes could cure it. */
export class PickleError extends Error {
  constructor(
    message: string,
    readonly truncated = false,
  ) {
    super(message);
  }
}

const GLOBALS = new Map<string, PickleGlobal>();
for (const [path, means] of [
  ['collections.OrderedDict', 'OrderedDict'],
  ['torch._utils._rebuild_tensor_v2', 'tensor'],
  ['torch._utils._rebuild_parameter', 'parameter'],
  ['torch.DoubleStorage', { storage: 'float64' }],
  ['torch.FloatStorage', { storage: 'float32' }],
  ['torch.HalfStorage', { storage: 'float16' }],
  ['torch.BFloat16Storage', { storage: 'bfloat16' }],
  ['torch.LongStorage', { storage: 'int64' }],
  ['torch.IntStorage', { storage: 'int32' }],
  ['torch.ShortStorage', { storage: 'int16' }],
  ['torch.CharStorage', { storage: 'int8' }],
  ['torch.ByteStorage', { storage: 'uint8' }],
  ['torch.BoolStorage', { storage: 'bool' }],
] as const) {
  GLOBALS.set(path, new PickleGlobal(path, means));
}

// PyTorch writes batches of 1000 items, so honest files stay far below these.
const MAX_STACK = 100_000;
const MAX_MARKS = 1_000;
const MAX_MEMO = 1_000_000;
const MAX_CONTAINERS = 200_000;
const MAX_DIMENSIONS = 32;

/**
 * Reads one pickle.
 * @param bytes holds the pickle, and perhaps more after it
 * @param start where it begins
 * @returns its value, and where it ends
 * @throws PickleError for opcodes and names outside of the fixed list, limits exceeded, and broken structure
 */
export function readPickle(bytes: Uint8Array, start: number): { value: PickleValue; end: number } {
  return new Reader(bytes, start).run();
}

class Reader {
  private at: number;
  private readonly view: DataView;
  private readonly stack: PickleValue[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PickleValue>();
  private containers = 0;

  constructor(
    private readonly bytes: Uint8Array,
    start: number,
  ) {
    this.at = start;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  run(): { value: PickleValue; end: number } {
    for (;;) {
      const place = this.at;
      const opcode = this.bytes[this.take(1)]!;
      switch (opcode) {
        case 0x80: {
          const protocol = this.bytes[this.take(1)]!;
          if (protocol > 2) throw new PickleError(`expected pickle protocol 2 but got ${protocol}`);
          break;
        }
        case 0x2e: {
          const value = this.pop();
          if (this.stack.length > 0 || this.marks.length > 0) throw new PickleError('the pickle ends in mid-structure');
          return { value, end: this.at };
        }
        case 0x28: // MARK
          if (this.marks.length >= MAX_MARKS) throw new PickleError(`more than ${MAX_MARKS} nested marks`);
          this.marks.push(this.stack.length);
          break;
        case 0x4e:
          this.push(null);
          break;
        case 0x88:
          this.push(true);
          break;
        case 0x89:
          this.push(false);
          break;
        case 0x4a: // BININT
          this.push(this.view.getInt32(this.take(4), true));
          break;
        case 0x4b: // BININT1
          this.push(this.bytes[this.take(1)]!);
          break;
        case 0x4d: // BININT2
          this.push(this.view.getUint16(this.take(2), true));
          break;
        case 0x8a: // LONG1
          this.push(this.long(this.bytes[this.take(1)]!));
          break;
        case 0x47: // BINFLOAT, the one big-endian field
          this.push(this.view.getFloat64(this.take(8), false));
          break;
        case 0x58: // BINUNICODE
          this.push(this.text(this.view.getUint32(this.take(4), true), 'utf-8'));
          break;
        case 0x55: // SHORT_BINSTRING, from Python 2
          this.push(this.text(this.bytes[this.take(1)]!, 'latin1'));
          break;
        case 0x54: // BINSTRING, from Python 2
          this.push(this.text(this.view.getUint32(this.take(4), true), 'latin1'));
          break;
        case 0x7d:
          this.container(new Map());
          break;
        case 0x5d:
          this.container(new PickleList());
          break;
        case 0x29:
          this.push([]);
          break;
        case 0x85: // TUPLE1 to TUPLE3
        case 0x86:
        case 0x87:
          this.container(this.popMany(opcode - 0x84));
          break;
        case 0x74:
          this.container(this.popToMark());
          break;
        case 0x61: // APPEND
          this.append([this.pop()]);
          break;
        case 0x65: // APPENDS
          this.append(this.popToMark());
          break;
        case 0x73: // SETITEM
          this.setItems(this.popMany(2));
          break;
        case 0x75: // SETITEMS
          this.setItems(this.popToMark());
          break;
        case 0x71: // BINPUT
          this.remember(this.bytes[this.take(1)]!);
          break;
        case 0x72: // LONG_BINPUT
          this.remember(this.view.getUint32(this.take(4), true));
          break;
        case 0x68: // BINGET
          this.recall(this.bytes[this.take(1)]!);
          break;
        case 0x6a: // LONG_BINGET
          this.recall(this.view.getUint32(this.take(4), true));
          break;
        case 0x63: // GLOBAL
          this.push(this.global());
          break;
        case 0x51: // BINPERSID
          this.container(storage(this.pop()));
          break;
        case 0x52: // REDUCE
          this.reduce();
          break;
        case 0x62: {
          // BUILD sets attributes; those of a dictionary (`_metadata` of a state dict) say nothing about its tensors.
          this.pop();
          const object = this.top();
          if (!(object instanceof Map)) throw new PickleError(`attributes are set on ${kind(object)}`);
          break;
        }
        default:
          throw new PickleError(
            `opcode 0x${opcode.toString(16).padStart(2, '0')} at byte ${place} of the pickle is not one that checkpoints use`,
          );
      }
    }
  }

  /** Moves past `length` bytes and returns where they begin. */
  private take(length: number): number {
    const place = this.at;
    if (place + length > this.bytes.length) throw new PickleError('the pickle ends in mid-structure', true);
    this.at = place + length;
    return place;
  }

  private push(value: PickleValue): void {
    if (this.stack.length >= MAX_STACK) throw new PickleError(`more than ${MAX_STACK} values on the stack`);
    this.stack.push(value);
  }

  private container(value: PickleValue): void {
    if (++this.containers > MAX_CONTAINERS) throw new PickleError(`more than ${MAX_CONTAINERS} objects`);
    this.push(value);
  }

  private pop(): PickleValue {
    const value = this.top();
    this.stack.pop();
    return value;
  }

  /** The last value above the last mark. */
  private top(): PickleValue {
    if (this.stack.length <= (this.marks.at(-1) ?? 0))
      throw new PickleError('the pickle takes a value that is not there');
    return this.stack.at(-1)!;
  }

  private popMany(count: number): PickleValue[] {
    if (this.stack.length - count < (this.marks.at(-1) ?? 0)) {
      throw new PickleError('the pickle takes values that are not there');
    }
    return this.stack.splice(this.stack.length - count, count);
  }

  private popToMark(): PickleValue[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw new PickleError('the pickle goes back to a mark that is not there');
    return this.stack.splice(mark);
  }

  private append(values: PickleValue[]): void {
    const target = this.top();
    if (!(target instanceof PickleList)) throw new PickleError(`items are appended to ${kind(target)}`);
    for (const value of values) target.items.push(value);
  }

  private setItems(pairs: PickleValue[]): void {
    const target = this.top();
    if (!(target instanceof Map)) throw new PickleError(`items are set in ${kind(target)}`);
    if (pairs.length % 2 !== 0) throw new PickleError('a dictionary key has no value');
    for (let i = 0; i < pairs.length; i += 2) {
      const key = pairs[i]!;
      if (typeof key !== 'string' && typeof key !== 'number') throw new PickleError(`${kind(key)} is a dictionary key`);
      if (target.has(key)) throw new PickleError(`a dictionary has the key ${kind(key)} twice`);
      target.set(key, pairs[i + 1]!);
    }
  }

  private remember(index: number): void {
    if (this.memo.size >= MAX_MEMO) throw new PickleError(`more than ${MAX_MEMO} remembered values`);
    this.memo.set(index, this.top());
  }

  private recall(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) throw new PickleError(`the pickle recalls value ${index}, which it never stored`);
    this.push(value);
  }

  /** A little-endian integer in two's complement; a bigint beyond 2^53. */
  private long(length: number): number | bigint {
    const start = this.take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.bytes[start + i]!);
    value = BigInt.asIntN(8 * length, value);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  private text(length: number, encoding: 'utf-8' | 'latin1'): string {
    const start = this.take(length);
    try {
      return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(this.bytes.subarray(start, this.at));
    } catch {
      throw new PickleError('a string is not valid UTF-8');
    }
  }

  private global(): PickleGlobal {
    const path = `${this.line()}.${this.line()}`;
    const found = GLOBALS.get(path);
    if (!found) throw new PickleError(`${describe(path)} is not among the names that a checkpoint may use`);
    return found;
  }

  private line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new PickleError('the pickle ends in mid-structure', true);
    const text = this.text(end - this.at, 'utf-8');
    this.take(1);
    return text;
  }

  private reduce(): void {
    const [callee, args] = this.popMany(2) as [PickleValue, PickleValue];
    const means = callee instanceof PickleGlobal ? callee.means : undefined;
    if (!Array.isArray(args)) throw new PickleError(`${kind(args)} is used as arguments`);
    if (means === 'OrderedDict' && args.length === 0) this.container(new Map());
    else if (means === 'tensor') this.container(tensor(args));
    else if (means === 'parameter' && args[0] instanceof PickleTensor) this.push(args[0]);
    else {
      const name = callee instanceof PickleGlobal ? callee.path : kind(callee!);
      throw new PickleError(`a call of ${name} with ${args.length} arguments is not one that checkpoints contain`);
    }
  }
}

/** The persistent id of a storage: ('storage', class, key, device, element count[, None]). */
function storage(id: PickleValue): PickleStorage {
  if (Array.isArray(id) && (id.length === 5 || (id.length === 6 && id[5] === null)) && id[0] === 'storage') {
    const [, type, key, , count] = id as PickleValue[];
    if (type instanceof PickleGlobal && typeof type.means === 'object' && typeof key === 'string' && isSize(count)) {
      return new PickleStorage(type.means.storage, key, count);
    }
  }
  throw new PickleError('a reference to stored data is not (storage, type, key, device, element count)');
}

/** The arguments of a tensor: (storage, offset, shape, stride, requires grad, hooks[, metadata]). */
function tensor(args: readonly PickleValue[]): PickleTensor {
  const [store, offset, shape, stride] = args;
  if (!(store instanceof PickleStorage)) throw new PickleError('a tensor has no storage');
  const label = `a tensor of storage ${describe(store.key)}`;
  if (!isSize(offset)) throw new PickleError(`${label} has the offset ${describe(offset)}`);
  if (!isSizes(shape) || !isSizes(stride) || shape.length !== stride.length || shape.length > MAX_DIMENSIONS) {
    throw new PickleError(`${label} has an impossible shape or stride: ${show(shape)} with ${show(stride)}`);
  }
  const count = elementCount(shape);
  if (!Number.isSafeInteger(count)) {
    throw new PickleError(`${label} makes ${count} elements out of the ${store.count} that are stored`);
  }
  const last = shape.reduce((sum, side, i) => sum + (side - 1) * stride[i]!, offset);
  if (count > 0 && !(last < store.count)) {
    throw new PickleError(`${label} reaches element ${last}, but the storage has ${store.count}`);
  }
  return new PickleTensor(store, offset, shape, stride);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isSize);
}

function show(value: unknown): string {
  return Array.isArray(value) ? `(${value.slice(0, 8).map(describe).join(', ')})` : describe(value);
}

/** What a value is, for messages. */
export function kind(value: PickleValue): string {
  if (value instanceof Map) return 'a dictionary';
  if (value instanceof PickleList) return 'a list';
  if (value instanceof PickleGlobal) return value.path;
  if (value instanceof PickleStorage) return 'a storage';
  if (value instanceof PickleTensor) return 'a tensor';
  if (Array.isArray(value)) return 'a tuple';
  return describe(value);
}
