// Mutated files of weights: safetensors and both containers of PyTorch, changed in what they say and in their bytes.

import { openWeightsSource } from '../../src/weights/open.js';
import { bytesSource } from '../../src/weights/source.js';
import type { Random } from '../random.js';
import {
  dictItem,
  type Item,
  legacyFile,
  pickle,
  type Storage,
  storageOf,
  tensorItem,
  type ZipOptions,
  zipFile,
} from '../weights/torch-files.js';
import { EDGES, type FuzzTarget, mutateBytes } from './fuzz.js';

const NAMES = [
  '',
  '0',
  '1',
  'module.a',
  'module.module.a',
  '__proto__',
  '__metadata__',
  'params_ema',
  'params',
  'state_dict',
  'model',
];
const TEXTS = [
  ...NAMES,
  '../../x',
  '\0',
  '\ud800',
  'é',
  '\ufeff0',
  'x'.repeat(300),
  'x'.repeat(70_000),
  'cpu',
  'storage',
];
const TYPES = [
  'FloatStorage',
  'HalfStorage',
  'BFloat16Storage',
  'LongStorage',
  'ByteStorage',
  'BoolStorage',
  'DoubleStorage',
  'CfloatStorage',
];
const GLOBALS = [
  'collections OrderedDict',
  'torch._utils _rebuild_tensor_v2',
  'torch._utils _rebuild_parameter',
  'torch FloatStorage',
  'posix system',
  'builtins getattr',
  ' ',
];
/** Opcodes of pickles, those that checkpoints use and others. */
const OPCODES = [
  0x28, 0x29, 0x2e, 0x30, 0x31, 0x32, 0x4b, 0x4e, 0x51, 0x52, 0x55, 0x58, 0x5d, 0x61, 0x62, 0x65, 0x68, 0x6a, 0x71,
  0x72, 0x73, 0x74, 0x75, 0x7d, 0x80, 0x81, 0x85, 0x86, 0x87, 0x88, 0x8a, 0x8b, 0x8c, 0x8e, 0x95,
];

export const checkpoints: FuzzTarget = {
  name: 'checkpoints',
  count: 100_000,
  slice: 2000,
  make(random) {
    const file = random.pick([safetensors, zip, legacy])(random);
    return random.chance(0.4) ? mutateBytes(file, random) : file;
  },
  async read(bytes) {
    let held = 0;
    const source = bytesSource(bytes, 'case');
    const weights = await openWeightsSource({
      ...source,
      read(offset, length) {
        held += length;
        return source.read(offset, length);
      },
    });
    for (const name of weights.names()) {
      held += (await weights.tensor(name)).data.byteLength;
      await weights.float32(name);
    }
    await weights.close();
    return held;
  },
};

/** How many changes a file gets to what it says; often none, so that its bytes are changed alone. */
const changes = (random: Random): number => random.pick([0, 0, 1, 1, 1, 2, 3]);

const number = (random: Random): number => (random.chance(0.5) ? random.pick(EDGES) : random.below(64) - 8);

function storages(): [Storage, Storage, Storage] {
  return [
    storageOf(
      '0',
      'FloatStorage',
      Float32Array.from({ length: 24 }, (_, i) => i - 3),
    ),
    storageOf(
      '1',
      'HalfStorage',
      Uint16Array.from({ length: 16 }, (_, i) => 0x3c00 + i),
    ),
    storageOf('2', 'LongStorage', BigInt64Array.of(1n, -2n, 3n)),
  ];
}

/** A training checkpoint with most of what there can be in one. */
function checkpoint(random: Random): { object: Item; stored: Storage[] } {
  const stored = storages();
  const [a, b, c] = stored;
  const weight = tensorItem(a, [4, 6]);
  const tensors: Record<string, Item> = {
    'conv.weight': weight,
    'conv.view': tensorItem(a, [3, 2], [1, 6], 2),
    'conv.bias': { call: 'torch._utils _rebuild_parameter', args: [tensorItem(b, [16]), true, { list: [] }] },
    'norm.repeated': tensorItem(b, [5, 4], [0, 1], 3),
    'norm.count': tensorItem(c, []),
    'norm.rest': tensorItem(c, [3]),
  };
  const inner = dictItem(tensors);
  let object = random.pick<Item>([
    inner,
    dictItem({ params_ema: inner, params: dictItem({ w: weight }) }),
    dictItem({ epoch: 7, state_dict: inner, rate: 0.5, notes: { list: ['x', null, true] } }),
    dictItem({ model: inner, optimizer: { list: [{ tuple: [1, weight] }] } }),
  ]);
  for (let i = changes(random); i > 0; i--) object = mutateItem(object, random);
  return { object, stored };
}

