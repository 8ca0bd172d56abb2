// PyTorch checkpoints in both containers: dialects, views, and everything that must be refused.

import { describe, expect, test, vi } from 'vitest';
import { openWeightsSource } from '../../src/weights/open.js';
import { bytesSource } from '../../src/weights/source.js';
import {
  dictItem,
  type Item,
  join,
  legacyFile,
  pickle,
  storageOf,
  tensorItem,
  type ZipOptions,
  zipCheckpoint,
  zipFile,
} from './torch-files.js';

const open = (bytes: Uint8Array) => openWeightsSource(bytesSource(bytes, 'test.pth'));
const ramp = storageOf(
  '0',
  'FloatStorage',
  Float32Array.from({ length: 24 }, (_, i) => i),
);
const other = storageOf('1', 'FloatStorage', Float32Array.of(-1, -2));
const w = tensorItem(ramp, [4, 6]);

const containers = [
  ['zip', (object: Item, storages = [ramp]) => zipCheckpoint(object, storages)],
  ['zip64', (object: Item, storages = [ramp]) => zipCheckpoint(object, storages, { zip64: true })],
  ['legacy', (object: Item, storages = [ramp]) => legacyFile(object, storages)],
] as const;

describe.each(containers)('%s', (_, file) => {
  test('a flat dictionary', async () => {
    const weights = await open(file(dictItem({ w })));
    expect(weights.names()).toEqual(['w']);
    expect(await weights.tensor('w')).toEqual({
      dtype: 'float32',
      shape: [4, 6],
      data: Float32Array.from({ length: 24 }, (_, i) => i),
    });
  });

  test('views with offset and stride, transposed, repeated and empty ones', async () => {
    const weights = await open(
      file(
        dictItem({
          transposed: tensorItem(ramp, [6, 4], [1, 6]),
          tail: tensorItem(ramp, [3], [1], 21),
          every: tensorItem(ramp, [2, 3], [12, 4], 1),
          repeated: tensorItem(ramp, [2, 3], [0, 1], 5),
          scalar: tensorItem(ramp, [], [], 7),
          empty: tensorItem(ramp, [0, 9]),
        }),
      ),
    );
    const values = async (name: string) => [...(await weights.float32(name))];
    expect((await values('transposed')).slice(0, 6)).toEqual([0, 6, 12, 18, 1, 7]);
    expect(await values('tail')).toEqual([21, 22, 23]);
    expect(await values('every')).toEqual([1, 5, 9, 13, 17, 21]);
    expect(await values('repeated')).toEqual([5, 6, 7, 5, 6, 7]);
    expect(await values('scalar')).toEqual([7]);
    expect(await values('empty')).toEqual([]);
  });

  test('every element type, also in views', async () => {
    const storages = [
      storageOf('d', 'DoubleStorage', Float64Array.of(1.5, 2.5, 3.5)),
      storageOf('h', 'HalfStorage', Uint16Array.of(0x3c00, 0x4000, 0x4200)),
      storageOf('b', 'BFloat16Storage', Uint16Array.of(0x3f80, 0x4000, 0x4040)),
      storageOf('l', 'LongStorage', BigInt64Array.of(1n, -(2n ** 62n), 3n)),
      storageOf('i', 'IntStorage', Int32Array.of(1, 2, 3)),
      storageOf('s', 'ShortStorage', Int16Array.of(1, 2, 3)),
      storageOf('c', 'CharStorage', Int8Array.of(1, 2, 3)),
      storageOf('u', 'ByteStorage', Uint8Array.of(1, 2, 3)),
      storageOf('t', 'BoolStorage', Uint8Array.of(1, 0, 1)),
    ];
    const items = storages.map(storage => [storage.key, tensorItem(storage, [2], [2])] as const);
    const weights = await open(file(dictItem(Object.fromEntries(items)), storages));
    const got = await Promise.all(
      weights.names().map(async name => {
        const { dtype, data } = await weights.tensor(name);
        return [dtype, Array.from(data as ArrayLike<unknown>)];
      }),
    );
    expect(got).toEqual([
      ['float64', [1.5, 3.5]],
      ['float16', [1, 3]],
      ['bfloat16', [1, 3]],
      ['int64', [1n, 3n]],
      ['int32', [1, 3]],
      ['int16', [1, 3]],
      ['int8', [1, 3]],
      ['uint8', [1, 3]],
      ['bool', [1, 1]],
    ]);
  });

  test('params_ema before params before state_dict; the rest of a training checkpoint is passed over', async () => {
    const v = tensorItem(other, [2]);
    const both = [ramp, other];
    const rest = { epoch: 3, rate: 0.5, note: 'text', done: true, nothing: null, list: { list: [1, 2] } };
    expect(
      (await open(file(dictItem({ ...rest, params: dictItem({ v }), params_ema: dictItem({ w }) }), both))).names(),
    ).toEqual(['w']);
    expect(
      (await open(file(dictItem({ state_dict: dictItem({ w }), params: dictItem({ v }) }), both))).names(),
    ).toEqual(['v']);
    expect((await open(file(dictItem({ ...rest, state_dict: dictItem({ v }) }), [other]))).names()).toEqual(['v']);
    expect((await open(file(dictItem({ ...rest, v }), [other]))).names()).toEqual(['v']);
  });

  test('module. is removed where every name has it', async () => {
    expect((await open(file(dictItem({ 'module.a': w, 'module.b': w })))).names()).toEqual(['a', 'b']);
    expect((await open(file(dictItem({ 'module.a': w, b: w })))).names()).toEqual(['module.a', 'b']);
  });

  test('parameters are their tensors', async () => {
    const hooks: Item = { call: 'collections OrderedDict', args: [] };
    const parameter: Item = { call: 'torch._utils _rebuild_parameter', args: [w, true, hooks] };
    expect((await open(file(dictItem({ parameter })))).shape('parameter')).toEqual([4, 6]);
  });

  test('reads what is asked for and not the rest', async () => {
    const bytes = file(dictItem({ w, v: tensorItem(other, [2]) }), [ramp, other]);
    const source = bytesSource(bytes, 'test.pth');
    const weights = await openWeightsSource(source);
    const read = vi.spyOn(source, 'read');
    await weights.float32('v');
    expect(read.mock.calls.reduce((sum, [, length]) => sum + length, 0)).toBeLessThan(64);
  });

  test('refused: names that are not on the list, wherever they stand', async () => {
    const calls: Item[] = [
      { call: 'posix system', args: ['echo owned'] },
      { call: 'builtins eval', args: ['1'] },
      { call: 'builtins getattr', args: ['x', 'upper'] },
      { global: 'torch.nn.modules.conv Conv2d' },
    ];
    for (const call of calls) {
      await expect(open(file(dictItem({ w, x: call })))).rejects.toMatchObject({
        code: 'INVALID_CHECKPOINT',
        message: expect.stringMatching(/^test.pth: ".*" is not among the names that a checkpoint may use/),
      });
    }
  });

  const tensor = (...args: Item[]): Item => ({ call: 'torch._utils _rebuild_tensor_v2', args });
  const reference: Item = { storage: '0', type: 'FloatStorage', count: 24 };
  const tuple = (...items: Item[]): Item => ({ tuple: items });
  test.each<[string, Item, RegExp]>([
    ['a view beyond its storage', tensorItem(ramp, [25]), /reaches element 24, but the storage has 24/],
    ['an offset beyond its storage', tensorItem(ramp, [1], [1], 24), /reaches element 24/],
    ['a negative offset', tensorItem(ramp, [1], [1], -1), /offset -1/],
    ['a negative shape', tensorItem(ramp, [-4, -6]), /impossible shape/],
    ['a negative stride', tensorItem(ramp, [2], [-1]), /impossible shape or stride/],
    ['a shape without its stride', tensorItem(ramp, [2, 2], [1]), /impossible shape or stride/],
    ['a fractional shape', tensorItem(ramp, [1.5], [1]), /impossible shape/],
    ['a huge stride', tensorItem(ramp, [2, 2], [2147483647, 1]), /reaches element 2147483648/],
    ['a huge shape', tensorItem(ramp, [2147483647, 2147483647], [0, 0]), /makes .* out of the 24/],
    ['much out of little', tensorItem(ramp, [1e9], [0]), /makes 1000000000 elements out of the 24/],
    ['a tensor without storage', tensor(1, 0, tuple(), tuple()), /no storage/],
    ['a shape that is no tuple', tensor(reference, 0, { list: [2] }, tuple(1)), /impossible shape/],
    [
      'arguments that are no tuple',
      { opcodes: [...new TextEncoder().encode('ctorch._utils\n_rebuild_tensor_v2\n'), 0x5d, 0x52] },
      /a list is used as arguments/,
    ],
    ['a call of a string', { opcodes: [0x4e, 0x29, 0x52] }, /a call of null/],
    ['a call of a storage type', { call: 'torch FloatStorage', args: [1e9] }, /a call of torch.FloatStorage/],
    [
      'a parameter of nothing',
      { call: 'torch._utils _rebuild_parameter', args: [1] },
      /a call of torch._utils._rebuild_parameter/,
    ],
    [
      'a storage of unknown type',
      { storage: '0', type: 'ComplexFloatStorage', count: 24 },
      /"torch.ComplexFloatStorage" is not among/,
    ],
    ['a storage reference that is none', { opcodes: [0x4e, 0x51] }, /reference to stored data/],
    [
      'one key twice',
      {
        dict: [
          ['a', 1],
          ['a', 2],
        ],
      },
      /a dictionary has the key "a" twice/,
    ],
    ['a tuple as key', { dict: [[tuple(), 1]] }, /a tuple is a dictionary key/],
    ['an odd number of dictionary items', { opcodes: [0x7d, 0x28, 0x4e, 0x75] }, /key has no value/],
    ['items of a number', { opcodes: [0x4b, 1, 0x4b, 1, 0x4b, 1, 0x73] }, /items are set in 1/],
    ['appending to a tuple', { opcodes: [0x29, 0x4e, 0x61] }, /appended to a tuple/],
    ['attributes of a number', { opcodes: [0x4b, 1, 0x7d, 0x62] }, /attributes are set on 1/],
    ['a value taken from below a mark', { opcodes: [0x4e, 0x28, 0x85] }, /values that are not there/],
    ['a mark that is not there', { opcodes: [0x74, 0x74, 0x74] }, /mark that is not there|mid-structure/],
    ['an unknown opcode', { opcodes: [0xf7] }, /opcode 0xf7/],
    ['protocol 4', { opcodes: [0x80, 4] }, /expected pickle protocol 2 but got 4/],
    ['a memory that was never stored', { opcodes: [0x68, 9] }, /recalls value 9/],
    ['a string longer than the pickle', { opcodes: [0x58, 0xff, 0xff, 0xff, 0x7f] }, /mid-structure/],
    ['a string that is not UTF-8', { opcodes: [0x58, 1, 0, 0, 0, 0xff] }, /UTF-8/],
    ['endless marks', { opcodes: new Array(200_000).fill(0x28) }, /nested marks/],
    ['endless values', { opcodes: new Array(200_000).fill(0x4e) }, /values on the stack/],
    ['endless objects', { opcodes: [0x29, ...new Array(210_000).fill(0x85)] }, /more than 200000 objects/],
  ])('refused: %s', async (_, item, message) => {
    await expect(open(file(dictItem({ item })))).rejects.toMatchObject({
      code: 'INVALID_CHECKPOINT',
      message: expect.stringMatching(new RegExp(`^test.pth: .*(${message.source})`)),
    });
  });

  test.each<[string, Item, RegExp]>([
    ['a list', { list: [1, 2] }, /expected a dictionary of tensors but got a list/],
    ['a number', 7, /but got 7/],
    ['an empty dictionary', dictItem({}), /has none/],
    ['a dictionary without tensors', dictItem({ a: 1 }), /has none: the file has "a" \(1\) at the top/],
    [
      'a wrapper of another name',
      dictItem({ model: dictItem({ w, v: w }), g_ema: dictItem({ w }), iteration: 7 }),
      /has none: the file has "model" \(2 tensors\), "g_ema" \(1 tensors\), "iteration" \(7\) at the top, and weights are looked for .* params_ema/,
    ],
    [
      'a wrapper inside of a wrapper',
      dictItem({ state_dict: dictItem({ model: dictItem({ w }) }) }),
      /the file has "model" \(1 tensors\) under state_dict/,
    ],
    ['params that are a list', dictItem({ params: { list: [] } }), /dictionary for params but got a list/],
    ['numbers as names', { dict: [[1, w]] }, /names of tensors but got the key 1/],
  ])('refused as a whole: %s', async (_, item, message) => {
    const storages = JSON.stringify(item).includes('storage') ? [ramp] : [];
    await expect(open(file(item, storages))).rejects.toThrow(message);
  });
});

