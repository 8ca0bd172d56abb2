// Programs as jobs: memory for intermediate values, and addresses in place of names.

import type { CompileOptions, DeviceBuffer } from '../executor.js';
import { missingBuffer } from '../executor.js';
import type { Program, Storage } from '../graph/graph.js';
import { type MemoryPlan, planMemory } from '../graph/memory.js';
import type { Argument, Job } from '../kernels/wasm.js';
import { implementationOf } from './implementations.js';
import type { BoundJob } from './jobs.js';

interface Step {
  readonly job: Job;
  readonly operands: Readonly<Record<string, Storage>>;
}

/** The jobs of a program, and the memory that they need. */
export interface Lowered {
  readonly steps: readonly Step[];
  readonly memory: MemoryPlan;
}

export function lower({ calls }: Program, options: CompileOptions): Lowered {
  let next = 1 + Math.max(-1, ...calls.flatMap(({ operands }) => Object.values(operands).map(({ id }) => id)));
  const lowered = calls.map(({ kernel, params, operands, label }) => {
    const { scratch, jobs } = implementationOf(kernel, params, options);
    const own = Object.entries(scratch).map(([name, memory]): [string, Storage] => [
      name,
      { id: next++, kind: 'transient', name: `${label}/${name}`, ...memory },
    ]);
    return { jobs, operands: { ...operands, ...Object.fromEntries(own) } };
  });
  const steps = lowered.flatMap(({ jobs, operands }) => jobs.map(job => ({ job, operands })));
  return { steps, memory: planMemory(lowered, 'f32') };
}

/** @param address of an operand */
export const bindJob = ({ run, args, parts }: Job, address: (name: string) => number): BoundJob => ({
  run,
  args: args.map(arg => bindArgument(arg, address)),
  parts,
});

function bindArgument(argument: Argument, address: (name: string) => number): number {
  if (typeof argument === 'number') return argument;
  if (argument === null) return 0;
  if (typeof argument === 'string') return address(argument);
  return address(argument.operand) + argument.offset;
}

/** Finds the buffers of storages. */
export interface Places {
  readonly slots: readonly DeviceBuffer[];
  readonly parameters: { get(name: string): DeviceBuffer };
  readonly externals: Readonly<Record<string, DeviceBuffer>>;
}

export function bufferOf(
  { id, kind, name }: Storage,
  { slotOf }: MemoryPlan,
  places: Places,
  label: string,
): DeviceBuffer {
  if (kind === 'transient') return places.slots[slotOf.get(id)!]!;
  const buffer = kind === 'parameter' ? places.parameters.get(name) : places.externals[name];
  if (!buffer) throw missingBuffer(label, name);
  return buffer;
}
