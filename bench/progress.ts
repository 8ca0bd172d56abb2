// How true the bar of the page is: samples it while photos are restored without a GPU, and says how far it is from the share of the time that has
// gone by, at worst.
//
//   node scripts/run.mjs bench/progress.ts

import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { launchChromium } from '../test/web/chromium.js';
import { ISOLATION, serveProject } from '../test/web/server.js';
import { group } from './pictures.js';

/** Bytes of weights that come in a second. */
const SPEED = 4e6;

const samples = 'docs/samples';

/** Opens a photo, and returns seconds of work and the worst distance of the bar from the truth. */
async function follow(
  page: Page,
  name: string,
  buffer: Buffer,
): Promise<{ seconds: number; worst: number; last: string }> {
  await page.evaluate(() => {
    const looks: [number, number, string][] = [];
    Object.assign(globalThis, { looks });
    const bar = document.querySelector('#progress-bar')!;
    const look = () => {
      if (document.querySelector<HTMLElement>('#progress')!.hidden) return;
      const words = document.querySelector('#progress-text')!.textContent;
      looks.push([performance.now(), Number(bar.getAttribute('aria-valuenow')), words]);
    };
    setInterval(look, 50);
  });
  const since = await page.evaluate(() => performance.now());
  await page.setInputFiles('#photo-file', { name, mimeType: 'image/jpeg', buffer });
  await page.waitForFunction(wanted => document.querySelector('#canvas')?.ariaLabel?.startsWith(`${wanted}, `), name, {
    timeout: 0,
  });
  await page.waitForSelector('body[data-phase="done"]', { timeout: 0 });
  const until = await page.evaluate(() => performance.now());
  const looks = await page.evaluate(() => (globalThis as unknown as { looks: [number, number, string][] }).looks);
  const off = looks
    .filter(([time]) => time > since && time < until)
    .map(([time, percent, words]) => ({ off: percent / 100 - (time - since) / (until - since), words }));
  const worst = off.toSorted((a, b) => Math.abs(b.off) - Math.abs(a.off))[0] ?? {
    off: 0,
    words: 'too quick to be shown',
  };
  return { seconds: (until - since) / 1000, worst: worst.off, last: worst.words };
}

const folder = await mkdtemp(join(tmpdir(), 'codeformer-progress-'));
execFileSync(process.execPath, ['scripts/demo.mjs', 'build', folder]);
const server = await serveProject(folder, ISOLATION);
const { files } = JSON.parse(await readFile(join(folder, 'weights/manifest.json'), 'utf8')) as {
  files: { file: string }[];
};
for (const { file } of files) {
  const bytes = await readFile(join(folder, 'weights', file));
  server.routes.set(`/weights/${file}`, async (_, response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes.length });
    for (let at = 0; at < bytes.length; at += SPEED / 20) {
      response.write(bytes.subarray(at, at + SPEED / 20));
      await pause(50);
    }
    response.end();
  });
}
const browser = (await launchChromium({ webgpu: false }))!;
const page = await browser.newPage();
await page.goto(`${server.origin}/`);
const astronaut = await sharp(join(samples, 'astronaut.png')).jpeg().toBuffer();
const tell = (what: string, { seconds, worst, last }: Awaited<ReturnType<typeof follow>>) =>
  console.log(`${what}: ${seconds.toFixed(1)} s, off by ${Math.round(100 * worst)} % at worst (${last})`);
tell('first visit', await follow(page, 'first.jpg', astronaut));
await page.check('#background');
await page.waitForSelector('body[data-phase="done"]', { timeout: 0 });
for (const time of ['first', 'second'])
  tell(`small photo at 2x with background, ${time}`, await follow(page, `small-${time}.jpg`, astronaut));
await page.uncheck('#background');
const photo = await group();
for (const time of ['first', 'second'])
  tell(`12 megapixels at 1x with six faces, ${time}`, await follow(page, `large-${time}.jpg`, photo));
console.log(await page.evaluate(() => localStorage.getItem('pace')));
await browser.close();
await server.close();
await rm(folder, { recursive: true });
