// What can be done with the selected cells.

import { find, make } from '../dom.js';
import { isTyping } from '../keys.js';
import { announce } from '../toasts.js';
import { changedCells, copied, likeliest, type Pattern, pasted, stepped, swapped, withCodes } from './codes.js';
import { placeName } from './selection.js';
import type { Session } from './session.js';
import type { State, Store } from './state.js';

/** Codes that are offered. */
const OFFERED = 6;

export class CellPanel {
  private readonly code = find<HTMLInputElement>('#code');
  private pattern: Pattern = [];

  constructor(
    private readonly store: Store,
    private readonly session: Session,
  ) {
    const { code } = this;
    code.addEventListener('change', () => {
      const value = code.valueAsNumber;
      const { codebook } = store.state.subject!;
      if (Number.isInteger(value) && value >= 0 && value < codebook) this.set(() => value);
      else code.value = String(store.state.edit!.indices[store.state.selection.cursor]);
    });
    const acts: Readonly<Record<string, () => void>> = {
      '#code-less': () => this.step(-1),
      '#code-more': () => this.step(1),
      '#code-random': () => this.set((_, codebook) => Math.floor(Math.random() * codebook)),
      '#copy': () => this.copy(),
      '#paste': () => this.paste(),
      '#swap': () => this.swap(),
      '#reset': () => this.reset(),
      '#reset-all': () => session.edit({ indices: store.state.subject!.indices }),
    };
    for (const [id, act] of Object.entries(acts)) find(id).addEventListener('click', act);
    addEventListener('keydown', event => this.key(event));
    store.subscribe((state, before) => this.changed(state, before));
  }

  private changed(state: State, before: State): void {
    const { subject, edit, selection } = state;
    if (!subject || !edit) return;
    const same = subject === before.subject && edit.indices === before.edit?.indices;
    if (same && selection === before.selection) return;
    const { grid, codebook, margins, indices: predicted, logits } = subject;
    const { cells, cursor } = selection;
    const code = edit.indices[cursor]!;
    find('#cell-head').textContent = cells.size === 1 ? 'Selected cell' : `${cells.size} selected cells`;
    const was = code === predicted[cursor] ? '' : ` (the network found ${predicted[cursor]})`;
    const where = cells.size === 1 ? placeName(cursor, grid) : `Last: ${placeName(cursor, grid)}`;
    find('#cell-readout').textContent = `${capital(where)}. Code ${code}${was}, margin ${margins[cursor]!.toFixed(2)}.`;
    this.code.max = String(codebook - 1);
    if (this.code.value !== String(code)) this.code.value = String(code);
    find<HTMLButtonElement>('#swap').disabled = cells.size !== 2;
    find<HTMLButtonElement>('#reset').disabled = [...cells].every(cell => edit.indices[cell] === predicted[cell]);
    find<HTMLButtonElement>('#reset-all').disabled = edit.indices.every((value, i) => value === predicted[i]);
    if (logits) this.offer(state, logits);
    else void this.session.wantLogits();
  }

  /** Lists the likeliest codes of the cell, each of which can be taken. */
  private offer({ subject, edit, selection }: State, logits: Float32Array): void {
    const choices = likeliest(logits, subject!.codebook, selection.cursor, OFFERED);
    const list = find('#likely');
    // Buttons stay where they are, so that the keyboard does not lose its place.
    while (list.children.length < choices.length) {
      const button = make('button', { type: 'button', className: 'likely-code' }, make('b'), make('span'));
      button.addEventListener('click', () => this.set(() => Number(button.dataset.code)));
      list.append(make('li', {}, button));
    }
    for (const [i, { code, probability }] of choices.entries()) {
      const button = find('button', list.children[i]!);
      button.dataset.code = String(code);
      button.style.setProperty('--share', String(probability));
      button.setAttribute('aria-pressed', String(edit!.indices[selection.cursor] === code));
      find('b', button).textContent = String(code);
      find('span', button).textContent = `${(100 * probability).toFixed(1)} %`;
    }
  }

  private key(event: KeyboardEvent): void {
    const { subject } = this.store.state;
    if (!subject || event.altKey || isTyping(event.target)) return;
    const inGrid = (event.target as Element).closest('#cells') !== null;
    const command = event.ctrlKey || event.metaKey;
    if (!inGrid) return;
    const acts: Readonly<Record<string, () => void>> = command
      ? { c: () => this.copy(), v: () => this.paste() }
      : { '+': () => this.step(1), '=': () => this.step(1), '-': () => this.step(-1), r: () => this.reset() };
    const act = acts[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  }

  private set(codeAt: (cell: number, codebook: number) => number): void {
    const { edit, selection, subject } = this.store.state;
    const indices = withCodes(edit!.indices, selection.cells, cell => codeAt(cell, subject!.codebook));
    this.change(indices);
  }

  private step(steps: number): void {
    const { indices } = this.store.state.edit!;
    this.set((cell, codebook) => stepped(indices[cell]!, steps, codebook));
  }

  private copy(): void {
    const { edit, selection, subject } = this.store.state;
    this.pattern = copied(edit!.indices, subject!.grid, selection.cells);
    find<HTMLButtonElement>('#paste').disabled = false;
    announce(
      this.pattern.length === 1 ? `Copied code ${this.pattern[0]!.code}.` : `Copied ${this.pattern.length} codes.`,
    );
  }

  private paste(): void {
    const { edit, selection, subject } = this.store.state;
    if (this.pattern.length > 0) this.change(pasted(edit!.indices, subject!.grid, selection.cells, this.pattern));
  }

  private swap(): void {
    const { edit, selection } = this.store.state;
    const [a, b] = [...selection.cells];
    this.change(swapped(edit!.indices, a!, b!));
  }

  private reset(): void {
    const { indices } = this.store.state.subject!;
    this.set(cell => indices[cell]!);
  }

  private change(indices: Int32Array): void {
    const { edit, selection } = this.store.state;
    const count = changedCells(edit!.indices, indices).length;
    if (count === 0) return;
    this.session.edit({ indices });
    announce(count === 1 ? `Code ${indices[selection.cursor]}.` : `${count} codes changed.`);
  }
}

const capital = (text: string): string => text[0]!.toUpperCase() + text.slice(1);
