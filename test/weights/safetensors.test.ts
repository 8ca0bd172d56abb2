// The safetensors container: what is written is read again, and headers that are not exactly right are refused.

import { describe, expect, test } from 'vitest';
import { openWeightsSource } from '../../src/weights/open.js';
import { type OutgoingTensor, streamSafetensors, writeSafetensors } from '../../src/weights/safetensors.js';
import { bytesSource } from '../../src/weights/source.js';

const open = (bytes: Uint8Array) => openWeightsSource(bytesSource(bytes, 'test.safetensors'));

const tensors = [
  { name: 'b', dtype: 'int8', shape: [3], data: Int8Array.of(1, -2, 3) },
  { name: 'w', dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4.5) },
  { name: 'h', dtype: 'float16', shape: [1, 2], data: Uint16Array.of(0x3c00, 0xc000) },
  { name: 'n', dtype: 'int64', shape: [], data: BigInt64Array.of(9n) },
  { name: 'none', dtype: 'float32', shape: [0, 4], data: new Float32Array(0) },
] as const satisfies OutgoingTensor[];

/** A file with this header and that many bytes of data. */
function file(header: unknown, data = 16): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const entry = (data_offsets: unknown, shape: unknown = [2, 2], dtype: unknown = 'F32') => ({
  dtype,
  shape,
  data_offsets,
});

const json = JSON.stringify(entry([0, 16]));

