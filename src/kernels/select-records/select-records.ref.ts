// The meaning of `select-records`.

import { RECORD } from '../detector-records/detector-records.js';
import type { NumberArray } from '../kernel.js';
import type { SelectRecordsParams } from './select-records.js';

export function selectRecordsReference(
  { records }: SelectRecordsParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const selected = new Float32Array((1 + records) * RECORD);
  let count = 0;
  for (let i = 0; i < records; i++) {
    const record = inputs.records!.slice(i * RECORD, (i + 1) * RECORD);
    if (record[1]! <= inputs.threshold![0]!) continue;
    count++;
    record[0] = i;
    selected.set(record, count * RECORD);
  }
  selected[0] = count;
  return { selected };
}
