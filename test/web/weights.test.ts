// Weights on a page: downloaded with progress and in parts, checked, kept in Cache Storage, and opened from files of the visitor's own.

import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type * as Client from '../../src/web/client.js';
import type * as Library from '../../src/web/index.js';
import { buildProject } from '../built.js';
import { launchChromium, openPage } from './chromium.js';
import { type Route, sendBytes, serveProject, type TestServer } from './server.js';
import { tinyRestorer, tinyUpscaler } from './tiny-weights.js';

declare global {
  /** In the page of these tests: opens weights, and says what came of it and what it heard on the way. */
  var openFrom: (
    path: string,
    options?: Library.OpenWeightsOptions,
  ) => Promise<{ result: string; tensors: number; grows: boolean; last: unknown; total: unknown }>;
  var library: typeof Library;
  /** Addresses in the cache, without the server. */
  var cached: () => Promise<string[]>;
}

const chromium = await launchChromium();

describe.skipIf(!chromium)('weights on a page', () => {
  let server: TestServer;
  let context: BrowserContext;
  let page: Page & { readonly faults: readonly string[] };
  let tiny: Uint8Array;
  let sha256: string;

  beforeAll(async () => {
    await buildProject();
    tiny = await tinyRestorer();
    sha256 = createHash('sha256').update(tiny).digest('hex');
  });
  beforeEach(async () => {
    server = await serveProject();
    // Each test has caches of its own.
    context = await (chromium as Browser).newContext();
    page = await openPage(context, server);
    await page.evaluate(async () => {
      globalThis.library = await load('/dist/web.js');
      globalThis.openFrom = async (path, options = {}) => {
        const shares: number[] = [];
        let total: unknown;
        const onProgress = (received: number, all: number | undefined) => {
          shares.push(received);
          total = all;
          options.onProgress?.(received, all);
        };
        const opening = library.openWeights(path, { retryDelay: 1, ...options, onProgress });
        const { result, tensors } = await opening.then(
          weights => ({ result: 'opened', tensors: weights.names().length }),
          error => ({ result: `${error.code}: ${error.message}`, tensors: 0 }),
        );
        const grows = shares.every((share, i) => i === 0 || share > shares[i - 1]!);
        return { result, tensors, grows, last: shares.at(-1), total };
      };
      globalThis.cached = async () => {
        const keys = await (await caches.open('codeformer-webgpu')).keys();
        return keys.map(({ url }) => url.slice(location.origin.length));
      };
    });
  });
  afterEach(async () => {
    await context.close();
    await server.close();
  });
  afterAll(() => chromium?.close());

  /** Serves the weights by routes in turn, the last of them from then on. */
  function serving(...routes: Route[]): void {
    server.routes.set('/tiny', (request, response) =>
      (routes.length > 1 ? routes.shift() : routes[0])!(request, response),
    );
  }
  const whole: Route = (request, response) =>
    sendBytes(request, response, tiny, 'application/octet-stream', { etag: '"1"' });
  const status =
    (code: number): Route =>
    (_, response) =>
      response.writeHead(code).end();
  const gone: Route = request => request.socket.destroy();
  const requests = () => server.requests.filter(({ path }) => path === '/tiny');
  const ranges = () => requests().map(({ headers }) => headers.range);

  /** Sends the first half, of another file on request, and breaks the connection when the page has seen some of it. */
  const half =
    (bytes = tiny): Route =>
    (_: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { 'content-length': tiny.length, etag: '"1"' });
      response.write(bytes.subarray(0, tiny.length / 2));
      server.routes.set('/break', (_, answer) => {
        response.destroy();
        answer.writeHead(204).end();
      });
    };
  const openInHalves = () =>
    page.evaluate(path => {
      let broken = false;
      const onProgress = () => {
        if (!broken) fetch('/break');
        broken = true;
      };
      return openFrom(path, { onProgress });
    }, `/tiny#sha256=${sha256}`);

  const opened = () => ({
    result: 'opened',
    tensors: expect.any(Number),
    grows: true,
    last: tiny.length,
    total: tiny.length,
  });

  test('arrive with progress; without a hash nothing is kept', async () => {
    serving(whole);
    const seen = await page.evaluate(() => openFrom('tiny'));
    expect(seen).toEqual(opened());
    expect(seen.tensors).toBeGreaterThan(10);
    expect(await page.evaluate(() => cached())).toEqual([]);
  });

  test('with a hash they are kept and need no server any more', async () => {
    serving(whole, gone);
    const path = `/tiny#sha256=${sha256.toUpperCase()}`;
    const first = await page.evaluate(path => openFrom(path), path);
    const second = await page.evaluate(sha256 => openFrom('/tiny', { sha256 }), sha256);
    expect([first, second]).toEqual([opened(), opened()]);
    expect(requests().length).toBe(1);
    expect(await page.evaluate(() => cached())).toEqual([`/tiny?codeformer-sha256=${sha256}`]);
  });

  test('another version takes the place of the one that was kept', async () => {
    serving(whole);
    await page.evaluate(path => openFrom(path), `/tiny#sha256=${sha256}`);
    const other = tiny.slice();
    other[other.length - 1]! ^= 1;
    const hash = createHash('sha256').update(other).digest('hex');
    serving((request, response) => sendBytes(request, response, other));
    expect((await page.evaluate(path => openFrom(path), `/tiny#sha256=${hash}`)).result).toBe('opened');
    expect(await page.evaluate(() => cached())).toEqual([`/tiny?codeformer-sha256=${hash}`]);
  });

  test('what is not what it should be is refused and not kept', async () => {
    const other = tiny.slice();
    other[1000]! ^= 1;
    serving((request, response) => sendBytes(request, response, other));
    const path = `/tiny#sha256=${sha256}`;
    expect((await page.evaluate(path => openFrom(path), path)).result).toMatch(
      /^INTEGRITY: .*\/tiny: expected SHA-256/,
    );
    expect(await page.evaluate(() => cached())).toEqual([]);
    const longer = await page.evaluate(size => openFrom('/tiny', { size }), tiny.length - 1);
    const shorter = await page.evaluate(size => openFrom('/tiny', { size }), tiny.length + 1);
    expect([longer.result, shorter.result]).toEqual([
      expect.stringMatching(/^INTEGRITY: .* bytes but got more/),
      expect.stringMatching(/^INTEGRITY: .* bytes but got fewer/),
    ]);
    serving(whole);
    expect((await page.evaluate(path => openFrom(path), path)).result).toBe('opened');
  });

  test('a copy that went bad is fetched anew', async () => {
    serving(whole);
    const path = `/tiny#sha256=${sha256}`;
    await page.evaluate(path => openFrom(path), path);
    await page.evaluate(async () => {
      const cache = await caches.open('codeformer-webgpu');
      for (const key of await cache.keys()) await cache.put(key, new Response('bad'));
    });
    expect(await page.evaluate(path => openFrom(path), path)).toEqual(opened());
    expect(requests().length).toBe(2);
  });

  test('a broken connection is continued where it broke', async () => {
    serving(half(), whole);
    expect(await openInHalves()).toEqual(opened());
    const [first, second] = ranges();
    expect([first, second]).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
    expect(Number(/\d+/.exec(second!)![0])).toBeLessThanOrEqual(tiny.length / 2);
  });

  test('a server that cannot continue, or has another file by now, starts anew', async () => {
    const other = tiny.map(byte => byte ^ 1);
    serving(half(other), (_, response) => response.writeHead(200, { 'content-length': tiny.length }).end(tiny));
    expect(await openInHalves()).toEqual(opened());
    expect(ranges()[1]).toMatch(/^bytes=/);
    await page.evaluate(() => caches.delete('codeformer-webgpu'));
    const changed: Route = (request, response) => sendBytes(request, response, tiny, 'text/plain', { etag: '"2"' });
    serving(half(other), changed);
    expect(await openInHalves()).toEqual(opened());
  });

  test('servers that are busy are asked again, those that refuse are not', async () => {
    serving(status(503), status(429), whole);
    expect((await page.evaluate(() => openFrom('/tiny'))).result).toBe('opened');
    serving(status(404));
    const seen = await page.evaluate(() => openFrom('/tiny'));
    expect(seen.result).toMatch(/^DOWNLOAD_FAILED: .*\/tiny could not be downloaded: the server answered 404/);
    expect(requests().length).toBe(4);
    serving(status(500));
    expect((await page.evaluate(() => openFrom('/tiny'))).result).toMatch(/^DOWNLOAD_FAILED: .* 500 .*\(5 attempts\)/);
    expect(requests().length).toBe(9);
  });

  test('an abort ends a download, and the wait for the next attempt', async () => {
    serving(half());
    const seen = await page.evaluate(() => {
      const controller = new AbortController();
      return openFrom('/tiny', { signal: controller.signal, onProgress: () => controller.abort() });
    });
    expect(seen.result).toMatch(/^ABORTED/);
    serving(status(503));
    const waiting = await page.evaluate(() => {
      return openFrom('/tiny', { signal: AbortSignal.timeout(100), retryDelay: 1e6 });
    });
    expect(waiting.result).toMatch(/^ABORTED/);
  });

  test.each(['none', 'full'])('all works with a cache that is %s', async kind => {
    serving(whole);
    await page.evaluate(kind => {
      const refuse = () => Promise.reject(new DOMException('no', 'QuotaExceededError'));
      if (kind === 'none') CacheStorage.prototype.open = refuse;
      else Cache.prototype.put = refuse;
    }, kind);
    for (let i = 0; i < 2; i++)
      expect(await page.evaluate(path => openFrom(path), `/tiny#sha256=${sha256}`)).toEqual(opened());
    expect(requests().length).toBe(2);
  });

  test('embedded weights from another folder, once loaded, need no network', async () => {
    const entry = {
      file: 'tiny',
      role: 'restorer',
      network: 'codeformer',
      bytes: tiny.length,
      sha256,
      licence: 'Free.',
    };
    const manifest = JSON.stringify({ version: 1, files: [entry] });
    const routes: [string, Route][] = [
      ['/folder/manifest.json', (request, response) => sendBytes(request, response, Buffer.from(manifest))],
      ['/folder/tiny', whole],
    ];
    for (const [path, route] of routes) server.routes.set(path, route);
    const make = () =>
      page.evaluate(async () => {
        const progress: Library.WeightsProgress[] = [];
        const restorer = await library.createRestorer({
          detector: null,
          upscaler: null,
          weightsBase: 'folder',
          onWeights: event => progress.push(event),
        });
        const { licence, size } = restorer.info;
        await restorer.destroy();
        return { licence, size, last: progress.at(-1) };
      });
    const expected = {
      licence: 'Free.',
      size: 32,
      last: { role: 'restorer', received: tiny.length, total: tiny.length },
    };
    expect(await make()).toEqual(expected);
    await context.setOffline(true);
    expect(await make()).toEqual(expected);
    await page.evaluate(() => caches.delete('codeformer-webgpu'));
    expect(await make().catch(error => error.message)).toMatch(/manifest\.json could not be downloaded/);
  });

  test('files of one’s own go to the worker: safetensors, and a checkpoint of PyTorch', async () => {
    const pth = await tinyUpscaler();
    server.routes.set('/tiny.pth', (request, response) => sendBytes(request, response, pth));
    serving(whole);
    const seen = await page.evaluate(async () => {
      const { createRestorer } = await load<typeof Client>('/dist/client.js');
      const file = new File([await (await fetch('/tiny.pth')).blob()], 'own.pth');
      const bytes = new Uint8Array(await (await fetch('/tiny')).arrayBuffer());
      const restorer = await createRestorer({ weights: bytes, upscaler: file, detector: null });
      const { restorer: net, upscaler } = restorer.info.networks;
      await restorer.destroy();
      return [bytes.length, net?.network, upscaler?.source, upscaler?.network];
    });
    expect(seen).toEqual([tiny.length, 'codeformer', 'own.pth', 'rrdbnet']);
  });
});