function mutateItem(item: Item, random: Random): Item {
  if (item === null || typeof item !== 'object' || random.chance(0.1)) return otherItem(item, random);
  if ('tuple' in item) return { tuple: mutateItems(item.tuple, random) };
  if ('list' in item) return { list: mutateItems(item.list, random) };
  if ('dict' in item) {
    if (item.dict.length === 0) return otherItem(item, random);
    const dict = [...item.dict];
    const at = random.below(dict.length);
    const [key, value] = dict[at]!;
    const choice = random.below(8);
    if (choice === 0) dict.splice(at, 1);
    else if (choice === 1) dict.push([key, random.pick(dict)[1]]);
    else if (choice === 2) dict[at] = [otherItem(key, random), value];
    else dict[at] = [key, mutateItem(value, random)];
    return { dict };
  }
  if ('call' in item) {
    if (random.chance(0.1)) return { ...item, call: random.pick(GLOBALS) };
    return { ...item, args: mutateItems(item.args, random) };
  }
  if ('storage' in item) {
    const choice = random.below(4);
    if (choice === 0) return { ...item, storage: random.pick(['0', '1', '2', ...TEXTS]) };
    if (choice === 1) return { ...item, type: random.pick(TYPES) };
    if (choice === 2) return { ...item, count: number(random) };
  }
  return otherItem(item, random);
}

function mutateItems(items: readonly Item[], random: Random): Item[] {
  if (items.length === 0) return [number(random)];
  const out = [...items];
  const at = random.below(out.length);
  const choice = random.below(8);
  if (choice === 0) out.splice(at, 1);
  else if (choice === 1) out.splice(at, 0, random.pick(out));
  else out[at] = mutateItem(out[at]!, random);
  return out;
}

/** Something in the place of an item, mostly of its own kind. */
function otherItem(item: Item, random: Random): Item {
  if (typeof item === 'number' && random.chance(0.8)) return number(random);
  if (typeof item === 'string' && random.chance(0.8)) return random.pick(TEXTS);
  switch (random.below(7)) {
    case 0:
      return null;
    case 1:
      return number(random);
    case 2:
      return random.pick(TEXTS);
    case 3:
      return { global: random.pick(GLOBALS) };
    case 4: {
      const opcodes = Array.from({ length: 1 + random.below(6) }, () =>
        random.chance(0.8) ? random.pick(OPCODES) : random.below(256),
      );
      return { opcodes: random.chance(0.1) ? new Array(random.pick([2000, 120_000])).fill(opcodes[0]) : opcodes };
    }
    case 5: {
      let nested: Item = item;
      for (let depth = random.pick([1, 2, 900]); depth > 0; depth--) nested = { tuple: [nested] };
      return nested;
    }
    default:
      return { dict: [[random.pick(NAMES), item]] };
  }
}

function legacy(random: Random): Uint8Array {
  const { object, stored } = checkpoint(random);
  for (let i = changes(random); i > 0; i--) mutateList(stored, random);
  return legacyFile(object, stored);
}

