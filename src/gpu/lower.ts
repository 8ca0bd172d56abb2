// A program as WebGPU runs it: its calls with their dispatches and scratch memory.

import type { Call, Program, Storage } from '../graph/graph.js';
import type { ConvParams } from '../kernels/conv/conv.js';
import { layout, layoutElements } from '../kernels/kernel.js';
import { pixelShuffle } from '../kernels/pixel-shuffle/pixel-shuffle.js';
import type { Dispatch, Target } from '../kernels/webgpu.js';
import { implementationOf } from './implementations.js';

/** A call whose operands include the scratch memory. */
export interface LoweredCall extends Call {
  readonly dispatches: readonly Dispatch[];
}

export function lower({ calls }: Program, target: Target): LoweredCall[] {
  let next = 1 + Math.max(-1, ...calls.flatMap(({ operands }) => Object.values(operands).map(({ id }) => id)));
  const transient = (name: string, { type, elements }: Pick<Storage, 'type' | 'elements'>): Storage => {
    return { id: next++, kind: 'transient', name, type, elements };
  };
  const lowered = (call: Call): LoweredCall => {
    const { kernel, params, label } = call;
    const { scratch, dispatches } = implementationOf(kernel, params, target);
    const own = Object.entries(scratch?.(params, target) ?? {});
    const operands = {
      ...call.operands,
      ...Object.fromEntries(own.map(([name, memory]) => [name, transient(`${label}/${name}`, memory)])),
    };
    return { ...call, operands, dispatches: dispatches(params, target) };
  };
  return calls.flatMap(call => {
    const whole = lowered(call);
    if (!whole.dispatches.some(dispatch => aliases(dispatch, call))) return whole;
    // Only convolutions write beside what they read, into another slice of it.
    const params = call.params as ConvParams;
    const { n, h, w, c } = params.y;
    const apart = layout(n, h, w, c);
    const y = transient(call.label, { type: call.operands.y!.type, elements: layoutElements(apart) });
    return [
      lowered({ ...call, params: { ...params, y: apart }, operands: { ...call.operands, y } }),
      lowered({
        label: `${call.label}/copy`,
        kernel: pixelShuffle,
        params: { x: apart, y: params.y, factor: 1 },
        operands: { x: y, y: call.operands.y! },
      }),
    ];
  });
}

/** WebGPU lets no dispatch read and write the same buffer; some kernels read x in one dispatch and write y in another. */
function aliases(dispatch: Dispatch, { kernel, operands }: Call): boolean {
  if (kernel.name !== 'conv' || !dispatch.operands.includes('y')) return false;
  return ['x', 'residual'].some(name => dispatch.operands.includes(name) && operands[name] === operands.y);
}
