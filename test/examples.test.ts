// The examples whose tools this project has anyway: each is built as its `package.json` says and restores a photo. Those with tools of
// their own are in test/examples, which `npm run test:examples` runs.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from '../src/node/index.js';
import { copyExample, environment, packProject, run, withOwnPrograms } from './installed.js';
import { install } from './packed.js';
import { restoreInFolder } from './restoring-page.js';
import { launchChromium, WITH_CANVASES } from './web/chromium.js';
import { serveProject } from './web/server.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const chromium = await launchChromium();

/** A project that all of them lie in, so that they find the package and the tools there. */
let project: string;
let photo: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'codeformer-examples-'));
  const tools = ['@sparticuz/chromium', '@types/node', 'undici-types', 'typescript', 'vite', 'esbuild'];
  install(await packProject(), project, tools);
  photo = join(project, 'photo.jpg');
  const face = sharp(join(root, 'docs/samples/astronaut.png')).extract({ left: 126, top: 10, width: 200, height: 200 });
  await face.resize(160).jpeg().toFile(photo);
});
afterAll(async () => {
  await chromium?.close();
  if (project) await rm(project, { recursive: true, force: true });
});

const npmRun = (folder: string, ...args: string[]) => run(folder, 'npm', ['run', ...args], withOwnPrograms());

const sizeOf = async (picture: Uint8Array) => {
  const { width, height } = await decodeImage(picture);
  return [width, height];
};

test('the face of a camera is followed: its landmarks smoothed, its codes held while it hardly moves', async () => {
  const { FaceTrack } = await import(join(root, 'examples/webcam/face-track.js'));
  const at = (x: number) => ({ landmarks: [0, 60, 30, 10, 50].map((left, i) => [x + left, 20 * i]) });
  const track = new FaceTrack();
  const left = (x: number) => track.follow(at(x)).landmarks[0][0];
  expect(track.follow(at(100))).toEqual({ landmarks: at(100).landmarks, indices: null });
  track.hold([7]);
  // By a pixel: what trembles hardly shows.
  expect(track.follow(at(101)).indices).toEqual([7]);
  const trembling = [100, 101, 100, 101].map(left);
  expect(Math.max(...trembling) - Math.min(...trembling)).toBeLessThan(0.5);
  // By a sixth of the distance of the eyes: followed at once, with codes of its own.
  expect(track.follow(at(111))).toEqual({ landmarks: at(111).landmarks, indices: null });
  track.hold([8]);
  // Not for ever.
  const held = Array.from({ length: 60 }, () => track.follow(at(111)).indices !== null);
  expect(held).toEqual([...Array(59).fill(true), false]);
  track.hold([9]);
  // Elsewhere is another face, and so is one that comes after none.
  expect(track.follow(at(500))).toEqual({ landmarks: at(500).landmarks, indices: null });
  track.hold([10]);
  expect(track.follow(undefined)).toBe(null);
  expect(track.follow(at(500)).indices).toBe(null);
});

test('every example has its test, and a line in the list', async () => {
  const names = (await readdir(join(root, 'examples'), { withFileTypes: true }))
    .filter(entry => entry.isDirectory())
    .map(({ name }) => name);
  const list = await readFile(join(root, 'examples/README.md'), 'utf8');
  const tests = await Promise.all(
    ['examples.test.ts', 'examples/examples.test.ts'].map(name => readFile(join(root, 'test', name), 'utf8')),
  );
  for (const name of names) {
    expect(list).toContain(`[${name}](${name}/)`);
    expect(tests.join('\n')).toMatch(new RegExp(`(copyExample|installExample|built)\\('${name}'`));
  }
});

