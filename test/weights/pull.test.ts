// Getting files over HTTP and from folders: resumed, checked, and never half a file under the final name.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cacheFolder, weightsCacheFolder } from '../../src/node/cache.js';
import { embeddedWeights } from '../../src/node/embedded.js';
import { fileSource } from '../../src/node/file-source.js';
import { type PullOptions, pullFile, sha256File } from '../../src/node/pull.js';
import { writeFileBeside } from '../../src/node/write-file.js';
import { openWeightsSource } from '../../src/weights/open.js';

const content = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) & 255);
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
    ...(match && { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }),
  });
  response.end(content.subarray(from));
}

const ignoringRanges = (_: IncomingMessage, response: ServerResponse) => void response.end(content);
const status = (code: number) => (_: IncomingMessage, response: ServerResponse) =>
  void response.writeHead(code).end('no');
/** Sends `count` bytes of what it promises, then cuts the connection. */
const breaking = (count: number) => (request: IncomingMessage, response: ServerResponse) => {
  const from = Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0);
  response.writeHead(from ? 206 : 200, {
    'content-length': content.length - from,
    ...(from && { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }),
  });
  response.write(content.subarray(from, from + count), () => setTimeout(() => response.destroy(), 20));
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
const result = async () => new Uint8Array(await readFile(target()));
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
    expect(await result()).toEqual(content);
    expect(seen.slice(-2)).toEqual([content.length, content.length]);
    expect(await pull()).toBe('present');
    expect(requests.length).toBe(1);
    expect(await readdir(join(folder, 'sub'))).toEqual(['file.bin']);
  });

  test('a part is continued', async () => {
    await leavePart(content.subarray(0, 100_000));
    await pull();
    expect(requests[0]!.headers.range).toBe('bytes=100000-');
    expect(await result()).toEqual(content);
  });

  test('a complete part needs no request', async () => {
    await leavePart(content);
    await pull();
    expect(requests.length).toBe(0);
    expect(await result()).toEqual(content);
  });

  test('a server that ignores ranges starts again', async () => {
    await leavePart(content.subarray(0, 100_000));
    answers = [ignoringRanges];
    await pull();
    expect(await result()).toEqual(content);
  });

  test('a server that continues elsewhere is not believed', async () => {
    await leavePart(content.subarray(0, 100_000));
    answers = [
      (_, response) =>
        void response.writeHead(206, { 'content-range': 'bytes 5-299999/300000' }).end(content.subarray(5)),
    ];
    await pull();
    expect(requests.length).toBe(2);
    expect(await result()).toEqual(content);
  });

  test('without a hash a part of an earlier call is replaced', async () => {
    await leavePart(new Uint8Array(100_000));
    await pull({ sha256: undefined });
    expect(requests[0]!.headers.range).toBeUndefined();
    expect(await result()).toEqual(content);
  });

  test('a part that is longer than the file is replaced', async () => {
    await leavePart(new Uint8Array(400_000));
    await pull();
    expect(await result()).toEqual(content);
    await rm(target());
    await writeFile(part(), new Uint8Array(400_000));
    await pull({ size: undefined });
    expect(await result()).toEqual(content);
  });

  test('broken connections continue, with and without a hash', async () => {
    for (const hash of [sha256, undefined]) {
      requests.length = 0;
      answers = [breaking(70_000), breaking(70_000)];
      await pull({ sha256: hash });
      expect(requests.map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=70000-', 'bytes=140000-']);
      expect(await result()).toEqual(content);
      await rm(target());
    }
  });

  test('503 and 429 are tried again', async () => {
    answers = [status(503), status(429)];
    await pull();
    expect(requests.length).toBe(3);
    expect(await result()).toEqual(content);
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
      message: expect.stringContaining(`${url}: the server answered 404`),
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
    expect(await result()).toEqual(content);
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
    expect(await result()).toEqual(content);
    await expect(pull({ signal: controller.signal })).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('aborting ends the wait before a retry', async () => {
    const controller = new AbortController();
    answers = [status(503)];
    setTimeout(() => controller.abort(), 50);
    const start = performance.now();
    await expect(pull({ signal: controller.signal, retryDelay: 60_000 })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test('a file of the name that is wrong is replaced', async () => {
    await mkdir(join(folder, 'sub'));
    await writeFile(target(), new Uint8Array(content.length));
    expect(await pull()).toBe('pulled');
    expect(await result()).toEqual(content);
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
    expect(await result()).toEqual(content);
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
