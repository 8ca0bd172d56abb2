// The map of codes: a grid of cells that keys and pointers select.

import { find, make } from '../dom.js';
import { colourOfCode } from './colours.js';
import { destination, everything, extended, placeName, type Selection, single, toggled } from './selection.js';
import type { State, Store } from './state.js';

const DIGITS = 2;

export class Cells {
  private readonly grid = make('div', { id: 'cells', className: 'cells', tabIndex: -1 });
  private cells: HTMLElement[] = [];
  /** A rectangle is being drawn with the pointer. */
  private dragging = false;

  constructor(private readonly store: Store) {
    const { grid } = this;
    const attributes = { role: 'grid', labelledby: 'codes-head', describedby: 'cells-help', multiselectable: 'true' };
    for (const [name, value] of Object.entries(attributes))
      grid.setAttribute(name === 'role' ? name : `aria-${name}`, value);
    find('#plate-codes').append(grid);
    grid.addEventListener('pointerdown', event => this.pressed(event));
    grid.addEventListener('pointerover', event => this.entered(event));
    addEventListener('pointerup', () => {
      this.dragging = false;
    });
    grid.addEventListener('keydown', event => this.key(event));
    grid.addEventListener('focusin', event => this.focused(event));
    grid.addEventListener('focus', () => this.cells[store.state.selection.cursor]?.focus());
    store.subscribe((state, before) => this.changed(state, before));
  }

  private changed(state: State, before: State): void {
    const { subject, edit, selection } = state;
    if (!subject || !edit) return;
    const count = subject.grid ** 2;
    const other = this.cells.length !== count;
    if (other) this.build(subject.grid);
    const same = !other && subject === before.subject;
    if (!same || edit.indices !== before.edit?.indices) this.label(state, same ? before.edit!.indices : null);
    if (!same || selection !== before.selection) this.mark(selection, same ? before.selection : null);
  }

  private build(side: number): void {
    this.cells = Array.from({ length: side * side }, () => {
      const cell = make('div', { className: 'cell', tabIndex: -1 });
      cell.setAttribute('role', 'gridcell');
      return cell;
    });
    const rows = Array.from({ length: side }, (_, y) => {
      const row = make('div', { className: 'cell-row' }, ...this.cells.slice(y * side, (y + 1) * side));
      row.setAttribute('role', 'row');
      return row;
    });
    this.grid.style.setProperty('--side', String(side));
    this.grid.replaceChildren(...rows);
  }

  /** Colours and names of the cells whose codes are not what they were. */
  private label({ subject, edit }: State, before: Int32Array | null): void {
    const { grid, indices: predicted, margins } = subject!;
    for (const [i, cell] of this.cells.entries()) {
      const code = edit!.indices[i]!;
      if (before && before[i] === code) continue;
      const was = code === predicted[i] ? '' : `, was ${predicted[i]}`;
      const name = `${placeName(i, grid)}: code ${code}${was}, margin ${margins[i]!.toFixed(DIGITS)}`;
      cell.setAttribute('aria-label', name);
      cell.title = name;
      cell.style.setProperty('--colour', colourOfCode(code));
      cell.classList.toggle('changed', was !== '');
    }
  }

  private mark({ cells, cursor }: Selection, before: Selection | null): void {
    for (const [i, cell] of this.cells.entries()) {
      const selected = cells.has(i);
      if (!before || selected !== before.cells.has(i)) cell.setAttribute('aria-selected', String(selected));
      cell.tabIndex = i === cursor ? 0 : -1;
    }
    if (this.grid.contains(document.activeElement)) this.cells[cursor]?.focus({ preventScroll: true });
  }

  private cellOf({ target }: Event): number {
    return this.cells.indexOf(target as HTMLElement);
  }

  private pressed(event: PointerEvent): void {
    const cell = this.cellOf(event);
    if (cell < 0 || event.button !== 0) return;
    // The pointer may leave the cell it began in.
    (event.target as HTMLElement).releasePointerCapture(event.pointerId);
    this.dragging = event.pointerType === 'mouse';
    choose(this.store, cell, event);
  }

  private entered(event: PointerEvent): void {
    const { selection, subject } = this.store.state;
    const cell = this.cellOf(event);
    if (this.dragging && cell >= 0) this.store.set({ selection: extended(selection, subject!.grid, cell) });
  }

  /** Screen readers move the focus themselves. */
  private focused(event: Event): void {
    const cell = this.cellOf(event);
    const { selection } = this.store.state;
    if (cell >= 0 && cell !== selection.cursor) this.store.set({ selection: single(cell) });
  }

  private key(event: KeyboardEvent): void {
    const { selection, subject } = this.store.state;
    if (!subject || event.altKey) return;
    const { grid } = subject;
    const { cursor } = selection;
    const to = destination(event.key, cursor, grid);
    if (to !== null) {
      const moved = event.ctrlKey || event.metaKey ? { ...selection, cursor: to } : single(to);
      this.store.set({ selection: event.shiftKey ? extended(selection, grid, to) : moved });
    } else if (event.key === ' ') {
      this.store.set({ selection: toggled(selection, cursor) });
    } else if (event.key === 'Escape') {
      this.store.set({ selection: single(cursor) });
    } else if (event.key.toLowerCase() === 'a' && (event.ctrlKey || event.metaKey)) {
      this.store.set({ selection: everything(grid, selection) });
    } else {
      return;
    }
    event.preventDefault();
  }
}

/** Selects a cell as a click with these keys does. */
export function choose(store: Store, cell: number, keys: { shiftKey: boolean; ctrlKey: boolean; metaKey: boolean }) {
  const { selection, subject } = store.state;
  if (keys.shiftKey) store.set({ selection: extended(selection, subject!.grid, cell) });
  else if (keys.ctrlKey || keys.metaKey) store.set({ selection: toggled(selection, cell) });
  else store.set({ selection: single(cell) });
}
