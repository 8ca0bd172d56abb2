// Where results and uploads are kept: a folder, and a bucket of a real server for S3. What holds for one holds for the other.

import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { CodeFormerError } from '../../src/errors.js';
import { StorageFullError } from '../../src/server/errors.js';
import { optionalPackage } from '../../src/server/optional.js';
import { folderStorage } from '../../src/server/storage/folder.js';
import { openStorage } from '../../src/server/storage/open.js';
import type { StorageLimits } from '../../src/server/storage/retention.js';
import { openBucket, parseBucket } from '../../src/server/storage/s3.js';
import type { Storage } from '../../src/server/types.js';
import { startS3, withPython } from './services.js';

/** In the place of what writes to the disk. */
const disk = vi.hoisted(() => ({ fault: null as Error | null }));
vi.mock('../../src/node/file-source.js', async original => {
  const module = await original<typeof import('../../src/node/file-source.js')>();
  return {
    ...module,
    writeAll: (...args: Parameters<typeof module.writeAll>) =>
      disk.fault ? Promise.reject(disk.fault) : module.writeAll(...args),
  };
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storage-'));
});
afterEach(async () => {
  disk.fault = null;
  await rm(folder, { recursive: true, force: true });
});

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    error => (error instanceof CodeFormerError ? error.code : String(error)),
  );

const bytes = (length: number, first = 0) => Uint8Array.from({ length }, (_, i) => (first + 31 * i) % 256);

async function keysOf(storage: Storage, prefix = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list(prefix)) keys.push(key);
  return keys;
}

