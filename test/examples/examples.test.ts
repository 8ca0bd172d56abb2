// The examples with tools of their own, from npm: each is installed, built as its `package.json` says, and restores a photo.

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from '../../src/node/index.js';
import { environment, installExample, run } from '../installed.js';
import { restoreInFolder, restoreOnPage } from '../restoring-page.js';
import { launchChromium } from '../web/chromium.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

const chromium = (await launchChromium()) as Browser;
let project: string;
let photo: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'codeformer-examples-'));
  photo = join(project, 'photo.jpg');
  const face = sharp(join(root, 'docs/samples/astronaut.png')).extract({ left: 126, top: 10, width: 200, height: 200 });
  await face.resize(160).jpeg().toFile(photo);
});
afterAll(async () => {
  await chromium?.close();
  if (project) await rm(project, { recursive: true, force: true });
});

test('jest', async () => {
  const folder = await installExample('jest', project);
  await cp(photo, join(folder, 'photo.jpg'));
  const { stderr } = await run(folder, 'npm', ['test']);
  expect(stderr).toMatch(/Tests: +1 passed/);
});

describe('pages', () => {
  async function built(name: string): Promise<string> {
    const folder = await installExample(name, project);
    await run(folder, 'npm', ['run', 'build']);
    const pages = join(folder, 'dist');
    await restoreInFolder(chromium, pages, photo, 320);
    return pages;
  }

  test('by webpack', () => built('webpack'));
  test('by Rollup', () => built('rollup'));

  test('by Parcel, which makes no file of what several of a worker share: they would not find in it what they need', async () => {
    const pages = await built('parcel');
    const scripts = readdirSync(pages).filter(name => name.endsWith('.js'));
    const sharing = scripts.filter(name => /importScripts\("\.\//.test(readFileSync(join(pages, name), 'utf8')));
    expect(sharing).toEqual([]);
  });
});

describe('Next', () => {
  test.each(['turbopack', 'webpack'])('built by %s, on the page and on the server', async bundler => {
    const folder = await installExample('next', join(project, bundler));
    const env = { NEXT_TELEMETRY_DISABLED: '1' };
    await run(folder, 'npm', ['run', 'build', '--', `--${bundler}`], env);
    const next = join(folder, 'node_modules/next/dist/bin/next');
    const server = spawn(process.execPath, [next, 'start', '--port', '0'], {
      cwd: folder,
      env: { ...environment(), ...env },
    });
    try {
      const url = await new Promise<string>((resolve, reject) => {
        let said = '';
        server.stdout.on('data', data => {
          said += data;
          const found = /http:\/\/localhost:\d+/.exec(said);
          if (found) resolve(found[0]);
        });
        server.stderr.on('data', data => {
          said += data;
        });
        server.once('exit', () => reject(new Error(said)));
      });
      await restoreOnPage(chromium, url, photo, 320);
      const answer = await fetch(`${url}/restore`, { method: 'POST', body: new Uint8Array(await readFile(photo)) });
      expect(answer.status).toBe(200);
      expect(await decodeImage(new Uint8Array(await answer.arrayBuffer()))).toMatchObject({ width: 320, height: 320 });
    } finally {
      server.kill();
    }
  });
});
