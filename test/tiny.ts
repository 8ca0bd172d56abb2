// A geometry of the network that runs in no time, for tests that are about something else.

export const TINY = {
  size: 32,
  channels: 8,
  multipliers: [1, 2],
  res_blocks: 1,
  attention: [16],
  embedding: 8,
  codebook: 16,
  width: 16,
  heads: 2,
  layers: 1,
  mlp: 16,
  fuse: [32],
  groups: 4,
  patch: 1,
};
