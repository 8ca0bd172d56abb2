// The records of 16 values whose second value is above a threshold, in their order, then zeros. A record's first value becomes its number; a
// record with the count of those selected stands before all others. A part of both jobs is a run of records.

import { bytes, splat } from '../prelude.as';

/** How many of each part are selected. */
export function countRecords(
  part: i32,
  local: usize,
  records: usize,
  count: i32,
  run: i32, // records of a part
  threshold: usize,
  counts: usize,
): void {
  const limit = load<f32>(threshold);
  let selected = 0;
  for (let i = part * run; i < min((part + 1) * run, count); i++)
    if (load<f32>(records + (<usize>i << 6), 4) > limit) selected++;
  store<i32>(counts + bytes(part), selected);
}

// @ts-ignore: decorator
@inline
function clearRecord(to: usize): void {
  for (let i: usize = 0; i < 64; i += 16) v128.store(to + i, splat(0));
}

/** Every part knows from the counts where its records go. */
export function selectRecords(
  part: i32,
  local: usize,
  records: usize,
  count: i32,
  run: i32, // records of a part
  threshold: usize,
  counts: usize,
  parts: i32,
  selected: usize,
): void {
  const limit = load<f32>(threshold);
  let before = 0;
  let total = 0;
  for (let i = 0; i < parts; i++) {
    const own = load<i32>(counts + bytes(i));
    if (i < part) before += own;
    total += own;
  }
  if (part == 0) {
    clearRecord(selected);
    store<f32>(selected, <f32>total);
  }
  const first = part * run;
  // Where the next record that is selected goes, and the next that is not.
  let next = selected + (<usize>(1 + before) << 6);
  let rest = selected + (<usize>(1 + total + first - before) << 6);
  for (let i = first; i < min(first + run, count); i++) {
    const from = records + (<usize>i << 6);
    if (load<f32>(from, 4) > limit) {
      memory.copy(next, from, 64);
      store<f32>(next, <f32>i);
      next += 64;
    } else {
      clearRecord(rest);
      rest += 64;
    }
  }
}
