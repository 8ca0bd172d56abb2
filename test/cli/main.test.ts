// Commands as such: help, version, dispatch, and what `doctor` says of the machine.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Engine, EngineOptions } from '../../src/cli/engine.js';
import { CodeFormerError } from '../../src/errors.js';
import { OFFICIAL_CONFIG } from '../../src/models/codeformer/tensors.js';
import type { AdapterReport } from '../../src/node/gpu.js';
import type { SelfTestResult, TuneResult } from '../../src/pipeline/restorer-types.js';
import type { Weights } from '../../src/weights/weights.js';
import { codeformer } from './harness.js';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

test('--version', async () => {
  const { code, stdout } = await codeformer(['--version']);
  expect([code, stdout.toString()]).toEqual([0, `${manifest.version}\n`]);
});

test.each([[['help']], [['--help']], [['-h']]])('%s prints the commands', async args => {
  const { code, stdout, stderr } = await codeformer(args);
  expect([code, stderr]).toEqual([0, '']);
  for (const name of ['restore', 'codes', 'weights', 'doctor', 'bench'])
    expect(stdout.toString()).toContain(`  ${name}`);
});

test.each(['restore', 'detect', 'sweep', 'codes', 'doctor', 'weights', 'weights pull'])(
  'help of %s, in each way',
  async name => {
    const words = name.split(' ');
    const { code, stdout } = await codeformer([...words, '--help']);
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(new RegExp(`^Usage: codeformer ${name} `));
    for (const help of ['help', '-h', '--help'])
      expect((await codeformer([...words.slice(0, -1), help, ...words.slice(-1)])).stdout.equals(stdout)).toBe(true);
  },
);

test('every flag of restore is in its help', async () => {
  const help = (await codeformer(['help', 'restore'])).stdout.toString();
  const flags = [
    'output',
    'fidelity',
    'upscaling',
    'aligned',
    'codes',
    'face-upscale',
    'background-upscale',
    'temperature',
    'seed',
    'adain',
    'only-center-face',
    'faces',
    'min-face-size',
    'detection-scales',
    'mask-regions',
    'feather',
    'per-face',
    'strength',
    'grayscale',
    'never-worse',
    'compat',
    'save-crops',
    'suffix',
    'output-type',
    'quality',
    'background',
    'metadata',
    'overwrite',
    'json',
    'detector',
    'parser',
    'upscaler',
    'weights-dir',
    'weights',
    'adapter',
    'precision',
    'subgroup-matrices',
    'max-pixels',
    'quiet',
    'help',
  ];
  for (const flag of flags) expect(help).toMatch(new RegExp(`--${flag}\\b`));
  expect(help.match(/^ {2}(?:-\w, | {4})--[a-z-]+/gm)?.length).toBe(flags.length);
});

test('no command, and commands that are none', async () => {
  const none = await codeformer([]);
  expect([none.code, none.stdout.length]).toEqual([2, 0]);
  expect(none.stderr).toMatch(/^Usage: /);
  for (const args of [['restor'], ['help', 'restor'], ['constructor']]) {
    const { code, stderr } = await codeformer(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: Expected one of restore, detect, sweep, codes, /);
  }
  expect((await codeformer(['restor'])).stderr).toMatch(/received "restor"; did you mean restore\?\n$/);
  const flag = await codeformer(['--nothing']);
  expect([flag.code, flag.stderr]).toEqual([2, expect.stringContaining('restore: there is no flag --nothing')]);
});

test('weights reports wrong usage and failures like the others', async () => {
  expect((await codeformer(['weights', 'nothing'])).code).toBe(2);
  expect((await codeformer(['weights', 'inspect', '/none.pth'])).code).toBe(1);
});

const adapter = (software: boolean): AdapterReport['adapters'][number] => ({
  vendor: 'maker',
  architecture: 'arch',
  device: software ? 'Emulated' : 'Card',
  description: '',
  software,
  features: software ? ['timestamp-query'] : ['shader-f16', 'timestamp-query'],
  limits: { maxBufferSize: 1024 },
});