describe('much out of little', () => {
  /** 4 MiB of one stored value. */
  const repeated = tensorItem(ramp, [2 ** 20], [0]);
  const many = (count: number) =>
    dictItem(Object.fromEntries(Array.from({ length: count }, (_, i) => [`w${i}`, repeated])));

  test.each(containers)('%s: all tensors together stay below 16 MiB and four times the file', async (_, file) => {
    expect((await open(file(many(4)))).names()).toHaveLength(4);
    await expect(open(file(many(5)))).rejects.toMatchObject({
      code: 'INVALID_CHECKPOINT',
      message: expect.stringMatching(/tensor "w4" makes 1048576 elements out of the 24 .* brings all tensors above/),
    });
  });

  test('tensors that share their storage are tensors', async () => {
    const large = storageOf('0', 'FloatStorage', new Float32Array(2 ** 21));
    const tied = Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map(name => [name, tensorItem(large, [2 ** 21])]));
    expect((await open(zipCheckpoint(dictItem(tied), [large]))).names()).toHaveLength(5);
  });
});

describe('the zip container', () => {
  const flipped = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
  const placeOf = (bytes: Uint8Array, piece: Uint8Array) => Buffer.from(bytes).indexOf(piece);

  test('a bit that changed is found, in the data and in what describes it', async () => {
    const bytes = zipCheckpoint(dictItem({ w, tail: tensorItem(ramp, [1], [1], 23) }), [ramp]);
    const weights = await open(flipped(bytes, placeOf(bytes, ramp.bytes) + 40));
    // Also where the read itself is of other bytes.
    for (const name of ['w', 'tail']) {
      await expect(weights.float32(name)).rejects.toMatchObject({
        code: 'INVALID_CHECKPOINT',
        message: expect.stringMatching(/"archive\/data\/0" is damaged: expected CRC-32 [\da-f]{8} but got [\da-f]{8}/),
      });
    }
    const pickled = placeOf(bytes, new TextEncoder().encode('tail'));
    await expect(open(flipped(bytes, pickled))).rejects.toThrow(/"archive\/data.pkl" is damaged/);
  });

  test('sums that were not computed, and data longer than one read', async () => {
    const long = storageOf(
      '0',
      'FloatStorage',
      Float32Array.from({ length: 600_000 }, (_, i) => i),
    );
    const object = dictItem({ part: tensorItem(long, [2], [1], 599_998), all: tensorItem(long, [600_000]) });
    for (const central of [undefined, (record: DataView) => record.setUint32(16, 0, true)]) {
      const weights = await open(zipCheckpoint(object, [long], { ...(central && { central }) }));
      expect([...(await weights.float32('part'))]).toEqual([599_998, 599_999]);
      expect((await weights.float32('all'))[599_999]).toBe(599_999);
    }
  });

  test('refused: entries that overlap, share their data, or have another name in their header', async () => {
    const at = (offset: number) => ({
      central: (record: DataView, path: string) => path.endsWith('/1') && record.setUint32(42, offset, true),
    });
    const object = dictItem({ w, v: tensorItem(other, [2]) });
    const usual = zipCheckpoint(object, [ramp, other]);
    const first = placeOf(usual, new TextEncoder().encode('archive/data/0')) - 30;
    await expect(open(zipCheckpoint(object, [ramp, other], at(first)))).rejects.toThrow(/data\/\d" and .* overlap/);
    await expect(open(zipCheckpoint(object, [ramp, other], at(first + 60)))).rejects.toThrow(/overlap/);
    const renamed = flipped(usual, first + 30 + 'archive/data/'.length);
    await expect((await open(renamed)).float32('w')).rejects.toThrow(/data\/0" has another name in its own header/);
  });

  test('refused: other archives, in plain words', async () => {
    const script = zipFile([
      ['a/data.pkl', pickle(dictItem({ w }))],
      ['a/constants.pkl', pickle({ list: [] })],
    ]);
    await expect(open(script)).rejects.toThrow(/got a TorchScript archive.*: save the state_dict\(\)/);
    await expect(open(zipFile([['word/document.xml', new Uint8Array(9)]]))).rejects.toThrow(
      /expected one data.pkl .* found 0 among word\/document.xml/,
    );
  });

  test('missing and wrong storages are found when opening', async () => {
    await expect(open(zipCheckpoint(dictItem({ w }), []))).rejects.toThrow(/storage "archive\/data\/0" is missing/);
    const short = { ...ramp, bytes: ramp.bytes.subarray(0, 92) };
    await expect(open(zipCheckpoint(dictItem({ w }), [short]))).rejects.toThrow(/should have 96 bytes .* but has 92/);
  });

  test.each<[string, ZipOptions, RegExp]>([
    ['compressed', { method: 8 }, /"archive\/data.pkl" is compressed \(method 8\)/],
    ['encrypted', { flags: 1 }, /encrypted/],
  ])('refused: %s entries', async (_, options, message) => {
    await expect(open(zipCheckpoint(dictItem({ w }), [ramp], options))).rejects.toThrow(message);
  });

  test('a comment at the end does no harm', async () => {
    const weights = await open(zipCheckpoint(dictItem({ w }), [ramp], { comment: 'x'.repeat(65535) }));
    expect(weights.names()).toEqual(['w']);
  });

  test('refused: no pickle, two pickles, one name twice, big-endian data', async () => {
    const data = pickle(dictItem({ w }));
    await expect(open(zipFile([['a/version', data]]))).rejects.toThrow(/expected one data.pkl .* found 0/);
    await expect(
      open(
        zipFile([
          ['a/data.pkl', data],
          ['b/data.pkl', data],
        ]),
      ),
    ).rejects.toThrow(/found 2/);
    await expect(
      open(
        zipFile([
          ['a/data.pkl', data],
          ['a/data.pkl', data],
        ]),
      ),
    ).rejects.toThrow(/twice/);
    const big = zipFile([
      ['a/data.pkl', data],
      ['a/byteorder', new TextEncoder().encode('big')],
      ['a/data/0', ramp.bytes],
    ]);
    await expect(open(big)).rejects.toThrow(/little byte order but got "big"/);
    for (const [order, message] of [
      [`big${' '.repeat(20)}`, /little byte order but got "big +"/],
      ['big'.repeat(1000), /expected a byte order but got 3000 bytes/],
    ] as const) {
      const long = zipFile([
        ['a/data.pkl', data],
        ['a/byteorder', new TextEncoder().encode(order)],
        ['a/data/0', ramp.bytes],
      ]);
      await expect(open(long)).rejects.toThrow(message);
    }
  });
});

describe('the older container', () => {
  test('storages in any order, each checked against its own count', async () => {
    const object = dictItem({ w, v: tensorItem(other, [2]) });
    const swapped = await open(legacyFile(object, [other, ramp]));
    expect(await swapped.float32('v')).toEqual(Float32Array.of(-1, -2));
    expect((await swapped.float32('w'))[23]).toBe(23);
    const bytes = legacyFile(object, [other, ramp]);
    bytes[bytes.length - 96 - 8] = 23;
    await expect((await open(bytes)).float32('w')).rejects.toThrow(/has 23 elements but its tensors expect 24/);
  });

  test('storages of tensors that are not wanted take their place', async () => {
    const object = dictItem({ optimizer: { list: [tensorItem(other, [2])] }, params: dictItem({ w }) });
    expect((await (await open(legacyFile(object, [other, ramp]))).float32('w'))[5]).toBe(5);
  });

  test('pickles longer than the first read', async () => {
    const note = 'n'.repeat(600_000);
    expect((await open(legacyFile(dictItem({ note, w }), [ramp]))).names()).toEqual(['w']);
  });

  test('refused: missing and unknown storages, wrong length, other versions', async () => {
    await expect(open(legacyFile(dictItem({ w }), []))).rejects.toThrow(/storage "0" is missing/);
    await expect(open(legacyFile(dictItem({ w }), [ramp, other]))).rejects.toThrow(/which no tensor uses/);
    await expect(open(legacyFile(dictItem({ w }), [ramp, ramp]))).rejects.toThrow(/there twice/);
    const whole = legacyFile(dictItem({ w }), [ramp]);
    await expect(open(whole.subarray(0, -1))).rejects.toThrow(/describe a file of/);
    await expect(open(join(whole, [0]))).rejects.toThrow(/describe a file of/);
    await expect(open(join(whole.subarray(0, 15), pickle(1000), whole.subarray(21)))).rejects.toThrow(/version 1001/);
  });
});

describe('files that are no weights', () => {
  const text = (value: string) => new TextEncoder().encode(value);
  test.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /has 0 bytes/],
    ['three bytes', text('PK\x03'), /has 3 bytes/],
    ['a web page', text('\n<!DOCTYPE html><html></html>'), /a web page/],
    ['a Git LFS pointer', text('version https://git-lfs.github.com/spec/v1\noid'), /Git LFS pointer/],
    ['a picture', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13), /begins with 89 50 4e 47/],
    [
      'an ONNX model',
      text('\x08\x06\x12\x07pytorch\x1a\x052.1.0:'),
      /an ONNX model: take the checkpoint .*begins with 08 06/,
    ],
    ['a GGUF model', text('GGUF\x03\0\0\0\0'), /got a GGUF model/],
    [
      'a plain pickle',
      Uint8Array.of(0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0),
      /pickle of Python that torch.save did not write/,
    ],
    ['a zip without end', text('PK\x03\x04 and then nothing of the kind'), /cut: it has no directory/],
  ])('%s', async (_, bytes, message) => {
    const close = vi.fn(async () => {});
    await expect(openWeightsSource({ ...bytesSource(bytes, 'x.pth'), close })).rejects.toMatchObject({
      code: 'INVALID_CHECKPOINT',
      message: expect.stringMatching(message),
    });
    expect(close).toHaveBeenCalledOnce();
  });
});
