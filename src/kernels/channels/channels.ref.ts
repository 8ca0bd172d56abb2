// The meaning of `split-channels` and `merge-channels`.

import type { NumberArray } from '../kernel.js';
import type { ChannelsParams } from './channels.js';

export function splitReference(
  { pixels, planes }: ChannelsParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const bytes = new Uint8Array(Uint32Array.from(inputs.picture!).buffer);
  const out = Float32Array.from(
    { length: pixels * planes },
    (_, i) => bytes[4 * (i % pixels) + Math.floor(i / pixels)]!,
  );
  return { planes: out };
}

export function mergeReference(
  { pixels, planes }: ChannelsParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  // This array rounds half to even and saturates.
  const bytes = new Uint8ClampedArray(4 * pixels).fill(255);
  for (let i = 0; i < pixels; i++)
    for (let c = 0; c < Math.max(3, planes); c++)
      bytes[4 * i + c] = inputs.planes![Math.min(c, planes - 1) * pixels + i]!;
  return { picture: new Uint32Array(bytes.buffer) };
}
