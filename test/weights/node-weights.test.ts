// Weights in Node: compared with what is known of them, wherever they come from.

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import * as embedded from '../../src/node/embedded.js';
import * as pull from '../../src/node/pull.js';
import { openWeights } from '../../src/node/weights.js';
import { OFFICIAL_FILES, type OfficialFile } from '../../src/weights/official.js';
import { writeSafetensors } from '../../src/weights/safetensors.js';

vi.mock('../../src/node/embedded.js', { spy: true });
vi.mock('../../src/node/pull.js', { spy: true });

const content = writeSafetensors([{ name: 'w', dtype: 'float32', shape: [3], data: Float32Array.of(1, 2, 3) }]);
const sha256 = createHash('sha256').update(content).digest('hex');
/** One bit of a value is another one. */
const flipped = content.map((byte, i) => (i === content.length - 2 ? byte ^ 1 : byte));

let folder: string;
let server: Server;
let url: string;
let requests: number;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'node-weights-'));
  vi.stubEnv('CODEFORMER_CACHE', join(folder, 'cache'));
  requests = 0;
  answer = (_, response) => void response.end(content);
  server = createServer((request, response) => {
    requests++;
    answer(request, response);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/own.safetensors`;
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.mocked(embedded.embeddedWeights).mockReset();
  vi.mocked(pull.sha256File).mockClear();
  server.closeAllConnections();
  await new Promise(resolve => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

const values = async (source: string) => {
  const weights = await openWeights(source);
  try {
    return [...(await weights.float32('w'))];
  } finally {
    await weights.close();
  }
};

describe('embedded weights', () => {
  test.each([
    ['one bit', flipped, /expected SHA-256 [\da-f]{64} but got/],
    ['the end', content.subarray(0, -1), /expected \d+ bytes but got/],
  ])('are compared with their manifest: %s', async (_, bytes, message) => {
    const files = [
      {
        file: 'own.safetensors',
        role: 'restorer',
        network: 'codeformer',
        bytes: content.length,
        sha256,
        licence: 'Free.',
      } as const,
    ];
    vi.mocked(embedded.embeddedWeights).mockResolvedValue({ folder, manifest: { version: 1, files } });
    await writeFile(join(folder, 'own.safetensors'), content);
    const weights = await openWeights('embedded');
    expect(weights.metadata.licence).toBe('Free.');
    expect([...(await weights.float32('w'))]).toEqual([1, 2, 3]);
    await writeFile(join(folder, 'own.safetensors'), bytes);
    await expect(openWeights('embedded')).rejects.toMatchObject({
      code: 'INTEGRITY',
      message: expect.stringMatching(message),
    });
  });
});

describe('addresses', () => {
  test('with a hash are checked and kept, and need no server any more', async () => {
    expect(await values(`${url}#sha256=${sha256.toUpperCase()}`)).toEqual([1, 2, 3]);
    answer = (_, response) => void response.writeHead(500).end();
    expect(await values(`${url}#sha256=${sha256}`)).toEqual([1, 2, 3]);
    expect(requests).toBe(1);
    expect(await readdir(join(folder, 'cache', 'weights'))).toEqual([`sha256-${sha256}`]);
  });

  test('with a wrong hash are refused, and a copy that went bad is fetched anew', async () => {
    answer = (_, response) => void response.end(flipped);
    await expect(openWeights(`${url}#sha256=${sha256}`)).rejects.toMatchObject({ code: 'INTEGRITY' });
    expect(await readdir(join(folder, 'cache', 'weights'))).toEqual([]);
    await writeFile(join(folder, 'cache', 'weights', `sha256-${sha256}`), flipped);
    answer = (_, response) => void response.end(content);
    expect(await values(`${url}#sha256=${sha256}`)).toEqual([1, 2, 3]);
  });

  test('with a hash work without a cache', async () => {
    await writeFile(join(folder, 'cache'), '');
    expect(await values(`${url}#sha256=${sha256}`)).toEqual([1, 2, 3]);
    answer = (_, response) => void response.end(flipped);
    await expect(openWeights(`${url}#sha256=${sha256}`)).rejects.toMatchObject({ code: 'INTEGRITY' });
  });

  test('without a hash are held in memory, and continued where they break', async () => {
    answer = (request, response) => {
      const from = Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0);
      const range = { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` };
      const head = { etag: '"1"', 'content-length': content.length - from };
      response.writeHead(from ? 206 : 200, { ...head, ...(from && range) });
      if (from) response.end(content.subarray(from));
      else response.write(content.subarray(0, 20), () => setTimeout(() => response.socket!.end(), 20));
    };
    const weights = await openWeights(url);
    expect([...(await weights.float32('w'))]).toEqual([1, 2, 3]);
    expect([weights.name, requests]).toEqual([url, 2]);
    expect(await readdir(folder)).toEqual([]);
  });

  test('of files that are too large, or of none, are refused', async () => {
    answer = (_, response) => void response.writeHead(200, { 'content-length': 2 ** 40 }).write('x');
    await expect(openWeights(url)).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringMatching(/above the limit of 1073741824/),
    });
    answer = (_, response) => void response.end('<html></html>');
    await expect(openWeights(url)).rejects.toMatchObject({ code: 'INVALID_CHECKPOINT' });
  });

  test.each(['file://host/own.pth', 'file:///a%2fb', 'file://'])('%s is refused, or not there', async address => {
    await expect(openWeights(address)).rejects.toMatchObject({
      code: expect.stringMatching(/INVALID_ARGUMENT|FILE_UNREADABLE/),
    });
    await expect(openWeights('file://host/own.pth')).rejects.toThrow(/a file address of this machine/);
  });

  test('of a file are its path', async () => {
    await writeFile(join(folder, 'own file'), content);
    expect(await values(`file://${folder}/own%20file`)).toEqual([1, 2, 3]);
  });
});

test('official files in the cache are compared once, and again when they were changed', async () => {
  const file = { ...OFFICIAL_FILES[0]!, bytes: content.length, sha256 };
  (OFFICIAL_FILES as OfficialFile[]).unshift(file);
  try {
    const path = join(folder, 'cache', 'weights', file.file);
    await mkdir(join(folder, 'cache', 'weights'), { recursive: true });
    await writeFile(path, content);
    for (let i = 0; i < 3; i++) expect(await values(path)).toEqual([1, 2, 3]);
    expect(pull.sha256File).toHaveBeenCalledTimes(1);
    await writeFile(path, flipped);
    for (let i = 0; i < 2; i++)
      await expect(openWeights(path)).rejects.toMatchObject({
        code: 'INTEGRITY',
        message: expect.stringMatching(/expected SHA-256 .*; get it again by codeformer weights pull/),
      });
    // In other folders a file of this name may be somebody's own.
    await writeFile(join(folder, file.file), flipped);
    expect(await values(join(folder, file.file))).not.toEqual([1, 2, 3]);
    expect(await readFile(`${path}.checked`, 'utf8')).toContain(sha256);
  } finally {
    (OFFICIAL_FILES as OfficialFile[]).shift();
  }
});

test('the embedded weights of the package are right', async () => {
  for (const role of ['restorer', 'detector', 'upscaler'] as const)
    await (await openWeights('embedded', { role })).close();
});
