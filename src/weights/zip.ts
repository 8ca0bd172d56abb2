// The directory of a zip archive whose entries are stored, which is how PyTorch writes its checkpoints.

import { describe } from '../errors.js';
import { crc32 } from './crc32.js';
import { type ByteSource, broken, readExactly } from './source.js';

/** One entry of an archive. */
export interface ZipEntry {
  /** Path inside the archive. */
  readonly path: string;
  /** Bytes of the content. */
  readonly size: number;
  /**
   * Bytes [begin, end) of the content. The first read of an entry goes through all of it and compares its CRC-32.
   * @throws `INVALID_CHECKPOINT`
   */
  read(begin: number, end: number): Promise<Uint8Array>;
}

/** What the directory says of an entry. */
interface Record {
  readonly path: string;
  readonly size: number;
  readonly crc: number;
  /** Where its local header is. */
  readonly header: number;
  /** Bytes of its path. */
  readonly name: Uint8Array;
}

const END = 0x06054b50;
const END_64 = 0x06064b50;
const END_64_LOCATOR = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_SIZE = 22;
const LOCATOR_SIZE = 20;
const LOCAL_SIZE = 30;
const CENTRAL_SIZE = 46;
const MAX_COMMENT = 0xffff;

/** The official checkpoint has 518 entries and 40 KB of directory. */
const MAX_ENTRIES = 20_000;
const MAX_DIRECTORY = 4 * 2 ** 20;

/** Bytes that are read at once where an entry is read for its checksum alone. */
const PIECE = 2 ** 20;

/**
 * Reads the central directory. Throws `INVALID_CHECKPOINT` for archives that are cut, compressed, encrypted or split, for
 * entries that overlap or reach outside of the file, and for names that are there twice.
 */
export async function readZip(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const { name } = source;
  const { offset, size, count } = await findDirectory(source);
  if (count > MAX_ENTRIES || size > MAX_DIRECTORY) {
    throw broken(name, `a zip directory of ${count} entries in ${size} bytes is above the limit`);
  }
  const bytes = await readExactly(source, offset, size, 'the zip directory');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const records: Record[] = [];
  const names = new Set<string>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    const here = at + CENTRAL_SIZE <= size && view.getUint32(at, true) === CENTRAL;
    const next = here
      ? at +
        CENTRAL_SIZE +
        view.getUint16(at + 28, true) +
        view.getUint16(at + 30, true) +
        view.getUint16(at + 32, true)
      : Number.POSITIVE_INFINITY;
    if (next > size) throw broken(name, `the zip directory is damaged at entry ${i} of ${count}`);
    const record = readRecord(source, view, at, offset);
    if (names.has(record.path)) throw broken(name, `the zip archive has ${describe(record.path)} twice`);
    names.add(record.path);
    records.push(record);
    at = next;
  }

  const entries = new Map<string, ZipEntry>();
  for (const { path } of records) entries.set(path, undefined as never);
  records.sort((a, b) => a.header - b.header);
  for (const [i, record] of records.entries()) {
    const next = records[i + 1];
    if (next && record.header + LOCAL_SIZE + record.name.length + record.size > next.header) {
      throw broken(name, `the zip entries ${describe(record.path)} and ${describe(next.path)} overlap`);
    }
    entries.set(record.path, entryOf(source, record, next?.header ?? offset));
  }
  return entries;
}

