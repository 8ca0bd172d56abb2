// The index of the largest logit of every token, the lowest on a tie, and by how much it leads. A part is a run of tokens.

import { bytes, splat } from '../prelude.as';

const LOWEST: f32 = -3.4028234e38;

/** @param local what each lane has found: its largest, its second largest and its code */
export function argmax(
  part: i32,
  local: usize,
  logits: usize,
  stride: i32,
  tokens: i32,
  run: i32, // of a part
  codes: i32,
  indices: usize,
  margin: usize,
): void {
  const groups = (codes + 3) >> 2;
  const counted = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(codes - (groups - 1) * 4));
  for (let token = part * run; token < min((part + 1) * run, tokens); token++) {
    let from = logits + <usize>token * bytes(stride);
    // Each lane looks at every fourth code.
    let at = i32x4.splat(0);
    let first = splat(LOWEST);
    let second = splat(LOWEST);
    for (let group = 0; group < groups; group++, from += 16) {
      let value = v128.load(from);
      if (group == groups - 1) value = v128.bitselect(value, splat(LOWEST), counted);
      const better = f32x4.gt(value, first);
      second = v128.bitselect(first, f32x4.pmax(second, value), better);
      first = v128.bitselect(value, first, better);
      at = v128.bitselect(i32x4.splat(group), at, better);
    }
    // The four lanes, one after another.
    v128.store(local, first);
    v128.store(local, second, 16);
    v128.store(local, i32x4.add(i32x4.shl(at, 2), i32x4(0, 1, 2, 3)), 32);
    let best = load<f32>(local);
    let runnerUp = load<f32>(local, 16);
    let index = load<i32>(local, 32);
    for (let lane = local + 4; lane < local + 16; lane += 4) {
      const other = load<f32>(lane);
      const code = load<i32>(lane, 32);
      runnerUp = max(max(runnerUp, load<f32>(lane, 16)), min(best, other));
      if (other > best || (other == best && code < index)) index = code;
      best = max(best, other);
    }
    store<i32>(indices + bytes(token), index);
    store<f32>(margin + bytes(token), best - runnerUp);
  }
}
