// Pixels of cut-outs, for cases: opaque and transparent ones side by side, and some in between.

/** A pixel of any colour, red in the low byte. */
export function cutOut(_: number, random: () => number): number {
  const colour = Math.floor((random() + 1) * 2 ** 23);
  const alpha = Math.round(Math.min(Math.max(255 * random() + 127, 0), 255));
  return colour + alpha * 2 ** 24;
}
