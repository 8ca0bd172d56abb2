// A slice of what `npm run fuzz` does: mutated files are read or refused with a typed error, and never take much memory.

import { expect, test } from 'vitest';
import { MAX_HELD, makeCase, type Outcome, readCase } from './fuzz.js';
import { TARGETS } from './targets.js';

const SEED = 1;

test.each(TARGETS)('$slice mutated $name', async target => {
  const faults: (Outcome & { index: number })[] = [];
  const kinds = new Set<string>();
  for (let index = 0; index < target.slice; index++) {
    const outcome = await readCase(target, await makeCase(target, SEED, index));
    kinds.add(outcome.kind);
    if (outcome.kind === 'untyped' || outcome.held > MAX_HELD) faults.push({ index, ...outcome });
  }
  expect(faults).toEqual([]);
  // Mutations that leave nothing readable, or everything, would test nothing.
  expect(kinds.has('read') && kinds.size > 1).toBe(true);
});

test('a case is made from its number alone', async () => {
  for (const target of TARGETS) {
    const [a, b, c] = [await makeCase(target, 1, 5), await makeCase(target, 1, 5), await makeCase(target, 2, 5)];
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
  }
});
