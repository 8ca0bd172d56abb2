// Albums in headless Chromium, on a page without WebGPU: photos and a file that is none, in one zip, with what the photos said of themselves;
// what is made to be shown to others; and the page as an installed app.

import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildSite } from '../built.js';
import { launchChromium } from './chromium.js';
import type { TestServer } from './server.js';
import { serveTiny } from './tiny-weights.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const sample = join(root, 'docs/samples/astronaut.png');

declare global {
  /** How far the layout has shifted, and what of it. */
  var shifted: string[];
}

const chromium = await launchChromium({ webgpu: false });

describe.skipIf(!chromium)('an album on the page', () => {
  const browser = chromium as Browser;
  let site: string;
  let folder: string | undefined;
  let server: TestServer;
  let context: BrowserContext;
  let page: Page;
  const faults: string[] = [];

  beforeAll(async () => {
    site = await buildSite();
    server = await serveTiny(site);
    context = await browser.newContext({ serviceWorkers: 'block', reducedMotion: 'reduce' });
    page = await context.newPage();
    await page.addInitScript(() => {
      // As phones have it.
      navigator.canShare = data => data?.files?.length === 1;
      navigator.share = async data => void (document.title = `shared ${data!.files![0]!.name}`);
      // The browser without a window has none.
      navigator.clipboard.write = async ([item]) => {
        const { width, height } = await createImageBitmap(await item!.getType('image/png'));
        document.title = `copied ${width} x ${height}`;
      };
    });
    page.on('pageerror', error => faults.push(String(error)));
    // Violations of the security policy are among them.
    page.on('console', message => message.type() === 'error' && faults.push(message.text()));
    await page.goto(`${server.origin}/`);
    // On its side, as phones store photos.
    const face = await sharp(sample).extract({ left: 100, top: 0, width: 300, height: 260 }).rotate(270).toBuffer();
    const exif = { IFD0: { Copyright: 'by the test' } };
    const buffer = await sharp(face).jpeg().withExif(exif).withMetadata({ orientation: 6 }).toBuffer();
    const photo = (name: string) => ({ name, mimeType: 'image/jpeg', buffer });
    await page.setInputFiles(
      '#photo-file',
      [photo('a.jpg'), photo('a.jpg'), photo('letter.jpg')].map((file, i) =>
        i === 2 ? { ...file, buffer: Buffer.from('no photo') } : file,
      ),
    );
    await page.waitForSelector('body[data-phase="done"]', { timeout: 100_000 });
  });
  afterAll(async () => {
    await browser.close();
    await server?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  const standings = () =>
    page.locator('.album-photo').evaluateAll(all => all.map(element => (element as HTMLElement).dataset.standing));

  async function faultsOfAccess(): Promise<string[]> {
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() =>
      (globalThis as unknown as { axe: typeof axe }).axe.run({ resultTypes: ['violations'] }),
    );
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.target.join(' ')).join(', ')}`);
  }

  /** The same in all the ways in which people set up their browsers: in the dark, in colours of their own, with text twice as large. */
  async function faultsEverywhere(): Promise<string[]> {
    const found: string[] = [];
    const usual = { colorScheme: 'light', forcedColors: 'none' } as const;
    for (const look of [{}, { colorScheme: 'dark' }, { forcedColors: 'active' }] as const) {
      await page.emulateMedia({ ...usual, ...look });
      found.push(...(await faultsOfAccess()));
    }
    await page.emulateMedia(usual);
    const enlarge = (size: string) =>
      page.evaluate(size => document.documentElement.style.setProperty('font-size', size), size);
    await enlarge('200%');
    found.push(...(await faultsOfAccess()));
    await enlarge('');
    return found;
  }

  async function downloaded(button: string): Promise<{ name: string; bytes: Buffer }> {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(button)]);
    return { name: download.suggestedFilename(), bytes: await readFile((await download.path())!) };
  }

  test('shows the first photo, and names the file that is none', async () => {
    await expect.poll(standings).toEqual(['waiting', 'waiting', 'failed']);
    await page.click('#album-problems summary');
    expect(await page.textContent('#album-problems li')).toMatch(/^“letter\.jpg” cannot be read as a photo/);
    await page.click('#album-problems summary');
  });

  test('moves nothing but the picture when another photo comes, and when settings change', async () => {
    await page.evaluate(() => {
      globalThis.shifted = [];
      interface Shift {
        readonly value: number;
        readonly sources: readonly { readonly node: Element | null }[];
      }
      new PerformanceObserver(list => {
        for (const { value, sources } of list.getEntries() as unknown as Shift[])
          if (value > 0.001)
            globalThis.shifted.push(`${value} ${sources.map(({ node }) => node?.id || node?.parentElement?.id)}`);
      }).observe({ type: 'layout-shift' });
    });
    const done = () => page.waitForSelector('body[data-phase="done"]', { timeout: 100_000 });
    for (const number of [1, 0]) {
      await page.evaluate(i => document.querySelectorAll<HTMLElement>('.album-photo')[i]!.click(), number);
      await expect.poll(() => page.locator('.album-photo').nth(number).getAttribute('aria-current')).toBe('true');
      await done();
    }
    await page.locator('#strength').evaluate((input: HTMLInputElement) => {
      input.valueAsNumber = 0.9;
      input.dispatchEvent(new Event('input', { bubbles: true }));
    });
    await expect.poll(() => page.textContent('#summary')).toMatch(/last change/);
    await done();
    expect(await page.evaluate(() => globalThis.shifted)).toEqual([]);
  });

  test('goes from photo to photo by keys, each of which can have settings of its own', async () => {
    await page.keyboard.press('.');
    await page.waitForSelector('.album-photo[aria-label^="a.jpg"][aria-current] >> nth=0');
    await expect.poll(() => page.locator('.album-photo').nth(1).getAttribute('aria-current')).toBe('true');
    await page.waitForSelector('body[data-phase="done"]', { timeout: 100_000 });
    await page.check('#own-photo input');
    await page.check('[name="upscaling"][value="1"]');
    await page.waitForSelector('body[data-phase="done"]', { timeout: 100_000 });
    await page.locator('.album-photo').nth(1).focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.isChecked('[name="upscaling"][value="4"]')).toBe(true);
    expect(await page.isChecked('#own-photo input')).toBe(false);
  });

  test('has no faults of access, whatever the colours are and however large the text is', async () => {
    expect(await faultsEverywhere()).toEqual([]);
  });

  test('shows what fidelities look like in the panel, where one press chooses', async () => {
    await page.hover('#scope');
    const drawn = () =>
      page.locator('#tastes canvas').evaluateAll(
        all =>
          all.filter(canvas => {
            const { width, height } = canvas as HTMLCanvasElement;
            const context = (canvas as HTMLCanvasElement).getContext('2d')!;
            return context.getImageData(width / 2, height / 2, 1, 1).data[3] === 255;
          }).length,
      );
    await expect.poll(drawn, { timeout: 60_000 }).toBe(5);
    await page.getByRole('button', { name: 'Fidelity 0.75' }).click();
    expect(await page.textContent('#fidelity-value')).toBe('0.75');
    expect(await page.getAttribute('#tastes [aria-pressed="true"]', 'aria-label')).toBe('Fidelity 0.75');
    await page.waitForSelector('body[data-phase="done"]', { timeout: 100_000 });
    // They are of the face, whatever is chosen for it.
    expect(await drawn()).toBe(5);
  });

  test('restores all, and saves them in one zip with what the photos said of themselves', async () => {
    await page.selectOption('#save-type', 'jpeg');
    await page.click('#album-run');
    await expect.poll(standings, { timeout: 100_000 }).toEqual(['done', 'done', 'failed']);
    expect(await page.textContent('#album-status')).toBe('2 of 3 ready to download');
    const { name, bytes } = await downloaded('#album-save');
    expect(name).toBe('restored-photos.zip');
    const parts = bytes.toString('latin1').split('PK\x03\x04').slice(1);
    expect(parts.map(part => /[\w ()]+\.jpg/.exec(part)![0])).toEqual(['a.jpg', 'a (2).jpg']);
    const pictures = parts.map(part => Buffer.from(part.slice(part.indexOf('\xff\xd8\xff')), 'latin1'));
    const found = await Promise.all(pictures.map(picture => sharp(picture).metadata()));
    expect(found.map(({ width, height }) => [width, height])).toEqual([
      [1200, 1040],
      [300, 260],
    ]);
    for (const { orientation, exif } of found) {
      expect(orientation).toBe(1);
      expect(exif!.toString('latin1')).toContain('by the test');
    }
  });

  test('takes photos that are shared with the installed page, and files that are opened with it', async () => {
    const installed = await browser.newContext({ serviceWorkers: 'allow' });
    const page = await installed.newPage();
    const photo = [...(await sharp(sample).resize(160).png().toBuffer())];
    const names = () =>
      page.locator('.album-photo').evaluateAll(all => all.map(({ ariaLabel }) => ariaLabel?.split(',')[0]));
    await page.goto(`${server.origin}/`);
    await page.evaluate(() => navigator.serviceWorker.ready);
    // From now on it answers for the page.
    await page.reload();
    const address = await page.evaluate(async bytes => {
      const form = new FormData();
      for (const name of ['größe.png', 'b.png'])
        form.append('photos', new File([Uint8Array.from(bytes)], name, { type: 'image/png' }));
      return (await fetch('share', { method: 'POST', body: form })).url;
    }, photo);
    expect(address).toBe(`${server.origin}/?shared`);
    await page.goto(address);
    await expect.poll(names).toEqual(['größe.png', 'b.png']);
    expect(page.url()).toBe(`${server.origin}/`);
    // What was taken is not there a second time.
    expect(await page.evaluate(() => caches.has('codeformer-shared'))).toBe(false);

    await page.addInitScript(bytes => {
      const handle = { getFile: async () => new File([Uint8Array.from(bytes)], 'opened.png', { type: 'image/png' }) };
      const setConsumer = (take: (launch: object) => void) => take({ files: [handle] });
      Object.defineProperty(globalThis, 'launchQueue', { value: { setConsumer } });
    }, photo);
    await page.reload();
    await expect.poll(() => page.getAttribute('#canvas', 'aria-label')).toMatch(/^opened\.png/);
    const manifest = JSON.parse(await readFile(join(site, 'manifest.webmanifest'), 'utf8'));
    for (const { src, sizes, type } of manifest.icons) {
      if (type !== 'image/png') continue;
      const { width, height } = await sharp(join(site, src)).metadata();
      expect(`${width}x${height}`).toBe(sizes);
    }
    await installed.close();
  });

  test('says where it is and where its source is, where the build was told', async () => {
    folder = await mkdtemp(join(tmpdir(), 'codeformer-page-'));
    const options = ['--address', 'https://example.org/faces/', '--source', 'https://example.org/source'];
    execFileSync(process.execPath, [join(root, 'scripts/demo.mjs'), 'build', folder, ...options]);
    const html = await readFile(join(folder, 'index.html'), 'utf8');
    expect(html).toContain('property="og:image" content="https://example.org/faces/preview.jpg"');
    expect(html).toContain('<a href="https://example.org/source">Its source</a>');
    const untold = await readFile(join(site, 'index.html'), 'utf8');
    expect(untold).toContain('property="og:image" content="preview.jpg"');
    expect(untold).not.toContain('Its source');
  });

  test('makes a picture of before and after, to be saved, copied or sent', async () => {
    await page.click('#open-share');
    await page.waitForSelector('#share-preview img');
    expect(await faultsEverywhere()).toEqual([]);
    const { name, bytes } = await downloaded('#share-save');
    expect(name).toBe('a-before-after.jpg');
    const { width, height } = await sharp(bytes).metadata();
    expect([width, height]).toEqual([2406, 1040]);
    await page.click('#share-copy');
    await expect.poll(() => page.textContent('#share-status'), { timeout: 20_000 }).toMatch(/^Copied/);
    expect(await page.title()).toBe('copied 2406 x 1040');
    await page.click('#share-send');
    expect(await page.title()).toBe('shared a-before-after.jpg');
  });

  test('makes a film of before and after, also where the browser has no videos', async () => {
    await page.check('#share-kinds [value="film"]');
    await page.waitForSelector('#share-preview video', { timeout: 60_000 });
    const film = await downloaded('#share-save');
    expect(film.name).toMatch(/^a-before-after\.(mp4|webm)$/);
    expect(await page.isHidden('#share-copy')).toBe(true);
    const length = () => page.locator('#share-preview video').evaluate(({ duration }: HTMLVideoElement) => duration);
    await expect.poll(length).toBeCloseTo(6, 1);
    await page.keyboard.press('Escape');
    await page.evaluate(() => Object.assign(globalThis, { VideoEncoder: undefined }));
    await page.click('#open-share');
    await page.waitForSelector('#share-preview img', { timeout: 60_000 });
    const animation = await downloaded('#share-save');
    expect(animation.name).toBe('a-before-after.webp');
    expect(await sharp(animation.bytes, { animated: true }).metadata()).toMatchObject({
      ...{ width: 480, pageHeight: 480, pages: 45, loop: 0 },
      hasAlpha: false,
    });
    await page.keyboard.press('Escape');
  });

  test('on a phone the settings are a sheet, nothing is cut off, and everything is large enough for a finger', async () => {
    const small = () =>
      page.evaluate(() =>
        [...document.querySelectorAll<HTMLElement>('a, button, input, select, summary')].flatMap(element => {
          const { width, height, right } = (element.closest('label') ?? element).getBoundingClientRect();
          // Words of a text need not be.
          if (width === 0 || element.matches('.skip, .for-readers, .link, p a')) return [];
          const isSmall = width < 24 || height < 24;
          const isOff = right > innerWidth && !element.closest('.album-photos, .outlines');
          return isSmall || isOff ? [`${element.id || element.className}: ${width} x ${height}, to ${right}`] : [];
        }),
      );
    for (const [width, height] of [
      [390, 844],
      [320, 640],
      [844, 390],
    ] as const) {
      await page.setViewportSize({ width, height });
      const isUpright = height > width;
      expect(await page.isVisible('#fidelity')).toBe(!isUpright);
      expect(await small()).toEqual([]);
      if (!isUpright) continue;
      const { height: closed } = (await page.locator('#panel').boundingBox())!;
      expect(closed).toBeLessThan(130);
      expect(await page.locator('#open-photo span').boundingBox()).toMatchObject({ height: expect.closeTo(18, -1) });
      await page.click('#sheet-toggle');
      expect(await page.getAttribute('#sheet-toggle', 'aria-expanded')).toBe('true');
      expect(await page.isVisible('#fidelity')).toBe(true);
      expect(await page.isVisible('#album')).toBe(false);
      expect(await small()).toEqual([]);
      // A wipe down closes it.
      const { x, y } = (await page.locator('#sheet-toggle').boundingBox())!;
      await page.mouse.move(x + 60, y + 20);
      await page.mouse.down();
      await page.mouse.move(x + 60, y + 60, { steps: 3 });
      await page.mouse.up();
      expect(await page.isVisible('#fidelity')).toBe(false);
      expect(await page.isVisible('#album')).toBe(true);
      expect(await faultsOfAccess()).toEqual([]);
    }
  });

  test('leaves out what the photos said where that is asked for', async () => {
    await page.setViewportSize({ width: 1280, height: 720 });
    await page.uncheck('#keep-notes');
    await expect.poll(standings).toEqual(['changed', 'changed', 'failed']);
    const { name, bytes } = await downloaded('#save');
    expect(name).toBe('a-restored.jpg');
    expect((await sharp(bytes).metadata()).exif).toBeUndefined();
    expect(faults).toEqual([]);
  });
});
