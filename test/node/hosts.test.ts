// The library in the processes of others: threads, other runtimes, garbage collection.

import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { wasmKernels } from '../../scripts/kernels.mjs';
import { createRestorer } from '../../src/node/index.js';
import { sample } from '../cli/harness.js';
import { testDevice } from '../device.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
// Inside of the checkout, so that packages are found.
let folder: string;
let library: string;

beforeAll(async () => {
  mkdirSync(join(root, '.cache'), { recursive: true });
  folder = mkdtempSync(join(root, '.cache/hosts-'));
  library = join(folder, 'node.js');
  await esbuild.build({
    entryPoints: [join(root, 'src/node/index.ts')],
    outfile: library,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    packages: 'external',
    loader: { '.wgsl': 'text' },
    plugins: [wasmKernels],
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a module that knows the library as `library`, and gives what it prints. */
async function run(code: string, command: readonly string[] = [process.execPath]): Promise<string> {
  const script = join(folder, 'script.mjs');
  writeFileSync(script, `const library = await import(${JSON.stringify(pathToFileURL(library).href)});\n${code}`);
  const [program, ...args] = command;
  const { stdout, stderr } = await promisify(execFile)(program!, [...args, script], { cwd: folder });
  return stdout + stderr;
}

const DESCRIBE = `
  const device = await library.createDevice({ adapter: 'software' });
  const answer = device.describe();
  device.destroy();`;

test('a thread gets the software adapter, whose environment is a copy, and may be terminated once that is destroyed', async () => {
  const printed = await run(`
    import { isMainThread, parentPort, Worker } from 'node:worker_threads';
    if (isMainThread) {
      const worker = new Worker(new URL(import.meta.url));
      worker.on('message', async text => {
        await worker.terminate();
        console.log(text);
      });
    } else {
      ${DESCRIBE}
      setInterval(() => {}, 1000);
      parentPort.postMessage(answer);
    }`);
  expect(printed).toMatch(/SwiftShader.*\(software\)\n$/);
});

describe.each([
  ['bun', ['bun']],
  ['deno', ['deno', 'run', '-A']],
])('%s', (name, command) => {
  const absent = spawnSync(name, ['--version']).error !== undefined;
  test.skipIf(absent)('runs on the software adapter', async () => {
    expect(await run(`${DESCRIBE}\nconsole.log(answer);`, command)).toMatch(/SwiftShader.*\(software\)\n$/);
  });
});

test('a GPUDevice of the caller needs no globals of WebGPU', async () => {
  const { gpu } = await testDevice();
  expect(['GPUShaderStage', 'GPUBufferUsage', 'GPUMapMode', 'GPUDevice'].filter(name => name in globalThis)).toEqual(
    [],
  );
  const restorer = await createRestorer({ device: gpu, weights: null, detector: null, upscaler: null });
  const { width } = await restorer.restore(sample(32, 32), { faces: [] });
  expect(width).toBe(64);
  await restorer.destroy();
});

test('weights and restorers that are dropped close their files without a word', async () => {
  const printed = await run(
    `
    import { readdirSync, readlinkSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    const target = fd => { try { return readlinkSync('/proc/self/fd/' + fd); } catch { return ''; } };
    const open = () => readdirSync('/proc/self/fd').filter(fd => target(fd).endsWith('.safetensors')).length;
    const device = await library.createDevice({ adapter: 'software' });
    const weights = name => ${JSON.stringify(join(root, 'weights'))} + '/' + name + '.safetensors';
    let dropped = await library.openWeights(weights('restorer'));
    await dropped.float32(dropped.names()[0]);
    let restorer = await library.createRestorer({ device, weights: weights('restorer'), detector: null, upscaler: null });
    let kept = await library.openWeights(weights('detector'));
    const { float32, names, close } = kept;
    console.log(open());
    dropped = restorer = kept = null;
    // What ran last holds it for a while.
    for (let i = 0; i < 600 && open() > 1; i++) { gc(); await sleep(50); }
    console.log(open());
    // What can still be read from stays open.
    await Promise.all([float32(names()[0]), close(), close()]);
    await float32(names()[0]).catch(error => console.log(open(), error.code));
    device.destroy();`,
    [process.execPath, '--expose-gc'],
  );
  expect(printed).toBe('3\n1\n0 FILE_UNREADABLE\n');
});
