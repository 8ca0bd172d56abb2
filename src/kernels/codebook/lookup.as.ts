// y[token] = codebook[index of token]. A part is a run of tokens.

import { bytes } from '../prelude.as';

export function lookup(
  part: i32,
  local: usize,
  indices: usize,
  codebook: usize,
  codes: i32,
  y: usize,
  yStride: i32,
  tokens: i32,
  run: i32, // of a part
  channels: i32, // rounded up to 4
): void {
  for (let token = part * run; token < min((part + 1) * run, tokens); token++) {
    // Indices may come from a caller; none may reach past the codebook.
    const entry = min(max(load<i32>(indices + bytes(token)), 0), codes - 1);
    memory.copy(y + <usize>token * bytes(yStride), codebook + <usize>entry * bytes(channels), bytes(channels));
  }
}
