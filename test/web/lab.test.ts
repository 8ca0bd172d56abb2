// The lab in headless Chromium: codes are found, selected and changed by pointer and keys, fidelity is painted, a sweep measures, and what
// is saved makes the same bytes on the command line.
//
// PAGE_SCREENSHOT=1 also makes docs/lab.jpg, the picture in the README.

import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseReport } from '../../src/bench/report.js';
import { decodeImage, encodeImage } from '../../src/node/images.js';
import { parseFaceCodes } from '../../src/pipeline/face-codes.js';
import { buildProject, buildSite } from '../built.js';
import { TINY } from '../tiny.js';
import { launchChromium } from './chromium.js';
import { serveProject, type TestServer } from './server.js';
import { serveTiny, tinyRestorer } from './tiny-weights.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

const chromium = await launchChromium();

describe.skipIf(!chromium)('the lab', () => {
  const browser = chromium as Browser;
  let folder: string;
  let site: string;
  let weights: string;
  /** One with the weights of the package, one with a network that takes no time. */
  let server: TestServer;
  let tiny: TestServer;
  let crop: Buffer;

  beforeAll(async () => {
    await buildProject();
    folder = await mkdtemp(join(tmpdir(), 'codeformer-lab-'));
    site = await buildSite();
    server = await serveProject(site);
    tiny = await serveTiny(site);
    weights = join(folder, 'tiny.safetensors');
    await writeFile(weights, await tinyRestorer());
    const { size } = TINY;
    const data = Uint8ClampedArray.from({ length: 4 * size * size }, (_, i) => {
      // The first row is half transparent.
      return i % 4 === 3 ? (i < 4 * size ? 120 : 255) : 128 + 100 * Math.sin(i / (9 + (i % 4)));
    });
    crop = Buffer.from(await encodeImage({ data, width: size, height: size }));
  });
  afterAll(async () => {
    await browser.close();
    await server?.close();
    await tiny?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  async function visit(from: TestServer, serviceWorkers: 'allow' | 'block' = 'block', path = 'lab') {
    // Colours that change slowly would be looked at on their way.
    const options = {
      serviceWorkers,
      reducedMotion: 'reduce',
      viewport: { width: 1280, height: 900 },
    } as const;
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', error => faults.push(String(error)));
    // Violations of the security policy are among them.
    page.on('console', message => message.type() === 'error' && faults.push(message.text()));
    await page.goto(`${from.origin}/${path}/`);
    return Object.assign(page, { faults });
  }

  /** Waits until the picture is that of the present settings, and measured. */
  const settled = (page: Page) =>
    page.waitForFunction(
      () =>
        document.querySelector('#psnr')!.textContent !== '–' &&
        document.querySelector('#result-note')!.textContent !== 'Working',
      null,
      { timeout: 100_000 },
    );

  const pixels = (page: Page, id: string) =>
    page
      .locator(id)
      .evaluate((canvas: HTMLCanvasElement) => [
        ...canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height).data,
      ]);

  const cell = (page: Page, index: number) => page.locator('#cells .cell').nth(index);

  /** The codes as screen readers are told them. */
  const codes = (page: Page) =>
    page
      .locator('#cells .cell')
      .evaluateAll(cells => cells.map(element => Number(/code (\d+)/.exec(element.getAttribute('aria-label')!)![1])));

  const selected = (page: Page) =>
    page
      .locator('#cells .cell')
      .evaluateAll(cells => [...cells.keys()].filter(i => cells[i]!.getAttribute('aria-selected') === 'true'));

  async function saved(page: Page, id: string) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(id)]);
    const path = join(folder, download.suggestedFilename());
    await download.saveAs(path);
    return { path, name: download.suggestedFilename(), bytes: await readFile(path) };
  }

  async function drop(page: Page, name: string, text: string): Promise<void> {
    const dataTransfer = await page.evaluateHandle(
      file => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([file.text], file.name));
        return transfer;
      },
      { name, text },
    );
    await page.dispatchEvent('body', 'drop', { dataTransfer });
  }

  async function faultsOfAccess(page: Page): Promise<string[]> {
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() =>
      (globalThis as unknown as { axe: typeof axe }).axe.run({ resultTypes: ['violations'] }),
    );
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.target.join(' ')).join(', ')}`);
  }

  // On a busy machine without a GPU this takes its time.
  const timeout = 240_000;
  test('from a photo to a painted face, and the same bytes on the command line', { timeout }, async () => {
    const page = await visit(server);
    await page.click('[data-sample$="astronaut.png"]');
    await settled(page);
    expect(await page.locator('#faces label').allTextContents()).toEqual(['Face 1', 'All of it']);
    expect(await page.textContent('#codes-note')).toMatch(/^\d+ × \d+ of \d+$/);
    const first = await pixels(page, '#restored');
    const side = Math.sqrt(first.length / 4);

    // A stroke over the middle of the upper half.
    await page.click('label:has([value="paint"])');
    const { x, y, width } = (await page.locator('#plate-crop').boundingBox())!;
    await page.mouse.move(x + 0.3 * width, y + 0.25 * width);
    await page.mouse.down();
    await page.mouse.move(x + 0.7 * width, y + 0.25 * width, { steps: 2 });
    await page.mouse.up();
    await settled(page);
    expect(await page.textContent('#result-note')).toBe('w painted');
    const painted = await pixels(page, '#restored');
    const change = (from: number, to: number) => {
      const rows = [Math.round(from * side), Math.round(to * side)].map(row => 4 * side * row);
      const part = first.slice(rows[0], rows[1]);
      return part.reduce((sum, value, i) => sum + Math.abs(value - painted[rows[0]! + i]!), 0) / part.length;
    };
    expect(change(0.2, 0.3)).toBeGreaterThan(1);
    expect(change(0.2, 0.3)).toBeGreaterThan(4 * change(0.75, 1));

    // Another code in the chin.
    await cell(page, 16 * 13 + 8).click();
    await page.click('#code-more');
    await settled(page);
    expect(await page.textContent('#codes-note')).toBe('1 changed');
    expect(await pixels(page, '#restored')).not.toEqual(painted);

    const document = await saved(page, '#save-codes');
    const face = await saved(page, '#save-crop');
    const picture = await saved(page, '#save-picture');
    expect([document.name, face.name, picture.name]).toEqual([
      'astronaut-codes.json',
      'astronaut-crop.png',
      'astronaut-restored.png',
    ]);
    const words = (await page.textContent('#command'))!.split(' ');
    expect(words).toEqual([
      'npx',
      'codeformer',
      'restore',
      face.name,
      '--aligned',
      '--codes',
      document.name,
      '--weights',
      'embedded',
      '-o',
      picture.name,
    ]);
    const out = join(folder, 'out.png');
    const args = ['restore', face.path, '--aligned', '--codes', document.path, '-o', out];
    execFileSync(process.execPath, [
      join(root, 'bin/codeformer.mjs'),
      ...args,
      '--weights',
      'embedded',
      '--adapter',
      'wasm',
      '-q',
    ]);
    const [made, shown] = [await decodeImage(await readFile(out)), await pixels(page, '#restored')];
    expect(Buffer.from(made.data).equals(Buffer.from(shown))).toBe(true);
    expect((await decodeImage(picture.bytes)).data).toEqual(made.data);

    // The whole photo in the place of the face.
    const face1 = await pixels(page, '#crop');
    await page.locator('#faces label', { hasText: 'All of it' }).click();
    await page
      .locator('#source-note', { hasText: /^expected a crop of \d+x\d+ but it has 512x512: resized/ })
      .waitFor();
    await settled(page);
    expect(await pixels(page, '#crop')).not.toEqual(face1);
    expect(await page.textContent('#codes-note')).toMatch(/ of \d+$/);
    expect(page.faults).toEqual([]);
    await page.context().close();
  });

  test('opens without a connection after the first visit', async () => {
    const short = await serveProject(site);
    const page = await visit(short, 'allow');
    await page.evaluate(() => navigator.serviceWorker.ready);
    await short.close();
    await page.reload();
    await page.click('#choose-first', { trial: true });
    const shown = () =>
      page
        .locator('.samples img[src$=".webp"]')
        .evaluateAll(list => list.map(img => (img as HTMLImageElement).naturalWidth > 0));
    await expect.poll(shown).toEqual([true, true]);
    await page.context().close();
  });

  describe('with a crop', () => {
    let page: Awaited<ReturnType<typeof visit>>;
    let predicted: number[];
    beforeAll(async () => {
      page = await visit(tiny);
    });
    afterAll(async () => {
      expect(page.faults).toEqual([]);
      await page.context().close();
    });

    test('before there is one, codes are refused and what is no picture is named', async () => {
      expect(await faultsOfAccess(page)).toEqual([]);
      await drop(page, 'x.json', '{}');
      await page.locator('.toast', { hasText: 'Open the crop that the codes belong to first.' }).waitFor();
      await page.setInputFiles('#file', { name: 'x.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
      await page.waitForSelector('#problem:not([hidden])');
      expect(await page.textContent('#problem')).toMatch(/cannot be read/);
      await page.setInputFiles('#file', { name: 'my face.png', mimeType: 'image/png', buffer: crop });
      await settled(page);
      expect(await page.isHidden('#problem')).toBe(true);
      expect(await page.textContent('#command')).toMatch(
        /restore 'my face-crop\.png' --aligned --codes 'my face-codes\.json'/,
      );
    });

    test('the boards stay in sight while the settings scroll, and reading can be stopped', async () => {
      const inSight = () =>
        page.locator('#restored').evaluate(board => {
          const { top, bottom } = board.getBoundingClientRect();
          return top >= 0 && bottom <= innerHeight;
        });
      for (const size of [
        { width: 1280, height: 900 },
        { width: 800, height: 900 },
        { width: 390, height: 844 },
      ]) {
        await page.setViewportSize(size);
        for (const id of ['#save-codes', '#adain', '#code']) {
          await page.locator(id).scrollIntoViewIfNeeded();
          expect(await inSight(), `${id} at ${size.width}`).toBe(true);
          // The boards do not lie over what they stay beside.
          await page.click(id, { trial: true });
        }
      }
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.evaluate(() => scrollTo(0, 0));
      const before = await page.textContent('#source-name');
      await page.evaluate(() => {
        const decode = createImageBitmap as (blob: Blob) => Promise<ImageBitmap>;
        globalThis.createImageBitmap = (async (blob: Blob) => {
          await new Promise(resolve => setTimeout(resolve, 500));
          Object.assign(globalThis, { createImageBitmap: decode });
          return decode(blob);
        }) as typeof createImageBitmap;
      });
      await page.setInputFiles('#file', { name: 'other.png', mimeType: 'image/png', buffer: crop });
      await page.locator('#stop:visible').evaluate((stop: HTMLElement) => stop.click());
      await page.waitForTimeout(1000);
      expect(await page.isHidden('#busy')).toBe(true);
      expect(await page.textContent('#source-name')).toBe(before);
    });

    test('cells are selected by keys and by clicks', async () => {
      predicted = await codes(page);
      await cell(page, 17).click();
      expect(await selected(page)).toEqual([17]);
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Shift+ArrowDown');
      expect(await selected(page)).toEqual([18, 34]);
      expect(await cell(page, 34).evaluate(element => element === document.activeElement)).toBe(true);
      await page.keyboard.press('Control+a');
      expect((await selected(page)).length).toBe(256);
      await page.keyboard.press('Escape');
      await page.keyboard.press('Home');
      expect(await selected(page)).toEqual([32]);
      await page.keyboard.press('Control+ArrowRight');
      await page.keyboard.press('Control+ArrowRight');
      await page.keyboard.press('Space');
      expect(await selected(page)).toEqual([32, 34]);
      await cell(page, 35).click({ modifiers: ['Control'] });
      await cell(page, 52).click({ modifiers: ['Shift'] });
      expect(await selected(page)).toEqual([35, 36, 51, 52]);
      // A click on the picture means the cell below it.
      await page.locator('#plate-restored').click({ position: { x: 1, y: 1 } });
      expect(await selected(page)).toEqual([0]);
      expect(await page.textContent('#cell-readout')).toMatch(/^Row 1, column 1\. Code \d+, margin [\d.]+\.$/);
    });

    test('codes are typed, stepped, copied, swapped, taken back and reset, each with another picture', async () => {
      const before = await codes(page);
      const picture = await pixels(page, '#restored');
      await cell(page, 0).click();
      const other = (before[0]! + 5) % TINY.codebook;
      await page.fill('#code', String(other));
      await page.keyboard.press('Tab');
      await settled(page);
      expect((await codes(page))[0]).toBe(other);
      expect(await pixels(page, '#restored')).not.toEqual(picture);
      await page.fill('#code', String(TINY.codebook));
      await page.keyboard.press('Tab');
      expect(await page.inputValue('#code')).toBe(String(other));

      await cell(page, 0).focus();
      await page.keyboard.press('+');
      expect((await codes(page))[0]).toBe((other + 1) % TINY.codebook);
      await page.keyboard.press('Control+c');
      await cell(page, 40).click();
      await page.keyboard.press('Control+v');
      expect((await codes(page))[40]).toBe((other + 1) % TINY.codebook);

      await cell(page, 1).click();
      const [a, b] = [(await codes(page))[1], (await codes(page))[200]];
      await cell(page, 200).click({ modifiers: ['Control'] });
      await page.click('#swap');
      expect([(await codes(page))[1], (await codes(page))[200]]).toEqual([b, a]);
      await page.keyboard.press('Control+z');
      expect([(await codes(page))[1], (await codes(page))[200]]).toEqual([a, b]);
      await page.keyboard.press('Control+Shift+z');
      expect([(await codes(page))[1], (await codes(page))[200]]).toEqual([b, a]);

      await page.click('#reset-all');
      await settled(page);
      expect(await codes(page)).toEqual(before);
      expect(await pixels(page, '#restored')).toEqual(picture);
      expect(await page.isDisabled('#reset-all')).toBe(true);
    });

    test('the likeliest codes of a cell can be taken', async () => {
      await cell(page, 70).click();
      await page.waitForSelector('.likely-code');
      const offered = await page.locator('.likely-code b').allTextContents();
      expect(Number(offered[0])).toBe((await codes(page))[70]);
      expect(await page.locator('.likely-code').first().getAttribute('aria-pressed')).toBe('true');
      await page.locator('.likely-code').nth(1).click();
      expect((await codes(page))[70]).toBe(Number(offered[1]));
      await page.click('#reset-all');
    });

    test('codes are drawn with a seed, for all cells or for some', async () => {
      const before = await codes(page);
      await page.fill('#seed', '5');
      await page.locator('#temperature').fill('1');
      await page.click('#draw-all');
      await settled(page);
      const all = await codes(page);
      expect(all).not.toEqual(before);
      const { indices, sampling } = parseFaceCodes((await saved(page, '#save-codes')).bytes.toString(), 'codes');
      expect([[...indices], sampling]).toEqual([all, { temperature: 1, seed: 5 }]);
      await page.click('#reset-all');
      await cell(page, 0).click();
      await cell(page, 255).click({ modifiers: ['Shift'] });
      await cell(page, 0).click();
      await page.keyboard.press('Shift+ArrowRight');
      await page.click('#draw-selected');
      expect(await codes(page)).toEqual(before.map((code, i) => (i < 2 ? all[i] : code)));
      await page.click('#reset-all');
      await settled(page);
    });

    test('fidelity is painted by keys as well, and goes with the codes', async () => {
      const plain = await pixels(page, '#restored');
      await cell(page, 0).click();
      for (let i = 0; i < 7; i++) await page.keyboard.press('Shift+ArrowDown');
      await page.click('#fill-cells');
      await page.locator('#fidelity').fill('0');
      await settled(page);
      const painted = await pixels(page, '#restored');
      expect(painted).not.toEqual(plain);
      await page.click('label:has(#adain)');
      await settled(page);
      const without = await pixels(page, '#restored');
      expect(without).not.toEqual(painted);
      const { bytes, path } = await saved(page, '#save-codes');
      const { fidelity, adain } = parseFaceCodes(bytes.toString(), 'codes');
      expect(adain).toBe(false);
      const map = fidelity as Float32Array;
      // Eight cells of two pixels at the left edge.
      expect(map.reduce((sum, value) => sum + value, 0)).toBe(32);
      expect([map[0], map[2], map[15 * 32 + 1], map[16 * 32]]).toEqual([1, 0, 1, 0]);

      const face = await saved(page, '#save-crop');
      const out = join(folder, 'tiny.png');
      const args = ['restore', face.path, '--aligned', '--codes', path, '-o', out, '--weights', weights, '-q'];
      execFileSync(process.execPath, [join(root, 'bin/codeformer.mjs'), ...args, '--adapter', 'software']);
      expect([...(await decodeImage(await readFile(out))).data]).toEqual(without);

      await page.click('#clear-paint');
      await page.click('label:has(#adain)');
      await page.locator('#fidelity').fill('0.5');
      await settled(page);
      expect(await pixels(page, '#restored')).toEqual(plain);
      await drop(page, 'codes.json', bytes.toString());
      await page.waitForFunction(() => document.querySelector('#result-note')!.textContent!.includes('no AdaIN'));
      await settled(page);
      expect(await pixels(page, '#restored')).toEqual(without);
      await page.keyboard.press('Control+z');
      await settled(page);
      expect(await pixels(page, '#restored')).toEqual(plain);
    });

    test('codes that are broken or of another network are refused in words', async () => {
      const text = (await saved(page, '#save-codes')).bytes.toString();
      const before = await codes(page);
      const wrong = { ...JSON.parse(text), fingerprint: 'a'.repeat(64), model: 'another' };
      for (const [content, words] of [
        ['{', /x\.json: expected JSON/],
        [text.replace('"indices":[', '"indices":[99,'), /for indices/],
        [JSON.stringify(wrong), /another one \("another"\)/],
      ] as const) {
        await drop(page, 'x.json', content);
        await page.locator('.toast.error', { hasText: words }).waitFor();
      }
      expect(await codes(page)).toEqual(before);
    });

    test('a sweep measures each fidelity', async () => {
      await page.selectOption('#sweep-count', '5');
      await page.click('#sweep-start');
      await page.waitForFunction(() => document.querySelectorAll('#sweep-table tbody tr').length === 5);
      await page.waitForFunction(() => document.querySelector('#sweep-start')!.textContent === 'Measure');
      const rows = await page
        .locator('#sweep-table tbody tr')
        .evaluateAll(list => list.map(row => [...row.children].map(child => child.textContent)));
      expect(rows.map(([fidelity]) => fidelity)).toEqual(['0', '0.25', '0.5', '0.75', '1']);
      // The present picture is one of them.
      const shown = await Promise.all(['#psnr', '#ssim', '#sharpness'].map(id => page.textContent(id)));
      expect(rows[2]!.slice(2)).toEqual([shown[0]!.replace(' dB', ''), ...shown.slice(1)]);
      expect(new Set(rows.map(([, , psnr]) => psnr)).size).toBe(5);
      expect(await page.locator('#charts svg').count()).toBe(3);
      expect(await page.locator('#charts circle').count()).toBe(15);
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await page.click('#sweep-copy');
      const csv = await page.evaluate(() => navigator.clipboard.readText());
      expect(csv).toMatch(/^fidelity,psnr_db,ssim,sharpness\n0,[\d.]+,-?[\d.]+,[\d.]+\n0\.25,/);
      expect(csv.trim().split('\n').length).toBe(6);

      await page.getByRole('button', { name: 'Use fidelity 0.25' }).click();
      expect(await page.textContent('#fidelity-value')).toBe('0.25');
      await cell(page, 3).click();
      await page.click('#code-more');
      expect(await page.textContent('#sweep-note')).toBe('These are the codes and settings of before.');
    });

    test('other weights are taken with the picture that is open, and broken ones are not', async () => {
      const before = await codes(page);
      await page.setInputFiles('#file', weights);
      await page
        .locator('#network', { hasText: /^tiny\.safetensors: crops of 32 × 32, 16 × 16 codes of 16\./ })
        .waitFor();
      await settled(page);
      expect(await codes(page)).toEqual(predicted);
      expect(await page.textContent('#command')).toContain(' --weights tiny.safetensors ');
      const broken = { name: 'x.pth', mimeType: 'application/octet-stream', buffer: Buffer.from('no weights at all') };
      await page.setInputFiles('#file', broken);
      await page
        .locator('.toast.error', { hasText: /The weights were not taken\. x\.pth/ })
        .waitFor({ timeout: 100_000 });
      await settled(page);
      expect(await page.textContent('#network')).toMatch(/^tiny\.safetensors/);
      expect(await codes(page)).toEqual(predicted);
      expect(before).not.toEqual(predicted);
    });

    test('nothing stands in the way of assistive technology, in light and dark', async () => {
      await page.click('label:has([value="margins"])');
      expect(await faultsOfAccess(page)).toEqual([]);
      await page.emulateMedia({ colorScheme: 'dark' });
      expect(await faultsOfAccess(page)).toEqual([]);
    });

    test('fits phones', async () => {
      await page.setViewportSize({ width: 360, height: 740 });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide).toBeLessThanOrEqual(0);
      const { width, height } = (await cell(page, 0).boundingBox())!;
      expect(Math.min(width, height)).toBeGreaterThan(18);
    });
  });

  test.runIf(process.env.PAGE_SCREENSHOT)('its picture for the README', async () => {
    const page = await visit(server);
    await page.setViewportSize({ width: 1400, height: 760 });
    await page.click('[data-sample$="astronaut.png"]');
    await settled(page);
    await page.click('label:has([value="margins"])');
    await cell(page, 16 * 7 + 5).click();
    await cell(page, 16 * 8 + 6).click({ modifiers: ['Shift'] });
    await page.waitForSelector('.likely-code');
    await page.screenshot({ path: join(root, 'docs/lab.jpg'), type: 'jpeg', quality: 88 });
    await page.context().close();
  });

  test('the bench beside it measures, copies its JSON, compares it and says what is wrong', { timeout }, async () => {
    const page = await visit(server, 'block', 'bench');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    expect(await faultsOfAccess(page)).toEqual([]);
    for (const section of ['stages', 'networks', 'memory']) await page.uncheck(`[value="${section}"]`);
    await page.selectOption('#adapter', 'wasm');
    for (const [id, value] of [
      ['#filter', 'codebook/argmax'],
      ['#runs', '1'],
      ['#size', '32'],
    ] as const)
      await page.fill(id, value);
    await page.click('#run');
    await page.waitForSelector('#copy:enabled', { timeout: 60_000 });
    expect(await page.inputValue('#report')).toMatch(/\ncodebook\/argmax 256 tokens, 1024 codes +\d/);
    await page.click('#copy');
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    const report = parseReport(new TextEncoder().encode(copied), 'copied');
    expect(report.figures.map(({ section }) => section)).toEqual(['start', 'start', 'kernels']);
    expect(report.runtime).toContain('Chrome');
    const file = (text: string) => ({ name: 'a.json', mimeType: 'application/json', buffer: Buffer.from(text) });
    await page.setInputFiles('#file', file(copied));
    await page.waitForFunction(() => document.querySelector<HTMLTextAreaElement>('#report')!.value.includes('B / A'));
    await page.setInputFiles('#file', file('{}'));
    await page.waitForSelector('#problem:not([hidden])');
    expect(await page.textContent('#problem')).toMatch(/^a\.json: expected what .* but it is something else$/);
    // There is one way on WebAssembly.
    await page.click('#tune');
    await page.waitForFunction(
      () => document.querySelector('#status')!.textContent === 'There is nothing to tune here',
    );
    expect(await page.inputValue('#report')).toMatch(/^WebAssembly SIMD .*: there is nothing to choose from$/);
    // In one go: it may have ended by the time another message has come from here.
    await page.evaluate(() => {
      for (const id of ['#run', '#stop']) document.querySelector<HTMLElement>(id)!.click();
    });
    expect(await page.textContent('#status')).toBe('Stopped');
    expect(page.faults).toEqual([]);
    await page.context().close();
  });
});
