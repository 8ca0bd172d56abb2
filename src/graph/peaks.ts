// A program that also finds the largest magnitude of what it writes.

import { peak } from '../kernels/peak/peak.js';
import type { Call, Program, Storage } from './graph.js';

/** The program with an external tensor `peak` (see the kernel), for all activations that follow the executor's precision. */
export function withPeaks({ calls, parameters }: Program): Program {
  const ids = calls.flatMap(({ operands }) => Object.values(operands).map(({ id }) => id));
  const largest: Storage = { id: 1 + Math.max(-1, ...ids), kind: 'external', name: 'peak', type: 'u32', elements: 1 };
  const measured = calls.flatMap((call): Call[] => {
    const written = Object.entries(call.kernel.operands(call.params)).flatMap(
      ([name, { access, type, layout }]): Call[] => {
        if (access === 'read' || type !== 'store' || !layout) return [];
        const operands = { x: call.operands[name]!, peak: largest };
        return [{ label: `${call.label}/peak`, kernel: peak, params: { x: layout }, operands }];
      },
    );
    return [call, ...written];
  });
  return { calls: measured, parameters };
}