function zip(random: Random): Uint8Array {
  const { object, stored } = checkpoint(random);
  const files: (readonly [string, Uint8Array])[] = [
    ['archive/data.pkl', random.chance(0.2) ? mutateBytes(pickle(object), random) : pickle(object)],
    [
      'archive/byteorder',
      new TextEncoder().encode(random.pick(['little', 'little', 'little', 'big', 'little\n'.repeat(9)])),
    ],
    ...stored.map(({ key, bytes }) => [`archive/data/${key}`, bytes] as const),
    ['archive/version', new TextEncoder().encode('3\n')],
  ];
  const options: ZipOptions = { zip64: random.chance(0.3) };
  if (random.chance(0.1)) options.comment = 'x'.repeat(random.pick([1, 65_000]));
  if (random.chance(0.2)) mutateList(files, random);
  if (random.chance(0.1)) {
    const at = random.below(files.length);
    files[at] = [random.pick([random.pick(files)[0], `archive/data/${random.pick(TEXTS)}`]), files[at]![1]];
  }
  // Fields of the directory and of the headers, in all sizes that they have.
  const fields = (view: DataView) => {
    const at = 4 + 2 * random.below(view.byteLength / 2 - 4);
    const value = Math.trunc(number(random));
    if (random.chance(0.5)) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
  };
  const share = random.pick([0, 0, 0.1, 0.3]);
  options.central = view => random.chance(share) && fields(view);
  options.local = view => random.chance(share / 2) && fields(view);
  return zipFile(files, options);
}

function mutateList<T>(list: T[], random: Random): void {
  if (list.length === 0) return;
  const at = random.below(list.length);
  switch (random.below(3)) {
    case 0:
      list.splice(at, 1);
      break;
    case 1:
      list.push(list[at]!);
      break;
    default: {
      const to = random.below(list.length);
      [list[at], list[to]] = [list[to]!, list[at]!];
    }
  }
}

/** JSON of which keys may come twice. */
type Header = [string, unknown][];

function safetensors(random: Random): Uint8Array {
  const entry = (dtype: string, shape: number[], begin: number, end: number) =>
    [
      ['dtype', dtype],
      ['shape', shape],
      ['data_offsets', [begin, end]],
    ] as Header;
  let fields: Header = [
    ['__metadata__', [['format', 'pt']] as Header],
    ['conv.weight', entry('F32', [2, 3], 0, 24)],
    ['conv.bias', entry('F16', [4], 24, 32)],
    ['norm.count', entry('I64', [], 32, 40)],
    ['norm.none', entry('U8', [0, 7], 40, 40)],
    ['norm.flags', entry('BOOL', [8], 40, 48)],
  ];
  if (random.chance(0.2)) fields = fields.map(([key, value]) => [key.includes('.') ? `module.${key}` : key, value]);
  for (let i = changes(random); i > 0; i--) mutateHeader(fields, random);
  if (random.chance(0.02)) fields.push(['deep', JSON.parse('['.repeat(900) + ']'.repeat(900))]);
  const json = new TextEncoder().encode(`${jsonOf(fields)}${' '.repeat(random.below(8))}`);
  const file = new Uint8Array(8 + json.length + 48);
  const length = random.chance(0.05) ? number(random) : json.length;
  new DataView(file.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(Math.trunc(Math.min(length, 2 ** 63)))), true);
  file.set(json, 8);
  return file;
}

function mutateHeader(fields: Header, random: Random): void {
  const at = random.below(fields.length);
  const field = fields[at];
  if (!field) return;
  const [key, value] = field;
  switch (random.below(6)) {
    case 0:
      fields.splice(at, 1);
      return;
    case 1:
      fields.push([key, value]);
      return;
    case 2:
      fields[at] = [random.pick(TEXTS), value];
      return;
    default:
      if (Array.isArray(value) && Array.isArray(value[0])) mutateHeader(value as Header, random);
      else if (Array.isArray(value)) fields[at] = [key, mutateItems(value, random).map(plain)];
      else
        fields[at] = [
          key,
          random.pick<unknown>([null, number(random), random.pick(TEXTS), [], true, 'F64', 'I8', 'F8_E4M3']),
        ];
  }
}

/** Items of pickles have no place in JSON. */
const plain = (value: unknown): unknown => (typeof value === 'object' ? null : value);

function jsonOf(value: unknown): string {
  if (
    Array.isArray(value) &&
    value.every(item => Array.isArray(item) && typeof item[0] === 'string') &&
    value.length > 0
  )
    return `{${(value as Header).map(([key, item]) => `${JSON.stringify(key)}:${jsonOf(item)}`).join(',')}}`;
  return JSON.stringify(value) ?? 'null';
}