describe('written and read again', () => {
  test('names, types, shapes, values, metadata', async () => {
    const weights = await open(writeSafetensors(tensors, { config: '{"size":64}', ключ: 'ü' }));
    expect(weights.metadata).toEqual({ config: '{"size":64}', ключ: 'ü' });
    expect(weights.names()).toEqual(['n', 'none', 'w', 'h', 'b']);
    expect(await weights.tensor('w')).toEqual({ dtype: 'float32', shape: [2, 2], data: tensors[1].data });
    expect(await weights.tensor('h')).toEqual({ dtype: 'float16', shape: [1, 2], data: Float32Array.of(1, -2) });
    expect((await weights.raw('h')).bytes).toEqual(Uint8Array.of(0x00, 0x3c, 0x00, 0xc0));
    expect(await weights.float32('n')).toEqual(Float32Array.of(9));
    expect((await weights.tensor('none')).data).toEqual(new Float32Array(0));
    expect(await weights.float32('b')).toEqual(Float32Array.of(1, -2, 3));
  });

  test('in pieces it is the same file, with one tensor asked for at a time', async () => {
    let waiting = 0;
    const lazy = tensors.map(({ data, ...rest }) => ({
      ...rest,
      data: async () => {
        expect(++waiting).toBe(1);
        return data;
      },
    }));
    const pieces: number[] = [];
    for await (const piece of streamSafetensors(lazy, { a: 'b' })) {
      pieces.push(...piece);
      waiting = 0;
    }
    expect(Uint8Array.from(pieces)).toEqual(writeSafetensors(tensors, { a: 'b' }));
  });

  test('tensors do not share memory with the source or with each other', async () => {
    const bytes = writeSafetensors(tensors);
    const weights = await open(bytes);
    const first = await weights.float32('w');
    first.fill(0);
    expect(await weights.float32('w')).toEqual(tensors[1].data);
  });

  test('names that mean something to JavaScript are only names', async () => {
    const data = Float32Array.of(1);
    const names = ['__proto__', 'constructor', 'toString', '1'];
    const weights = await open(writeSafetensors(names.map(name => ({ name, dtype: 'float32', shape: [1], data }))));
    expect(weights.names().sort()).toEqual([...names].sort());
    expect(await weights.float32('__proto__')).toEqual(data);
    expect(({} as Record<string, unknown>).dtype).toBeUndefined();
  });

  test('module. is removed where every name has it', async () => {
    const names = async (...list: string[]) => {
      const data = Float32Array.of(1);
      return (await open(writeSafetensors(list.map(name => ({ name, dtype: 'float32', shape: [1], data }))))).names();
    };
    expect(await names('module.a', 'module.b')).toEqual(['a', 'b']);
    expect(await names('module.a', 'b')).toEqual(['b', 'module.a']);
  });

  test('wrong input to the writer is an error', () => {
    const data = Float32Array.of(1);
    const write = (...list: [string, number[]][]) =>
      writeSafetensors(list.map(([name, shape]) => ({ name, dtype: 'float32' as const, shape, data })));
    expect(() => write(['a', [1]], ['a', [1]])).toThrow(/unique names/);
    expect(() => write(['__metadata__', [1]])).toThrow(/unique names/);
    expect(() => write(['a', [2]])).toThrow(/Expected 8 bytes \(float32 \[2\]\) for tensor a but received 4/);
  });

  test('unknown names are an error that names the file', async () => {
    const weights = await open(writeSafetensors(tensors));
    expect(() => weights.shape('x')).toThrow(/one of the 5 tensors of test.safetensors.*"x"/);
    await expect(weights.float32('x')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

test.each([
  ['not JSON', file('{"w":'), /not valid JSON/],
  ['not UTF-8', file('{"\ud800": 1}').map((byte, i) => (i === 10 ? 0xff : byte)), /not valid JSON/],
  ['a list', file('[] '), /begins with|expected an object/],
  ['a header longer than the file', file('{}', 0).map((byte, i) => (i === 0 ? 9 : byte)), /the file ends after 10/],
  ['a header of a terabyte', file('{}', 0).map((byte, i) => (i === 5 ? 1 : byte)), /above the limit/],
  [
    'a header of 3 MB',
    file(' '.repeat(3e6)).map((byte, i) => (i === 8 ? 0x7b : byte)),
    /header of 3000000 bytes is above/,
  ],
  ['one name twice', file(`{"w":${json},"v":{},"w":${json}}`), /the header has the key "w" twice/],
  ['one name in two spellings', file(`{"w":${json},"\\u0077":${json}}`), /the header has the key "w" twice/],
  ['one field twice', file(`{"w":${json.replace('{', '{"shape":[1],')}}`), /the header has the key "shape" twice/],
  ['nesting without end', file(`{"w":${'['.repeat(1e6)}`), /nested more than 8 deep/],
  ['a string without end', file(`{"${'\\"'.repeat(5e5)}`), /not valid JSON/],
  ['an unknown type', file({ w: entry([0, 16], [2, 2], 'F31') }), /"w" has the unknown type "F31"/],
  ['a type that is no string', file({ w: entry([0, 16], [2, 2], 7) }), /unknown type 7/],
  ['a broken shape', file({ w: entry([0, 16], [2.5, 2]) }), /whole numbers.*\[2.5,2\]/],
  ['a negative shape', file({ w: entry([0, 16], [-2, -2]) }), /whole numbers/],
  ['a shape that is none', file({ w: entry([0, 16], 'many') }), /whole numbers.*"many"/],
  ['negative offsets', file({ w: entry([-16, 0]) }), /ascending offsets/],
  ['descending offsets', file({ w: entry([16, 0]) }), /ascending offsets/],
  ['three offsets', file({ w: entry([0, 8, 16]) }), /ascending offsets/],
  ['a size that is not that of the shape', file({ w: entry([0, 16], [2, 3]) }), /needs 24 bytes but has 16/],
  ['a shape beyond all numbers', file({ w: entry([0, 16], [2 ** 40, 2 ** 40]) }), /needs .* bytes/],
  ['tensors beyond the end', file({ w: entry([0, 16]) }, 8), /take 16 bytes but 8 follow/],
  ['bytes left over', file({ w: entry([0, 16]) }, 20), /take 16 bytes but 20 follow/],
  ['overlapping tensors', file({ w: entry([0, 16]), v: entry([8, 24]) }, 24), /"v" overlaps/],
  ['a hole', file({ w: entry([0, 16]), v: entry([24, 40]) }, 40), /"v" leaves a hole/],
  ['an entry that is none', file({ w: 7 }), /expected an object for tensor "w" but got 7/],
  ['metadata that is none', file({ __metadata__: 'x', w: entry([0, 16]) }), /__metadata__/],
  ['metadata of numbers', file({ __metadata__: { a: 1 }, w: entry([0, 16]) }), /string for metadata "a"/],
])('refused: %s', async (_, bytes, message) => {
  await expect(open(bytes)).rejects.toMatchObject({
    code: 'INVALID_CHECKPOINT',
    message: expect.stringMatching(new RegExp(`^test.safetensors: .*${message.source}`)),
  });
});