/** What holds for every storage. */
function contract(place: () => string): void {
  let storage: Storage;
  const open = async (limits?: StorageLimits) => {
    storage = await openStorage(place(), limits);
    return storage;
  };
  afterEach(async () => {
    for (const key of await keysOf(storage)) await storage.delete(key);
    await storage.close();
  });

  test('what is put comes back, with its content type', async () => {
    await open();
    const body = bytes(100_000);
    await storage.put('results/0f1e/restored.png', body, 'image/png');
    await storage.put('uploads/1', new Uint8Array(0), 'text/plain; charset=utf-8');
    const found = await storage.get('results/0f1e/restored.png');
    expect(Buffer.from(found!.body).equals(body)).toBe(true);
    expect(found!.contentType).toBe('image/png');
    const empty = await storage.get('uploads/1');
    expect([empty!.body.length, empty!.contentType]).toEqual([0, 'text/plain; charset=utf-8']);
  });

  test('another process finds it, too', async () => {
    await open();
    await storage.put('a/b', bytes(10), 'image/webp');
    const other = await openStorage(place());
    expect((await other.get('a/b'))!.contentType).toBe('image/webp');
    await other.close();
  });

  test('what is put again is replaced, what is deleted is gone, and both may happen twice', async () => {
    await open();
    await storage.put('a', bytes(10), 'image/png');
    await storage.put('a', bytes(20, 7), 'image/jpeg');
    const { body, contentType } = (await storage.get('a'))!;
    expect([[...body], contentType]).toEqual([[...bytes(20, 7)], 'image/jpeg']);
    await storage.delete('a');
    await storage.delete('a');
    expect(await storage.get('a')).toBeUndefined();
  });

  test('lists what begins with a prefix, with sizes and times', async () => {
    await open();
    const before = Date.now();
    for (const key of ['a/1', 'a/2', 'ab', 'b/c/d']) await storage.put(key, bytes(key.length), 'image/png');
    expect(await keysOf(storage)).toEqual(['a/1', 'a/2', 'ab', 'b/c/d']);
    expect(await keysOf(storage, 'a')).toEqual(['a/1', 'a/2', 'ab']);
    expect(await keysOf(storage, 'a/')).toEqual(['a/1', 'a/2']);
    expect(await keysOf(storage, 'b/c/d')).toEqual(['b/c/d']);
    expect(await keysOf(storage, 'c')).toEqual([]);
    for await (const { key, size, modified } of storage.list('')) {
      expect(size).toBe(key.length);
      expect(Math.abs(modified - before)).toBeLessThan(60_000);
    }
  });

  test.each(['', '/a', 'a/', 'a//b', '../a', 'a/../b', 'a/.b', '.', 'a\\b', 'a b', 'a\0', 'ä', 'c:', 'a'.repeat(201)])(
    'the key %j is refused',
    async key => {
      await open();
      expect(await codeOf(storage.put(key, bytes(1), 'image/png'))).toBe('INVALID_ARGUMENT');
      expect(await codeOf(storage.get(key))).toBe('INVALID_ARGUMENT');
      expect(await codeOf(storage.delete(key))).toBe('INVALID_ARGUMENT');
    },
  );

  test.each(['', 'a\nb: c', 'image/\u2028', 'a'.repeat(101)])('the content type %j is refused', async type => {
    await open();
    expect(await codeOf(storage.put('a', bytes(1), type))).toBe('INVALID_ARGUMENT');
    expect(await keysOf(storage)).toEqual([]);
  });

  test('many at once are whole', async () => {
    await open();
    const all = Array.from({ length: 20 }, (_, i) => ({
      key: `k${i}`,
      body: bytes(5_000 + i, i),
      type: `image/x-${i}`,
    }));
    await Promise.all(all.map(({ key, body, type }) => storage.put(key, body, type)));
    for (const { key, body, type } of all) {
      const found = (await storage.get(key))!;
      expect([found.contentType, Buffer.from(found.body).equals(body)]).toEqual([type, true]);
    }
  });

  test('what is larger than all of the room is refused', async () => {
    await open({ maxBytes: 100 });
    await expect(storage.put('a', bytes(101), 'image/png')).rejects.toThrow(StorageFullError);
    await storage.put('a', bytes(100), 'image/png');
  });

  test('the young keep their place, and who comes last is refused until there is room', async () => {
    await open({ maxBytes: 100 });
    await storage.put('a', bytes(60), 'image/png');
    await expect(storage.put('b', bytes(60), 'image/png')).rejects.toThrow(StorageFullError);
    await expect(storage.put('b', bytes(60), 'image/png')).rejects.toThrow(StorageFullError);
    await storage.put('c', bytes(40), 'image/png');
    expect(await keysOf(storage)).toEqual(['a', 'c']);
    await storage.delete('a');
    await storage.put('b', bytes(60), 'image/png');
    expect(await keysOf(storage)).toEqual(['b', 'c']);
  });

  test('what others have put counts', async () => {
    const other = await openStorage(place());
    await other.put('a', bytes(60), 'image/png');
    await other.close();
    await open({ maxBytes: 100 });
    await expect(storage.put('b', bytes(60), 'image/png')).rejects.toThrow(StorageFullError);
  });

  test('those at once do not share the same room', async () => {
    await open({ maxBytes: 100 });
    const puts = Array.from({ length: 8 }, (_, i) => storage.put(`k${i}`, bytes(30), 'image/png'));
    const outcomes = await Promise.allSettled(puts);
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(3);
    expect((await keysOf(storage)).length).toBe(3);
  });
}

