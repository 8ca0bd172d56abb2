// What a section of the benches gets and returns, and how it is shown.

import type { AdapterKind } from '../src/executor.js';

export interface Options {
  readonly filter: string;
  readonly runs: number;
  readonly details: boolean;
  readonly adapter: AdapterKind;
}

/** Figures under their names, with their units in the names. */
export type Row = Readonly<Record<string, string | number>>;

export interface Report {
  readonly adapter: string;
  readonly rows: readonly Row[];
  readonly notes?: readonly string[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const digits = (value: number): string =>
  value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

/** Columns are the keys of all rows in the order of their first use; numbers stand on the right. */
export function table(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap(row => Object.keys(row)))];
  const cells = rows.map(row => columns.map(c => (typeof row[c] === 'number' ? digits(row[c]) : String(row[c] ?? ''))));
  const widths = columns.map((c, i) => Math.max(c.length, ...cells.map(row => row[i]!.length)));
  const numeric = columns.map(c => rows.some(row => typeof row[c] === 'number'));
  const line = (values: readonly string[]): string =>
    values
      .map((v, i) => (numeric[i] ? v.padStart(widths[i]!) : v.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [line(columns), line(widths.map(w => '-'.repeat(w))), ...cells.map(line)].join('\n');
}
