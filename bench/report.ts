// What a section of the benches gets and returns.

import type { Row } from '../src/bench/report.js';
import type { AdapterKind } from '../src/executor.js';

export { median, type Row, table } from '../src/bench/report.js';

export interface Options {
  readonly filter: string;
  readonly runs: number;
  readonly adapter: AdapterKind;
}

export interface Report {
  readonly adapter: string;
  readonly rows: readonly Row[];
  readonly notes?: readonly string[];
}