describe('in Node', () => {
  test('a script', async () => {
    const folder = await copyExample('node', project);
    const { stdout } = await npmRun(folder, 'start', '--', photo, 'out.png');
    expect(stdout).toMatch(/^1 faces$/m);
    expect(await sizeOf(await readFile(join(folder, 'out.png')))).toEqual([320, 320]);
  });

  test('a script in TypeScript', async () => {
    const folder = await copyExample('typescript', project);
    await npmRun(folder, 'build');
    const { stdout } = await npmRun(folder, 'start', '--', photo, 'out.png');
    expect(stdout).toMatch(/^[\d. ]+: 0?\.?\d+$/m);
    expect(await sizeOf(await readFile(join(folder, 'out.png')))).toEqual([320, 320]);
    // With the types of bundlers as well.
    const config = { extends: './tsconfig.json', compilerOptions: { module: 'esnext', moduleResolution: 'bundler' } };
    await writeFile(join(folder, 'bundler.json'), JSON.stringify(config));
    await run(folder, 'tsc', ['-p', 'bundler.json', '--noEmit'], withOwnPrograms());
  });

  test('a server, which says what is wrong with what it gets, and ends when it is told', async () => {
    const folder = await copyExample('http', project);
    const env = { ...environment(), PORT: '0' };
    const server = spawn(process.execPath, ['server.mjs'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const said = await new Promise((resolve, reject) => {
        server.stdout.once('data', resolve);
        server.once('exit', code => reject(new Error(`The server ended with ${code}`)));
      });
      const url = String(said).trim();
      const post = (body: Uint8Array<ArrayBuffer> | string) => fetch(url, { method: 'POST', body });
      const [restored, letter] = await Promise.all([post(new Uint8Array(await readFile(photo))), post('letter')]);
      expect([restored.status, restored.headers.get('content-type')]).toEqual([200, 'image/png']);
      expect(await sizeOf(new Uint8Array(await restored.arrayBuffer()))).toEqual([320, 320]);
      expect([letter.status, await letter.text()]).toEqual([415, 'INVALID_IMAGE\n']);
      expect((await fetch(url)).status).toBe(405);
      const ended = new Promise(resolve => server.once('exit', resolve));
      server.kill();
      expect(await ended).toBe(0);
    } finally {
      server.kill('SIGKILL');
    }
  });
});

describe.skipIf(!chromium)('as a page', () => {
  /** Builds an example and opens what comes of it. */
  async function built(name: string): Promise<void> {
    const folder = await copyExample(name, project);
    // Some copy files of the package from beside them.
    if (!existsSync(join(folder, 'node_modules')))
      await symlink(join(project, 'node_modules'), join(folder, 'node_modules'));
    await npmRun(folder, 'build');
    await restoreInFolder(chromium!, join(folder, 'dist'), photo, 320);
  }

  test('by Vite', () => built('vite'));
  test('by esbuild', () => built('esbuild'));

  test('with a camera, on a GPU and without one', async () => {
    const folder = await copyExample('webcam', project);
    await npmRun(folder, 'build');
    // A face that trembles, as a camera sees it.
    const face = await sharp(join(root, 'docs/samples/hopper.jpg')).resize(200, 200, { fit: 'contain' }).toBuffer();
    const frames = [0, 1].map(shift =>
      sharp({ create: { width: 320, height: 240, channels: 3, background: '#456' } })
        .composite([{ input: face, left: 60 + shift, top: 20 }])
        .jpeg({ quality: 95 })
        .toBuffer(),
    );
    const video = join(folder, 'camera.mjpeg');
    await writeFile(video, await Promise.all(frames).then(all => Buffer.concat(all)));
    const camera = ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'];
    const more = [...WITH_CANVASES, ...camera, `--use-file-for-fake-video-capture=${video}`];
    for (const webgpu of [true, false]) {
      const browser = (await launchChromium({ webgpu, more }))!;
      const server = await serveProject(join(folder, 'dist'));
      try {
        const page = await browser.newPage();
        await page.goto(`${server.origin}/index.html`);
        await page.locator('button:enabled').click({ timeout: 90_000 });
        const said = () => page.locator('output').textContent();
        await expect
          .poll(said, { timeout: 90_000 })
          .toMatch(/^\d+ frames, [1-9]\d* with codes of the one before, \d+ dropped$/);
        const shown = await sharp(await page.locator('canvas').screenshot()).stats();
        expect(shown.channels[0]!.stdev).toBeGreaterThan(30);
      } finally {
        await browser.close();
        await server.close();
      }
    }
  });

  test('from a CDN', async () => {
    const folder = await copyExample('cdn', project);
    const host = await serveProject(join(project, 'node_modules/codeformer-webgpu'), {
      'access-control-allow-origin': '*',
    });
    const html = await readFile(join(folder, 'index.html'), 'utf8');
    const there = /https:\/\/cdn\.jsdelivr\.net\/npm\/codeformer-webgpu@[\d.]+/;
    expect(html).toMatch(there);
    await mkdir(join(folder, 'page'));
    await writeFile(join(folder, 'page/index.html'), html.replace(there, host.origin));
    await restoreInFolder(chromium!, join(folder, 'page'), photo, 320);
    await host.close();
  });
});
