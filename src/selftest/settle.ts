// Which variants an adapter computes rightly.

import { CodeFormerError } from '../errors.js';
import type { Executor, Variant } from '../executor.js';
import { type Check, faultsOf } from './check.js';

/** What a self-test found. */
export interface Verdict {
  /** Variants that came out wrong and are not used. */
  readonly givenUp: readonly Variant[];
  /** What came out wrong, in words; empty where all is right. */
  readonly faults: readonly string[];
}

/**
 * Leaves an executor with the variants by which a test finds no fault, or with those that it had where this throws.
 * @param fixed variants that cannot be given up
 * @param test checks all that there is to check, or what is named
 * @throws `GPU_ERROR` where something is wrong without any of them as well, and what the test throws
 */
export async function settle(
  executor: Executor,
  fixed: readonly Variant[],
  test: (names?: readonly string[]) => Promise<readonly Check[]>,
): Promise<Verdict> {
  const all = executor.variants;
  try {
    return await givingUp(executor, all, fixed, test);
  } catch (error) {
    executor.use(all);
    throw error;
  }
}

async function givingUp(
  executor: Executor,
  all: readonly Variant[],
  fixed: readonly Variant[],
  test: (names?: readonly string[]) => Promise<readonly Check[]>,
): Promise<Verdict> {
  const faults: string[] = [];
  for (;;) {
    const checks = await test();
    const found = faultsOf(checks);
    if (found.length === 0) return { givenUp: all.filter(variant => !executor.variants.includes(variant)), faults };
    faults.push(...found);
    const names = checks.flatMap(({ name, fault }) => (fault === null ? [] : [name]));
    const passes = async (variants: readonly Variant[]) => {
      executor.use(variants);
      return faultsOf(await test(names)).length === 0;
    };
    const { variants } = executor;
    let used = variants.filter(variant => fixed.includes(variant));
    if (used.length === variants.length || !(await passes(used)))
      throw new CodeFormerError('GPU_ERROR', `${executor.describe()} computes wrongly: ${found[0]}`);
    // Back in come, one by one, those that work; the most useful ones first.
    for (const variant of variants.filter(v => !fixed.includes(v)).toReversed()) {
      const more = variants.filter(v => v === variant || used.includes(v));
      if (await passes(more)) used = more;
    }
    executor.use(used);
    // All of it again: what was right may have been so by a variant that is gone.
    if (used.length === variants.length)
      throw new CodeFormerError('GPU_ERROR', `${executor.describe()} computes ${names[0]} now rightly, now wrongly`);
  }
}
