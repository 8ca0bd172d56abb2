// The page in headless Chromium when things are not done as they are meant to be: another photo before the first is done, a file that is
// none, weights that are none, work that is stopped.

import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from '../../src/node/index.js';
import { launchChromium } from './chromium.js';
import type { TestServer } from './server.js';
import { serveTiny } from './tiny-weights.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const sample = join(root, 'docs/samples/astronaut.png');

const chromium = await launchChromium();

describe.skipIf(!chromium)('the page', () => {
  const browser = chromium as Browser;
  let site: string;
  let server: TestServer;
  let context: BrowserContext | null = null;

  beforeAll(async () => {
    site = await mkdtemp(join(tmpdir(), 'codeformer-page-'));
    execFileSync(process.execPath, [join(root, 'scripts/demo.mjs'), 'build', site]);
    server = await serveTiny(site);
  });
  afterEach(async () => {
    await context?.close();
    context = null;
  });
  afterAll(async () => {
    await browser.close();
    await server?.close();
    if (site) await rm(site, { recursive: true });
  });

  async function visit(options: BrowserContextOptions = {}, script?: () => void): Promise<Page> {
    context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      serviceWorkers: 'block',
      reducedMotion: 'reduce',
      ...options,
    });
    if (script) await context.addInitScript(script);
    const page = await context.newPage();
    await page.goto(`${server.origin}/`);
    return page;
  }

  const phase = (page: Page, name: string) => page.waitForSelector(`body[data-phase="${name}"]`, { timeout: 100_000 });

  /** The page with the sample restored. */
  async function restored(options: BrowserContextOptions = {}): Promise<Page> {
    const page = await visit(options);
    await page.setInputFiles('#photo-file', sample);
    await phase(page, 'done');
    return page;
  }

  const slide = (page: Page, id: string, value: number) =>
    page.locator(id).evaluate((input: HTMLInputElement, to) => {
      input.valueAsNumber = to;
      input.dispatchEvent(new Event('input', { bubbles: true }));
    }, value);

  test('another photo lies where it belongs, however soon it comes after the one before', async () => {
    for (const viewport of [
      { width: 1280, height: 800 },
      { width: 390, height: 844 },
    ]) {
      // Files that are read within a frame.
      const page = await visit({ viewport }, () => {
        File.prototype.arrayBuffer = async () => new ArrayBuffer(0);
        globalThis.createImageBitmap = (async () => {
          const canvas = new OffscreenCanvas(64, 64);
          canvas.getContext('2d')!.fillRect(0, 0, 64, 64);
          return canvas.transferToImageBitmap();
        }) as typeof createImageBitmap;
      });
      for (const name of ['first.png', 'second.png']) {
        await page.setInputFiles('#photo-file', { name, mimeType: 'image/png', buffer: await readFile(sample) });
        await page.waitForSelector(`#canvas[aria-label^="${name}, "]`);
        await phase(page, 'done');
      }
      const [surface, divider] = await Promise.all(
        ['#surface', '#divider'].map(async id => (await page.locator(id).boundingBox())!),
      );
      expect(divider!.x + divider!.width / 2).toBeCloseTo(surface!.x + surface!.width / 2, 0);
      expect(divider!.y + divider!.height / 2).toBeCloseTo(surface!.y + surface!.height / 2, 0);
      await context!.close();
    }
  });

  test('weights that are none leave the engine and the photo alone, whether the dialog is closed or not', async () => {
    const page = await restored();
    await page.click('#open-weights');
    const row = page.locator('.role').first();
    await row.getByRole('radio', { name: 'File' }).check();
    await row.locator('input[type="file"]').setInputFiles({ name: 'a.jpg', mimeType: '', buffer: Buffer.from('no') });
    await page.click('#weights-apply');
    await page.waitForSelector('#weights-problem:not([hidden])');
    await page.click('#weights-apply');
    await page.keyboard.press('Escape');
    await slide(page, '#fidelity', 0.2);
    await phase(page, 'rendering');
    await phase(page, 'done');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
    expect(download.suggestedFilename()).toBe('astronaut-restored.png');
    await page.setInputFiles('#photo-file', join(root, 'docs/samples/hopper.jpg'));
    await page.waitForSelector('#canvas[aria-label^="hopper.jpg, "]');
    await phase(page, 'done');
    expect(await page.textContent('#weights-name')).toBe('ours');
    expect(await page.isVisible('#problem')).toBe(false);
  });

  test('a change that is stopped is taken back, and the picture can be saved', async () => {
    const page = await restored();
    // Makes pictures take a while.
    await page.check('#background');
    await phase(page, 'done');
    await page.check('[name="upscaling"][value="4"]');
    await page.locator('#stop').evaluate((stop: HTMLElement) => stop.click());
    await phase(page, 'done');
    expect(await page.isChecked('[name="upscaling"][value="2"]')).toBe(true);
    expect(await page.textContent('#result-size')).toBe('1024 × 1024 pixels');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
    const { width } = await decodeImage(await readFile((await download.path())!));
    expect(width).toBe(1024);
    expect(await page.locator('.toast').count()).toBe(0);
  });

  test('a file that is no photo is told of by its name, and the picture stays', async () => {
    const page = await restored();
    const broken = { mimeType: 'image/heic', buffer: Buffer.from('no picture') };
    await page.setInputFiles('#photo-file', { name: 'IMG_0001.HEIC', ...broken });
    await page.waitForSelector('.toast');
    expect(await page.textContent('.toast p')).toMatch(/“IMG_0001\.HEIC” cannot be read.*HEIC.*Safari only/);
    expect(await page.getAttribute('#canvas', 'aria-label')).toMatch(/^astronaut\.png, 1024 by 1024/);
    expect(await page.getAttribute('body', 'data-phase')).toBe('done');
    await Promise.all([page.waitForEvent('download'), page.click('#save')]);
  });
});
