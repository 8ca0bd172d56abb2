// Writes small PyTorch checkpoints, and broken ones, in both containers.

import { crc32 } from 'node:zlib';

export type Item =
  | null
  | boolean
  | number
  | string
  | { tuple: Item[] }
  | { list: Item[] }
  | { dict: [Item, Item][] }
  | { global: string }
  | { call: string; args: Item[] }
  | { storage: string; type: string; count: number }
  | { opcodes: number[] };

export interface Storage {
  readonly key: string;
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly count: number;
}

export function storageOf(key: string, type: string, data: ArrayBufferView & { length: number }): Storage {
  return { key, type, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), count: data.length };
}

/** A tensor as PyTorch describes it; contiguous and whole unless said otherwise. */
export function tensorItem(storage: Storage, shape: number[], stride?: number[], offset = 0): Item {
  const contiguous = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  return {
    call: 'torch._utils _rebuild_tensor_v2',
    args: [
      { storage: storage.key, type: storage.type, count: storage.count },
      offset,
      { tuple: shape },
      { tuple: stride ?? contiguous },
      false,
      { call: 'collections OrderedDict', args: [] },
    ],
  };
}

export function dictItem(items: Record<string, Item>): Item {
  return { dict: Object.entries(items) };
}

/** Protocol 2. `sixth`: the older container adds a field to references to storages. */
export function pickle(item: Item, sixth = false): Uint8Array {
  const out: number[] = [0x80, 2];
  const bytes = (values: Iterable<number>) => {
    for (const value of values) out.push(value);
  };
  const u32 = (n: number) => out.push(n & 255, (n >> 8) & 255, (n >> 16) & 255, (n >>> 24) & 255);
  const text = (value: string) => {
    const encoded = new TextEncoder().encode(value);
    out.push(0x58);
    u32(encoded.length);
    bytes(encoded);
  };
  const global = (name: string) => out.push(0x63, ...new TextEncoder().encode(`${name.replace(' ', '\n')}\n`));
  const write = (value: Item): void => {
    if (value === null) out.push(0x4e);
    else if (typeof value === 'boolean') out.push(value ? 0x88 : 0x89);
    else if (typeof value === 'string') text(value);
    else if (typeof value === 'number') {
      if (Number.isInteger(value) && value >= 0 && value < 256) out.push(0x4b, value);
      else if (value === (value | 0)) {
        out.push(0x4a);
        u32(value);
      } else if (Number.isInteger(value) && Math.abs(value) < 2 ** 63) {
        out.push(0x8a, 8, ...new Uint8Array(new BigInt64Array([BigInt(value)]).buffer));
      } else {
        out.push(0x47, ...new Uint8Array(new Float64Array([value]).buffer).reverse());
      }
    } else if ('tuple' in value) {
      out.push(0x28);
      value.tuple.forEach(write);
      out.push(0x74);
    } else if ('list' in value) {
      out.push(0x5d, 0x28);
      value.list.forEach(write);
      out.push(0x65);
    } else if ('dict' in value) {
      out.push(0x7d, 0x28);
      for (const [key, content] of value.dict) {
        write(key);
        write(content);
      }
      out.push(0x75);
    } else if ('global' in value) global(value.global);
    else if ('call' in value) {
      global(value.call);
      write({ tuple: value.args });
      out.push(0x52);
    } else if ('storage' in value) {
      const fields: Item[] = ['storage', { global: `torch ${value.type}` }, value.storage, 'cuda:0', value.count];
      write({ tuple: sixth ? [...fields, null] : fields });
      out.push(0x51);
    } else bytes(value.opcodes);
  };
  write(item);
  out.push(0x2e);
  return Uint8Array.from(out);
}

