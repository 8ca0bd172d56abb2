// The few records of a detector that are worth reading; see select-records.wgsl.

import { RECORD } from '../detector-records/detector-records.js';
import { array, ceilDiv, type Dispatch, type Kernel, type Operand } from '../kernel.js';
import code from './select-records.wgsl';

export interface SelectRecordsParams {
  /** At most 2^24, up to which float32 counts. */
  readonly records: number;
}

/** Records of an invocation. */
const CHUNK = 64;

/**
 * Operands: `records`, f32 [records][16] with the score second; `threshold`, f32 [1]; `selected`, f32 [1 + records][16]: how many were
 * selected, then those with a score above the threshold, their number first, then zeros.
 */
export const selectRecords: Kernel<SelectRecordsParams> = {
  name: 'select-records',
  operands({ records }): Record<string, Operand> {
    return {
      records: array('read', 'f32', records * RECORD),
      threshold: array('read', 'f32', 1),
      counts: array('scratch', 'u32', ceilDiv(records, CHUNK)),
      selected: array('write', 'f32', (1 + records) * RECORD),
    };
  },
  dispatches({ records }): Dispatch[] {
    const chunks = ceilDiv(records, CHUNK);
    const pass = (number: number): Dispatch => ({
      shader: { name: `select-records/${number}`, code: `const PASS = ${number}u;\n${code}` },
      plan: { records },
      workgroups: [ceilDiv(chunks, 16), 1, 1],
      operands: ['records', 'threshold', 'counts', 'selected'],
      flops: number * chunks * chunks,
      bytes: records * 4 * (number === 0 ? 1 : 2 * RECORD),
    });
    return [pass(0), pass(1)];
  },
};