describe('a folder', () => {
  contract(() => folder);

  test('the oldest go where there is no room, once they are old enough', async () => {
    const storage = await openStorage(folder, { maxBytes: 100, minAge: 1_000 });
    for (const [i, key] of ['c', 'a', 'b'].entries()) {
      await storage.put(key, bytes(30), 'image/png');
      const time = new Date(Date.now() - 10_000 + 1_000 * i);
      await utimes(join(folder, key), time, time);
    }
    await storage.put('young', bytes(40), 'image/png');
    expect(await keysOf(storage)).toEqual(['b', 'young']);
    await storage.close();
  });

  test('many at once of one key are whole', async () => {
    const storage = await openStorage(folder);
    await Promise.all(Array.from({ length: 20 }, (_, i) => storage.put('same', bytes(5_000 + i, i), `image/x-${i}`)));
    const { body, contentType } = (await storage.get('same'))!;
    const i = body.length - 5_000;
    expect([contentType, Buffer.from(body).equals(bytes(5_000 + i, i))]).toEqual([`image/x-${i}`, true]);
    await storage.close();
  });

  test('what is too old goes by itself', async () => {
    const storage = await openStorage(folder, { maxAge: 5_000, interval: 20 });
    await storage.put('old', bytes(10), 'image/png');
    await storage.put('young', bytes(10), 'image/png');
    const time = new Date(Date.now() - 6_000);
    await utimes(join(folder, 'old'), time, time);
    await vi.waitUntil(async () => (await storage.get('old')) === undefined);
    expect(await keysOf(storage)).toEqual(['young']);
    await storage.close();
  });

  test('a folder that is not there is made, and one that cannot be is told', async () => {
    const storage = await openStorage(join(folder, 'new/deep'));
    expect([await keysOf(storage), await storage.get('a')]).toEqual([[], undefined]);
    await storage.put('a', bytes(1), 'image/png');
    expect(await keysOf(storage)).toEqual(['a']);
    await storage.close();
    expect(await codeOf(openStorage(join(folder, 'new/deep/a/b')))).toBe('FILE_UNWRITABLE');
  });

  test('what nobody put there is neither shown nor deleted', async () => {
    await writeFile(join(folder, 'notes.txt'), 'x'.repeat(500));
    await writeFile(join(folder, 'short'), '');
    await mkdir(join(folder, 'empty'));
    const storage = await openStorage(folder, { maxAge: -1, maxBytes: 100, minAge: 0 });
    await storage.put('a', bytes(90), 'image/png');
    expect(await storage.get('notes.txt')).toBeUndefined();
    expect(await storage.get('empty')).toBeUndefined();
    await storage.put('b', bytes(90), 'image/png');
    expect((await readdir(folder)).sort()).toEqual(['b', 'empty', 'notes.txt', 'short']);
    await storage.close();
  });

  test('what a killed process has left unfinished goes', async () => {
    const storage = await openStorage(folder);
    await storage.put('a/b', bytes(1), 'image/png');
    const left = '.codeformer-00000000-1-abc.tmp';
    await writeFile(join(folder, 'a', left), 'half');
    const time = new Date(Date.now() - 48 * 3_600_000);
    await utimes(join(folder, 'a', left), time, time);
    expect(await keysOf(storage)).toEqual(['a/b']);
    expect(await readdir(join(folder, 'a'))).toEqual(['b']);
    await storage.close();
  });

  test('viewers find the picture at the beginning of the file', async () => {
    const storage = await openStorage(folder);
    await storage.put('a.png', bytes(1_000), 'image/png');
    expect((await readFile(join(folder, 'a.png'))).subarray(0, 1_000)).toEqual(Buffer.from(bytes(1_000)));
    await storage.close();
  });

  test.each(['ENOSPC', 'EDQUOT'])('a full disk (%s) is told as such, and leaves nothing', async code => {
    const storage = await openStorage(folder);
    disk.fault = Object.assign(new Error(`${code}: no space left, write`), { code });
    await expect(storage.put('a', bytes(10), 'image/png')).rejects.toThrow(StorageFullError);
    expect(await readdir(folder)).toEqual([]);
    disk.fault = null;
    await storage.put('a', bytes(10), 'image/png');
    await storage.close();
  });

  test('other faults of the disk are no full one, and take no room', async () => {
    const storage = await openStorage(folder, { maxBytes: 100 });
    disk.fault = Object.assign(new Error('EIO: input/output error, write'), { code: 'EIO' });
    for (let i = 0; i < 3; i++) expect(await codeOf(storage.put('a', bytes(60), 'image/png'))).toBe('FILE_UNWRITABLE');
    disk.fault = null;
    await storage.put('a', bytes(100), 'image/png');
    await storage.close();
  });

  test('a key is no folder of another one', async () => {
    const storage = folderStorage(folder);
    await storage.put('a', bytes(1), 'image/png');
    expect(await storage.get('a/b')).toBeUndefined();
    await storage.delete('a/b');
    expect(await codeOf(storage.put('a/b', bytes(1), 'image/png'))).toBe('FILE_UNWRITABLE');
    expect((await stat(join(folder, 'a'))).isFile()).toBe(true);
  });
});

