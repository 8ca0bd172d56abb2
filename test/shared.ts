// Where oracle tests find reference outputs. They are not part of the package: where the folder is absent these tests are
// skipped, unless CODEFORMER_REQUIRE_ORACLE=1 says that it must be there.

import { existsSync } from 'node:fs';
import { describe } from 'vitest';
import { shared } from './shared-folder.js';

/** Whether oracle tests must run. */
export const requireOracle = process.env.CODEFORMER_REQUIRE_ORACLE === '1';

/** The folder that holds `fixtures`, or null where there is none. */
export const sharedFolder: string | null = existsSync(shared('fixtures')) ? shared() : null;

if (requireOracle && !sharedFolder)
  throw new Error(`CODEFORMER_REQUIRE_ORACLE is set but ${shared('fixtures')} is absent`);

/** `describe` for tests that need the folder. */
export const oracle = describe.skipIf(!sharedFolder);

export { shared };
