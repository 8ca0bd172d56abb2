// Weights with values that no network can use.

import { CodeFormerError, throwIfAborted } from '../errors.js';
import type { Weights } from './weights.js';

/**
 * Reads tensors and throws `INVALID_CHECKPOINT` for the first value that is NaN or infinite, with the tensor's name and the place.
 * @param signal looked at before each tensor: `ABORTED`
 */
export async function checkFinite(weights: Weights, names: Iterable<string>, signal?: AbortSignal): Promise<void> {
  for (const name of names) {
    throwIfAborted(signal);
    const values = await weights.float32(name);
    const at = values.findIndex(value => !Number.isFinite(value));
    if (at < 0) continue;
    throw new CodeFormerError(
      'INVALID_CHECKPOINT',
      `${weights.name}: tensor ${name} has the value ${values[at]} at ${at}`,
    );
  }
}
