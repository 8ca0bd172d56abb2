// The page in headless Chromium: from a photo to a file, by mouse, keys and screen reader; what it says when something goes wrong; that
// it asks for nothing but its own files; and that it opens without a connection.
//
// PAGE_SCREENSHOT=1 also makes docs/page.jpg, the picture in the README, and docs/preview.jpg, which is shown where others link to the page.

import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync } from 'node:zlib';
import axe from 'axe-core';
import type { Browser, BrowserContext, BrowserContextOptions, Download, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from '../../src/node/index.js';
import { buildSite } from '../built.js';
import { filesOf } from '../packed.js';
import { launchChromium } from './chromium.js';
import { sendBytes, serveProject, type TestServer } from './server.js';
import { serveTiny, tinyRestorer } from './tiny-weights.js';

declare global {
  /** How often a page has had the browser decode a picture. */
  var decoded: number;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const sample = join(root, 'docs/samples/astronaut.png');

/** Milliseconds within which SwiftShader has compiled all shaders and restored a photo, also on a machine with other work. */
const COMPILING = 250_000;

const chromium = await launchChromium();

describe.skipIf(!chromium)('the page', () => {
  const browser = chromium as Browser;
  let site: string;
  /** With networks that take no time. */
  let server: TestServer;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    site = await buildSite();
    server = await serveTiny(site);
  });
  afterAll(async () => {
    await browser.close();
    await server?.close();
  });

  test('carries the notices of the packages whose code is in it', () => {
    const licence = readFileSync(join(root, 'node_modules/wgpu-matrix/LICENSE.md'), 'utf8').trim();
    const scripts = filesOf(site).filter(name => name.endsWith('.js'));
    const text = (name: string) => readFileSync(join(site, name), 'utf8');
    // A name that only that code has.
    const bundled = scripts.filter(name => text(name).includes('perspectiveReverseZ'));
    expect(bundled.length).toBeGreaterThan(0);
    for (const name of ['NOTICES.txt', ...bundled]) expect(text(name), name).toContain(licence);
  });

  /** The page in a context of its own, with what went wrong in it and what it asked for. */
  async function visit(options: BrowserContextOptions = {}, script?: () => void, from = server) {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      serviceWorkers: 'block',
      // Colours that are on their way have another contrast.
      reducedMotion: 'reduce',
      ...options,
    });
    contexts.push(context);
    if (script) await context.addInitScript(script);
    const requests: { url: string; method: string }[] = [];
    const faults: string[] = [];
    context.on('request', request => requests.push({ url: request.url(), method: request.method() }));
    const page = await context.newPage();
    page.on('pageerror', error => faults.push(String(error)));
    // Violations of the security policy are among them.
    page.on('console', message => message.type() === 'error' && faults.push(message.text()));
    await page.goto(`${from.origin}/`);
    return { context, page, requests, faults };
  }

  const phase = (page: Page, name: string, timeout = 100_000) =>
    page.waitForSelector(`body[data-phase="${name}"]`, { timeout });

  /** Sets a slider as a hand does. */
  const slide = (page: Page, id: string, value: number) =>
    page.locator(id).evaluate((input: HTMLInputElement, to) => {
      input.valueAsNumber = to;
      input.dispatchEvent(new Event('input', { bubbles: true }));
    }, value);

  /** The pixels that are shown of the face. */
  function shown(page: Page): Promise<number[]> {
    return page.evaluate(async () => {
      const canvas = document.querySelector<HTMLCanvasElement>('#canvas')!;
      const box = document.querySelector('.outline')!.getBoundingClientRect();
      const look = () => {
        const { left, top } = canvas.getBoundingClientRect();
        const copy = new OffscreenCanvas(Math.floor(box.width), Math.floor(box.height));
        const context = copy.getContext('2d')!;
        context.drawImage(canvas, left - box.left, top - box.top);
        return [...context.getImageData(0, 0, copy.width, copy.height).data];
      };
      const pause = () => new Promise(resolve => setTimeout(() => requestAnimationFrame(resolve), 60));
      // A worker paints, and the browser shows it some time later.
      await pause();
      while (document.querySelector('#surface[aria-busy]')) await pause();
      let last = look();
      for (let same = 0; same < 2; ) {
        await pause();
        const now = look();
        same = now.every((value, i) => value === last[i]) ? same + 1 : 0;
        last = now;
      }
      return last;
    });
  }

  /** The whole picture, all of it restored. */
  async function wholly(page: Page): Promise<void> {
    await page.focus('#divider');
    await page.keyboard.press('Home');
    await page.keyboard.press('0');
  }

  const difference = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;

  async function faultsOfAccess(page: Page): Promise<string[]> {
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() =>
      (globalThis as unknown as { axe: typeof axe }).axe.run({ resultTypes: ['violations'] }),
    );
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.target.join(' ')).join(', ')}`);
  }

  /** Controls that are not wholly on the screen, or cover another one. */
  function outside(page: Page): Promise<string[]> {
    return page.evaluate(() => {
      const bars = document.querySelectorAll<HTMLElement>('.bar :is(h1, a, button), .view-bar button, .save *');
      const boxes = [...bars]
        .map(element => ({ element, box: element.getBoundingClientRect() }))
        .filter(({ element, box }) => box.width > 0 && element.tagName !== 'OPTION');
      const name = (element: HTMLElement) => element.id || element.textContent.trim();
      const off = boxes.filter(({ box }) => box.left < 0 || box.right > innerWidth);
      const over = boxes.filter(({ box, element }) =>
        boxes.some(
          other =>
            other.element !== element &&
            other.box.top < box.bottom &&
            box.top < other.box.bottom &&
            other.box.left < box.right - 1 &&
            box.left < other.box.right - 1,
        ),
      );
      return [...new Set([...off, ...over].map(({ element }) => name(element)))];
    });
  }

  async function bytesOf(download: Download): Promise<Buffer> {
    return readFile((await download.path())!);
  }

  async function saved(page: Page, type: string): Promise<{ name: string; bytes: Buffer }> {
    await page.selectOption('#save-type', type);
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
    return { name: download.suggestedFilename(), bytes: await bytesOf(download) };
  }

  describe('with a sample', () => {
    let page: Page;
    let visited: Awaited<ReturnType<typeof visit>>;
    /** Before the first picture was made. */
    let early: { faces: number; phase: string | undefined };
    /** What was said of the photo at first. */
    let announced: string | null;

    beforeAll(async () => {
      visited = await visit();
      page = visited.page;
      const outlined = page.evaluate(
        () =>
          new Promise<typeof early>(resolve => {
            const look = (_: unknown, observer: MutationObserver) => {
              const faces = document.querySelectorAll('.outline').length;
              if (faces === 0) return;
              observer.disconnect();
              resolve({ faces, phase: document.body.dataset.phase });
            };
            new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
          }),
      );
      await page.setInputFiles('#photo-file', sample);
      early = await outlined;
      await phase(page, 'done');
      await wholly(page);
      announced = await page.textContent('#announcer');
    });
    afterAll(() => visited.context.close());

    test('faces are outlined before they are restored', async () => {
      expect(early.faces).toBe(1);
      expect(['encoding', 'rendering']).toContain(early.phase);
      const box = await page.locator('.outline').boundingBox();
      const canvas = await page.locator('#canvas').boundingBox();
      // The head of the astronaut is in the upper half, left of the middle.
      expect(box!.y + box!.height).toBeLessThan(canvas!.y + canvas!.height / 2);
      expect(box!.width).toBeGreaterThan(60);
      expect(await page.locator('.outline').getAttribute('aria-label')).toBe('Face 1 of 1, restored');
    });

    test('what was done is said with its time', async () => {
      expect(await page.textContent('#summary')).toMatch(/^One face restored in [\d.]+ s/);
      expect(announced).toMatch(/^Done: One face restored/);
      expect(await page.textContent('#result-size')).toBe('1024 × 1024 pixels');
    });

    test('arrow keys move the divider between before and after', async () => {
      const divider = page.locator('#divider');
      await divider.focus();
      await page.keyboard.press('ArrowRight');
      await expect.poll(() => divider.getAttribute('aria-valuenow')).toBe('2');
      await page.keyboard.press('End');
      await expect.poll(() => divider.getAttribute('aria-valuetext')).toBe('100% original, 0% restored');
      const before = await shown(page);
      await page.keyboard.press('Home');
      const after = await shown(page);
      expect(difference(before, after)).toBeGreaterThan(2);
    });

    test('the divider can be dragged', async () => {
      const divider = page.locator('#divider');
      await divider.focus();
      await page.keyboard.press('Home');
      const surface = (await page.locator('#surface').boundingBox())!;
      const at = (await divider.boundingBox())!;
      await page.mouse.move(at.x + at.width / 2, at.y + 40);
      await page.mouse.down();
      await page.mouse.move(surface.x + surface.width / 2, at.y + 60, { steps: 4 });
      await page.mouse.up();
      await expect.poll(async () => Number(await divider.getAttribute('aria-valuenow'))).toBeCloseTo(50, -1);
      await divider.focus();
      await page.keyboard.press('Home');
    });

    test('a key that is held shows the original', async () => {
      const after = await shown(page);
      await page.keyboard.down('b');
      const original = await shown(page);
      await page.keyboard.up('b');
      expect(difference(original, after)).toBeGreaterThan(2);
      expect(await shown(page)).toEqual(after);
    });

    test('zooms by wheel, keys and buttons, and fits again', async () => {
      const level = () => page.textContent('#zoom-level').then(text => Number.parseInt(text!, 10));
      const fitted = await level();
      const surface = (await page.locator('#surface').boundingBox())!;
      await page.mouse.move(surface.x + 300, surface.y + 200);
      await page.mouse.wheel(0, -400);
      await expect.poll(level).toBeGreaterThan(fitted * 1.5);
      await page.keyboard.press('0');
      expect(await level()).toBe(fitted);
      await page.click('#zoom-in');
      expect(await level()).toBeGreaterThan(fitted);
      await page.keyboard.press('1');
      expect(await level()).toBe(200);
      await page.keyboard.press('0');
    });

    test('another fidelity makes another picture; strength 0 gives the photo', async () => {
      const half = await shown(page);
      await slide(page, '#fidelity', 1);
      await phase(page, 'done');
      expect(await page.textContent('#fidelity-value')).toBe('1.00');
      const one = await shown(page);
      expect(difference(half, one)).toBeGreaterThan(0.3);
      await slide(page, '#strength', 0);
      await phase(page, 'done');
      const none = await shown(page);
      await page.keyboard.down('b');
      const original = await shown(page);
      await page.keyboard.up('b');
      expect(difference(none, original)).toBeLessThan(2);
      await slide(page, '#strength', 1);
      await phase(page, 'done');
      expect(await shown(page)).toEqual(one);
    });

    test('of many values of a slider the last one counts', async () => {
      for (const value of [0.9, 0.7, 0.4, 0.2, 0.5]) await slide(page, '#fidelity', value);
      await phase(page, 'done');
      const last = await shown(page);
      await slide(page, '#fidelity', 0.2);
      await phase(page, 'done');
      expect(difference(await shown(page), last)).toBeGreaterThan(0.1);
      await slide(page, '#fidelity', 0.5);
      await phase(page, 'done');
      expect(await shown(page)).toEqual(last);
    });

    test('a face has its own fidelity, and can be left out', async () => {
      const before = await shown(page);
      await page.click('.face-row');
      expect(await page.textContent('#scope')).toBe('Face 1');
      await wholly(page);
      await page.keyboard.press(']');
      await phase(page, 'done');
      // The network of the test makes faces of 32 pixels.
      expect(await page.textContent('.face-row .quiet-text')).toBe(
        'changed: the photo shows little of this face, fidelity 0.55, it is large, and may lose detail',
      );
      await page.click('#own-none');
      await phase(page, 'done');
      expect(await shown(page)).toEqual(before);
      await page.click('#scope-all');
      await page.uncheck('.face-list input');
      await phase(page, 'done');
      expect(difference(await shown(page), before)).toBeGreaterThan(2);
      expect(await page.getAttribute('.outline', 'aria-label')).toBe('Face 1 of 1, left as it is');
      await page.check('.face-list input');
      await phase(page, 'done');
      expect(await shown(page)).toEqual(before);
    });

    test('the sheet shows fidelities and sets one', async () => {
      await page.keyboard.press('c');
      await page.waitForSelector('#compare[open]');
      await expect.poll(() => page.locator('#sheet .sheet-cell:enabled').count(), { timeout: 100_000 }).toBe(5);
      expect(await faultsOfAccess(page)).toEqual([]);
      await page.click('[aria-label="Face 1 with fidelity 0.75"]');
      await phase(page, 'done');
      expect(await page.locator('#compare').getAttribute('open')).toBeNull();
      expect(await page.textContent('#fidelity-value')).toBe('0.75');
    });

    test('saves what is shown, in the size and format asked for', async () => {
      await page.check('[name="upscaling"][value="1"]');
      await phase(page, 'done');
      const png = await saved(page, 'png');
      expect(png.name).toBe('astronaut-restored.png');
      const decoded = await decodeImage(png.bytes);
      expect([decoded.width, decoded.height]).toEqual([512, 512]);
      const original = await decodeImage(await readFile(sample));
      // Restored at the face, as it was at the lower edge.
      const row = (data: ArrayLike<number>, y: number) =>
        Array.from({ length: 4 * 512 }, (_, i) => data[4 * 512 * y + i]!);
      expect(difference(row(decoded.data, 110), row(original.data, 110))).toBeGreaterThan(0.3);
      expect(row(decoded.data, 511)).toEqual(row(original.data, 511));

      const jpeg = await saved(page, 'jpeg');
      expect(jpeg.name).toBe('astronaut-restored.jpg');
      expect([...jpeg.bytes.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
      const webp = await saved(page, 'webp');
      expect(webp.name).toBe('astronaut-restored.webp');
      expect(webp.bytes.toString('latin1', 8, 12)).toBe('WEBP');
    });

    test('has no faults of access in light, dark and on a phone', async () => {
      expect(await faultsOfAccess(page)).toEqual([]);
      await page.emulateMedia({ colorScheme: 'dark' });
      expect(await faultsOfAccess(page)).toEqual([]);
      await page.setViewportSize({ width: 390, height: 844 });
      expect(await faultsOfAccess(page)).toEqual([]);
      expect(await outside(page)).toEqual([]);
      await page.emulateMedia({ colorScheme: 'light' });
      expect(await faultsOfAccess(page)).toEqual([]);
      await page.setViewportSize({ width: 320, height: 640 });
      expect(await outside(page)).toEqual([]);
      await page.setViewportSize({ width: 1280, height: 800 });
      expect(await outside(page)).toEqual([]);
    });

    test('help lists the keys and turns them off', async () => {
      await page.keyboard.press('?');
      await page.waitForSelector('#help[open]');
      expect(await faultsOfAccess(page)).toEqual([]);
      await page.uncheck('#use-keys');
      await page.keyboard.press('Escape');
      await page.keyboard.press('f');
      expect(await page.getAttribute('#show-outlines', 'aria-pressed')).toBe('true');
      await page.click('#open-help');
      await page.check('#use-keys');
      await page.keyboard.press('Escape');
      await page.keyboard.press('f');
      expect(await page.getAttribute('#show-outlines', 'aria-pressed')).toBe('false');
      await page.keyboard.press('f');
    });

    test('the worker is bound by the policy of the page', async () => {
      const other = await serveProject(site);
      const open = (request: Parameters<typeof sendBytes>[0], response: Parameters<typeof sendBytes>[1]) =>
        sendBytes(request, response, new Uint8Array(1), 'text/plain', { 'access-control-allow-origin': '*' });
      other.routes.set('/open', open);
      try {
        const reach = (url: string) =>
          fetch(url, { method: 'POST', body: 'pixels' }).then(
            () => 'sent',
            () => 'refused',
          );
        expect(page.workers()).toHaveLength(2);
        for (const worker of page.workers()) {
          expect(await worker.evaluate(reach, `${other.origin}/open`)).toBe('refused');
        }
        expect(await page.evaluate(reach, `${other.origin}/open`)).toBe('refused');
        expect(other.requests).toEqual([]);
        // These two are meant to be there.
        const refusals = visited.faults.splice(0).filter(text => text.includes(other.origin));
        expect(refusals.length).toBeGreaterThanOrEqual(1);
      } finally {
        await other.close();
      }
    });

    test('an engine that is started from its address does nothing', async () => {
      const other = await serveProject(site);
      try {
        const answered = await page.evaluate(async weights => {
          const worker = new Worker('engine/worker.js', { type: 'module' });
          const answer = new Promise(resolve => worker.addEventListener('message', () => resolve('answered')));
          // Weights that are not in the same host's reach would be asked for at once.
          const args = [{ weights, detector: null, upscaler: null }];
          worker.postMessage({ type: 'call', id: 1, method: 'create', args, listeners: [] });
          const late = new Promise(resolve => setTimeout(() => resolve('silent'), 1500));
          return Promise.race([answer, late]);
        }, `${other.origin}/pixels`);
        expect(answered).toBe('silent');
        expect(other.requests).toEqual([]);
      } finally {
        await other.close();
      }
    });

    test('asks for nothing but its own files', () => {
      const asked = visited.requests.filter(({ url }) => !url.startsWith('blob:'));
      expect(asked.length).toBeGreaterThan(8);
      const foreign = asked.filter(({ url, method }) => method !== 'GET' || !url.startsWith(`${server.origin}/`));
      expect(foreign.filter(({ url }) => !url.endsWith('/open'))).toEqual([]);
      expect(visited.faults).toEqual([]);
    });
  });

  describe('the frame that downloads weights', () => {
    let foreign: TestServer;
    beforeAll(async () => {
      foreign = await serveProject(site);
    });
    afterAll(() => foreign.close());

    /** What the frame answers to a document that asks it for a file of the page's host. */
    const ask = async ({ fetcher, file, sandbox }: { fetcher: string; file: string; sandbox: string | null }) => {
      const frame = document.createElement('iframe');
      if (sandbox !== null) frame.setAttribute('sandbox', sandbox);
      frame.src = fetcher;
      await new Promise(resolve => {
        frame.addEventListener('load', resolve);
        document.body.append(frame);
      });
      const { port1, port2 } = new MessageChannel();
      const answer = new Promise<string>(resolve => {
        port1.onmessage = ({ data }) => {
          if (data.blob) data.blob.text().then(resolve);
          else if (data.failure) resolve(`refused: ${data.failure}`);
        };
      });
      frame.contentWindow!.postMessage(file, '*', [port2]);
      return Promise.race([answer, new Promise<string>(resolve => setTimeout(() => resolve('silent'), 1000))]);
    };

    test('answers the page of its own host', async () => {
      const page = await browser.newPage();
      await page.goto(`${server.origin}/blank.html`);
      foreign.routes.set('/open.txt', (request, response) =>
        sendBytes(request, response, Buffer.from('open'), 'text/plain', { 'access-control-allow-origin': '*' }),
      );
      const file = `${foreign.origin}/open.txt`;
      const fetcher = 'fetcher.html';
      expect(await page.evaluate(ask, { fetcher, file, sandbox: 'allow-scripts' })).toBe('open');
      // Outside of a sandbox it would see what only this host may.
      expect(await page.evaluate(ask, { fetcher, file: '/index.html', sandbox: null })).toBe('silent');
      const rights = 'allow-scripts allow-same-origin';
      expect(await page.evaluate(ask, { fetcher, file: '/index.html', sandbox: rights })).toBe('silent');
      await page.close();
    });

    test('answers no other site, however it is framed', async () => {
      const page = await browser.newPage();
      await page.goto(`${foreign.origin}/blank.html`);
      const fetcher = `${server.origin}/fetcher.html`;
      for (const sandbox of [null, 'allow-scripts', 'allow-scripts allow-same-origin'])
        expect(await page.evaluate(ask, { fetcher, file: `${server.origin}/index.html`, sandbox })).toBe('silent');
      await page.close();
    });

    test('downloads nothing for a page that another site shows', async () => {
      const page = await browser.newPage();
      await page.goto(`${foreign.origin}/blank.html`);
      await page.evaluate(src => {
        const frame = document.createElement('iframe');
        frame.src = src;
        document.body.append(frame);
      }, `${server.origin}/blank.html`);
      await expect.poll(() => page.frames().length).toBe(2);
      const inner = page.frames()[1]!;
      await inner.waitForLoadState();
      const file = `${foreign.origin}/open.txt`;
      expect(await inner.evaluate(ask, { fetcher: 'fetcher.html', file, sandbox: 'allow-scripts' })).toMatch(
        /^refused: pages that are shown inside of another site/,
      );
      await page.close();
    });
  });

  describe('with photos of all kinds', () => {
    let page: Page;
    let faults: string[];
    let context: BrowserContext;

    beforeAll(async () => {
      ({ page, faults, context } = await visit({}, () => {
        const decode = createImageBitmap as (...args: unknown[]) => Promise<ImageBitmap>;
        globalThis.decoded = 0;
        globalThis.createImageBitmap = (...args: unknown[]) => {
          globalThis.decoded++;
          return decode(...args);
        };
      }));
    });
    afterAll(() => context.close());

    const opened = (name: string) =>
      page.waitForFunction(
        wanted => document.querySelector('#canvas')?.getAttribute('aria-label')?.startsWith(wanted),
        `${name}, `,
        { timeout: 100_000 },
      );

    /** A file as the page gets it, in a DataTransfer. */
    const transfer = (name: string, type: string) =>
      page.evaluateHandle(
        async ([file, mime]) => {
          const data = new DataTransfer();
          const bytes = mime ? await (await fetch('samples/hopper.webp')).blob() : new Blob(['no picture']);
          data.items.add(new File([bytes], file!, { type: mime! }));
          return data;
        },
        [name, type],
      );

    test('begins without faults of access, with the divider and the panel out of the way', async () => {
      expect(await faultsOfAccess(page)).toEqual([]);
      expect(await page.isVisible('#panel')).toBe(false);
    });

    test('opens a file that is chosen', async () => {
      const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.click('#choose-photo')]);
      await chooser.setFiles({
        name: 'chosen.webp',
        mimeType: 'image/webp',
        buffer: await readFile(join(site, 'samples/hopper.webp')),
      });
      await opened('chosen.webp');
    });

    test('opens a file that is dropped, and shows where', async () => {
      const dataTransfer = await transfer('dropped.webp', 'image/webp');
      await page.dispatchEvent('#stage', 'dragenter', { dataTransfer });
      expect(await page.locator('body').getAttribute('class')).toBe('dropping');
      await page.dispatchEvent('#stage', 'drop', { dataTransfer });
      await opened('dropped.webp');
      expect(await page.locator('body').getAttribute('class')).toBe('');
    });

    test('opens a picture that is pasted', async () => {
      const clipboardData = await transfer('pasted.webp', 'image/webp');
      await page.evaluate(
        data => dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true })),
        clipboardData,
      );
      await opened('pasted.webp');
    });

    test('says what is wrong with other files', async () => {
      const dataTransfer = await transfer('letter.txt', '');
      await page.dispatchEvent('#stage', 'drop', { dataTransfer });
      await page.waitForSelector('.toast');
      expect(await page.textContent('.toast p')).toMatch(/^“letter\.txt” cannot be read as a photo\./);
      expect(await faultsOfAccess(page)).toEqual([]);
      await page.getByRole('button', { name: 'Close', exact: true }).click();
    });

    test('refuses a picture of too many pixels by its header, before it is decoded', async () => {
      const before = await page.evaluate(() => globalThis.decoded);
      const header = Buffer.alloc(13);
      header.writeUInt32BE(20_000, 0);
      header.writeUInt32BE(20_000, 4);
      // One bit of grey for each pixel.
      header[8] = 1;
      const chunk = (type: string, data: Buffer) => {
        const length = Buffer.alloc(4);
        length.writeUInt32BE(data.length);
        const body = Buffer.concat([Buffer.from(type), data]);
        const sum = Buffer.alloc(4);
        sum.writeUInt32BE(crc32(body));
        return Buffer.concat([length, body, sum]);
      };
      const pixels = deflateSync(Buffer.alloc(20_000 * 2501));
      const magic = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
      const buffer = Buffer.concat([
        magic,
        chunk('IHDR', header),
        chunk('IDAT', pixels),
        chunk('IEND', Buffer.alloc(0)),
      ]);
      expect(buffer.length).toBeLessThan(50_000);
      await page.setInputFiles('#photo-file', { name: 'bomb.png', mimeType: 'image/png', buffer });
      await expect.poll(() => page.textContent('.toast p')).toMatch(/^The picture would be too large\. /);
      expect(await page.textContent('.toast p')).toMatch(/20000 × 20000 pixels, which are 400 megapixels/);
      expect(await page.evaluate(() => globalThis.decoded)).toBe(before);
    });

    test('a photo without faces is enlarged', async () => {
      const plain = await page.evaluate(async () => {
        const canvas = new OffscreenCanvas(64, 48);
        canvas.getContext('2d')!.fillRect(0, 0, 64, 48);
        const blob = await canvas.convertToBlob();
        return [...new Uint8Array(await blob.arrayBuffer())];
      });
      await page.setInputFiles('#photo-file', { name: 'plain.png', mimeType: 'image/png', buffer: Buffer.from(plain) });
      await phase(page, 'done');
      expect(await page.textContent('#summary')).toMatch(/^Enlarged in/);
      expect(await page.isVisible('#no-faces')).toBe(true);
      expect(await page.isVisible('#search-more')).toBe(false);
      expect(await page.isVisible('#tuning')).toBe(false);
      expect(faults).toEqual([]);
    });

    test('work can be stopped and begun again', async () => {
      await page.setInputFiles('#photo-file', sample);
      // At once: the small networks of the tests are quick.
      await page.waitForFunction(() => {
        const isOpen = document.querySelector('#canvas')?.ariaLabel?.startsWith('astronaut.png, ');
        if (isOpen) document.querySelector<HTMLElement>('#stop')!.click();
        return isOpen;
      });
      expect(await page.textContent('#problem h2')).toBe('Stopped');
      await page.click('#problem .button');
      await phase(page, 'done');
      expect(await page.isVisible('#problem')).toBe(false);
    });
  });

  describe('with weights', () => {
    let page: Page;
    let context: BrowserContext;
    let faults: string[];
    let host: TestServer;

    beforeAll(async () => {
      host = await serveProject(site);
      const weights = await tinyRestorer(2);
      host.routes.set('/own.safetensors', (request, response) =>
        sendBytes(request, response, weights, 'application/octet-stream', { 'access-control-allow-origin': '*' }),
      );
      ({ page, context, faults } = await visit());
    });
    /** Its button is in the panel, which is there with the first photo. */
    const openWeights = () => page.locator('#open-weights').evaluate((button: HTMLElement) => button.click());
    afterAll(async () => {
      await context.close();
      await host.close();
    });

    const row = (title: string) => page.locator('.role', { has: page.locator('h3', { hasText: title }) });

    test('says under which licence those in use are', async () => {
      await openWeights();
      await expect
        .poll(() => row('Restores faces').textContent())
        .toMatch(/0\.2 MB\. Licence: Non-commercial use only/);
      expect(await faultsOfAccess(page)).toEqual([]);
    });

    test('takes a file, and says what is wrong with another', async () => {
      await row('Restores faces').getByRole('radio', { name: 'File' }).check();
      expect(await row('Restores faces').getByRole('link').getAttribute('href')).toMatch(/^https:.*\/codeformer\.pth$/);
      const file = row('Restores faces').locator('input[type="file"]');
      await file.setInputFiles({ name: 'codeformer.pth', mimeType: '', buffer: Buffer.from('cut short') });
      expect(await row('Restores faces').textContent()).toMatch(/Licence: S-Lab License/);
      await page.click('#weights-apply');
      await expect.poll(() => page.textContent('#weights-problem')).toMatch(/has 9 bytes and not the 377 MB/);
      await file.setInputFiles({ name: 'x.safetensors', mimeType: '', buffer: Buffer.from('no weights at all') });
      await page.click('#weights-apply');
      await expect
        .poll(() => page.textContent('#weights-problem'), { timeout: 60_000 })
        .toMatch(/^This file holds no weights/);
      const buffer = Buffer.from(await tinyRestorer(3));
      await file.setInputFiles({ name: 'restorer.safetensors', mimeType: '', buffer });
      await page.click('#weights-apply');
      await page.waitForSelector('.toast', { timeout: 100_000 });
      expect(await page.textContent('.toast p')).toBe('In use now: restorer.safetensors.');
      expect(await page.locator('#weights').getAttribute('open')).toBeNull();
    });

    test('takes an address, by a frame that sees no photos', async () => {
      await openWeights();
      await row('Restores faces').getByRole('radio', { name: 'Address' }).check();
      await row('Restores faces').locator('input[type="url"]').fill(`${host.origin}/own.safetensors`);
      await page.click('#weights-apply');
      await expect
        .poll(() => page.textContent('.toast:last-child p'), { timeout: 100_000 })
        .toBe('In use now: own.safetensors.');
      expect(host.requests.map(({ path }) => path)).toEqual(['/own.safetensors']);
      expect(await page.textContent('#weights-name')).toBe('own.safetensors');
      expect(await page.locator('iframe').count()).toBe(0);
      expect(faults).toEqual([]);
    });

    test('keeps chosen files for the next visit, until others are chosen', async () => {
      await page.reload();
      await expect.poll(() => page.textContent('#weights-name')).toBe('own.safetensors');
      await openWeights();
      expect(await row('Restores faces').textContent()).toMatch(/In use: own\.safetensors/);
      await row('Restores faces').getByRole('radio', { name: 'Ours' }).check();
      await page.click('#weights-apply');
      await page.waitForSelector('.toast', { timeout: 100_000 });
      expect(await page.isChecked('[name="network"][value="fast"]')).toBe(true);
      expect(await page.evaluate(() => caches.has('codeformer-chosen-weights'))).toBe(false);
      expect(host.requests).toHaveLength(1);
    });
  });

  describe('when the graphics card fails', { timeout: 2 * COMPILING }, () => {
    let page: Page;
    let context: BrowserContext;
    let failing: TestServer;

    // The engine as it is, on what it takes for a GPU, which can be made to fail: losses and lack of memory cannot be had otherwise.
    const fragile = `
      Object.defineProperty(GPUAdapter.prototype, 'info', {
        value: { vendor: 'test', architecture: '', device: '', description: '', isFallbackAdapter: false },
      });
      // Tiles in workgroup memory take minutes to compile on a processor: a driver that refuses them is given others.
      const { createShaderModule } = GPUDevice.prototype;
      GPUDevice.prototype.createShaderModule = function (shader) {
        return createShaderModule.call(this, shader.label.includes('workgroup') ? { ...shader, code: 'refused' } : shader);
      };
      const { requestDevice } = GPUAdapter.prototype;
      let lose, losing = false, short = false;
      GPUAdapter.prototype.requestDevice = async function (...args) {
        const device = await requestDevice.apply(this, args);
        const lost = new Promise(resolve => {
          lose = () => {
            resolve({ reason: 'unknown', message: 'by the test' });
            device.destroy();
          };
        });
        Object.defineProperty(device, 'lost', { value: lost });
        const { queue } = device;
        queue.submit = commands => {
          GPUQueue.prototype.submit.call(queue, commands);
          if (losing) lose();
          losing = false;
        };
        const scopes = [];
        device.pushErrorScope = filter => {
          scopes.push(filter);
          GPUDevice.prototype.pushErrorScope.call(device, filter);
        };
        device.popErrorScope = async () => {
          const filter = scopes.pop();
          const error = await GPUDevice.prototype.popErrorScope.call(device);
          return short && filter === 'out-of-memory' ? new GPUOutOfMemoryError('by the test') : error;
        };
        return device;
      };
      const failures = new BroadcastChannel('failures');
      failures.onmessage = ({ data }) => {
        if (data === 'lose') lose();
        losing = data === 'lose at work';
        short = data === 'short';
        failures.postMessage('understood');
      };
    `;
    /** Has the device be lost, at once or with the next commands, or memory be short until there is enough. */
    const fail = (what: 'lose' | 'lose at work' | 'short' | 'enough') =>
      page.evaluate(
        message =>
          new Promise<void>(resolve => {
            const failures = new BroadcastChannel('failures');
            failures.onmessage = () => {
              failures.close();
              resolve();
            };
            failures.postMessage(message);
          }),
        what,
      );

    /** Leaves kernels out of the self-test, which would compile for a minute or two. */
    function skipKernels(): void {
      const chunks = readdirSync(join(site, 'engine'));
      for (const list of ['networkTests', 'pictureTests']) {
        const isIt = (name: string) => readFileSync(join(site, 'engine', name), 'utf8').includes(` as ${list}`);
        const stub = Buffer.from(`export const ${list} = [];`);
        failing.routes.set(`/engine/${chunks.find(isIt)}`, (request, response) =>
          sendBytes(request, response, stub, 'text/javascript'),
        );
      }
    }

    beforeAll(async () => {
      failing = await serveTiny(site);
      skipKernels();
      const worker = await readFile(join(site, 'engine/worker.js'), 'utf8');
      failing.routes.set('/engine/worker.js', (request, response) =>
        sendBytes(request, response, Buffer.from(`${worker};${fragile}`), 'text/javascript'),
      );
      ({ page, context } = await visit({}, undefined, failing));
      await page.setInputFiles('#photo-file', sample);
      await phase(page, 'done', COMPILING);
    }, 2 * COMPILING);
    afterAll(async () => {
      await context.close();
      await failing.close();
    });

    test('lack of memory is told of, and over with the next settings', async () => {
      await fail('short');
      await slide(page, '#fidelity', 0.9);
      await page.waitForSelector('#problem:not([hidden])');
      expect(await page.textContent('#problem h2')).toBe('There is not enough memory');
      await fail('enough');
      await slide(page, '#fidelity', 0.8);
      await phase(page, 'done');
      expect(await page.isVisible('#problem')).toBe(false);
    });

    test('a device that is lost while there is nothing to do is replaced in silence', async () => {
      const before = await shown(page);
      await fail('lose');
      await slide(page, '#fidelity', 0.1);
      await phase(page, 'done', COMPILING);
      expect(difference(await shown(page), before)).toBeGreaterThan(0.1);
      expect(await page.isVisible('#problem')).toBe(false);
      expect(await page.isVisible('.toast')).toBe(false);
    });

    test('a lost device is replaced, and the picture made', async () => {
      await fail('lose at work');
      await slide(page, '#fidelity', 0.3);
      await page.waitForSelector('.toast.warning', { timeout: COMPILING });
      expect(await page.textContent('.toast.warning p')).toMatch(/lost\. Starting again/);
      await phase(page, 'done', COMPILING);
      expect(await page.isVisible('#problem')).toBe(false);
    });

    test('a device that is lost again is told of', async () => {
      await fail('lose at work');
      await slide(page, '#fidelity', 0.6);
      await page.waitForSelector('#problem:not([hidden])');
      expect(await page.textContent('#problem h2')).toBe('The connection to the graphics card was lost');
      expect(await faultsOfAccess(page)).toEqual([]);
    });
  });

  test('says what to do in a browser that has neither WebGPU nor WebAssembly with SIMD', async () => {
    const old = await serveTiny(site);
    const worker = await readFile(join(site, 'engine/worker.js'), 'utf8');
    const without = `
      delete WorkerNavigator.prototype.gpu;
      WebAssembly.compile = async () => {
        throw new WebAssembly.CompileError('by the test');
      };
    `;
    old.routes.set('/engine/worker.js', (request, response) =>
      sendBytes(request, response, Buffer.from(`${worker};${without}`), 'text/javascript'),
    );
    const userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';
    const { page, context, faults, requests } = await visit({ userAgent }, undefined, old);
    await page.waitForSelector('#problem:not([hidden])');
    // Nothing large was loaded in vain.
    expect(requests.filter(({ url }) => url.endsWith('.safetensors'))).toEqual([]);
    expect(await page.textContent('#problem h2')).toBe('This browser cannot restore photos');
    // The own browser comes first.
    expect(await page.textContent('.browsers dt')).toBe('Firefoxthis one');
    expect(await page.textContent('.browsers')).toMatch(/chrome:\/\/flags.*|Safari/);
    expect(await page.isVisible('#empty')).toBe(false);
    expect(await faultsOfAccess(page)).toEqual([]);
    await expect.poll(() => page.workers()).toEqual([]);
    expect(faults).toEqual([]);
    await context.close();
    await old.close();
  });

  test('works without a connection after the first visit, with the weights of the package', async () => {
    const short = await serveProject(site);
    const { page, context } = await visit({ serviceWorkers: 'allow' }, undefined, short);
    await page.evaluate(() => navigator.serviceWorker.ready);
    // Weights and samples are on their way.
    const { files } = JSON.parse(await readFile(join(root, 'weights/manifest.json'), 'utf8')) as {
      files: { file: string }[];
    };
    const wanted = ['astronaut.png', ...files.map(({ file }) => file)];
    const missing = () =>
      page.evaluate(async names => {
        const found = await Promise.all(
          (await caches.keys()).map(async name => (await (await caches.open(name)).keys()).map(({ url }) => url)),
        );
        const urls = found.flat().join(' ');
        return names.filter(name => !urls.includes(name));
      }, wanted);
    await expect.poll(missing, { timeout: 60_000 }).toEqual([]);
    await short.close();
    await page.reload();
    await page.setInputFiles('#photo-file', sample);
    await phase(page, 'done');
    expect(await page.textContent('#summary')).toMatch(/^One face restored/);
    // A sharp face is left as it is, at least in part, unless the switch says otherwise.
    const words = () => page.textContent('.face-words .quiet-text');
    expect(await words()).toMatch(/left as it is: |restored by \d+%/);
    await page.uncheck('#never-worse');
    await phase(page, 'done');
    expect(await words()).not.toMatch(/left as it is: |restored by/);
    await context.close();
  });

  test('has no scripts and styles but in files', async () => {
    for (const name of ['index.html', 'fetcher.html']) {
      const html = await readFile(join(site, name), 'utf8');
      expect(html.match(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/g)).toBeNull();
      const policy = html.match(/http-equiv="Content-Security-Policy" content="([^"]+)"/)![1]!;
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'(?: 'wasm-unsafe-eval')?;/);
      expect(policy.replace("'wasm-unsafe-eval'", '')).not.toMatch(/unsafe/);
    }
  });

  test.runIf(process.env.PAGE_SCREENSHOT)('its picture for previews of links', async () => {
    const whole = await serveProject(site);
    const { page, context } = await visit({ viewport: { width: 1200, height: 630 } }, undefined, whole);
    await page.click('[data-sample$="chat.jpg"]');
    await phase(page, 'done');
    await page.check('[name="upscaling"][value="4"]');
    await phase(page, 'done');
    await page.keyboard.press('f');
    // Looks at the face.
    await page.keyboard.press('n');
    await phase(page, 'done');
    await page.evaluate(() => {
      for (const part of document.querySelectorAll<HTMLElement>('.bar, .panel, .view-bar')) part.hidden = true;
    });
    await page.waitForTimeout(1000);
    await page.screenshot({ path: join(root, 'docs/preview.jpg'), type: 'jpeg', quality: 80 });
    await context.close();
    await whole.close();
  });

  test.runIf(process.env.PAGE_SCREENSHOT)('its picture for the README', async () => {
    const whole = await serveProject(site);
    const { page, context } = await visit({ viewport: { width: 1200, height: 720 } }, undefined, whole);
    await page.click('[data-sample$="chat.jpg"]');
    await phase(page, 'done');
    await page.check('[name="upscaling"][value="4"]');
    await phase(page, 'done');
    // Comes near the fidelities, which are drawn then.
    await page.hover('#scope');
    await page.waitForFunction(() => {
      const last = document.querySelector<HTMLCanvasElement>('#tastes button:last-child canvas')!;
      return last.getContext('2d')!.getImageData(50, 50, 1, 1).data[3] === 255;
    });
    await page.mouse.move(0, 0);
    await page.screenshot({ path: join(root, 'docs/page.jpg'), type: 'jpeg', quality: 88 });
    await context.close();
    await whole.close();
  });
});