/** Finds the directory from the end of the file, in the form with 64-bit fields where there is one. */
async function findDirectory(source: ByteSource): Promise<{ offset: number; size: number; count: number }> {
  const { name } = source;
  const length = Math.min(source.size, MAX_COMMENT + END_SIZE);
  const tailStart = source.size - length;
  const bytes = await readExactly(source, tailStart, length, 'the end of the zip archive');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let end = length - END_SIZE;
  while (
    end >= 0 &&
    !(view.getUint32(end, true) === END && end + END_SIZE + view.getUint16(end + 20, true) === length)
  ) {
    end--;
  }
  if (end < 0) throw broken(name, 'the zip archive is cut: it has no directory at its end');
  if (view.getUint16(end + 4, true) !== view.getUint16(end + 6, true)) {
    throw broken(name, 'the zip archive is split over several files');
  }

  let directory = {
    offset: view.getUint32(end + 16, true),
    size: view.getUint32(end + 12, true),
    count: view.getUint16(end + 10, true),
  };
  let limit = tailStart + end;
  if (end >= LOCATOR_SIZE && view.getUint32(end - LOCATOR_SIZE, true) === END_64_LOCATOR) {
    const at = Number(view.getBigUint64(end - LOCATOR_SIZE + 8, true));
    const record = await readExactly(source, at, 56, 'the zip64 directory record');
    const wide = new DataView(record.buffer, record.byteOffset, record.length);
    if (wide.getUint32(0, true) !== END_64) throw broken(name, 'the zip64 directory record is damaged');
    directory = {
      offset: Number(wide.getBigUint64(48, true)),
      size: Number(wide.getBigUint64(40, true)),
      count: Number(wide.getBigUint64(32, true)),
    };
    limit = at;
  }
  if (directory.offset + directory.size > limit) throw broken(name, 'the zip directory lies outside of the file');
  return directory;
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

function readRecord(source: ByteSource, view: DataView, at: number, limit: number): Record {
  const nameLength = view.getUint16(at + 28, true);
  const extraLength = view.getUint16(at + 30, true);
  const name = new Uint8Array(view.buffer, view.byteOffset + at + CENTRAL_SIZE, nameLength);
  const path = utf8.decode(name);
  const label = `zip entry ${describe(path)}`;
  if (view.getUint16(at + 8, true) & 1) throw broken(source.name, `${label} is encrypted`);
  const method = view.getUint16(at + 10, true);
  if (method !== 0) {
    throw broken(source.name, `${label} is compressed (method ${method}); PyTorch stores its entries, repack without`);
  }

  let compressed = view.getUint32(at + 20, true);
  let size = view.getUint32(at + 24, true);
  let header = view.getUint32(at + 42, true);
  // Fields that do not fit in 32 bits are all ones and stand in extra field 1, in this order.
  let wide = findExtra(view, at + CENTRAL_SIZE + nameLength, extraLength);
  const widen = (narrow: number): number => {
    if (narrow !== 0xffffffff) return narrow;
    if (!wide || wide.end - wide.at < 8) throw broken(source.name, `${label} has no 64-bit size`);
    const value = Number(view.getBigUint64(wide.at, true));
    wide = { at: wide.at + 8, end: wide.end };
    return value;
  };
  size = widen(size);
  compressed = widen(compressed);
  header = widen(header);
  if (compressed !== size) throw broken(source.name, `${label} is stored but has two sizes: ${compressed} and ${size}`);
  if (header + LOCAL_SIZE + nameLength + size > limit) throw outside(source, { path, size, header });
  return { path, size, header, name, crc: view.getUint32(at + 16, true) };
}

const outside = (source: ByteSource, { path, size, header }: Pick<Record, 'path' | 'size' | 'header'>) =>
  broken(source.name, `zip entry ${describe(path)} (${size} bytes at ${header}) reaches outside of the file`);

/** @param limit where the next entry, or the directory, begins */
function entryOf(source: ByteSource, record: Record, limit: number): ZipEntry {
  const { path, size, crc, header, name } = record;
  const label = `zip entry ${describe(path)}`;
  const sum = source.crc32 ?? crc32;

  /** Only the local header knows where the content begins. */
  const findStart = async (): Promise<number> => {
    const bytes = await readExactly(source, header, LOCAL_SIZE + name.length, `the header of ${label}`);
    const local = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (local.getUint32(0, true) !== LOCAL) throw broken(source.name, `${label} has no header at ${header}`);
    const nameLength = local.getUint16(26, true);
    if (nameLength !== name.length || !name.every((byte, i) => byte === bytes[LOCAL_SIZE + i])) {
      throw broken(source.name, `${label} has another name in its own header`);
    }
    const start = header + LOCAL_SIZE + nameLength + local.getUint16(28, true);
    if (start + size > limit) throw outside(source, record);
    return start;
  };
  const compare = (found: number): void => {
    // PyTorch can be told to compute no sums; it writes zero then.
    if (crc !== 0 && found !== crc) {
      throw broken(source.name, `${label} is damaged: expected CRC-32 ${hex(crc)} but got ${hex(found)}`);
    }
  };
  let start: Promise<number> | undefined;
  let checked = crc === 0;
  return {
    path,
    size,
    async read(begin, end) {
      start ??= findStart();
      const first = await start;
      const whole = begin === 0 && end === size;
      if (!checked && !whole) {
        let found = 0;
        for (let at = 0; at < size; at += PIECE)
          found = sum(await readExactly(source, first + at, Math.min(PIECE, size - at), label), found);
        compare(found);
        checked = true;
      }
      const bytes = await readExactly(source, first + begin, end - begin, label);
      if (whole) compare(sum(bytes, 0));
      return bytes;
    },
  };
}

const hex = (value: number): string => value.toString(16).padStart(8, '0');

function findExtra(view: DataView, start: number, length: number): { at: number; end: number } | undefined {
  const end = start + length;
  for (let at = start; at + 4 <= end; ) {
    const size = view.getUint16(at + 2, true);
    if (at + 4 + size > end) return undefined;
    if (view.getUint16(at, true) === 1) return { at: at + 4, end: at + 4 + size };
    at += 4 + size;
  }
  return undefined;
}