test('doctor with a GPU', async () => {
  const reportAdapters = async () => ({ adapters: [adapter(false), adapter(true)], swiftShaderPackage: '147.0.0' });
  const { code, stdout } = await codeformer(['doctor'], { reportAdapters });
  const text = stdout.toString();
  expect(code).toBe(0);
  expect(text).toContain(`codeformer-webgpu ${manifest.version}, Node ${process.version}`);
  expect(text).toMatch(/ {2}Card, chosen by default\n {4}precision f32, f16; timestamps\n/);
  expect(text).toMatch(/ {2}Emulated \(software\)\n {4}precision f32;/);
  expect(text).toMatch(/Embedded weights\n {2}restorer\.safetensors \(restorer\): Non-commercial/);
  expect(text).toContain('  codeformer.pth (restorer): ');
  expect(text).not.toContain('no GPU was found');
});

test('doctor with an adapter of the kind asked for', async () => {
  const reportAdapters = async () => ({ adapters: [adapter(false), adapter(true)], swiftShaderPackage: null });
  const software = await codeformer(['doctor', '--adapter', 'software'], { reportAdapters });
  expect(software.code).toBe(0);
  expect(software.stdout.toString()).toContain('Emulated (software), chosen by --adapter software\n');
  const wasm = await codeformer(['doctor', '--adapter', 'wasm'], { reportAdapters });
  expect(wasm.code).toBe(3);
  expect(wasm.stdout.toString()).toContain('Adapters\n  none of the kind wasm, but\n  Card\n');
});

test('doctor with a software adapter', async () => {
  const reportAdapters = async () => ({ adapters: [adapter(true)], swiftShaderPackage: '147.0.0' });
  const { code, stdout } = await codeformer(['doctor'], { reportAdapters });
  expect(code).toBe(0);
  expect(stdout.toString()).toContain('Emulated (software), chosen by default');
  expect(stdout.toString()).toContain('no GPU was found');
});

const SELF_TEST: SelfTestResult & { adapterReason: string | null } = {
  adapterReason: null,
  passed: true,
  adapter: 'Card',
  precision: 'f16',
  variants: ['f16', 'workgroup'],
  givenUp: ['winograd'],
  checks: [
    { name: 'add', inputs: 3, fault: null },
    { name: 'restorer', inputs: 1, fault: null },
  ],
  faults: ['conv (winograd): one pixel: y[0] = 1, expected 2'],
  duration: 1234,
};

test.each([
  [
    'doctor --self-test says what was given up',
    SELF_TEST,
    0,
    `Self-test on Card, f16, f16, workgroup: all is right
  2 kernels and networks on 4 inputs in 1.2 s
  given up, because it came out wrong: winograd
  conv (winograd): one pixel: y[0] = 1, expected 2
`,
  ],
  [
    'doctor --self-test fails where something stays wrong',
    { ...SELF_TEST, passed: false, givenUp: [] },
    1,
    'Self-test on Card, f16, f16, workgroup: some is wrong\n',
  ],
  [
    'doctor --self-test fails where a GPU is there but WebAssembly takes its place',
    { ...SELF_TEST, adapterReason: 'Card computes wrongly' },
    1,
    '  in place of the GPU: Card computes wrongly\n',
  ],
  [
    'doctor --self-test has the exit code of the missing adapter',
    new CodeFormerError('NO_ADAPTER', 'there is none'),
    3,
    'Self-test: there is none\n',
  ],
  [
    'doctor --self-test fails where it cannot be run',
    new CodeFormerError('GPU_ERROR', 'Card computes wrongly: add: y[0] = 1, expected 2'),
    1,
    'Self-test: Card computes wrongly: add: y[0] = 1, expected 2\n',
  ],
])('%s', async (_, result, code, text) => {
  const reportAdapters = async () => ({ adapters: [adapter(false)], swiftShaderPackage: null });
  let destroyed = 0;
  const openEngine = async (options: EngineOptions) => {
    expect(options).toMatchObject({ restorer: 'embedded', adapter: 'gpu', precision: 'f16' });
    return {
      async selfTest() {
        if (result instanceof Error) throw result;
        const { adapterReason: _, ...found } = result;
        return found;
      },
      info: { adapterReason: result instanceof Error ? null : result.adapterReason },
      async destroy() {
        destroyed++;
      },
    } as unknown as Engine;
  };
  const flags = ['--self-test', '--adapter', 'gpu', '--precision', 'f16'];
  const outcome = await codeformer(['doctor', ...flags], { reportAdapters, openEngine });
  expect(outcome.code).toBe(code);
  expect(outcome.stdout.toString()).toContain(text);
  expect(destroyed).toBe(1);
  const json = await codeformer(['doctor', '--json', ...flags], { reportAdapters, openEngine });
  const found = JSON.parse(json.stdout.toString()) as { selfTest: unknown };
  expect(found.selfTest).toEqual(result instanceof Error ? { error: result.message, exit: code } : result);
});

