// The few records of a detector that are worth reading.

import { RECORD } from '../detector-records/detector-records.js';
import { array, type Kernel, type Operand } from '../kernel.js';

export interface SelectRecordsParams {
  /** At most 2^24, up to which float32 counts. */
  readonly records: number;
}

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
      selected: array('write', 'f32', (1 + records) * RECORD),
    };
  },
};
