// What is going on, what went wrong, and how the restored face compares with the crop.

import type { RestorerInfo } from '../../src/web/client.js';
import { find, make, megabytes } from '../dom.js';
import { isBlank } from '../paint.js';
import type { Problem } from '../problems.js';
import { changedCells } from './codes.js';
import type { State, Store } from './state.js';
import { shown } from './sweep-view.js';

export class Status {
  private problem: Problem | null = null;

  constructor(store: Store, stop: () => void) {
    find('#stop').addEventListener('click', stop);
    store.subscribe((state, before) => this.changed(state, before));
  }

  private changed(state: State, before: State): void {
    const { engine, subject, edit, result, decoding, busy } = state;
    find('#welcome').hidden = subject !== null || state.source !== null;
    find('#desk').hidden = subject === null;
    setText('#status', (subject && !busy ? '' : loading(state)) || (busy ?? ''));
    find('#busy').hidden = find('#status').textContent === '';
    find('#stop').hidden = busy === null;
    if (engine !== before.engine && engine.status === 'ready') showNetwork(engine.info);
    const problem = state.problem ?? (engine.status === 'failed' ? engine.problem : null);
    if (problem !== this.problem) this.showProblem(problem);
    if (!subject || !edit) return;
    find('#restored').classList.toggle('old', decoding);
    setText('#result-note', decoding ? 'Working' : notes(state));
    if (edit.indices !== before.edit?.indices || subject !== before.subject) {
      const count = changedCells(subject.indices, edit.indices).length;
      const drawn = edit.sampling ? `drawn at ${edit.sampling.temperature}` : null;
      setText(
        '#codes-note',
        drawn ?? (count === 0 ? `${subject.grid} × ${subject.grid} of ${subject.codebook}` : `${count} changed`),
      );
    }
    const { metrics = null, time } = result ?? {};
    setText('#psnr', metrics ? `${shown(metrics.psnr, 2)} dB` : '–');
    setText('#ssim', metrics ? shown(metrics.ssim, 4) : '–');
    setText('#sharpness', metrics ? shown(metrics.sharpness, 3) : '–');
    setText('#time', time === undefined ? '–' : `${Math.round(time)} ms`);
  }

  private showProblem(problem: Problem | null): void {
    this.problem = problem;
    const box = find('#problem');
    box.hidden = problem === null;
    if (problem) box.replaceChildren(make('h2', {}, problem.title), make('p', {}, problem.text));
  }
}

function showNetwork({ model, size, codes, licence }: RestorerInfo): void {
  const { grid, codebook } = codes!;
  const name = model === 'embedded' ? 'That of this page' : model;
  const parts = [
    `${name}: crops of ${size} × ${size}, ${grid} × ${grid} codes of ${codebook}`,
    licence ?? 'Licence not known',
  ];
  setText('#network', `${parts.join('. ')}.`);
  find<HTMLButtonElement>('#own-network').disabled = model === 'embedded';
}

function loading({ engine }: State): string {
  if (engine.status !== 'loading') return '';
  const { received, total } = engine;
  return received === 0
    ? 'Starting the engine'
    : `Loading the networks, ${megabytes(received)}${total ? ` of ${megabytes(total)}` : ''}`;
}

function notes({ edit }: State): string {
  const fidelity = isBlank(edit!.paint) ? `w ${edit!.below.toFixed(2)}` : 'w painted';
  return edit!.adain ? fidelity : `${fidelity}, no AdaIN`;
}

function setText(id: string, text: string): void {
  const element = find(id);
  if (element.textContent !== text) element.textContent = text;
}
