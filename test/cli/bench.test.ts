// `codeformer bench`: what it measures, on what, and how reports are compared.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { kernelJobs, measureKernels } from '../../src/bench/kernels.js';
import { type BenchReport, type Figure, FORMAT, printReport } from '../../src/bench/report.js';
import { measurePeaks } from '../../src/gpu/peaks.js';
import { hasTimestamps } from '../../src/gpu/timing.js';
import { kernelTests } from '../../src/kernels/registry.js';
import { createDevice } from '../../src/node/gpu.js';
import { leastDevice } from '../device.js';
import { codeformer } from './harness.js';

const folder = mkdtempSync(join(tmpdir(), 'codeformer-bench-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = async (...args: string[]) => {
  const { code, stdout, stderr } = await codeformer(['bench', ...args]);
  return { code, stdout: stdout.toString(), stderr };
};

test('measures a photo, the networks and kernels, what is asked for alone', async () => {
  const small = ['--adapter', 'wasm', '--runs', '1', '--size', '64', '--filter', 'codebook'];
  const { code, stdout } = await run(...small, '--only', 'stages,networks,kernels', '--json');
  expect(code).toBe(0);
  const report = JSON.parse(stdout) as BenchReport;
  expect(report).toMatchObject({
    report: 'codeformer bench',
    format: FORMAT,
    precision: 'f32',
    timing: 'clock',
    peaks: null,
    selfTest: { passed: true, faults: [] },
    runs: 1,
    side: 64,
  });
  expect(report.adapter.name).toMatch(/^WebAssembly SIMD/);
  expect(report.runtime).toContain(process.version);
  const names = report.figures.map(({ section, name }) => `${section}: ${name}`);
  for (const name of ['stages: detect', 'stages: total']) expect(names).toContain(name);
  expect(names.some(name => /^(memory|start)/.test(name))).toBe(false);
  for (const name of ['encode', 'decode, w = 0.5', 'decode, w = 0', 'whole, w = 0.5'])
    expect(names).toContain(`networks: embedded: ${name}`);
  const kernels = report.figures.filter(({ section }) => section === 'kernels');
  expect(kernels.map(({ name }) => name.split(' ')[0])).toEqual(['codebook/argmax', 'codebook/lookup']);
  for (const { section, ms, ...more } of report.figures) {
    expect(ms).toBeGreaterThanOrEqual(0);
    if (section === 'kernels') expect(more['GB/s']).toBeGreaterThan(0);
  }
  const printed = printReport(report);
  for (const { name } of report.figures) expect(printed).toContain(`\n${name} `);
});

test.each([
  [['--only', 'kernels,pictures'], 'some of start, stages'],
  [['--runs', '0'], 'a whole number from 1 to 100'],
  [['--size', '5000'], 'a whole number from 32 to 4096'],
  [['photo.jpg'], 'no argument for bench'],
  [
    ['--adapter', 'wasm', '--only', 'kernels', '--filter', 'zzz'],
    'a part of the name of a kernel for the filter but received "zzz"',
  ],
])('%j is refused', async (args, message) => {
  const { code, stderr } = await run(...args);
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
});

test('every kernel has sizes that it takes', () => {
  for (const { kernel, usual } of kernelTests) {
    expect(usual.length, kernel.name).toBeGreaterThan(0);
    for (const { name, params } of usual) expect(Object.keys(kernel.operands(params)), name).not.toEqual([]);
  }
});

describe('on WebGPU', () => {
  const ARGMAX = 'codebook/argmax';

  test('kernels are timed by timestamps, and seen as shares of the peaks', async () => {
    using device = await createDevice({ adapter: 'software' });
    expect(hasTimestamps(device)).toBe(true);
    const peaks = await measurePeaks(device);
    expect(peaks.GFLOPS).toBeGreaterThan(0);
    expect(peaks['GB/s']).toBeGreaterThan(0);
    const [figure] = await measureKernels(device, kernelJobs(device, ARGMAX), peaks, { runs: 3 });
    const { ms, GFLOPS, roofline } = figure as Required<Figure>;
    expect(roofline).toBeCloseTo(Math.max(GFLOPS / peaks.GFLOPS, figure!['GB/s']! / peaks['GB/s']), 8);
    expect(ms).toBeGreaterThan(0);
    expect(device.memory.allocated).toBe(0);
  });

  test('an adapter without timestamps, f16 and subgroups is timed by the clock', async () => {
    using device = await createDevice({ device: await leastDevice() });
    expect(device.features).not.toContain('timestamp-query');
    expect(hasTimestamps(device)).toBe(false);
    const [figure] = await measureKernels(device, kernelJobs(device, ARGMAX), null, { runs: 1 });
    expect(figure!.ms).toBeGreaterThan(0);
    expect(figure).not.toHaveProperty('roofline');
    device.gpu.destroy();
  });

  test("Winograd's convolutions are left out where the self-test has given them up", async () => {
    using device = await createDevice({ adapter: 'software' });
    const count = () => ['(winograd)', '(winograd-2x2)'].map(name => kernelJobs(device, name).length);
    expect(count()).toEqual([4, 4]);
    device.use(device.variants.filter(variant => variant !== 'winograd'));
    expect(count()).toEqual([0, 4]);
  });
});

describe('compare', () => {
  const report = (figures: readonly Figure[], more: object = {}) => ({
    report: 'codeformer bench',
    format: FORMAT,
    version: '1.0.0',
    runtime: 'Node',
    adapter: { name: 'Card' },
    precision: 'f32',
    timing: 'clock',
    figures,
    ...more,
  });
  const file = (name: string, content: unknown): string => {
    const path = join(folder, name);
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };
  const a = file(
    'a.json',
    report([
      { section: 'kernels', name: 'add', ms: 2 },
      { section: 'kernels', name: 'conv', ms: 10 },
      { section: 'memory', name: 'at most', MB: 100 },
      { section: 'stages', name: 'read', ms: 1 },
    ]),
  );

  test('shows ratios, and in what the reports differ', async () => {
    const figures: Figure[] = [
      { section: 'memory', name: 'at most', MB: 50 },
      { section: 'kernels', name: 'conv', ms: 5 },
      { section: 'kernels', name: 'add', ms: 4 },
    ];
    const b = file('b.json', report(figures, { precision: 'f16', adapter: { name: 'Other\x1b[2J' } }));
    const { code, stdout } = await run('compare', a, b);
    expect([code, stdout]).toEqual([
      0,
      `A: Card, f32; codeformer-webgpu 1.0.0, Node
B: Other\\u001b[2J, f16; codeformer-webgpu 1.0.0, Node
They differ in precision: f32, f16

figure           unit     A     B  B / A
---------------  ----  ----  ----  -----
kernels: add     ms    2.00  4.00   2.00
kernels: conv    ms    10.0  5.00   0.50
memory: at most  MB     100  50.0   0.50

kernels: B / A is 1.00 in the geometric mean of 2
memory: B / A is 0.50 in the geometric mean of 1
In one of them alone, and left out: 1
`,
    ]);
    const settings = { variants: ['winograd'], runs: 5, side: 512 };
    const same = file('same.json', report(figures, settings));
    const { stdout: told } = await run(
      'compare',
      same,
      file('less.json', report(figures, { ...settings, variants: [], runs: 1, side: 64 })),
    );
    expect(told.split('\n').filter(line => line.startsWith('They differ'))).toEqual([
      'They differ in ways of computing: winograd, none',
      'They differ in runs: 5, 1',
      'They differ in side of the photo: 512, 64',
    ]);
    expect((await run('compare', same, same)).stdout).not.toContain('They differ');
    const other = file('other.json', report([{ section: 'start', name: 'ready', ms: 1 }]));
    expect((await run('compare', a, other)).stdout).toMatch(/They have no figure in common\.\n$/);
  });

  test.each([
    ['nothing', '', 'it is no JSON'],
    ['half of it', '{"report": "codeformer bench",', 'it is no JSON'],
    ['another object', { adapter: 'x' }, 'it is something else'],
    ['null', 'null', 'it is something else'],
    ['another version', report([], { format: FORMAT + 1 }), `it has format ${FORMAT + 1}, and this version reads 1`],
    ['a precision that is none', report([], { precision: { toString: 1 } }), 'how it was measured'],
    ['variants that are none', report([], { variants: 'x' }), 'how it was measured'],
    ['no adapter', report([], { adapter: null }), 'it does not say where it was made'],
    ['figures without numbers', report([{ section: 'start', name: 'x', ms: 'y' as never }]), 'figures are damaged'],
    ['an unknown section', report([{ section: 'x' as never, name: 'x' }]), 'figures are damaged'],
    ['no figures', report('x' as never), 'figures are damaged'],
  ])('%s is refused', async (_, content, message) => {
    const { code, stderr } = await run('compare', a, file('broken.json', content));
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
    expect(stderr).toContain('broken.json');
  });

  test('many figures, in UTF-16 as well', async () => {
    const figures = Array.from({ length: 150_000 }, (_, i) => ({ section: 'kernels' as const, name: `k${i}`, ms: 1 }));
    const path = join(folder, 'utf16.json');
    writeFileSync(path, Buffer.from(`\ufeff${JSON.stringify(report(figures))}`, 'utf16le'));
    const { code, stdout } = await run('compare', path, file('utf8.json', `\ufeff${JSON.stringify(report(figures))}`));
    expect([code, stdout.slice(-80)]).toEqual([0, expect.stringContaining('in the geometric mean of 150000\n')]);
  });

  test('files that are not there, or one alone', async () => {
    expect(await run('compare', a, join(folder, 'none.json'))).toMatchObject({ code: 1, stdout: '' });
    expect(await run('compare', a)).toMatchObject({ code: 2, stdout: '' });
    expect((await run('compare', '--help')).stdout).toMatch(/^Usage: codeformer bench compare A\.json B\.json\n/);
  });
});
