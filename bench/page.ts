// How smooth the page is: the longest tasks of its main thread while photos are restored, how soon a slider shows in the face that is
// looked at, against one decode of that face, and how far the layout shifts after the first picture. Of tasks it is the processor's time
// that counts: where threads have all processors, as WebAssembly's have, the time of day says how many there are.
//
//   node scripts/run.mjs bench/page.ts [software]
//
// Without an argument the browser has no adapter, and the page works on WebAssembly; `software` is SwiftShader.

import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import type { EncodedFace } from '../src/web/client.js';
import { launchChromium, openPage, WITH_CANVASES } from '../test/web/chromium.js';
import { ISOLATION, serveProject } from '../test/web/server.js';
import { group } from './pictures.js';

/** Milliseconds of a task from which on it is written down. */
const LONG = 20;

/** Times that the slider is moved. */
const MOVES = 5;

declare global {
  /** What was written down since it was read last. */
  var seen: {
    shifts: { value: number; of: string }[];
    /** When the painter got a picture; 0: it has none yet. */
    told: number;
  };
}

function watch(): void {
  globalThis.seen = { shifts: [], told: 0 };
  interface Shift extends PerformanceEntry {
    readonly value: number;
    readonly hadRecentInput: boolean;
    readonly sources: readonly { node: Element | null }[];
  }
  new PerformanceObserver(list => {
    for (const { value, hadRecentInput, sources } of list.getEntries() as unknown as Shift[]) {
      const of = sources.map(({ node }) => node?.id || node?.parentElement?.id || node?.nodeName).join(' ');
      if (!hadRecentInput) seen.shifts.push({ value, of });
    }
  }).observe({ type: 'layout-shift', buffered: true });
  const { postMessage } = Worker.prototype;
  Worker.prototype.postMessage = function (this: Worker, ...args: [{ type: string; picture?: object | null }, never]) {
    const [{ type, picture }] = args;
    if (picture || type === 'face') seen.told ||= performance.now();
    return postMessage.apply(this, args);
  } as typeof postMessage;
}

/** Events of the browser's, in milliseconds. */
interface Trace {
  readonly traceEvents: readonly {
    readonly name: string;
    readonly pid: number;
    readonly tid: number;
    readonly ts: number;
    readonly dur?: number;
    /** Of the processor. */
    readonly tdur?: number;
    readonly args: { readonly name?: string };
  }[];
}

const CATEGORIES = ['toplevel', 'disabled-by-default-devtools.timeline', 'devtools.timeline', '__metadata'];

/** The longest tasks of the page's main thread, with what they did for longest. */
function longTasks({ traceEvents: events }: Trace): string[] {
  const ids = ({ pid, tid }: (typeof events)[number]) => `${pid} ${tid}`;
  const threads = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(ids);
  const own = events.filter(event => threads.includes(ids(event)) && (event.tdur ?? 0) > 1000);
  const tasks = own.filter(({ name, tdur }) => name.endsWith('RunTask') && tdur! > 1000 * LONG);
  return tasks
    .toSorted((a, b) => b.tdur! - a.tdur!)
    .slice(0, 3)
    .map(task => {
      const inside = own.filter(
        event => event !== task && ids(event) === ids(task) && event.ts >= task.ts && event.ts < task.ts + task.dur!,
      );
      const parts = inside.filter(({ name }) => !name.endsWith('RunTask')).toSorted((a, b) => b.tdur! - a.tdur!);
      const names = [...new Set(parts.map(({ name }) => name))].slice(0, 2).join(', ');
      return `${Math.round(task.tdur! / 1000)} ms (${Math.round(task.dur! / 1000)} ms of the day; ${names})`;
    });
}

/** Does something with the page, and says how smoothly that went. */
async function follow(page: Page, what: string, work: () => Promise<unknown>): Promise<void> {
  await browser.startTracing(page, { categories: CATEGORIES });
  await work();
  await page.waitForTimeout(500);
  const tasks = longTasks(JSON.parse(String(await browser.stopTracing())));
  const shifts = await page.evaluate(() => seen.shifts.splice(0));
  console.log(`${what}: ${tasks.length > 0 ? tasks.join(', ') : `no task over ${LONG} ms`}`);
  const shifted = shifts.reduce((sum, { value }) => sum + value, 0);
  const largest = shifts.toSorted((a, b) => b.value - a.value).slice(0, 4);
  const of = largest.map(({ value, of }) => `${value.toFixed(4)} ${of}`).join('; ');
  if (shifted > 0) console.log(`  shifted by ${shifted.toFixed(4)}: ${of}`);
}

const done = (page: Page) => page.waitForSelector('body[data-phase="done"]', { timeout: 0 });

