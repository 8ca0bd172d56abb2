// A photo as cameras make them: through an adapter whose buffers are too small for the result, within bounds of memory.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { buildProject } from '../built.js';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

beforeAll(async () => {
  await buildProject();
});

test('24 megapixels with 20 faces: arrays and buffers of less than 3 GB', { timeout: 600_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [path('megapixels-run.mjs')]);
  const { width, height, pasted, memory } = JSON.parse(stdout);
  expect([width, height, pasted]).toEqual([12000, 8000, 20]);
  expect(memory).toBeLessThan(3e9);
});
