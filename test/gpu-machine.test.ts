// `bench/gpu-machine.sh`, which is for machines with a GPU: here on WebAssembly, with little to measure.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildProject } from './built.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'codeformer-gpu-machine-'));
beforeAll(buildProject);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Report {
  readonly version: string;
  readonly start: Record<string, number | null>;
  readonly toPyTorch: Record<string, number | null>;
  readonly steps: Record<string, Record<string, unknown>>;
}

/** Runs the script and returns its exit code and what it wrote. */
function run(env: NodeJS.ProcessEnv): Promise<{ code: unknown; report: Report }> {
  const out = join(folder, 'report.json');
  const small = {
    ADAPTER: 'wasm',
    SUITE: '',
    TUNE: 'embedded',
    BENCH: '--only kernels --filter codebook/argmax --size 32 --runs 1',
  };
  const without = { CODEFORMER_PYTHON: join(folder, 'no-python') };
  return new Promise(resolve =>
    execFile(
      'bash',
      ['bench/gpu-machine.sh', out],
      { cwd: root, env: { ...process.env, ...small, ...without, ...env } },
      error => resolve({ code: error?.code ?? 0, report: JSON.parse(readFileSync(out, 'utf8')) as Report }),
    ),
  );
}

test('where the JSON cannot be written nothing is measured', async () => {
  const outcome = await new Promise<unknown[]>(resolve =>
    execFile('bash', ['bench/gpu-machine.sh', join(folder, 'none', 'report.json')], { cwd: root }, (error, _, stderr) =>
      resolve([error?.code, stderr]),
    ),
  );
  // Steps say that they begin.
  expect(outcome).toEqual([1, expect.not.stringContaining('== ')]);
});

test('all that there is to do ends up in one JSON', async () => {
  const { code, report } = await run({});
  expect(code).toBe(0);
  const { steps } = report;
  for (const name of ['start-first', 'start-again']) expect(steps[name]).toMatchObject({ code: 0 });
  expect(report.start).toEqual({ first: expect.any(Number), again: expect.any(Number) });
  expect(steps['self-test-f32']).toMatchObject({ code: 0, result: { selfTest: { passed: true } } });
  expect(steps['tune-f32']).toMatchObject({ code: 0, result: { shapes: [] } });
  expect(steps['bench-f32']).toMatchObject({ code: 0, result: { precision: 'f32', selfTest: { passed: true } } });
  for (const [mode, variant] of [
    ['f16', 'f16'],
    ['f16-matrices', 'subgroup-matrices'],
  ]) {
    expect(steps[`self-test-${mode}`]).toEqual({ skipped: expect.stringContaining('Expected an adapter with f16') });
    expect(steps[`bench-${mode}`]).toEqual({ skipped: `the self-test has not found ${variant}` });
  }
  expect(steps.pytorch).toEqual({ skipped: expect.stringContaining('has no PyTorch that sees a GPU') });
  expect(steps.suite).toEqual({ skipped: 'it was not asked for' });
  expect(report.toPyTorch).toEqual({ f32: null, f16: null, 'f16 subgroup matrices': null });
});

test('steps for which no time is left are left out, and a step that fails stops no other', async () => {
  expect((await run({ LIMIT: '1' })).report.steps['tune-f32']).toEqual({ skipped: 'no time is left' });
  const { code, report } = await run({ ADAPTER: 'nonsense' });
  expect(code).toBe(1);
  expect(report.steps['tune-f32']).toMatchObject({ code: 2, said: expect.stringContaining('--adapter') });
  expect(Object.keys(report.steps)).toHaveLength(11);
});
