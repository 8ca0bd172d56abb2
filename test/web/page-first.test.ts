// The page in headless Chromium without WebGPU, as somebody meets it for the first time: what is there before a photo, where the view goes
// after the work, faces that were missed, and the official network.

import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OFFICIAL_FILES } from '../../src/weights/official.js';
import { buildSite } from '../built.js';
import { filesOf } from '../packed.js';
import { launchChromium } from './chromium.js';
import { sendBytes, type TestServer } from './server.js';
import { serveTiny, tinyRestorer } from './tiny-weights.js';

const { bytes: BYTES, sha256: HASH } = OFFICIAL_FILES[0]!;

const chromium = await launchChromium({ webgpu: false });

describe.skipIf(!chromium)('the page', () => {
  const browser = chromium as Browser;
  let site: string;
  let server: TestServer;
  let context: BrowserContext;
  let page: Page;
  const faults: string[] = [];

  beforeAll(async () => {
    site = await buildSite();
    server = await serveTiny(site);
    // A file that takes the place of the official one, which is large and on another host.
    const official = await tinyRestorer(2);
    const hash = createHash('sha256').update(official).digest('hex');
    for (const name of filesOf(site).filter(name => name.endsWith('.js'))) {
      const text = await readFile(join(site, name), 'utf8');
      if (!text.includes(HASH!)) continue;
      const changed = text.replaceAll(HASH!, hash).replaceAll(String(BYTES), String(official.length));
      server.routes.set(`/${name}`, (request, response) =>
        sendBytes(request, response, Buffer.from(changed), 'text/javascript'),
      );
    }
    server.routes.set('/copy/codeformer.pth', (request, response) => sendBytes(request, response, official));
    context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      serviceWorkers: 'block',
      reducedMotion: 'reduce',
    });
    await context.route('https://github.com/**', route => route.abort());
    page = await context.newPage();
    page.on('pageerror', error => faults.push(String(error)));
    await page.goto(`${server.origin}/`);
  });
  afterAll(async () => {
    await browser.close();
    await server?.close();
  });

  const phase = (name: string) => page.waitForSelector(`body[data-phase="${name}"]`, { timeout: 100_000 });
  const middleOf = async (selector: string) => {
    const { x, y, width, height } = (await page.locator(selector).boundingBox())!;
    return { x: x + width / 2, y: y + height / 2, width, height };
  };

  async function faultsOfAccess(): Promise<string[]> {
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() =>
      (globalThis as unknown as { axe: typeof axe }).axe.run({ resultTypes: ['violations'] }),
    );
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.target.join(' ')).join(', ')}`);
  }

  /** Controls and words that reach beyond the edge of the screen. */
  const outside = () =>
    page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('.bar *, .empty *, .panel *')]
        .filter(element => {
          const { left, right, width } = element.getBoundingClientRect();
          return width > 1 && (left < -1 || right > innerWidth + 1);
        })
        .map(element => element.id || element.className || element.tagName),
    );

  test('shows before and after of a worn photo before there is another, in plain words', async () => {
    const shown = () =>
      page
        .locator('.hero-after')
        .evaluate(after => Number.parseFloat(getComputedStyle(after).clipPath.split(' ').at(-1)!));
    expect(await shown()).toBe(50);
    await page.focus('#hero-divider');
    await page.keyboard.press('End');
    expect(await shown()).toBe(100);
    expect(await page.getAttribute('#hero-divider', 'aria-valuetext')).toBe('100% before, 0% after');
    expect(await page.innerText('body')).not.toMatch(/weights|network|machine|engine/i);
    const widths = await page
      .locator('#empty img')
      .evaluateAll(images => images.map(image => (image as HTMLImageElement).naturalWidth > 0));
    expect(widths).toEqual([true, true, true, true, true]);
    const files = ['old-print.jpg', 'old-print-restored.webp', 'album.jpg', 'chat.jpg'];
    const sizes = await Promise.all(files.map(async name => (await stat(join(site, 'samples', name))).size));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(300_000);
    expect(await faultsOfAccess()).toEqual([]);
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await outside()).toEqual([]);
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  test('goes to the largest face when a sample is restored, with the divider through it', async () => {
    await page.click('[data-sample$="album.jpg"]');
    await phase('done');
    await expect.poll(() => page.locator('.outline').count()).toBe(3);
    const outlines = page.locator('.outline');
    const boxes = await outlines.evaluateAll(all => all.map(outline => outline.getBoundingClientRect().toJSON()));
    const [largest] = boxes.toSorted((a, b) => b.width * b.height - a.width * a.height);
    const surface = (await page.locator('#surface').boundingBox())!;
    expect(largest.height).toBeGreaterThan(0.3 * surface.height);
    const divider = await middleOf('#divider');
    expect(divider.x).toBeGreaterThan(largest.left);
    expect(divider.x).toBeLessThan(largest.right);
    // Counted from left to right, here and in the panel.
    expect(boxes.map(({ x }) => x)).toEqual(boxes.map(({ x }) => x).toSorted((a, b) => a - b));
    expect(await outlines.allTextContents()).toEqual(['1', '2', '3']);
    expect(await page.locator('.face-words b').allTextContents()).toEqual(['Face 1', 'Face 2', 'Face 3']);
  });

  test('looks at a face that is chosen', async () => {
    for (const number of [3, 1]) {
      await page.click(`.face-list li:nth-child(${number}) .face-row`);
      const outline = await middleOf(`.outline:nth-child(${number})`);
      const surface = await middleOf('#surface');
      expect(Math.abs(outline.x - surface.x)).toBeLessThan(surface.width / 6);
      expect(Math.abs(outline.y - surface.y)).toBeLessThan(surface.height / 3);
    }
    await page.keyboard.press('Escape');
  });

  test('takes a box around a face that was missed, drawn or moved by keys', async () => {
    await page.keyboard.press('0');
    await page.click('#show-face');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('box');
    expect(await faultsOfAccess()).toEqual([]);
    await page.keyboard.press('Escape');
    expect(await page.isVisible('#box-layer')).toBe(false);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('show-face');
    const before = await middleOf('.outline:nth-child(2)');
    await page.click('#show-face');
    const frame = await middleOf('#box');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('-');
    const moved = await middleOf('#box');
    expect(moved.x).toBeCloseTo(frame.x - 8, 0);
    expect(moved.width).toBeCloseTo(frame.width / 1.1, 0);
    // Between the first two prints there is nobody.
    const first = await middleOf('.outline:nth-child(1)');
    const [x, y] = [(first.x + before.x) / 2 - 15, first.y - 120];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 30, y + 40, { steps: 3 });
    await page.mouse.up();
    await expect.poll(() => page.locator('.face-row').count(), { timeout: 60_000 }).toBe(4);
    await phase('done');
    expect(await page.textContent('.face-list li:nth-child(2) .quiet-text')).toMatch(/no face was recognised here/);
    expect(await page.textContent('#scope')).toBe('Face 2');
    await page.keyboard.press('Escape');
  });

  test('has the samples at hand after the first photo', async () => {
    await page.click('#open-samples');
    expect(await page.locator('#samples .sample').count()).toBe(3);
    expect(await faultsOfAccess()).toEqual([]);
    await page.click('#samples [data-sample$="chat.jpg"]');
    expect(await page.locator('#samples').getAttribute('open')).toBeNull();
    await page.waitForSelector('#canvas[aria-label^="chat.jpg, "]');
    await phase('done');
    // Small photos are made four times as large.
    expect(await page.isChecked('[name="upscaling"][value="4"]')).toBe(true);
    expect(await page.textContent('#licence')).toMatch(/^For non-commercial use only\. Licence$/);
  });

  test('offers to sharpen the background where that was not done by itself', async () => {
    await page.click('#offer-background');
    expect(await page.isChecked('#background')).toBe(true);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('background');
    await phase('done');
    await page.uncheck('#background');
    await phase('done');
    expect(await page.isVisible('#offer-background')).toBe(false);
  });

  test('has a brush that paints on the picture, by pointer and by keys', async () => {
    await page.click('#open-brush');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('brush');
    expect(await faultsOfAccess()).toEqual([]);
    /** Where the middle of all paint is, in pixels of the screen, and how much of the crop is painted. */
    const paint = () =>
      page.locator('#brush-paint').evaluate((canvas: HTMLCanvasElement) => {
        const { data, width } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
        const painted = Array.from({ length: width * width }, (_, i) => i).filter(i => data[4 * i + 3]! > 0);
        const mean = (part: (i: number) => number) => painted.reduce((sum, i) => sum + part(i), 0) / painted.length;
        const { left, top, width: wide, height: high } = canvas.getBoundingClientRect();
        const at = { x: mean(i => i % width) / width, y: mean(i => Math.floor(i / width)) / width };
        return { x: left + wide * at.x, y: top + high * at.y, share: painted.length / width ** 2 };
      });
    const { x, y } = await middleOf('#brush');
    await page.keyboard.press('Space');
    await expect.poll(async () => (await paint()).share).toBeGreaterThan(0);
    const dab = await paint();
    expect(Math.hypot(dab.x - x, dab.y - y)).toBeLessThan(30);
    await page.mouse.move(x - 40, y);
    await page.mouse.down();
    await page.mouse.move(x + 60, y, { steps: 5 });
    await page.mouse.up();
    expect((await paint()).share).toBeGreaterThan(dab.share);
    await phase('done');
    expect(await page.textContent('.face-words .quiet-text')).toMatch(/painted/);
    await page.keyboard.press('Escape');
    expect(await page.isVisible('#brush-layer')).toBe(false);
    await page.click('#open-brush');
    await page.click('#brush-clear');
    await page.click('#brush-done');
    await phase('done');
    expect(await page.textContent('.face-words .quiet-text')).not.toMatch(/painted/);
  });

  test('says how to get the official network by hand where no host lets the page read it', async () => {
    await page.check('[name="network"][value="official"]');
    await page.waitForSelector('#official[open]');
    expect(await page.textContent('#official')).toMatch(/non-commercial use only/);
    expect(await faultsOfAccess()).toEqual([]);
    await page.click('#official-fetch');
    await page.waitForSelector('#official-by-hand:not([hidden])');
    expect(await page.getAttribute('#official-by-hand a', 'href')).toMatch(/^https:.*\/codeformer\.pth$/);
    expect(await faultsOfAccess()).toEqual([]);
    const transfer = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['cut short'], 'codeformer.pth'));
      return transfer;
    });
    await page.dispatchEvent('#official .drop-target', 'drop', { dataTransfer: transfer });
    await expect.poll(() => page.textContent('#official-problem')).toMatch(/^This is not codeformer\.pth as/);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.isChecked('[name="network"][value="fast"]')).toBe(true);
    expect(await page.getAttribute('#canvas', 'aria-label')).toMatch(/^chat\.jpg, /);
  });

  test('gets it by one click where its own host has it, and keeps it', async () => {
    const copy = server.routes.get('/copy/codeformer.pth')!;
    server.routes.set('/weights/codeformer.pth', copy);
    await page.check('[name="network"][value="official"]');
    await page.click('#official-fetch');
    await page.waitForSelector('.toast', { timeout: 60_000 });
    expect(await page.textContent('.toast p')).toBe('The official version is ready, also without a connection.');
    expect(await page.locator('#official').getAttribute('open')).toBeNull();
    await phase('done');
    // To and fro without another download.
    const asked = () => server.requests.filter(({ path }) => path.endsWith('/codeformer.pth')).length;
    const before = asked();
    for (const choice of ['fast', 'official']) {
      await page.check(`[name="network"][value="${choice}"]`);
      await expect.poll(() => page.textContent('#network-status'), { timeout: 60_000 }).toBe('');
      await phase('done');
      expect(await page.isChecked(`[name="network"][value="${choice}"]`)).toBe(true);
    }
    await page.reload();
    await expect.poll(() => page.isChecked('[name="network"][value="official"]'), { timeout: 60_000 }).toBe(true);
    expect(asked()).toBe(before);
    expect(faults).toEqual([]);
  });
});
