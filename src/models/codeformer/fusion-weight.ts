// What a fidelity means to a network.

import type { CodeFormerConfig } from './tensors.js';

/**
 * The weight of the fusion at a fidelity, by the curve of the network; without one they are the same, and above 1 they rise alike.
 * Below 0, where features would be taken away, nothing is fused.
 */
export function fusionWeight({ fidelity: curve = [0, 1] }: CodeFormerConfig, fidelity: number): number {
  if (fidelity <= 0) return 0;
  if (fidelity >= 1) return curve.at(-1)! + fidelity - 1;
  const place = fidelity * (curve.length - 1);
  const i = Math.floor(place);
  return curve[i]! + (place - i) * (curve[i + 1]! - curve[i]!);
}
