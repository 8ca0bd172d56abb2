// From a clone to a tarball to somebody else's project: the command line of a fresh clone, what is packed, and that it runs and type-checks
// elsewhere.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cleanCopy, filesOf, install, pack, shellEnv } from './packed.js';

const MB = 1e6;
const folder = mkdtempSync(join(tmpdir(), 'codeformer-package-'));
const photo = fileURLToPath(new URL('../docs/samples/hopper.jpg', import.meta.url));
let tarball: string;
let project: string;
let files: string[];

beforeAll(() => {
  tarball = pack(cleanCopy(join(folder, 'packed')));
  project = install(tarball, join(folder, 'project'), ['@types/node', '@webgpu/types']);
  files = filesOf(join(project, 'node_modules/codeformer-webgpu'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a fresh clone', () => {
  const run = (program: string, ...args: string[]) =>
    new Promise<{ code: number | null; output: string }>(resolve => {
      const child = spawn(process.execPath, [program, ...args], { env: shellEnv() });
      let output = '';
      child.stdout.on('data', chunk => (output += chunk));
      child.stderr.on('data', chunk => (output += chunk));
      child.once('close', code => resolve({ code, output }));
    });

  test('builds its command line on first use, also by processes that start at once', async () => {
    const copy = cleanCopy(join(folder, 'clone'));
    const program = join(copy, 'bin/codeformer.mjs');
    const build = join(copy, 'scripts/build.mjs');
    const seen = await Promise.all([
      run(program, '--version'),
      run(program, 'weights', 'list'),
      run(build),
      run(program, 'weights', 'inspect', join(copy, 'weights/upscaler.safetensors')),
    ]);
    expect(seen.map(({ code, output }) => [code, code === 0 ? '' : output])).toEqual(Array(4).fill([0, '']));
    expect(seen[0]!.output).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(filesOf(join(copy, 'dist')).filter(name => /\.(part|lock)$/.test(name))).toEqual([]);
  });

  test('says what is missing where nothing is installed', async () => {
    const copy = cleanCopy(join(folder, 'bare'));
    rmSync(join(copy, 'node_modules'));
    const { code, output } = await run(join(copy, 'bin/codeformer.mjs'), '--version');
    expect([code, output]).toEqual([1, expect.stringMatching(/^error: this source checkout is not built yet.*npm ci/)]);
  });
});

describe('the tarball', () => {
  test('is complete and small', () => {
    expect(files).toEqual(
      expect.arrayContaining([
        'CHANGELOG.md',
        'LICENSE',
        'README.md',
        'bin/codeformer.mjs',
        'dist/NOTICES.txt',
        ...['cli', 'client', 'engine-process', 'node', 'server', 'web', 'worker'].map(name => `dist/${name}.js`),
        ...['client', 'either', 'node', 'server', 'shared', 'web', 'worker'].map(name => `dist/${name}.d.ts`),
        ...['index.html', 'main.js', 'lab/index.html', 'bench/index.html', 'weights/manifest.json'].map(
          name => `dist/page/${name}`,
        ),
        ...['LICENSE.md', 'README.md', 'manifest.json'].map(name => `weights/${name}`),
        ...['restorer', 'detector', 'upscaler'].map(name => `weights/${name}.safetensors`),
      ]),
    );
    expect(files.filter(name => name.endsWith('.safetensors') && !name.startsWith('weights/'))).toEqual([]);
    expect(files.length).toBeLessThanOrEqual(220);
    expect(statSync(tarball).size).toBeLessThanOrEqual(19 * MB);
  });

  test('has nothing that only this project needs, and nothing that refers to files that are not there', () => {
    expect(files.filter(name => /\.(ts|map)$/.test(name) && !/^dist\/\w+\.d\.ts$/.test(name))).toEqual([]);
    const text = (name: string) => readFileSync(join(project, 'node_modules/codeformer-webgpu', name), 'utf8');
    for (const name of files.filter(name => /\.(js|ts)$/.test(name))) {
      expect(text(name), name).not.toMatch(/sourceMappingURL/);
      for (const [, path] of text(name).matchAll(/(?:from|import\()\s*["']\.\/([^"']+)["']/g)) {
        const file = join(dirname(name), path!.replace(/\.js$/, name.endsWith('.d.ts') ? '.d.ts' : '.js'));
        expect(files, `${name} imports ${path}`).toContain(file);
      }
    }
    expect(text('dist/shared.d.ts')).not.toMatch(/Reference\b|CommandLine|\bcases\b/);
  });

  test('carries the notices of the packages whose code is in it', () => {
    const text = (name: string) => readFileSync(join(project, 'node_modules/codeformer-webgpu', name), 'utf8');
    const licence = readFileSync(new URL('../node_modules/wgpu-matrix/LICENSE.md', import.meta.url), 'utf8').trim();
    // What gives that code away in a bundle.
    const bundled = files.filter(
      name => /^dist\/(web|client|worker|chunk-\w+)\.js$/.test(name) && text(name).includes('perspectiveReverseZ'),
    );
    expect(bundled.length).toBeGreaterThan(0);
    for (const name of ['dist/NOTICES.txt', ...bundled]) expect(text(name), name).toContain(licence);
  });
});

describe('installed elsewhere', () => {
  const run = (...args: string[]) =>
    execFileSync(process.execPath, args, { cwd: project, env: shellEnv(), encoding: 'utf8' });
  const program = 'node_modules/codeformer-webgpu/bin/codeformer.mjs';

  test('the command line runs, benches and all', () => {
    expect(run(program, 'bench', '--help')).toContain('Usage: codeformer bench');
    const found = JSON.parse(run(program, 'detect', photo, '--json', '--adapter', 'wasm')) as { faces: unknown[] };
    expect(found.faces).toHaveLength(1);
  });

  test.skipIf(existsSync('/dev/dri') || existsSync('/dev/nvidia0'))('a machine without any adapter is enough', () => {
    expect(existsSync(join(project, 'node_modules/@sparticuz'))).toBe(false);
    const { stderr, status } = spawnSync(process.execPath, [program, 'restore', photo, '-o', 'restored.png'], {
      cwd: project,
      env: shellEnv(),
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, expect.stringMatching(/^adapter: WebAssembly SIMD on \d+ threads?\n/)]);
    expect(existsSync(join(project, 'restored.png'))).toBe(true);
  });

  test('Node imports it, with its weights', () => {
    const script = `
      import { createRestorer, openWeights } from 'codeformer-webgpu';
      import { readFile } from 'node:fs/promises';
      const weights = await openWeights('embedded', { role: 'upscaler' });
      const file = new URL(import.meta.resolve('codeformer-webgpu/weights/detector.safetensors'));
      console.log(typeof createRestorer, weights.names().length > 0, (await readFile(file)).length > 0);`;
    expect(run('--input-type=module', '-e', script)).toBe('function true true\n');
  });

  test('CommonJS requires it', () => {
    expect(run('-p', "typeof require('codeformer-webgpu').createRestorer")).toBe('function\n');
  });

  test('its server restores in a process of its own, and needs no package that is optional', () => {
    const script = `
      import { createHandler } from 'codeformer-webgpu/server';
      import { readFile } from 'node:fs/promises';
      const handler = createHandler({ engine: { adapter: 'wasm' } });
      const image_url = 'data:image/jpeg;base64,' + (await readFile(process.argv[1])).toString('base64');
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ image_url, upscaling: 1 });
      const answer = await handler(new Request('http://localhost/fal-ai/codeformer', { method: 'POST', body, headers }));
      const { image } = await answer.json();
      const file = await handler(new Request(image.url));
      console.log(answer.status, image.width > 0, file.headers.get('content-type'));
      await handler.close();`;
    expect(run('--input-type=module', '-e', script, photo)).toBe('200 true image/png\n');
  });
});

describe('its types', () => {
  const NODE = `
    import { createDevice, createRestorer, decodeImage, encodeImage, openWeights, readImageFile, writeImageFile } from 'codeformer-webgpu';
    await using restorer = await createRestorer({ adapter: 'software', weights: 'codeformer.pth' });
    const { image, faces } = await restorer.restore(await readImageFile('photo.jpg'), { fidelity: 0.7 });
    const margin: Float32Array | null = faces[0]!.margin;
    await writeImageFile('out.png', image);
    const weights = await openWeights('embedded', { role: 'detector' });
    const device = await createDevice({ adapter: 'gpu', robust: true });
    const bytes: Uint8Array = await encodeImage(await decodeImage(new Uint8Array(3)), { type: 'webp' });
    const { image: png } = await restorer.restore(bytes, { output: 'png' });
    // @ts-expect-error: an adapter that does not exist
    await createRestorer({ adapter: 'fast' });
    // @ts-expect-error: no device
    await createRestorer({ device: 'nonsense' });
    // @ts-expect-error: no device
    await createDevice({ device: 'nonsense' });
    console.log(margin, weights.names(), device.describe(), png.length);`;
  const BLOBS = `
    new Blob([png]);
    new Response(png);
    await crypto.subtle.digest('SHA-256', png);`;
  const PAGE = `
    import { CodeFormerError, createRestorer } from 'codeformer-webgpu/client';
    import { createRestorer as here, decodeImage, openWeights } from 'codeformer-webgpu';
    import 'codeformer-webgpu/worker';
    const restorer = await createRestorer({
      weightsBase: '/weights/',
      worker: () => new Worker('worker.js', { type: 'module' }),
      onWeights: ({ role, received }) => console.log(role, received),
    });
    const { image } = await restorer.restore(document.querySelector('img')!, { onProgress: ({ done }) => console.log(done) });
    const bitmap: ImageBitmap = image;
    const pixels: ImageData = (await restorer.restore(new ImageData(2, 2))).image;
    const { image: png } = await restorer.restore(new Blob(), { output: 'png' });
    ${BLOBS}
    const other = await here({ weights: await openWeights('/codeformer.pth'), weightsBase: '/weights/' });
    const { width } = (await other.restore(await decodeImage(new Blob()))).image;
    console.log(bitmap, pixels, width, CodeFormerError);
    // @ts-expect-error: no device goes to a worker
    await createRestorer({ device: 'nonsense' });
    // @ts-expect-error: no device
    await here({ device: 'nonsense' });`;
  const SERVER = `
    import { createHandler, type Engine, type JobQueue, listen, LocalQueue, openStorage } from 'codeformer-webgpu/server';
    const queue: JobQueue = new LocalQueue({ folder: 'jobs' });
    const handler = createHandler({ keys: ['secret'], queue, storage: await openStorage('files'), engine: { adapter: 'wasm' } });
    const response: Response = await handler(new Request('http://localhost/health'), { remoteAddress: '::1' });
    const { url } = await listen(handler, { port: 0 });
    const engine: Pick<Engine, 'restore'> = {
      restore: async (photo, { fidelity, seed = 1 }, { signal, log }) => {
        signal.throwIfAborted();
        log('done with ' + fidelity);
        return { image: photo, width: 1, height: 1, seed, faces: 0, timings: {} };
      },
    };
    // @ts-expect-error: an adapter that does not exist
    createHandler({ engine: { adapter: 'fast' } });
    console.log(url, response.status, engine);`;
  const OWN_DEVICE = `
    import { createDevice } from 'codeformer-webgpu';
    const adapter = await navigator.gpu.requestAdapter();
    const gpu = await adapter!.requestDevice();
    await createDevice({ device: gpu });
    const onDevice = await here({ device: gpu });
    const texture = gpu.createTexture({ size: [8, 8], format: 'rgba8unorm', usage: 4 });
    const buffer = gpu.createBuffer({ size: 256, usage: 12 });
    const told = await onDevice.restoreInto(texture, { buffer, width: 8, height: 8 }, { upscaling: 1 });
    await onDevice.restoreInto(new VideoFrame(document.querySelector('video')!), document.querySelector('canvas')!);
    await (await onDevice.encode({ buffer, width: 8, height: 8 })).decodeInto(texture);
    // @ts-expect-error: pictures would have to be read
    console.log(told.faces[0]!.crop);
    // @ts-expect-error: no texture
    await onDevice.restoreInto('nonsense', texture);`;

  const parsed = new Map<string, ts.SourceFile | undefined>();
  const { NodeNext, ESNext } = ts.ModuleKind;
  const node = { module: NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext };
  const bundler = { module: ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler };
  const es = ['lib.es2022.d.ts'];
  const dom = [...es, 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'];

  test.each([
    ['Node', NODE + BLOBS, { ...node, lib: es, types: ['node'] }],
    ['Node as a server', SERVER, { ...node, lib: es, types: ['node'] }],
    ['Node as a server by way of a bundler', SERVER, { ...bundler, lib: es, types: ['node'] }],
    ['Node by way of a bundler', NODE + BLOBS, { ...bundler, lib: es, types: ['node'] }],
    ['Node with the types of pages', NODE + BLOBS, { ...bundler, lib: dom, types: ['node'] }],
    ['pages without the types of WebGPU', PAGE, { ...bundler, lib: dom, types: [] }],
    ['pages with the condition browser', PAGE, { ...bundler, lib: dom, types: [], customConditions: ['browser'] }],
    ['pages with the types of WebGPU', PAGE + OWN_DEVICE, { ...bundler, lib: dom, types: ['@webgpu/types'] }],
    [
      'neither pages nor Node',
      "import * as library from 'codeformer-webgpu'; export { library };",
      { ...bundler, lib: es, types: [] },
    ],
  ] satisfies [string, string, ts.CompilerOptions][])('fit %s', (_, source, options) => {
    const file = join(project, 'main.ts');
    writeFileSync(file, source);
    const settings = {
      target: ts.ScriptTarget.ES2022,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      typeRoots: ['node_modules/@types', 'node_modules'].map(folder => join(project, folder)),
      ...options,
    };
    const host = ts.createCompilerHost(settings);
    const { getSourceFile } = host;
    // Parsed once for all settings: they are the same files.
    host.getSourceFile = (name, version, ...others) => {
      if (name === file) return getSourceFile(name, version, ...others);
      const key = `${name} ${typeof version === 'object' ? version.impliedNodeFormat : ''}`;
      if (!parsed.has(key)) parsed.set(key, getSourceFile(name, version, ...others));
      return parsed.get(key);
    };
    const program = ts.createProgram([file], settings, host);
    const problems = ts.getPreEmitDiagnostics(program);
    expect(ts.formatDiagnostics(problems, host)).toBe('');
  });
});
