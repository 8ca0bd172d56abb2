// Two reports beside each other.

import { type BenchReport, type Figure, type Row, SECTIONS, table } from './report.js';

const nameOf = ({ section, name }: Figure): string => `${section}: ${name}`;

/** What a figure says: its time, or else its memory. */
const amountOf = ({ ms, MB }: Figure): number => ms ?? MB ?? 0;

const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

/** What figures depend on beside the machine; some of it is not in reports of before. */
const SETTINGS: Readonly<Record<string, (report: BenchReport) => string | number>> = {
  version: ({ version }) => version,
  precision: ({ precision }) => precision,
  'ways of computing': ({ variants }: Partial<BenchReport>) => (variants ? variants.join(' ') || 'none' : UNKNOWN),
  timing: ({ timing }) => timing,
  runs: ({ runs }: Partial<BenchReport>) => runs ?? UNKNOWN,
  'side of the photo': ({ side }: Partial<BenchReport>) => side ?? UNKNOWN,
};

const UNKNOWN = 'not told';

/** A table of what both reports have, with ratios below it, and what they differ in above it. */
export function compareReports(a: BenchReport, b: BenchReport): string {
  const lines = [`A: ${placeOf(a)}`, `B: ${placeOf(b)}`];
  for (const [what, of] of Object.entries(SETTINGS)) {
    const [inA, inB] = [of(a), of(b)];
    if (inA !== inB) lines.push(`They differ in ${what}: ${inA}, ${inB}`);
  }
  const others = new Map(b.figures.map(figure => [nameOf(figure), figure]));
  const ratios = new Map<string, number[]>();
  const rows: Row[] = [];
  for (const figure of a.figures) {
    const other = others.get(nameOf(figure));
    const isTime = figure.ms !== undefined;
    if (!other || isTime !== (other.ms !== undefined) || !(amountOf(figure) > 0 && amountOf(other) > 0)) continue;
    const [A, B] = [amountOf(figure), amountOf(other)];
    rows.push({ figure: nameOf(figure), unit: isTime ? 'ms' : 'MB', A, B, 'B / A': B / A });
    const all = ratios.get(figure.section) ?? [];
    ratios.set(figure.section, all);
    all.push(B / A);
  }
  if (rows.length === 0) return `${lines.join('\n')}\nThey have no figure in common.\n`;
  lines.push('', table(rows), '');
  for (const section of SECTIONS) {
    const all = ratios.get(section);
    if (all) lines.push(`${section}: B / A is ${geometricMean(all).toFixed(2)} in the geometric mean of ${all.length}`);
  }
  const left = a.figures.length + b.figures.length - 2 * rows.length;
  if (left > 0) lines.push(`In one of them alone, and left out: ${left}`);
  return `${lines.join('\n')}\n`;
}

const placeOf = ({ version, runtime, adapter, precision }: BenchReport): string =>
  `${adapter.name}, ${precision}; codeformer-webgpu ${version}, ${runtime}`;
