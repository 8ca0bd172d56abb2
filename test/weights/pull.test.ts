// Getting files over HTTP and from folders: resumed, checked, and never half a file under the final name.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link as linkFile, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cacheFolder, weightsCacheFolder } from '../../src/node/cache.js';
import { embeddedWeights } from '../../src/node/embedded.js';
import { fileSource } from '../../src/node/file-source.js';
import { type PullOptions, pullFile, sha256File } from '../../src/node/pull.js';
import { writeFileBeside } from '../../src/node/write-file.js';
import { openWeightsSource } from '../../src/weights/open.js';
import { writeSafetensors } from '../../src/weights/safetensors.js';

/** A file of weights of 300,000 bytes. */
function fileOf(value: (index: number) => number): Uint8Array {
  const make = (length: number) =>
    writeSafetensors([
      { name: 'w', dtype: 'uint8', shape: [length], data: Uint8Array.from({ length }, (_, i) => value(i)) },
    ]);
  return make(300_000 - (make(299_000).length - 299_000));
}

const content = fileOf(i => i * 31 + (i >> 8));
/** Another version of it. */
const changed = fileOf(i => i * 17 + (i >> 7));
const sha256 = createHash('sha256').update(content).digest('hex');

let folder: string;
let server: Server;
let url: string;
let requests: IncomingMessage[];
let answers: ((request: IncomingMessage, response: ServerResponse) => void)[];

/** Answers as a file server does, continuing where a request asks for it. */
function whole(request: IncomingMessage, response: ServerResponse): void {
  const match = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const from = match ? Number(match[1]) : 0;
  if (from >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    return;
  }
  response.writeHead(match ? 206 : 200, {
    'content-length': content.length - from,
    etag: '"1"',
    ...(match && { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }),
  });
  response.end(content.subarray(from));
}

const ignoringRanges = (_: IncomingMessage, response: ServerResponse) => void response.end(content);
const status = (code: number) => (_: IncomingMessage, response: ServerResponse) =>
  void response.writeHead(code).end('no');
