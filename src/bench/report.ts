// What a bench finds: as one object, and as a table.

import { CodeFormerError } from '../errors.js';
import type { AdapterInfo, Variant } from '../executor.js';
import type { Peaks } from '../gpu/peaks.js';
import type { Precision } from '../kernels/kernel.js';

/** What is measured: the start, a photo stage by stage, the networks as a whole, every kernel, and memory. */
export const SECTIONS = ['start', 'stages', 'networks', 'kernels', 'memory'] as const;

export type Section = (typeof SECTIONS)[number];

/** One thing that was measured; times are medians. */
export interface Figure {
  readonly section: Section;
  readonly name: string;
  readonly ms?: number;
  /** In millions of bytes. */
  readonly MB?: number;
  /** Of the convolution as a sum of products, by whatever algorithm it is computed. */
  readonly GFLOPS?: number;
  /** Of what is read and written at least once. */
  readonly 'GB/s'?: number;
  /**
   * What it would take at least by the peaks, as a share of what it took. Algorithms that need fewer operations may be above 1, and so may what
   * stays in a cache.
   */
  readonly roofline?: number;
}

/** What a bench found, with all that it depends on. */
export interface BenchReport {
  readonly report: 'codeformer bench';
  /** Of this form. */
  readonly format: number;
  /** Of the library. */
  readonly version: string;
  /** Runtime or browser, system, processors. */
  readonly runtime: string;
  readonly adapter: AdapterInfo & { readonly name: string; readonly features: readonly string[] };
  readonly precision: Precision;
  readonly variants: readonly Variant[];
  /** By what kernels were timed. */
  readonly timing: 'timestamps' | 'clock';
  /** Null where the adapter was not asked. */
  readonly peaks: Peaks | null;
  readonly selfTest: { readonly passed: boolean; readonly checks: number; readonly faults: readonly string[] };
  /** Of which the median counts. */
  readonly runs: number;
  /** Of the photo, in pixels. */
  readonly side: number;
  readonly figures: readonly Figure[];
}

export const FORMAT = 1;

/** Figures under their names, with their units in the names. */
export type Row = Readonly<Record<string, string | number>>;

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
  const widths = columns.map((c, i) => cells.reduce((most, row) => Math.max(most, row[i]!.length), c.length));
  const numeric = columns.map(c => rows.some(row => typeof row[c] === 'number'));
  const line = (values: readonly string[]): string =>
    values
      .map((v, i) => (numeric[i] ? v.padStart(widths[i]!) : v.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [line(columns), line(widths.map(w => '-'.repeat(w))), ...cells.map(line)].join('\n');
}

/** A report for people. */
export function printReport(report: BenchReport): string {
  const { version, runtime, adapter, precision, variants, timing, peaks, selfTest, runs, side, figures } = report;
  const ways = variants.length > 0 ? `, ${variants.join(', ')}` : '';
  const lines = [
    `codeformer-webgpu ${version}, ${runtime}`,
    `${adapter.name}, ${precision}${ways}; median of ${runs}, a photo of ${side}x${side}, kernels by ${timing}`,
    `Self-test: ${selfTest.passed ? `${selfTest.checks} kernels and networks are right` : selfTest.faults.join('; ')}`,
  ];
  if (peaks) lines.push(`Peaks: ${peaks.GFLOPS.toFixed(0)} GFLOPS, ${peaks['GB/s'].toFixed(0)} GB/s`);
  for (const section of SECTIONS) {
    const rows = figures.filter(figure => figure.section === section);
    if (rows.length > 0)
      lines.push('', table(rows.map(({ section, name, ...rest }) => ({ [section]: name, ...rest }))));
  }
  return `${lines.join('\n')}\n`;
}

/**
 * A report from its JSON, in UTF-8 or, as shells of Windows write it, in UTF-16.
 * @param name of the file, for errors
 * @throws `INVALID_ARGUMENT` for what is none, is damaged, or is of another version of this form
 */
export function parseReport(bytes: Uint8Array, name: string): BenchReport {
  const refuse = (what: string) =>
    new CodeFormerError('INVALID_ARGUMENT', `${name}: expected what \`codeformer bench --json\` printed but ${what}`);
  let value: unknown;
  try {
    const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8';
    value = JSON.parse(new TextDecoder(encoding).decode(bytes));
  } catch (error) {
    throw refuse(`it is no JSON: ${(error as Error).message}`);
  }
  const { report, format, ...rest } = (value ?? {}) as Partial<BenchReport>;
  if (report !== 'codeformer bench') throw refuse('it is something else');
  if (format !== FORMAT) throw refuse(`it has format ${String(format)}, and this version reads ${FORMAT}`);
  if (typeof rest.adapter?.name !== 'string' || typeof rest.runtime !== 'string' || typeof rest.version !== 'string')
    throw refuse('it does not say where it was made');
  if (!isSettings(rest)) throw refuse('it does not say how it was measured');
  if (!Array.isArray(rest.figures) || !rest.figures.every(isFigure)) throw refuse('its figures are damaged');
  return value as BenchReport;
}

/** What was not in reports of before may be missing. */
function isSettings({ precision, timing, variants = [], runs = 0, side = 0 }: Partial<BenchReport>): boolean {
  const texts = Array.isArray(variants) ? [precision, timing, ...variants] : [null];
  return texts.every(text => typeof text === 'string') && [runs, side].every(Number.isFinite);
}

function isFigure(value: unknown): value is Figure {
  const { section, name, ...numbers } = (value ?? {}) as Figure;
  const known = SECTIONS.includes(section) && typeof name === 'string';
  return known && Object.values(numbers).every(number => Number.isFinite(number));
}