async function open(page: Page, file: string): Promise<void> {
  await page.setInputFiles('#photo-file', file);
  const name = basename(file);
  await page.waitForFunction(wanted => document.querySelector('#canvas')?.ariaLabel?.startsWith(`${wanted}, `), name, {
    timeout: 0,
  });
  await done(page);
}

/** Milliseconds from a move of the slider until the face in view is made, and until it shows that. */
async function slide(page: Page, to: number): Promise<{ made: number; seen: number }> {
  const time = await page.evaluate(async fidelity => {
    const input = document.querySelector<HTMLInputElement>('#fidelity')!;
    seen.told = 0;
    const since = performance.now();
    input.valueAsNumber = fidelity;
    input.dispatchEvent(new Event('input', { bubbles: true }));
    // The painter is busy until it has shown what it was told of.
    const shown = await new Promise<number>(resolve => {
      const surface = document.querySelector('#surface')!;
      const look = () => seen.told > 0 && !surface.hasAttribute('aria-busy') && resolve(performance.now());
      new MutationObserver(look).observe(surface, { attributeFilter: ['aria-busy'] });
    });
    return { made: seen.told - since, seen: shown - since };
  }, to);
  await page.waitForTimeout(100);
  await done(page);
  return time;
}

const isSoftware = process.argv.includes('software');
const folder = await mkdtemp(join(tmpdir(), 'codeformer-page-'));
execFileSync(process.execPath, ['scripts/demo.mjs', 'build', folder]);
const site = await serveProject(folder, ISOLATION);
const project = await serveProject(process.cwd(), ISOLATION);
const browser = (await launchChromium({ webgpu: isSoftware, more: isSoftware ? WITH_CANVASES : [] }))!;

const face = await sharp('docs/samples/astronaut.png').jpeg().toBuffer();
const files = ['small', 'a', 'b', 'c', 'phone'].map(name => join(folder, `${name}.jpg`));
for (const file of files) await writeFile(file, face);
const [small, ...others] = files as [string, ...string[]];
const large = join(folder, 'large.jpg');
await writeFile(large, await group());

const blank = await openPage(browser, project);
await blank.evaluate(async () => {
  const { createRestorer } = await load<typeof import('../src/web/client.js')>('/dist/client.js');
  const restorer = await createRestorer();
  const { faces } = await restorer.prepare(await (await fetch('/docs/samples/astronaut.png')).blob());
  Object.assign(globalThis, { encoded: await restorer.encode(faces[0]!.crop) });
});
/** Milliseconds of a decode, by the same library in another page. */
const decode = (fidelity: number) =>
  blank.evaluate(async fidelity => {
    const { encoded } = globalThis as unknown as { encoded: EncodedFace };
    const since = performance.now();
    await encoded.decode({ fidelity });
    return performance.now() - since;
  }, fidelity);

const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
await page.addInitScript(watch);
await page.goto(`${site.origin}/`);
await follow(page, 'the page opens', () => page.waitForTimeout(500));
/** Moves the slider, each time after a decode: others may work on this machine, too. */
const sliding = (what: string) =>
  follow(page, what, async () => {
    const times: { made: number; seen: number; decode: number }[] = [];
    for (let move = 0; move < MOVES; move++) {
      const to = 0.1 + (0.8 / MOVES) * move;
      times.push({ decode: await decode(to), ...(await slide(page, to)) });
    }
    const least = (of: keyof (typeof times)[number]) => Math.round(Math.min(...times.map(each => each[of])));
    const [decoded, made, shown] = [least('decode'), least('made'), least('seen')];
    console.log(`${what}: made in ${made} ms, seen in ${shown} ms, of which a decode takes ${decoded} ms`);
  });
await follow(page, 'a small photo', () => open(page, small));
await sliding('its slider');
await follow(page, 'sharing it', async () => {
  await page.click('#open-share');
  await page.waitForSelector('#share-preview img', { timeout: 0 });
  await page.check('[name="share"][value="film"]', { force: true });
  await page.waitForFunction(() => !document.querySelector('#share-status')!.textContent, null, { timeout: 0 });
  await page.keyboard.press('Escape');
});
await follow(page, '12 megapixels with six faces', () => open(page, large));
await sliding('their slider');
await follow(page, 'saving them', () =>
  Promise.all([page.waitForEvent('download', { timeout: 0 }), page.click('#save')]),
);
await follow(page, 'an album', async () => {
  await page.setInputFiles('#photo-file', others.slice(0, 3));
  await page.click('#album-run');
  await page.waitForFunction(() => document.querySelector('#album-save')?.textContent === 'Download all', null, {
    timeout: 0,
  });
  await Promise.all([page.waitForEvent('download'), page.click('#album-save')]);
});
await follow(page, 'a phone', async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.reload();
  await done(page);
});
await browser.close();
for (const server of [site, project]) await server.close();
await rm(folder, { recursive: true });