/** Sends `count` bytes of what it promises, then ends the connection. What `fetch` has not handed on by then is lost. */
const breaking = (count: number) => (request: IncomingMessage, response: ServerResponse) => {
  const from = Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0);
  response.writeHead(from ? 206 : 200, {
    'content-length': content.length - from,
    etag: '"1"',
    ...(from && { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }),
  });
  response.write(content.subarray(from, from + count), () => setTimeout(() => response.socket!.end(), 20));
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pull-'));
  requests = [];
  answers = [];
  server = createServer((request, response) => {
    requests.push(request);
    (answers.shift() ?? whole)(request, response);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file.bin`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise(resolve => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

const target = () => join(folder, 'sub', 'file.bin');
const part = () => `${target()}.part`;
const pull = (options: Partial<PullOptions> = {}) =>
  pullFile({ from: { url }, to: target(), size: content.length, sha256, retryDelay: 1, ...options });
async function expectResult(bytes: Uint8Array): Promise<void> {
  // Not `toEqual`, which takes seconds for so many elements.
  expect(Buffer.compare(await readFile(target()), bytes)).toBe(0);
}
async function leavePart(bytes: Uint8Array): Promise<void> {
  await mkdir(join(folder, 'sub'));
  await writeFile(part(), bytes);
}
async function expectNothing(): Promise<void> {
  expect(existsSync(target())).toBe(false);
  expect(existsSync(part())).toBe(false);
}

describe('over HTTP', () => {
  test('a file arrives with progress, and is not fetched again', async () => {
    const seen: number[] = [];
    expect(await pull({ onProgress: ({ received, total }) => seen.push(received, total!) })).toBe('pulled');
    await expectResult(content);
    expect(seen.slice(-2)).toEqual([content.length, content.length]);
    expect(await pull()).toBe('present');
    expect(requests.length).toBe(1);
    expect(await readdir(join(folder, 'sub'))).toEqual(['file.bin']);
  });

  test('a part is continued', async () => {
    await leavePart(content.subarray(0, 100_000));
    await pull();
    expect(requests[0]!.headers.range).toBe('bytes=100000-');
    await expectResult(content);
  });

  test('a complete part needs no request', async () => {
    await leavePart(content);
    await pull();
    expect(requests.length).toBe(0);
    await expectResult(content);
  });

  test('a server that ignores ranges starts again', async () => {
    await leavePart(content.subarray(0, 100_000));
    answers = [ignoringRanges];
    await pull();
    await expectResult(content);
  });

  test('a server that continues elsewhere is not believed', async () => {
    await leavePart(content.subarray(0, 100_000));
    answers = [
      (_, response) =>
        void response.writeHead(206, { 'content-range': 'bytes 5-299999/300000' }).end(content.subarray(5)),
    ];
    await pull();
    expect(requests.length).toBe(2);
    await expectResult(content);
  });

  test('without a hash a part of an earlier call is replaced', async () => {
    await leavePart(new Uint8Array(100_000));
    await pull({ sha256: undefined });
    expect(requests[0]!.headers.range).toBeUndefined();
    await expectResult(content);
  });

  test('a part that is longer than the file is replaced', async () => {
    await leavePart(new Uint8Array(400_000));
    await pull();
    await expectResult(content);
    await rm(target());
    await writeFile(part(), new Uint8Array(400_000));
    await pull({ size: undefined });
    await expectResult(content);
  });

  test('broken connections continue, with and without a hash', async () => {
    for (const hash of [sha256, undefined]) {
      requests.length = 0;
      answers = [breaking(70_000), breaking(70_000)];
      await pull({ sha256: hash });
      expect(requests).toHaveLength(3);
      const [, second, third] = requests.map(({ headers }) => Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1]));
      expect(second! > 0 && second! <= 70_000, String(second)).toBe(true);
      expect(third! > second! && third! <= second! + 70_000, String(third)).toBe(true);
      await expectResult(content);
      await rm(target());
    }
  });

  test('two versions of a file are never mixed: the server is asked for the same one, and is not believed', async () => {
    const other = (request: IncomingMessage, response: ServerResponse) => {
      const from = Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0);
      const range = { 'content-range': `bytes ${from}-${changed.length - 1}/${changed.length}` };
      response.writeHead(from ? 206 : 200, { etag: '"2"', ...(from && range) }).end(changed.subarray(from));
    };
    // A server that looks at If-Range, and one that does not.
    for (const second of [(_: IncomingMessage, response: ServerResponse) => void response.end(changed), other]) {
      requests.length = 0;
      answers = [breaking(70_000), second, other];
      await pull({ sha256: undefined });
      expect(requests[1]!.headers).toMatchObject({ range: expect.stringMatching(/^bytes=\d+-$/), 'if-range': '"1"' });
      await expectResult(changed);
      await rm(target());
    }
  });

  test('without a hash and without a version nothing is continued', async () => {
    const breaks = (_: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { 'content-length': changed.length });
      response.write(changed.subarray(0, 70_000), () => setTimeout(() => response.socket!.end(), 20));
    };
    answers = [breaks];
    await pull({ sha256: undefined });
    expect(requests.map(({ headers }) => headers.range)).toEqual([undefined, undefined]);
    await expectResult(content);
  });

  test.each<[string, string, number]>([
    ['another total', 'bytes 70000-299999/300001', 230_000],
    ['less than it says', 'bytes 70000-299999/300000', 100_000],
    ['more than it says', 'bytes 70000-199999/300000', 230_000],
    ['backwards', 'bytes 70000-69999/300000', 230_000],
    ['nonsense', 'bytes all of them', 230_000],
  ])('a range that lies is not believed: %s', async (_, range, count) => {
    for (const hash of [sha256, undefined]) {
      const lies = (__: IncomingMessage, response: ServerResponse) => {
        response.writeHead(206, { etag: '"1"', 'content-range': range }).end(content.subarray(70_000, 70_000 + count));
      };
      answers = [breaking(70_000), lies];
      await pull({ sha256: hash }).catch(error => expect(error.code).toMatch(/INTEGRITY|DOWNLOAD_FAILED/));
      if (existsSync(target())) await expectResult(content);
      await rm(join(folder, 'sub'), { recursive: true });
    }
  });

  test.each<[string, (response: ServerResponse) => void, RegExp]>([
    ['a web page', response => void response.end('<!doctype html><title>Sign in</title>'), /got a web page/],
    ['nothing', response => void response.end(), /has 0 bytes/],
    [
      'a compressed answer that is cut',
      response => {
        const packed = gzipSync(content);
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed.subarray(0, packed.length / 2));
      },
      /./,
    ],
    ['half a file', response => void response.end(content.subarray(0, 150_000)), /take .* bytes but/],
  ])('refused without a hash: %s', async (_, answer, message) => {
    answers = Array.from({ length: 5 }, () => (__, response) => answer(response));
    await expect(pull({ sha256: undefined, size: undefined })).rejects.toMatchObject({
      code: expect.stringMatching(/INVALID_CHECKPOINT|DOWNLOAD_FAILED/),
      message: expect.stringMatching(message),
    });
    expect(requests[0]!.headers['accept-encoding']).toBe('identity');
    await expectNothing();
    expect(await readdir(join(folder, 'sub'))).toEqual([]);
  });

  test('a file of a page that an earlier version kept is replaced', async () => {
    await mkdir(join(folder, 'sub'));
    await writeFile(target(), '<html>');
    expect(await pull({ sha256: undefined, size: undefined })).toBe('pulled');
    await expectResult(content);
  });

  test('a body without end is cut off at what is known or allowed', async () => {
    const endless = (_: IncomingMessage, response: ServerResponse) => {
      const more = () => response.write(content, error => !error && setImmediate(more));
      more();
    };
    let most = 0;
    const onProgress = ({ received }: { received: number }) => {
      most = Math.max(most, received);
    };
    answers = [endless];
    await expect(pull({ size: 400_000, onProgress })).rejects.toMatchObject({ code: 'INTEGRITY' });
    answers = [endless];
    await expect(pull({ size: undefined, sha256: undefined, maxBytes: 1_000_000, onProgress })).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringMatching(/above the limit of 1000000/),
    });
    expect(most).toBeLessThanOrEqual(1_000_000);
    await expectNothing();
    answers = [(_, response) => void response.writeHead(200, { 'content-length': 2 ** 31 }).write('x')];
    await expect(pull({ size: undefined })).rejects.toThrow(/2147483648 bytes or more is above the limit/);
  });

  test.each([sha256, undefined])('calls for the same file at once make one request (hash %s)', async hash => {
    answers = [(request, response) => void setTimeout(() => whole(request, response), 100)];
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => pull({ sha256: hash })));
    expect(outcomes.sort()).toEqual([...new Array(5).fill('present'), 'pulled']);
    expect(requests.length).toBe(1);
    await expectResult(content);
    expect(await readdir(join(folder, 'sub'))).toEqual(['file.bin']);
  });

  test('a lock that was left behind is taken away; who waits can be aborted', async () => {
    await mkdir(join(folder, 'sub'));
    await writeFile(`${target()}.lock`, 'of a process that was killed');
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    await expect(pull({ signal: controller.signal })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(existsSync(`${target()}.lock`)).toBe(true);
    await pull({ staleLock: 50 });
    await expectResult(content);
    expect(await readdir(join(folder, 'sub'))).toEqual(['file.bin']);
  });

  test('links in the place of the part are not followed', async () => {
    const victim = join(folder, 'victim');
    for (const make of [symlink, linkFile]) {
      for (const hash of [sha256, undefined]) {
        await mkdir(join(folder, 'sub'));
        await writeFile(victim, 'dear');
        await make(victim, part());
        await pull({ sha256: hash });
        expect(await readFile(victim, 'utf8')).toBe('dear');
        expect((await lstat(target())).isFile()).toBe(true);
        await expectResult(content);
        await rm(join(folder, 'sub'), { recursive: true });
      }
    }
  });

  test('a part of another file heals', async () => {
    await leavePart(changed.subarray(0, 100_000));
    await pull();
    expect(requests.map(({ headers }) => headers.range)).toEqual(['bytes=100000-', undefined]);
    await expectResult(content);
  });

  test('user and password of an address are used, and not told', async () => {
    const withUser = url.replace('://', '://me:s%40cret@');
    answers = [status(404)];
    const error = await pull({ from: { url: withUser } }).catch(reason => reason);
    expect(requests[0]!.headers.authorization).toBe(`Basic ${btoa('me:s@cret')}`);
    expect(error.message).toContain(url);
    expect(error.message).not.toMatch(/me:|cret/);
  });

  test('503 and 429 are tried again', async () => {
    answers = [status(503), status(429)];
    await pull();
    expect(requests.length).toBe(3);
    await expectResult(content);
  });

  test('503 without end fails after five attempts', async () => {
    answers = Array.from({ length: 9 }, () => status(503));
    await expect(pull()).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED', message: expect.stringContaining('503') });
    expect(requests.length).toBe(5);
    await expectNothing();
  });

  test('404 fails at once', async () => {
    answers = [status(404)];
    await expect(pull()).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining(`${url} could not be downloaded: the server answered 404`),
    });
    expect(requests.length).toBe(1);
    await expectNothing();
  });

  test('no server fails with the reason', async () => {
    const closed = createServer();
    await new Promise<void>(resolve => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise(resolve => closed.close(resolve));
    await expect(pull({ from: { url: `http://127.0.0.1:${port}/x` } })).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('a wrong hash deletes what came', async () => {
    await expect(pull({ sha256: '0'.repeat(64) })).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: `file.bin: expected SHA-256 ${'0'.repeat(64)} but got ${sha256}`,
    });
    await expectNothing();
  });

  test('a wrong size is found before, and during, the transfer', async () => {
    await expect(pull({ size: 299_999 })).rejects.toMatchObject({ code: 'INTEGRITY' });
    await expectNothing();
    answers = [(_, response) => void response.writeHead(200).end(content)];
    await expect(pull({ size: 1000 })).rejects.toMatchObject({ code: 'INTEGRITY' });
    await expectNothing();
  });

  test('a file that is shorter than expected is an error, however little the server says', async () => {
    const short = () => pull({ size: 300_001, sha256: undefined, fetch: withoutLength });
    await expect(short()).rejects.toMatchObject({ code: 'INTEGRITY' });
    answers = Array.from({ length: 20 }, (_, i) => (i % 2 ? status(416) : ignoringRanges));
    await expect(short()).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    expect(existsSync(target())).toBe(false);
  });

  test('a complete part is recognised without a known size', async () => {
    await leavePart(content);
    await pull({ size: undefined });
    expect(requests.length).toBe(1);
    await expectResult(content);
  });

  /** A server that does not say how long its answer is. */
  const withoutLength: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    const headers = new Headers(response.headers);
    headers.delete('content-length');
    return new Response(response.body, { status: response.status, headers });
  };

  test('aborting keeps the part, and the next call continues it', async () => {
    const controller = new AbortController();
    answers = [
      (_, response) => {
        response.writeHead(200, { 'content-length': content.length });
        response.write(content.subarray(0, 50_000));
      },
    ];
    const onProgress = ({ received }: { received: number }) => received === 50_000 && controller.abort();
    await expect(pull({ signal: controller.signal, onProgress })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(existsSync(target())).toBe(false);
    await pull();
    expect(requests[1]!.headers.range).toBe('bytes=50000-');
    await expectResult(content);
    await expect(pull({ signal: controller.signal })).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('aborting ends the wait before a retry', async () => {
    const controller = new AbortController();
    answers = [status(503)];
    setTimeout(() => controller.abort(), 50);
    // As long as nobody waits for.
    await expect(pull({ signal: controller.signal, retryDelay: 1e9 })).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('a file of the name that is wrong is replaced', async () => {
    await mkdir(join(folder, 'sub'));
    await writeFile(target(), new Uint8Array(content.length));
    expect(await pull()).toBe('pulled');
    await expectResult(content);
  });

  test('other addresses are refused', async () => {
    for (const wrong of ['file:///etc/passwd', 'http://', 'nothing']) {
      await expect(pull({ from: { url: wrong } })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
  });
});

describe('from a folder', () => {
  const from = () => ({ directory: join(folder, 'source') });
  beforeEach(async () => {
    await mkdir(from().directory);
    await writeFile(join(from().directory, 'file.bin'), content);
  });

  test('a file is copied and checked', async () => {
    expect(await pull({ from: from() })).toBe('pulled');
    await expectResult(content);
  });

  test('a wrong size or hash leaves nothing', async () => {
    await expect(pull({ from: from(), size: 7 })).rejects.toMatchObject({ code: 'INTEGRITY' });
    await expect(pull({ from: from(), sha256: '0'.repeat(64) })).rejects.toMatchObject({ code: 'INTEGRITY' });
    await expectNothing();
  });

  test('a folder without the file', async () => {
    await expect(pull({ from: { directory: folder } })).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});

describe('files', () => {
  test('a target that cannot be written', async () => {
    await writeFile(join(folder, 'sub'), '');
    await expect(pull()).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
  });

  test('a file as source', async () => {
    await writeFile(join(folder, 'a'), content);
    const source = await fileSource(join(folder, 'a'));
    expect([source.size, source.name]).toEqual([content.length, join(folder, 'a')]);
    expect(await source.read(1000, 5000)).toEqual(content.slice(1000, 6000));
    await source.close?.();
    await expect(source.read(0, 1)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    await expect(fileSource(join(folder, 'none'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    await expect(fileSource(folder)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });

  test('files are written beside their place', async () => {
    const path = join(folder, 'deep', 'er', 'b');
    async function* pieces(fail: boolean) {
      yield content.subarray(0, 1000);
      expect(existsSync(path)).toBe(false);
      if (fail) throw new Error('broken');
      yield content.subarray(1000, 2000);
    }
    await expect(writeFileBeside(path, pieces(true))).rejects.toThrow('broken');
    expect(await readdir(join(folder, 'deep', 'er'))).toEqual([]);
    expect(await writeFileBeside(path, pieces(false))).toBe(2000);
    expect(new Uint8Array(await readFile(path))).toEqual(content.slice(0, 2000));
    expect(await readdir(join(folder, 'deep', 'er'))).toEqual(['b']);
    await expect(writeFileBeside(folder, pieces(false))).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
    await expect(writeFileBeside(join(path, 'x'), pieces(false))).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
  });
});

test('the cache folder is that of the environment, or of the system', () => {
  expect(cacheFolder({ CODEFORMER_CACHE: '/a', XDG_CACHE_HOME: '/b' }, 'linux')).toBe('/a');
  expect(cacheFolder({ XDG_CACHE_HOME: '/b' }, 'linux')).toBe('/b/codeformer-webgpu');
  expect(cacheFolder({ XDG_CACHE_HOME: 'b' }, 'linux')).toMatch(/[/\\]\.cache[/\\]codeformer-webgpu$/);
  expect(cacheFolder({}, 'darwin')).toMatch(/Library[/\\]Caches[/\\]codeformer-webgpu$/);
  expect(cacheFolder({ LOCALAPPDATA: '/l' }, 'win32')).toBe(join('/l', 'codeformer-webgpu', 'Cache'));
  expect(weightsCacheFolder({ CODEFORMER_CACHE: '/a' })).toBe(join('/a', 'weights'));
});

test('the embedded weights are what their manifest says', async () => {
  const { folder: embedded, manifest } = await embeddedWeights();
  for (const { file, bytes, sha256: hash, config } of manifest.files) {
    expect(await sha256File(join(embedded, file))).toBe(hash);
    const source = await fileSource(join(embedded, file));
    expect(source.size).toBe(bytes);
    const weights = await openWeightsSource(source);
    // Only networks of more than one geometry state theirs.
    expect(JSON.parse(weights.metadata.config ?? 'null')).toEqual(config ?? null);
    await weights.close();
  }
});
