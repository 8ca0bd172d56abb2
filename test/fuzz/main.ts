// `npm run fuzz -- [checkpoints|pictures] [--count N] [--seed S] [--case I] [--save FILE]`: reads mutated files and reports what is
// untyped, slow or large. Exit code 1 where there is any.

import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type FuzzTarget, MAX_HELD, makeCase, readCase } from './fuzz.js';
import { TARGETS } from './targets.js';

/** Processor time of one case, in ms: generous, as other things run beside it. */
const MAX_TIME = 1000;
/** Faults that are printed before they are only counted. */
const SHOWN = 20;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string' },
    seed: { type: 'string', default: '1' },
    case: { type: 'string' },
    save: { type: 'string' },
  },
});

const whole = (text: string, name: string): number => {
  if (!/^\d+$/.test(text)) throw new Error(`Expected a whole number for --${name} but received ${text}`);
  return Number(text);
};
const seed = whole(values.seed, 'seed');
const chosen = positionals.length === 0 ? TARGETS : TARGETS.filter(({ name }) => positionals.includes(name));
if (chosen.length < positionals.length || chosen.length === 0)
  throw new Error(`Expected ${TARGETS.map(({ name }) => name).join(' or ')} but received ${positionals.join(' ')}`);

async function fuzz(target: FuzzTarget): Promise<number> {
  const first = values.case === undefined ? 0 : whole(values.case, 'case');
  const count =
    values.case !== undefined ? 1 : values.count === undefined ? target.count : whole(values.count, 'count');
  const kinds = new Map<string, number>();
  const faults = { untyped: 0, slow: 0, large: 0 };
  let slowest = { time: 0, index: 0 };
  let largest = { held: 0, index: 0 };
  let shown = 0;
  for (let index = first; index < first + count; index++) {
    const bytes = await makeCase(target, seed, index);
    if (values.save !== undefined) await writeFile(values.save, bytes);
    const resident = process.memoryUsage.rss();
    const before = process.cpuUsage();
    const outcome = await readCase(target, bytes);
    const { user, system } = process.cpuUsage(before);
    const time = (user + system) / 1e3;
    // The peak of the process only ever grows: what it is above the start of a case was taken by that case.
    const peak = process.resourceUsage().maxRSS * 1024;
    const grown = peak > highest ? peak - resident : 0;
    highest = Math.max(highest, peak);
    const held = Math.max(outcome.held, grown);

    kinds.set(outcome.kind, (kinds.get(outcome.kind) ?? 0) + 1);
    if (time > slowest.time) slowest = { time, index };
    if (held > largest.held) largest = { held, index };
    const found = { untyped: outcome.kind === 'untyped', slow: time > MAX_TIME, large: held > MAX_HELD };
    for (const fault of ['untyped', 'slow', 'large'] as const) if (found[fault]) faults[fault]++;
    if (values.case !== undefined || ((found.untyped || found.slow || found.large) && ++shown <= SHOWN)) {
      console.log(`${target.name} --seed ${seed} --case ${index}: ${bytes.length} bytes, ${outcome.kind},`);
      console.log(`  ${time.toFixed(0)} ms, ${(held / 1e6).toFixed(1)} MB`, outcome.error ?? '');
    }
    if (index % 10_000 === 9_999) console.error(`${target.name}: ${index + 1} of ${count}`);
  }
  const list = [...kinds].map(([kind, cases]) => `${cases} ${kind}`).join(', ');
  console.log(`${target.name}: ${count} cases (seed ${seed}): ${list}`);
  console.log(
    `  slowest ${slowest.time.toFixed(0)} ms (case ${slowest.index}), largest ${(largest.held / 1e6).toFixed(1)} MB`,
  );
  console.log(`  ${faults.untyped} untyped, ${faults.slow} slow, ${faults.large} over ${MAX_HELD / 1e6} MB`);
  return faults.untyped + faults.slow + faults.large;
}

let highest = process.resourceUsage().maxRSS * 1024;
let total = 0;
for (const target of chosen) total += await fuzz(target);
process.exitCode = total > 0 ? 1 : 0;