withPython('a bucket of S3', () => {
  let s3: Awaited<ReturnType<typeof startS3>>;
  beforeAll(async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
    s3 = await startS3('pictures');
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await s3.stop();
  });
  const place = (prefix = 'codeformer') => `s3://pictures/${prefix}?endpoint=${s3.endpoint}`;

  contract(place);

  test('more than a page of entries is listed whole', async () => {
    const storage = await openBucket(parseBucket(place('pages')), 2);
    const keys = ['a', 'b', 'c', 'd', 'e'];
    for (const key of keys) await storage.put(key, bytes(1), 'image/png');
    expect(await keysOf(storage)).toEqual(keys);
    await storage.close();
  });

  test('prefixes of one bucket know nothing of each other', async () => {
    const [one, two] = [await openStorage(place('one')), await openStorage(place('two'))];
    await one.put('a', bytes(1), 'image/png');
    expect([await keysOf(two), await two.get('a')]).toEqual([[], undefined]);
    await two.close();
    await one.close();
  });

  test('what others keep in the bucket is neither shown nor deleted', async () => {
    const others = await openBucket({ ...parseBucket(place()), prefix: 'shared/' });
    await others.put('results/precious.png', bytes(1), 'image/png');
    const storage = await openStorage(place('shared'), { maxAge: -1, interval: 20 });
    await storage.put('results/a', bytes(1), 'image/png');
    await vi.waitUntil(async () => (await storage.get('results/a')) === undefined);
    expect(await keysOf(storage)).toEqual([]);
    expect(await keysOf(others)).toEqual(['results/precious.png']);
    await storage.close();
    await others.close();
  });

  test('the oldest go where there is no room', async () => {
    const storage = await openStorage(place('room'), { maxBytes: 100, minAge: 0 });
    await storage.put('b', bytes(60), 'image/png');
    // Times of S3 are in seconds.
    await new Promise(resolve => setTimeout(resolve, 1_100));
    await storage.put('a', bytes(30), 'image/png');
    await storage.put('c', bytes(30), 'image/png');
    expect(await keysOf(storage)).toEqual(['a', 'c']);
    await storage.close();
  });

  test('a bucket that is not there, and a server that is not', async () => {
    expect(await codeOf(openStorage(`s3://nothing?endpoint=${s3.endpoint}`))).toBe('FILE_UNREADABLE');
    expect(await codeOf(openStorage('s3://pictures?endpoint=http://127.0.0.1:1'))).toBe('FILE_UNREADABLE');
  });

  test('a server that goes away is told to who asks', async () => {
    const gone = await startS3('gone');
    const storage = await openStorage(`s3://gone?endpoint=${gone.endpoint}`);
    await storage.put('a', bytes(1), 'image/png');
    await gone.stop();
    expect(await codeOf(storage.get('a'))).toBe('FILE_UNREADABLE');
    expect(await codeOf(storage.put('a', bytes(1), 'image/png'))).toBe('FILE_UNWRITABLE');
    await storage.close();
  });
});

describe('addresses', () => {
  test('a bucket, with and without the rest', () => {
    const rest = { prefix: 'codeformer/', endpoint: undefined, region: undefined };
    expect(parseBucket('s3://pictures')).toEqual({ ...rest, bucket: 'pictures' });
    expect(parseBucket('s3://pictures/a/b/?region=eu-west-1&endpoint=https://s3.example:9000')).toEqual({
      bucket: 'pictures',
      prefix: 'a/b/codeformer/',
      endpoint: 'https://s3.example:9000',
      region: 'eu-west-1',
    });
  });

  test.each([
    '',
    's3://',
    's3:///prefix',
    's3://pictures?endpoint=ftp://a',
    's3://pictures?endpoint=nonsense',
    's3://pictures?secret=1',
    's3://pictures/../a b',
    'gs://pictures',
  ])('%j is refused', async place => {
    expect(await codeOf(openStorage(place))).toBe('INVALID_ARGUMENT');
  });

  test('credentials belong into the environment, and are not told', async () => {
    const error = await openStorage('s3://user:secret@pictures').catch(error => error);
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toContain('AWS_ACCESS_KEY_ID');
    expect(error.message).not.toContain('secret@');
  });

  test('a package that is missing is named', async () => {
    const load = () => import(/* @vite-ignore */ 'codeformer-no-such-package' as string);
    const failure = optionalPackage('codeformer-no-such-package', 'a storage on S3', load);
    expect(await codeOf(failure)).toBe('PACKAGE_MISSING');
    await expect(failure).rejects.toThrow('npm install codeformer-no-such-package');
  });
});