test('tune prints what is faster than before, or all as JSON', async () => {
  const times = { 'workgroup, winograd': 2, workgroup: 1.25 };
  const shapes = [
    { shape: 'small', choice: 'workgroup', times, leftOut: [] },
    { shape: 'large', choice: 'workgroup, winograd', times, leftOut: ['registers', 'registers, winograd'] },
  ];
  let result: TuneResult = { adapter: 'Card', precision: 'f32', shapes };
  const openEngine = async (options: EngineOptions) => {
    expect(options).toMatchObject({ restorer: 'embedded', parser: null, adapter: 'gpu' });
    return { tune: async () => result, destroy: async () => {} } as unknown as Engine;
  };
  const { code, stdout } = await codeformer(['tune', '--adapter', 'gpu'], { openEngine });
  expect([code, stdout.toString()]).toEqual([
    0,
    `Card, f32
  small: 1.250 ms by workgroup, before 2.000 ms by workgroup, winograd
  large: 2.000 ms by workgroup, winograd; left out: registers and registers, winograd
`,
  ]);
  const json = await codeformer(['tune', '--adapter', 'gpu', '--json'], { openEngine });
  expect(JSON.parse(json.stdout.toString())).toEqual(result);
  result = { ...result, shapes: [] };
  const none = await codeformer(['tune', '--adapter', 'gpu'], { openEngine });
  expect(none.stdout.toString()).toBe('Card, f32: there is nothing to choose from\n');
});

test("tune --official is about a restorer of the official one's size alone", async () => {
  const result: TuneResult = { adapter: 'Card', precision: 'f32', shapes: [] };
  const openEngine = async ({ restorer, ...options }: EngineOptions) => {
    expect((restorer as Weights).metadata.config).toBe(JSON.stringify(OFFICIAL_CONFIG));
    expect(options).toMatchObject({ detector: null, parser: null, upscaler: null, adapter: 'gpu' });
    return { tune: async () => result, destroy: async () => {} } as unknown as Engine;
  };
  const { code } = await codeformer(['tune', '--official', '--adapter', 'gpu'], { openEngine });
  expect(code).toBe(0);
});

test('doctor without any adapter, or without WebGPU', async () => {
  const none = await codeformer(['doctor']);
  expect(none.code).toBe(3);
  expect(none.stdout.toString()).toContain('Adapters\n  none');
  const webgpuError = 'no binary for this platform';
  const wasm = { ...adapter(true), architecture: 'wasm', description: 'WebAssembly SIMD on 2 threads' };
  const reportAdapters = async () => ({ adapters: [wasm], swiftShaderPackage: null, webgpuError });
  const failed = await codeformer(['doctor'], { reportAdapters });
  expect(failed.code).toBe(0);
  expect(failed.stdout.toString()).toContain('  WebAssembly SIMD on 2 threads, chosen by default\n');
  expect(failed.stdout.toString()).toContain('WebGPU could not be loaded (no binary for this platform)');
});

test('doctor --json, with files in the cache', async () => {
  const cache = mkdtempSync(join(tmpdir(), 'codeformer-cache-'));
  try {
    const file = 'codeformer_inpainting.pth';
    mkdirSync(join(cache, 'weights'));
    writeFileSync(join(cache, 'weights', file), 'x');
    // Of the wrong size, so not the released file.
    writeFileSync(join(cache, 'weights', 'codeformer.pth'), 'x');
    const { stdout } = await codeformer(['doctor', '--json'], { env: { CODEFORMER_CACHE: cache } });
    const found = JSON.parse(stdout.toString());
    expect(found).toMatchObject({
      version: manifest.version,
      node: process.version,
      adapters: [],
      chosen: null,
      cache,
    });
    const path = (name: string) => found.official.find((entry: { file: string }) => entry.file === name).path;
    expect(path(file)).toBe(join(cache, 'weights', file));
    expect(path('codeformer.pth')).toBe(null);
    expect(found.advice).toContainEqual(
      expect.stringMatching(/^codeformer\.pth in the cache is broken: `codeformer weights pull/),
    );
    expect((await codeformer(['doctor', '--fidelity', '1'])).code).toBe(2);
    expect((await codeformer(['doctor', 'all'])).stderr).toBe(
      'error: Expected no argument for doctor but received "all"\n',
    );
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
});
