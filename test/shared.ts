// Where oracle tests find reference outputs. They are not part of the package: where the folder is absent these tests are
// skipped, unless CODEFORMER_REQUIRE_ORACLE=1 says that it must be there.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = resolve(root, process.env.CODEFORMER_FIXTURES ?? '../shared');

/** Whether oracle tests must run. */
export const requireOracle = process.env.CODEFORMER_REQUIRE_ORACLE === '1';

/** The folder that holds `fixtures`, or null where there is none. */
export const sharedFolder: string | null = existsSync(join(folder, 'fixtures')) ? folder : null;

if (requireOracle && !sharedFolder)
  throw new Error(`CODEFORMER_REQUIRE_ORACLE is set but ${folder}/fixtures is absent`);

/** `describe` for tests that need the folder. */
export const oracle = describe.skipIf(!sharedFolder);

/** A path in the folder, for use inside of oracle tests. */
export function shared(...parts: string[]): string {
  return join(sharedFolder ?? folder, ...parts);
}
