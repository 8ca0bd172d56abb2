// Counts and thresholds on which `select-records` is tested: none, some and all selected.

import type { Case, KernelTest } from '../kernel.js';
import { type SelectRecordsParams, selectRecords } from './select-records.js';
import { selectRecordsReference } from './select-records.ref.js';

const tolerance = { f32: 0, f16: 0 };

const above = (name: string, records: number, threshold: number): Case<SelectRecordsParams> => ({
  name,
  params: { records },
  tolerance,
  fill: { threshold: () => threshold },
});

const cases: Case<SelectRecordsParams>[] = [
  above('two records', 2, 0),
  above('some of several chunks', 1234, 0.7),
  above('none', 130, 1),
  above('all', 130, -1.5),
  // The comparison is strict.
  { ...above('at the threshold', 64, 0.5), fill: { threshold: () => 0.5, records: i => (i % 32 < 16 ? 0.5 : 0.75) } },
];

export const selectRecordsTest: KernelTest<SelectRecordsParams> = {
  kernel: selectRecords,
  cases,
  usual: [above('16800 records', 16800, 0.7)],
  reference: selectRecordsReference,
};
