// The package in the bundles of other people's apps, by bundlers that this project has itself: the worker and the weights are found, or an
// error says what to do.

import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import type { Browser } from 'playwright-core';
import { rollup } from 'rollup';
import * as vite from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import manifest from '../../weights/manifest.json' with { type: 'json' };
import { buildProject } from '../built.js';
import { filesOf, installBuilt } from '../packed.js';
import { launchChromium } from './chromium.js';
import { ISOLATION, serveProject } from './server.js';

const chromium = await launchChromium();
const folder = mkdtempSync(join(tmpdir(), 'codeformer-bundlers-'));

const HTML = `<!doctype html><meta charset="utf-8"><title>app</title><link rel="icon" href="data:,">
<script type="module" src="/main.js"></script>`;

/** An app that finds no face in an empty picture, and says so in its title, with the threads that worked where it is isolated. */
const app = (options = '') => `
import { createRestorer } from 'codeformer-webgpu/client';

try {
  const restorer = await createRestorer({ weights: null, upscaler: null, ${options} });
  const faces = (await restorer.detect(new ImageData(64, 64))).length;
  const threads = Number(/WebAssembly.* on (\\d+) thread/.exec(restorer.info.adapter)?.[1]);
  const all = crossOriginIsolated && threads === navigator.hardwareConcurrency;
  document.title = \`faces: \${faces}\${all ? ' by all processors' : ''}\`;
} catch (error) {
  document.title = error.code + ': ' + error.message;
}`;

describe.skipIf(!chromium)('an app in a bundle', () => {
  beforeAll(async () => {
    await buildProject();
    installBuilt(folder);
    writeFileSync(join(folder, 'index.html'), HTML);
    writeFileSync(join(folder, 'main.js'), app());
  });
  afterAll(async () => {
    await chromium?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What the app at an address says in the end. */
  async function said(origin: string): Promise<string> {
    const page = await (chromium as Browser).newPage();
    try {
      await page.goto(`${origin}/`);
      await page.waitForFunction(() => document.title !== 'app');
      return await page.title();
    } finally {
      await page.close();
    }
  }

  async function saidFrom(site: string, headers = {}): Promise<string> {
    const server = await serveProject(site, headers);
    try {
      return await said(server.origin);
    } finally {
      await server.close();
    }
  }

  const sums = (site: string) =>
    filesOf(site)
      .filter(name => name.endsWith('.safetensors'))
      .map(name =>
        createHash('sha256')
          .update(readFileSync(join(site, name)))
          .digest('hex'),
      );

  test('Vite builds it as it is, with all weights', async () => {
    const outDir = join(folder, 'vite');
    await vite.build({ root: folder, logLevel: 'error', build: { outDir } });
    expect(sums(outDir).toSorted()).toEqual(manifest.files.map(({ sha256 }) => sha256).toSorted());
    expect(await saidFrom(outDir)).toBe('faces: 0');
    expect(await saidFrom(outDir, ISOLATION)).toBe('faces: 0 by all processors');
  });

  test('Vite serves it as it is', async () => {
    const server = await vite.createServer({ root: folder, logLevel: 'error', server: { host: '127.0.0.1', port: 0 } });
    await server.listen();
    try {
      expect(await said(server.resolvedUrls!.local[0]!.replace(/\/$/, ''))).toBe('faces: 0');
    } finally {
      await server.close();
    }
  });

  test('esbuild needs to be told of the worker and of the weights, and errors say so', async () => {
    const bundle = (site: string, entries: Record<string, string>) => {
      for (const [name, source] of Object.entries(entries)) writeFileSync(join(folder, name), source);
      const entryPoints = Object.keys(entries).map(name => join(folder, name));
      const outdir = join(folder, site);
      return esbuild.build({ entryPoints, outdir, bundle: true, splitting: true, format: 'esm' }).then(() => {
        writeFileSync(join(outdir, 'index.html'), HTML);
        return outdir;
      });
    };
    expect(await saidFrom(await bundle('alone', { 'main.js': app() }))).toMatch(
      /^WORKER_FAILED: .*worker: \(\) => new/,
    );
    const worker = "import 'codeformer-webgpu/worker';";
    const made = "worker: () => new Worker('/worker.js', { type: 'module' }),";
    const lost = await bundle('lost', { 'main.js': app(made), 'worker.js': worker });
    expect(await saidFrom(lost)).toMatch(/^DOWNLOAD_FAILED: .*detector\.safetensors.*weightsBase/);
    const told = await bundle('told', { 'main.js': app(`${made} weightsBase: '/',`), 'worker.js': worker });
    for (const name of ['manifest.json', 'detector.safetensors'])
      copyFileSync(join(folder, 'node_modules/codeformer-webgpu/weights', name), join(told, name));
    expect(await saidFrom(told)).toBe('faces: 0');
    expect(await saidFrom(told, ISOLATION)).toBe('faces: 0 by all processors');
  });

  test('Rollup keeps what the worker does', async () => {
    const entry = join(folder, 'rollup-worker.js');
    writeFileSync(entry, "import 'codeformer-webgpu/worker';");
    const installed = join(folder, 'node_modules/codeformer-webgpu');
    const { exports, sideEffects } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    const bundle = await rollup({
      input: entry,
      plugins: [
        {
          name: 'packages',
          resolveId: source => {
            if (source !== 'codeformer-webgpu/worker') return null;
            const file = exports['./worker'].default as string;
            return { id: join(installed, file), moduleSideEffects: sideEffects.includes(file) };
          },
        },
      ],
    });
    const { output } = await bundle.generate({ format: 'es' });
    await bundle.close();
    expect(output[0].code).toContain('addEventListener("message"');
  });
});
