// The page in headless Chromium when things are not done as they are meant to be: another photo before the first is done, a file that is
// none, weights that are none, work that is stopped.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from '../../src/node/index.js';
import { buildSite } from '../built.js';
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
    site = await buildSite();
    server = await serveTiny(site);
  });
  afterEach(async () => {
    await context?.close();
    context = null;
  });
  afterAll(async () => {
    await browser.close();
    await server?.close();
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
    // Without a face that the view would go to.
    const create = { width: 64, height: 64, channels: 3, background: 'grey' } as const;
    const buffer = await sharp({ create }).png().toBuffer();
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
        await page.setInputFiles('#photo-file', { name, mimeType: 'image/png', buffer });
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
    // It may be made sooner than a test can look.
    await expect.poll(() => page.textContent('#summary'), { timeout: 60_000 }).toMatch(/last change/);
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
    expect(download.suggestedFilename()).toBe('astronaut-restored.png');
    await page.setInputFiles('#photo-file', join(root, 'docs/samples/hopper.jpg'));
    await page.waitForSelector('#canvas[aria-label^="hopper.jpg, "]');
    await phase(page, 'done');
    expect(await page.isChecked('[name="network"][value="fast"]')).toBe(true);
    expect(await page.isVisible('#problem')).toBe(false);
  });

  test('a change that is stopped is taken back, and the picture can be saved', async () => {
    const page = await restored();
    // Makes pictures take a while.
    await page.check('#background');
    await phase(page, 'done');
    // In one go: the picture may be made by the time another message has come from here.
    await page.evaluate(() => {
      document.querySelector<HTMLElement>('[name="upscaling"][value="4"]')!.click();
      document.querySelector<HTMLElement>('#stop')!.click();
    });
    await phase(page, 'done');
    expect(await page.isChecked('[name="upscaling"][value="2"]')).toBe(true);
    expect(await page.textContent('#result-size')).toBe('1024 × 1024 pixels');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
    const { width } = await decodeImage(await readFile((await download.path())!));
    expect(width).toBe(1024);
    expect(await page.locator('.toast').count()).toBe(0);
  });

  test('the photo and what was said of it are there after a reload and in the lab, until they are removed', async () => {
    const page = await restored();
    const said = () =>
      page.evaluate(() =>
        ['#fidelity-value', '#strength-value', '.face-words .quiet-text'].map(
          id => document.querySelector(id)!.textContent,
        ),
      );
    await slide(page, '#fidelity', 0.2);
    await page.click('.face-row');
    await slide(page, '#strength', 0.5);
    await phase(page, 'done');
    await page.keyboard.press('Control+z');
    expect(await page.textContent('#strength-value')).toBe('100%');
    await page.click('#redo');
    await phase(page, 'done');
    expect((await said())[2]).toMatch(/strength 50%/);
    await page.waitForTimeout(600);
    await page.reload();
    await page.waitForSelector('#canvas[aria-label^="astronaut.png, "]');
    await phase(page, 'done');
    expect((await said()).slice(0, 2)).toEqual(['0.20', '100%']);
    expect((await said())[2]).toMatch(/strength 50%/);
    expect(await page.isVisible('#kept')).toBe(true);

    await page.click('a[href="lab/"]');
    await page.waitForFunction(() => document.querySelector('#psnr')?.textContent !== '–');
    expect(await page.textContent('#source-name')).toBe('astronaut.png');
    await page.setInputFiles('#file', join(root, 'docs/samples/hopper.jpg'));
    await page.locator('#source-name', { hasText: 'hopper.jpg' }).waitFor();
    await page.waitForTimeout(300);
    await page.click('.bar a[href="../"]');
    await page.waitForSelector('#canvas[aria-label^="hopper.jpg, "]');
    await phase(page, 'done');
    expect(await page.textContent('#fidelity-value')).toBe('0.20');

    await page.click('#forget');
    expect(await page.isVisible('#empty')).toBe(true);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('choose-photo');
    await page.waitForTimeout(600);
    expect(await page.evaluate(async () => (await indexedDB.databases()).length)).toBe(0);
    await page.reload();
    await page.waitForTimeout(300);
    expect(await page.isVisible('#empty')).toBe(true);
  });

  test('what broke the page off while it was brought back is not tried again unasked', async () => {
    const page = await restored();
    await page.waitForTimeout(600);
    // As a page leaves it that ends without a farewell.
    await context!.addInitScript(() => {
      if (!sessionStorage.getItem('once')) sessionStorage.setItem('returning', 'yes');
      sessionStorage.setItem('once', 'yes');
    });
    await page.reload();
    await page.waitForSelector('.toast.warning');
    expect(await page.isVisible('#empty')).toBe(true);
    await page.getByRole('button', { name: 'Open again' }).click();
    await phase(page, 'done');
    expect(await page.getAttribute('#canvas', 'aria-label')).toMatch(/^astronaut\.png/);
  });

  test('how far the work is stands in the title of the tab, in one bar from the download on', async () => {
    context = await browser.newContext({ serviceWorkers: 'block', reducedMotion: 'reduce' });
    const page = await context.newPage();
    const { file } = JSON.parse(await readFile(join(site, 'weights/manifest.json'), 'utf8')).files[0];
    let go = () => {};
    const gate = new Promise<void>(resolve => {
      go = resolve;
    });
    await context.route(`**/weights/${file}`, async route => {
      await gate;
      await route.continue();
    });
    await page.goto(`${server.origin}/`);
    await page.setInputFiles('#photo-file', sample);
    await page.evaluate(() => {
      const seen: string[][] = [];
      Object.assign(globalThis, { seen });
      new MutationObserver(() => {
        const text = (id: string) => document.querySelector(id)!.textContent;
        const words = document.querySelector<HTMLElement>('#progress')!.hidden ? '' : text('#progress-text');
        seen.push([document.title, words, document.querySelector('#progress-bar')!.ariaValueNow ?? '']);
      }).observe(document.documentElement, { subtree: true, childList: true, characterData: true, attributes: true });
    });
    await expect.poll(() => page.textContent('#progress-time'), { timeout: 20_000 }).toMatch(/^about \d+ s left$/);
    go();
    await phase(page, 'done');
    const seen = await page.evaluate(() => (globalThis as unknown as { seen: string[][] }).seen);
    const words = seen.map(([, text]) => text!).filter((text, i, list) => text && text !== list[i - 1]);
    expect(words[0]).toBe('Getting ready');
    for (const text of ['Looking for faces', 'Looking at the face', 'Restoring the face'])
      expect(words).toContain(text);
    const shares = seen.filter(([, text]) => text).map(([, , share]) => Number(share));
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(seen.some(([title]) => /^\d+% · CodeFormer/.test(title!))).toBe(true);
    expect(await page.title()).toMatch(/^CodeFormer/);
  });

  test('a file that is no photo is told of by its name, and the picture stays', async () => {
    const page = await restored();
    const broken = { mimeType: 'image/heic', buffer: Buffer.from('no picture') };
    await page.setInputFiles('#photo-file', { name: 'IMG_0001.HEIC', ...broken });
    await page.waitForSelector('.toast');
    expect(await page.textContent('.toast p')).toMatch(/“IMG_0001\.HEIC” cannot be read.*HEIC.*Safari only/);
    expect(await page.getAttribute('#canvas', 'aria-label')).toMatch(/^astronaut\.png, 1024 by 1024/);
    expect(await page.getAttribute('body', 'data-phase')).toBe('done');
    // What is told covers nothing that is to be pressed.
    await Promise.all([page.waitForEvent('download'), page.click('#save')]);
    expect(await page.isVisible('.toast')).toBe(true);
  });

  test('sizes that a photo cannot be had in are not offered, and the next photo has that which was chosen', async () => {
    const page = await visit();
    const create = { width: 5200, height: 5200, channels: 3, background: 'grey' } as const;
    const buffer = await sharp({ create }).png().toBuffer();
    await page.setInputFiles('#photo-file', { name: 'large.png', mimeType: 'image/png', buffer });
    await page.waitForSelector('#canvas[aria-label^="large.png, "]');
    expect(await page.isChecked('[name="upscaling"][value="1"]')).toBe(true);
    expect(await page.locator('[name="upscaling"]:disabled').count()).toBe(3);
    expect(await page.textContent('#result-size')).toBe('5200 × 5200 pixels');
    expect(await page.textContent('#size-note')).toBe(
      '2×, 3× and 4× would make a picture of more than 100 megapixels.',
    );
    await page.setInputFiles('#photo-file', sample);
    await page.waitForSelector('#canvas[aria-label^="astronaut.png, "]');
    expect(await page.isChecked('[name="upscaling"][value="2"]')).toBe(true);
    expect(await page.locator('[name="upscaling"]:disabled').count()).toBe(0);
  });

  test('what is wrong with weights is seen on small screens', async () => {
    const page = await visit({ viewport: { width: 390, height: 560 } });
    await page.locator('#open-weights').evaluate((button: HTMLElement) => button.click());
    await page.locator('.role').first().getByRole('radio', { name: 'File' }).check();
    await page.click('#weights-apply');
    await page.waitForSelector('#weights-problem:not([hidden])');
    const covered = await page.locator('#weights-problem').evaluate(problem => {
      const { left, top, right, bottom } = problem.getBoundingClientRect();
      return [top + 2, bottom - 2].map(y => document.elementFromPoint((left + right) / 2, y) === problem);
    });
    expect(covered).toEqual([true, true]);
  });

  test('outlines appear where the faces are', async () => {
    const page = await restored({ reducedMotion: 'no-preference' });
    const centres = await page.locator('.outline').evaluate(outline => {
      (outline as HTMLElement).dataset.mode = 'found';
      const [animation] = outline.getAnimations();
      animation!.pause();
      return [0, 1].map(share => {
        animation!.currentTime = share * 239;
        const { left, right, top, bottom } = outline.getBoundingClientRect();
        return [(left + right) / 2, (top + bottom) / 2];
      });
    });
    expect(centres[0]![0]).toBeCloseTo(centres[1]![0]!, 0);
    expect(centres[0]![1]).toBeCloseTo(centres[1]![1]!, 0);
  });

  test('sliders and the divider are seen in forced colours', async () => {
    const page = await restored({ forcedColors: 'active' });
    /** How many colours there are along a line through an element. */
    const colours = async (id: string, along: 'x' | 'y') => {
      const box = (await page.locator(id).boundingBox())!;
      const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
      const clip =
        along === 'x'
          ? { x: box.x + 2, y: middle.y, width: box.width / 4, height: 1 }
          : { x: middle.x, y: box.y + 4, width: 1, height: box.height - 8 };
      const { data } = await decodeImage(await page.screenshot({ clip }));
      return new Set(Array.from({ length: data.length / 4 }, (_, i) => data.subarray(4 * i, 4 * i + 3).join())).size;
    };
    expect(await colours('#fidelity', 'y')).toBeGreaterThan(2);
    expect(
      await page.locator('#divider').evaluate(divider => getComputedStyle(divider, '::before').backgroundColor),
    ).toBe('rgb(255, 255, 255)');
  });

  test('keys walk along the tools, choose faces aloud and let them go; a sample keeps the focus', async () => {
    const page = await visit();
    await page.focus('[data-sample$="chat.jpg"]');
    await page.keyboard.press('Enter');
    await phase(page, 'done');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('stage');
    await page.keyboard.press('n');
    expect(await page.textContent('#scope')).toBe('Face 1');
    expect(await page.textContent('#announcer')).toBe('Face 1 of 1');
    await page.keyboard.press('Escape');
    expect(await page.textContent('#scope')).toBe('The face');
    await page.focus('#zoom-out');
    await page.keyboard.press('ArrowRight');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('zoom-level');
    await page.keyboard.press('End');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('hold');
    await page.keyboard.press('ArrowRight');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('zoom-out');
  });
});
