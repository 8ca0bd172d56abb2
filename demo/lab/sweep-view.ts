// The sweep over fidelities: starts it, shows its charts and its table, copies them.

import { find, make } from '../dom.js';
import { announce, toast } from '../toasts.js';
import { chart } from './chart.js';
import type { Metrics } from './metrics.js';
import { draw } from './plates.js';
import type { Session } from './session.js';
import type { State, Store, Sweep, SweepRow } from './state.js';

const QUANTITIES = [
  { key: 'psnr', title: 'PSNR (dB)', digits: 2 },
  { key: 'ssim', title: 'SSIM', digits: 4 },
  { key: 'sharpness', title: 'Sharpness', digits: 3 },
] as const satisfies readonly { key: keyof Metrics; title: string; digits: number }[];

export class SweepView {
  constructor(
    private readonly store: Store,
    private readonly session: Session,
  ) {
    find('#sweep-start').addEventListener('click', () => {
      if (store.state.sweep?.running) session.stopSweep();
      else session.sweep(steps(Number(find<HTMLSelectElement>('#sweep-count').value)));
    });
    find('#sweep-copy').addEventListener('click', () => this.copy());
    store.subscribe((state, before) => this.changed(state, before));
  }

  private changed({ sweep, edit }: State, before: State): void {
    if (sweep === before.sweep && edit === before.edit) return;
    find('#sweep-result').hidden = !sweep;
    find('#sweep-start').textContent = sweep?.running ? 'Stop' : 'Measure';
    find<HTMLButtonElement>('#sweep-copy').disabled = !sweep || sweep.rows.length === 0;
    find('#sweep-note').textContent = note(sweep, edit);
    find('#sweep-result').classList.toggle('stale', sweep !== null && isStale(sweep, edit));
    if (!sweep || sweep.rows === before.sweep?.rows) return;
    this.showRows(sweep.rows);
    find('#charts').replaceChildren(...QUANTITIES.map(quantity => this.figure(quantity, sweep.rows)));
    if (sweep.rows.length === sweep.count) announce(`${sweep.count} fidelities are measured.`);
  }

  private figure({ key, title, digits }: (typeof QUANTITIES)[number], rows: readonly SweepRow[]): HTMLElement {
    const points = rows.map(({ fidelity, metrics }) => ({ x: fidelity, y: metrics[key] }));
    const drawing = chart(title, points, value => value.toFixed(digits - 1));
    return make('figure', { className: 'chart-figure' }, make('figcaption', {}, title), drawing);
  }

  /** Rows that are there stay, so that the keyboard does not lose its place; a new sweep begins without any. */
  private showRows(rows: readonly SweepRow[]): void {
    const body = find<HTMLTableSectionElement>('#sweep-table tbody');
    while (body.rows.length > rows.length) body.deleteRow(-1);
    for (const row of rows.slice(body.rows.length)) body.append(this.row(row));
  }

  private row({ fidelity, picture, metrics }: SweepRow): HTMLTableRowElement {
    const canvas = make('canvas', { className: 'sweep-picture' });
    draw(canvas, picture);
    const use = make('button', { type: 'button', className: 'button plain use', title: 'Use this fidelity' }, canvas);
    use.setAttribute('aria-label', `Use fidelity ${fidelity}`);
    use.addEventListener('click', () => this.session.edit({ below: fidelity }));
    const numbers = QUANTITIES.map(({ key, digits }) => make('td', {}, shown(metrics[key], digits)));
    const head = make('th', { scope: 'row' }, String(fidelity));
    return make('tr', {}, head, make('td', {}, use), ...numbers);
  }

  private async copy(): Promise<void> {
    const { sweep } = this.store.state;
    if (!sweep) return;
    try {
      await navigator.clipboard.writeText(csv(sweep.rows));
      announce('The table is copied.');
      toast('The table is in the clipboard.');
    } catch {
      toast('The browser did not allow to copy.', { kind: 'warning' });
    }
  }
}

/** Evenly spaced fidelities from 0 to 1, without digits that mean nothing. */
export const steps = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => Number((i / (count - 1)).toFixed(3)));

export function csv(rows: readonly SweepRow[]): string {
  const lines = rows.map(({ fidelity, metrics }) => [fidelity, ...QUANTITIES.map(({ key }) => metrics[key])].join(','));
  return `${['fidelity', 'psnr_db', 'ssim', 'sharpness'].join(',')}\n${lines.join('\n')}\n`;
}

/** A number as people read it; infinity is that of equal pictures. */
export function shown(value: number, digits: number): string {
  if (Number.isNaN(value)) return '–';
  return Number.isFinite(value) ? value.toFixed(digits) : '∞';
}

const isStale = (sweep: Sweep, edit: State['edit']): boolean =>
  sweep.indices !== edit?.indices || sweep.adain !== edit.adain;

function note(sweep: Sweep | null, edit: State['edit']): string {
  if (sweep?.running) return `Measuring ${sweep.rows.length + 1} of ${sweep.count}.`;
  if (sweep && isStale(sweep, edit)) return 'These are the codes and settings of before.';
  return 'The face with its present codes at evenly spaced fidelities, without paint, each compared with the crop.';
}
