// Browsers without WebGPU: the library, its client and the page run on WebAssembly, with threads where the page is isolated, and compute
// what Node computes.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as library from '../../src/node/index.js';
import type * as Client from '../../src/web/client.js';
import type * as Web from '../../src/web/index.js';
import { buildProject, buildSite } from '../built.js';
import { launchChromium, openPage } from './chromium.js';
import { differences, filesWith, MODULE, SHADERS } from './page-bytes.js';
import { type Numbers, work } from './same-bytes-work.js';
import { ISOLATION, sendBytes, serveProject, type TestServer } from './server.js';
import { tinyRestorer } from './tiny-weights.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const chromium = await launchChromium({ webgpu: false });

/** What a page of the server says of the device that it is given. */
const description = (page: Page) =>
  page.evaluate(async () => {
    const { createDevice } = await load<typeof Web>('/dist/web.js');
    const device = await createDevice();
    const { description, reason } = device.adapter;
    device.destroy();
    return [globalThis.crossOriginIsolated, description, reason];
  });

const WHY = expect.stringMatching(/^no GPU: Expected a WebGPU adapter/);

describe.skipIf(!chromium)('without WebGPU', () => {
  const browser = chromium as Browser;
  let photo: library.Picture;
  let expected: Record<string, Numbers>;
  const servers: TestServer[] = [];
  const serve = async (...args: Parameters<typeof serveProject>) => {
    const server = await serveProject(...args);
    servers.push(server);
    return server;
  };

  beforeAll(async () => {
    await buildProject();
    photo = await library.readImageFile(join(root, 'docs/samples/hopper.jpg'));
    expected = await work(library, { photo, weights: join(root, 'weights/'), adapter: 'wasm' });
  });
  afterAll(async () => {
    await browser.close();
    await Promise.all(servers.map(server => server.close()));
  });

  describe.each([
    ['a page', {}, false],
    ['an isolated page', ISOLATION, true],
  ] as const)('%s', (_, headers, isolated) => {
    let server: TestServer;
    let page: Awaited<ReturnType<typeof openPage>>;
    let processors: number;
    beforeAll(async () => {
      server = await serve(root, headers);
      page = await openPage(browser, server);
      processors = await page.evaluate(() => navigator.hardwareConcurrency);
    });
    afterAll(() => page.close());
    const name = () => `WebAssembly SIMD on ${isolated && processors > 1 ? `${processors} threads` : '1 thread'}`;

    test('has a device with as many threads as it can have', async () => {
      expect(await description(page)).toEqual([isolated, name(), WHY]);
    });

    test('computes the bytes of Node, and loads the module that it needs and no shaders', async () => {
      expect(await differences(page, server, photo, 'wasm', expected)).toEqual([]);
      const asked = server.requests.map(({ path }) => path);
      expect(filesWith(SHADERS).filter(path => asked.includes(path))).toEqual([]);
      expect(filesWith(MODULE).filter(path => asked.includes(path))).toHaveLength(1);
      expect(page.faults).toEqual([]);
    });

    test('restores with the client, in its worker', async () => {
      const { width, height } = photo;
      const seen = await page.evaluate(
        async size => {
          const { createRestorer } = await load<typeof Client>('/dist/client.js');
          const restorer = await createRestorer();
          const data = new Uint8ClampedArray(await (await fetch('/photo.rgba')).arrayBuffer());
          const { image } = await restorer.restore({ data, ...size });
          await fetch('/client', { method: 'POST', body: image.data.slice() as BodyInit });
          const { adapter, adapterReason, software } = restorer.info;
          await restorer.destroy();
          return { adapter, adapterReason, software };
        },
        { width, height },
      );
      expect(seen).toEqual({ adapter: name(), adapterReason: WHY, software: true });
      expect(server.posted.get('/client')!.equals(Buffer.from(expected.photo!.buffer))).toBe(true);
    });
  });

  test('a thread that ends fails the call, and the next one has others', async () => {
    const page = await openPage(browser, await serve(root, ISOLATION));
    const seen = await page.evaluate(async () => {
      let breaks = false;
      globalThis.Worker = class extends Worker {
        override postMessage(message: object) {
          super.postMessage(message);
          if (breaks && 'jobs' in message)
            queueMicrotask(() => this.dispatchEvent(new ErrorEvent('error', { message: 'by the test' })));
        }
      };
      const { createDevice, pixels } = await load<typeof Web>('/dist/web.js');
      const device = await createDevice({ threads: 2 });
      const data = Uint8ClampedArray.from({ length: 4 * 64 * 64 }, (_, i) => (i * i) % 251);
      const resized = async () => {
        const { data: result } = await pixels.resize(device, { data, width: 64, height: 64 }, { width: 9, height: 7 });
        return [...result].join();
      };
      const before = await resized();
      breaks = true;
      const error = await resized().catch(error => `${error.code}: ${error.message}`);
      breaks = false;
      const same = before === (await resized());
      device.destroy();
      return [error, same];
    });
    expect(seen).toEqual(['WORKER_FAILED: A thread ended: by the test', true]);
    await page.close();
  });

  test('an isolated page whose policy forbids workers from blobs has one thread', async () => {
    const policy = "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; worker-src 'self'";
    const server = await serve(root, { ...ISOLATION, 'content-security-policy': policy });
    const page = await openPage(browser, server);
    // As in browsers without WebGPU.
    await page.evaluate(() => delete (Navigator.prototype as { gpu?: GPU }).gpu);
    const why = 'no GPU: Expected WebGPU but this browser has none';
    expect(await description(page)).toEqual([true, 'WebAssembly SIMD on 1 thread', why]);
    await page.close();
  });

  describe('the demo', () => {
    let site: string;
    beforeAll(async () => {
      site = await buildSite();
    });

    async function visit(server: TestServer, serviceWorkers: 'allow' | 'block' = 'block') {
      const page = await (await browser.newContext({ serviceWorkers })).newPage();
      const faults: string[] = [];
      page.on('pageerror', error => faults.push(String(error)));
      page.on('console', message => message.type() === 'error' && faults.push(message.text()));
      await page.goto(`${server.origin}/`);
      return Object.assign(page, { faults });
    }

    test.each([
      ['without isolation', {}],
      ['isolated', ISOLATION],
    ])('restores a photo and says on what, %s', async (_, headers) => {
      const server = await serve(site, headers);
      const page = await visit(server);
      await page.click('[data-sample$="chat.jpg"]');
      await page.waitForSelector('body[data-phase="done"]', { timeout: 100_000 });
      expect(await page.textContent('#summary')).toMatch(/^One face restored in [\d.]+ s without a graphics card/);
      expect(await page.isVisible('#problem')).toBe(false);
      const asked = await Promise.all(
        server.requests
          .filter(({ path }) => path.endsWith('.js'))
          .map(async ({ path }) => [path, await readFile(join(site, path), 'utf8')] as const),
      );
      expect(asked.filter(([, text]) => text.includes(SHADERS))).toEqual([]);
      expect(asked.filter(([, text]) => text.includes(MODULE))).toHaveLength(1);
      expect(page.faults).toEqual([]);
      // The engine, the painter, and the threads.
      const processors = await page.evaluate(() => navigator.hardwareConcurrency);
      expect(page.workers()).toHaveLength(headers === ISOLATION ? 2 + processors : 2);
      await page.close();
    });

    /** A host of weights that every page may read. */
    async function host(): Promise<TestServer> {
      const server = await serve(site);
      const weights = await tinyRestorer(2);
      server.routes.set('/own.safetensors', (request, response) =>
        sendBytes(request, response, weights, 'application/octet-stream', { 'access-control-allow-origin': '*' }),
      );
      return server;
    }

    test('isolates itself from the second visit on, and goes on downloading weights', async () => {
      const server = await serve(site);
      const page = await visit(server, 'allow');
      const isolated = () => page.evaluate(() => globalThis.crossOriginIsolated);
      expect(await isolated()).toBe(false);
      await page.evaluate(() => navigator.serviceWorker.ready);
      await page.goto(`${server.origin}/lab/`);
      expect(await isolated()).toBe(true);
      await page.goto(`${server.origin}/`);
      expect(await isolated()).toBe(true);
      await page.click('[data-sample$="chat.jpg"]');
      await page.waitForSelector('body[data-phase="done"]', { timeout: 100_000 });
      expect(page.workers()).toHaveLength(2 + (await page.evaluate(() => navigator.hardwareConcurrency)));
      const { origin } = await host();
      await page.click('#open-weights');
      const row = page.locator('.role', { has: page.locator('h3', { hasText: 'Restores faces' }) });
      await row.getByRole('radio', { name: 'Address' }).check();
      await row.locator('input[type="url"]').fill(`${origin}/own.safetensors`);
      await page.click('#weights-apply');
      await expect
        .poll(() => page.textContent('.toast:last-child p'), { timeout: 60_000 })
        .toBe('In use now: own.safetensors.');
      expect(page.faults).toEqual([]);
      await page.close();
    });

    test('has its frame for weights also in browsers that know no frames without credentials, by the headers of the host', async () => {
      const server = await serve(site, ISOLATION);
      const script = await readFile(join(site, 'fetcher.js'));
      server.routes.set('/fetcher.js', (request, response) =>
        sendBytes(request, response, script, 'text/javascript', {
          ...ISOLATION,
          'cross-origin-resource-policy': 'cross-origin',
        }),
      );
      const page = await openPage(browser, server);
      const bytes = await page.evaluate(
        async file => {
          const frame = document.createElement('iframe');
          frame.setAttribute('sandbox', 'allow-scripts');
          frame.src = 'fetcher.html';
          await new Promise(resolve => {
            frame.addEventListener('load', resolve);
            document.body.append(frame);
          });
          const { port1, port2 } = new MessageChannel();
          return new Promise<number>(resolve => {
            port1.onmessage = ({ data }) => data.blob && resolve(data.blob.size);
            frame.contentWindow!.postMessage(file, '*', [port2]);
          });
        },
        `${(await host()).origin}/own.safetensors`,
      );
      expect(bytes).toBeGreaterThan(10_000);
      await page.close();
    });
  });
});
