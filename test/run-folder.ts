// Before all tests and after them: the folder in which `built.ts` keeps what they have in common.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

/** Names the folder to the processes of the tests, and to the setup of the other group. */
export const RUN_FOLDER = 'CODEFORMER_RUN_FOLDER';

export default function setup(project: TestProject): () => void {
  process.env[RUN_FOLDER] ??= mkdtempSync(join(tmpdir(), 'codeformer-tests-'));
  const folder = process.env[RUN_FOLDER];
  // Of other sources other things are built.
  project.onTestsRerun(async () => {
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
  });
  return () => rmSync(folder, { recursive: true, force: true });
}
