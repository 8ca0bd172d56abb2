// The page where a server has sent it: photos are restored by the server or in the browser, as the switch says. The engine of the server
// does what the test says.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CodeFormerError } from '../../src/errors.js';
import type { HandlerOptions } from '../../src/server/app.js';
import { type Listening, listen } from '../../src/server/listen.js';
import { buildSite } from '../built.js';
import { PICTURE, PretendedEngine, QUEUE, served } from '../server/pretended.js';
import { launchChromium } from './chromium.js';
import { serveProject } from './server.js';
import { serveTiny } from './tiny-weights.js';

const chromium = await launchChromium();

/** A red picture of twice the size of the sample. */
const RED = (() => {
  const png = new PNG({ width: 240, height: 240 });
  for (let i = 0; i < png.data.length; i += 4) png.data.set([200, 0, 0, 255], i);
  return PNG.sync.write(png);
})();
const RESULT = { image: RED, width: 240, height: 240 };

describe.skipIf(!chromium)('the page of a server', () => {
  const browser = chromium as Browser;
  let site: string;
  const contexts: BrowserContext[] = [];
  const listening: Listening[] = [];

  beforeAll(async () => {
    site = await buildSite();
  });
  afterEach(async () => {
    await Promise.all(contexts.splice(0).map(context => context.close()));
    await Promise.all(listening.splice(0).map(server => server.close()));
  });
  afterAll(async () => {
    await browser.close();
  });

  async function serve(options: HandlerOptions = {}) {
    const engine = new PretendedEngine();
    engine.holds = true;
    const { handler } = served({ page: site, ...options }, engine);
    const server = await listen(handler, { port: 0 });
    listening.push(server);
    return { engine, server, origin: server.url };
  }

  async function visit(origin: string, options: BrowserContextOptions = {}) {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      serviceWorkers: 'block',
      reducedMotion: 'reduce',
      ...options,
    });
    contexts.push(context);
    const requests: string[] = [];
    const faults: string[] = [];
    context.on('request', request => requests.push(new URL(request.url()).pathname));
    const page = await context.newPage();
    page.on('pageerror', error => faults.push(String(error)));
    page.on('console', message => message.type() === 'error' && faults.push(message.text()));
    await page.goto(`${origin}/`);
    return { page, requests, faults };
  }

  const phase = (page: Page, name: string) => page.waitForSelector(`body[data-phase="${name}"]`, { timeout: 60_000 });
  const toServer = (page: Page) => page.click('#place label:has([value="server"])');
  const openSample = (page: Page) => page.click('[data-sample$="chat.jpg"]');
  const asked = (engine: PretendedEngine, count: number) =>
    expect.poll(() => engine.asked.length, { timeout: 20_000 }).toBe(count);
  const title = (page: Page) => page.locator('#problem:not([hidden]) h2').textContent({ timeout: 30_000 });

  const slide = (page: Page, id: string, ...values: number[]) =>
    page.locator(id).evaluate((input: HTMLInputElement, values) => {
      for (const value of values) {
        input.valueAsNumber = value;
        input.dispatchEvent(new Event('input', { bubbles: true }));
      }
    }, values);

  /** A photo on the server, restored. */
  async function restored(options: HandlerOptions = {}, context: BrowserContextOptions = {}) {
    const made = await serve(options);
    const visited = await visit(made.origin, context);
    await toServer(visited.page);
    await openSample(visited.page);
    await asked(made.engine, 1);
    made.engine.asked[0]!.log('Restoring face 1 of 1');
    made.engine.asked[0]!.finish(RESULT);
    await phase(visited.page, 'done');
    return { ...made, ...visited };
  }

  async function faultsOfAccess(page: Page): Promise<string[]> {
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() =>
      (globalThis as unknown as { axe: typeof axe }).axe.run({ resultTypes: ['violations'] }),
    );
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.target.join(' ')).join(', ')}`);
  }

  test('elsewhere has no switch, and asks for nothing more', async () => {
    const host = await serveProject(site);
    const { page, requests, faults } = await visit(host.origin);
    await expect.poll(() => requests.filter(path => path.endsWith('.safetensors')).length, { timeout: 30_000 }).toBe(3);
    expect(await page.locator('#place').isVisible()).toBe(false);
    expect(await page.locator('[data-at="server"]:visible').count()).toBe(0);
    expect(requests.filter(path => /queue|health|openapi|storage/.test(path))).toEqual([]);
    expect(faults).toEqual([]);
    await host.close();
  });

  test('begins in the browser; the choice of the server is kept, and then no weights are loaded', async () => {
    const { origin } = await serve();
    const { page, requests, faults } = await visit(origin);
    expect(await page.isChecked('#place [value="browser"]')).toBe(true);
    await toServer(page);
    await page.waitForSelector('text=It is sent to the server');
    for (const id of ['#open-weights', '.bar a']) expect(await page.locator(id).isVisible(), id).toBe(false);
    requests.length = 0;
    await page.reload();
    expect(await page.isChecked('#place [value="server"]')).toBe(true);
    await page.waitForTimeout(500);
    expect(requests.filter(path => /safetensors|engine\/worker/.test(path))).toEqual([]);
    expect(faults).toEqual([]);
  });

  test('sends the photo with its settings, shows the log, and saves the result', async () => {
    const { engine, origin } = await serve();
    const { page, faults } = await visit(origin);
    await toServer(page);
    await openSample(page);
    await asked(engine, 1);
    const { input, photo, log, finish } = engine.asked[0]!;
    expect(Buffer.from(photo)).toEqual(await readFile(join(site, 'samples/chat.jpg')));
    expect(input).toMatchObject({ fidelity: 0.5, upscaling: 4, strength: 1, neverWorse: true, outputFormat: 'png' });
    expect(input).toMatchObject({ faceUpscale: true, onlyCenterFace: false });
    log('Detected 1 face');
    log('Restoring face 1 of 1');
    await expect.poll(() => page.textContent('#progress-text')).toBe('Restoring face 1 of 1');
    finish(RESULT);
    await phase(page, 'done');
    expect(await page.textContent('#summary')).toMatch(/^Restored on the server in [\d.]+ s$/);
    expect(await page.locator('#log li').allTextContents()).toEqual([
      expect.stringMatching(/^The picture is here/),
      'Detected 1 face',
      'Restoring face 1 of 1',
    ]);
    expect(await page.locator('#divider').isVisible()).toBe(true);
    for (const id of ['#faces', '#open-compare', '#background', '#show-outlines'])
      expect(await page.locator(id).isVisible(), id).toBe(false);
    // The file that is there already.
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
    expect(download.suggestedFilename()).toBe('chat-restored.png');
    expect(await readFile((await download.path())!)).toEqual(RED);
    expect(engine.asked).toHaveLength(1);
    // Another format is one of the server's.
    await page.selectOption('#save-type', 'webp');
    const saving = page.waitForEvent('download');
    await page.click('#save');
    await asked(engine, 2);
    expect(engine.asked[1]!.input.outputFormat).toBe('webp');
    engine.asked[1]!.finish();
    expect((await saving).suggestedFilename()).toBe('chat-restored.webp');
    expect(faults).toEqual([]);
  });

  test('asks again when settings have come to rest, and no more for what is not wanted any longer', async () => {
    const { engine, page } = await restored();
    await slide(page, '#fidelity', 0.1, 0.2, 0.3);
    await asked(engine, 2);
    expect(engine.asked[1]!.input.fidelity).toBe(0.3);
    await page.check('#only-center-face');
    await asked(engine, 3);
    expect(engine.asked[1]!.signal.aborted).toBe(true);
    expect(engine.asked[2]!.input).toMatchObject({ fidelity: 0.3, onlyCenterFace: true });
    engine.asked[2]!.finish(RESULT);
    await phase(page, 'done');
    expect(await page.textContent('#summary')).toMatch(/last change in [\d.]+ s$/);
    // Uploaded once.
    expect(engine.asked.every(({ photo }) => Buffer.from(photo).equals(engine.asked[0]!.photo))).toBe(true);
  });

  test('stops the request with the work, and begins it again', async () => {
    const { engine, origin } = await serve();
    const { page } = await visit(origin);
    await toServer(page);
    await openSample(page);
    await asked(engine, 1);
    await page.click('#stop');
    expect(await title(page)).toBe('Stopped');
    await expect.poll(() => engine.asked[0]!.signal.aborted).toBe(true);
    await page.click('#problem button');
    await asked(engine, 2);
    engine.asked[1]!.finish(RESULT);
    await phase(page, 'done');
  });

  test('takes the photo along to the browser and back', async () => {
    const { engine, page, requests } = await restored();
    // The networks are small ones: what they make does not count here.
    const tiny = await serveTiny(site);
    await page.route('**/weights/*', route =>
      route.continue({ url: `${tiny.origin}${new URL(route.request().url()).pathname}` }),
    );
    await page.click('#place label:has([value="browser"])');
    await page.waitForSelector('.outline', { timeout: 60_000 });
    await phase(page, 'done');
    expect(await page.textContent('#summary')).toMatch(/^One face restored/);
    expect(requests.some(path => path.endsWith('.safetensors'))).toBe(true);
    await toServer(page);
    await asked(engine, 2);
    engine.asked[1]!.finish(RESULT);
    await expect.poll(() => page.textContent('#summary')).toMatch(/^Restored on the server/);
    expect(await page.locator('.outline').count()).toBe(0);
    await tiny.close();
  });

  test('asks once for a key where the server wants one', async () => {
    const { engine, origin } = await serve({ keys: ['secret'] });
    const { page } = await visit(origin);
    await toServer(page);
    await openSample(page);
    await page.waitForSelector('#key[open]');
    expect(await faultsOfAccess(page)).toEqual([]);
    await page.fill('#key-value', 'wrong');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.textContent('#key-problem')).toBe('The server does not take that key.');
    await page.fill('#key-value', 'secret');
    await page.keyboard.press('Enter');
    await asked(engine, 1);
    engine.asked[0]!.finish(RESULT);
    await phase(page, 'done');
    // The photo that was kept is sent once more.
    await page.reload();
    await asked(engine, 2);
    expect(await page.locator('#key[open]').count()).toBe(0);
  });

  test('says that a key is needed where none is given', async () => {
    const { origin } = await serve({ keys: ['secret'] });
    const { page } = await visit(origin);
    await toServer(page);
    await openSample(page);
    await page.waitForSelector('#key[open]');
    await page.keyboard.press('Escape');
    expect(await title(page)).toBe('This server needs a key');
  });

  test('says what goes wrong in plain words, and what can be done', async () => {
    const { engine, page, server } = await restored();
    const buttons = () => page.locator('#problem button').allTextContents();
    await slide(page, '#fidelity', 0.1);
    await asked(engine, 2);
    engine.asked[1]!.fail(new CodeFormerError('IMAGE_TOO_LARGE', 'result: 400 megapixels, at most 100'));
    expect(await title(page)).toBe('The picture is too large for this server');
    expect(await page.textContent('#problem p')).toBe('result: 400 megapixels, at most 100.');
    expect(await buttons()).toEqual(['Try a smaller result', 'Restore in this browser']);
    await page.click('#problem button');
    await asked(engine, 3);
    expect(engine.asked[2]!.input.upscaling).toBe(1);
    engine.asked[2]!.fail(new CodeFormerError('INVALID_IMAGE', 'Expected a picture'));
    expect(await title(page)).toBe('The server could not take this photo');
    await slide(page, '#fidelity', 0.7);
    await asked(engine, 4);
    engine.asked[3]!.fail(new Error('with a path'));
    expect(await title(page)).toBe('The server could not do that');
    expect(await page.textContent('#problem p')).toBe('Internal error.');
    await server.close();
    await slide(page, '#fidelity', 0.8);
    expect(await title(page)).toBe('The server cannot be reached');
    expect(await buttons()).toEqual(['Try again', 'Restore in this browser']);
  });

  test('says that the queue is full, and how many wait', async () => {
    const { engine, origin } = await serve({ queueLimit: 1 });
    const submit = async () => {
      const body = JSON.stringify({ image_url: PICTURE });
      const response = await fetch(origin + QUEUE, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      });
      return response.status;
    };
    while (engine.asked.length < 3) {
      expect(await submit()).toBe(200);
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    const { page } = await visit(origin);
    await toServer(page);
    await openSample(page);
    await expect.poll(() => page.textContent('#progress-text')).toBe('Next in the queue');
    await page.click('#stop');
    await expect.poll(submit).toBe(200);
    await page.click('#problem button');
    await expect.poll(() => title(page)).toBe('The server has too much to do');
    expect(await page.textContent('#problem p')).toMatch(/queue is full.* It should be free in \d+ s\.$/);
  });

  test.each(['light', 'dark', 'a phone'])('has no faults of access on the server: %s', async kind => {
    const phone = { width: 375, height: 700 };
    const colorScheme = kind === 'dark' ? 'dark' : 'light';
    const { page } = await restored({}, { colorScheme, ...(kind === 'a phone' && { viewport: phone }) });
    expect(await faultsOfAccess(page)).toEqual([]);
    const box = (await page.locator('#place .segments').boundingBox())!;
    expect([box.x >= 0, box.x + box.width <= page.viewportSize()!.width]).toEqual([true, true]);
  });
});