export function join(...parts: (Uint8Array | number[])[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** The older container. */
export function legacyFile(object: Item, storages: Storage[]): Uint8Array {
  const count = (n: number) => new Uint8Array(new BigInt64Array([BigInt(n)]).buffer);
  return join(
    [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e],
    pickle(1001),
    pickle(dictItem({ protocol_version: 1001, little_endian: true })),
    pickle(object, true),
    pickle({ list: storages.map(({ key }) => key) }),
    ...storages.flatMap(storage => [count(storage.count), storage.bytes]),
  );
}

export function zipCheckpoint(object: Item, storages: Storage[], options: ZipOptions = {}): Uint8Array {
  return zipFile(
    [
      ['archive/data.pkl', pickle(object)],
      ...storages.map(({ key, bytes }) => [`archive/data/${key}`, bytes] as const),
      ['archive/version', new TextEncoder().encode('3\n')],
    ],
    options,
  );
}

export interface ZipOptions {
  /** All sizes and offsets of the directory in 64-bit extra fields, and a zip64 end record. */
  zip64?: boolean;
  /** Compression method to claim. */
  method?: number;
  flags?: number;
  comment?: string;
  /** Changes the header of an entry, or its record in the directory, before it is written. */
  local?: (header: DataView, path: string) => void;
  central?: (record: DataView, path: string) => void;
}

/** An archive of stored entries. Local headers have zero sizes and padding, as those of PyTorch. */
export function zipFile(files: (readonly [string, Uint8Array])[], options: ZipOptions = {}): Uint8Array {
  const { zip64 = false, method = 0, flags = 0x0808, comment = '' } = options;
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [path, bytes] of files) {
    const name = new TextEncoder().encode(path);
    const padding = 64 - ((offset + 30 + name.length) % 64);
    const local = new DataView(new ArrayBuffer(30));
    local.setUint32(0, 0x04034b50, true);
    local.setUint16(6, flags, true);
    local.setUint16(8, method, true);
    local.setUint16(26, name.length, true);
    local.setUint16(28, padding, true);
    options.local?.(local, path);

    const extra = new DataView(new ArrayBuffer(zip64 ? 28 : 0));
    if (zip64) {
      extra.setUint16(0, 1, true);
      extra.setUint16(2, 24, true);
      extra.setBigUint64(4, BigInt(bytes.length), true);
      extra.setBigUint64(12, BigInt(bytes.length), true);
      extra.setBigUint64(20, BigInt(offset), true);
    }
    const central = new DataView(new ArrayBuffer(46));
    central.setUint32(0, 0x02014b50, true);
    central.setUint16(8, flags, true);
    central.setUint16(10, method, true);
    central.setUint32(16, crc32(bytes), true);
    central.setUint32(20, zip64 ? 0xffffffff : bytes.length, true);
    central.setUint32(24, zip64 ? 0xffffffff : bytes.length, true);
    central.setUint16(28, name.length, true);
    central.setUint16(30, extra.byteLength, true);
    central.setUint32(42, zip64 ? 0xffffffff : offset, true);
    options.central?.(central, path);
    directory.push(join(new Uint8Array(central.buffer), name, new Uint8Array(extra.buffer)));
    const entry = join(new Uint8Array(local.buffer), name, new Uint8Array(padding), bytes);
    parts.push(entry);
    offset += entry.length;
  }
  const central = join(...directory);
  const tail: Uint8Array[] = [];
  if (zip64) {
    const record = new DataView(new ArrayBuffer(56 + 20));
    record.setUint32(0, 0x06064b50, true);
    record.setBigUint64(4, 44n, true);
    record.setBigUint64(24, BigInt(files.length), true);
    record.setBigUint64(32, BigInt(files.length), true);
    record.setBigUint64(40, BigInt(central.length), true);
    record.setBigUint64(48, BigInt(offset), true);
    record.setUint32(56, 0x07064b50, true);
    record.setBigUint64(64, BigInt(offset + central.length), true);
    record.setUint32(72, 1, true);
    tail.push(new Uint8Array(record.buffer));
  }
  const text = new TextEncoder().encode(comment);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, zip64 ? 0xffff : files.length, true);
  end.setUint16(10, zip64 ? 0xffff : files.length, true);
  end.setUint32(12, zip64 ? 0xffffffff : central.length, true);
  end.setUint32(16, zip64 ? 0xffffffff : offset, true);
  end.setUint16(20, text.length, true);
  return join(...parts, central, ...tail, new Uint8Array(end.buffer), text);
}
