// The few records of a detector that are worth reading; see select-records.wgsl.

import { Plan } from '../conv/plan.js';
import { RECORD } from '../detector-records/detector-records.js';
import { ceilDiv, type Dispatch, type Kernel, type Operand } from '../kernel.js';
import code from './select-records.wgsl';

export interface SelectRecordsParams {
  /** At most 2^24, up to which float32 counts. */
  readonly records: number;
}

/** Records of an invocation. */
const CHUNK = 64;

const plan = new Plan('select-records', {
  // There is one strip.
  strip: 'u32',
  records: 'u32',
});

/**
 * Operands: `records`, f32 [records][16] with the score second; `threshold`, f32 [1]; `selected`, f32 [1 + records][16]: how many were
 * selected, then those with a score above the threshold, their number first, then zeros.
 */
export const selectRecords: Kernel<SelectRecordsParams> = {
  name: 'select-records',
  operands({ records }): Record<string, Operand> {
    return {
      records: { access: 'read', type: 'f32', elements: records * RECORD },
      threshold: { access: 'read', type: 'f32', elements: 1 },
      plan: plan.operand(),
      counts: { access: 'scratch', type: 'u32', elements: ceilDiv(records, CHUNK) },
      selected: { access: 'write', type: 'f32', elements: (1 + records) * RECORD },
    };
  },
  dispatches({ records }): Dispatch[] {
    const chunks = ceilDiv(records, CHUNK);
    const pass = (number: number): Dispatch => ({
      shader: {
        name: `select-records/${number}`,
        code: `const PASS = ${number}u;\n${plan.struct}${code}`,
        bindings: ['read', 'read', 'read', 'write', 'write'],
      },
      workgroups: [ceilDiv(chunks, 16), 1, 1],
      operands: ['records', 'threshold', 'plan', 'counts', 'selected'],
      flops: number * chunks * chunks,
      bytes: records * 4 * (number === 0 ? 1 : 2 * RECORD),
    });
    return [plan.write({ records }), pass(0), pass(1)];
  },
};
