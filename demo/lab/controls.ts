// Tools, drawing of codes, fidelity and brush.

import { drawSeed } from '../../src/pipeline/sampling.js';
import { find } from '../dom.js';
import { isBlank, paintCells } from '../paint.js';
import { drawn } from './codes.js';
import type { Session } from './session.js';
import type { Overlay, State, Store, Tool } from './state.js';

const everyCell = (grid: number) => Array.from({ length: grid * grid }, (_, i) => i);

/** Seeds that are easy to write down. */
const SEEDS = 1_000_000;

export class Controls {
  /** A slider is being moved: its changes are one step of the history. */
  private sliding = false;

  constructor(
    private readonly store: Store,
    private readonly session: Session,
  ) {
    radios('tool', tool => {
      // Who paints wants to see the paint.
      const overlay = tool === 'paint' ? 'fidelity' : store.state.overlay;
      store.set({ tool: tool as Tool, overlay });
    });
    radios('overlay', overlay => store.set({ overlay: overlay as Overlay }));
    radios('brush', kind => store.set({ brush: { ...store.state.brush, erases: kind === 'erases' } }));
    find('#undo').addEventListener('click', () => session.undo());
    find('#redo').addEventListener('click', () => session.redo());

    slider('#temperature', value => this.drawing({ temperature: value }));
    const seed = find<HTMLInputElement>('#seed');
    seed.addEventListener('change', () => {
      const value = seed.valueAsNumber;
      if (Number.isSafeInteger(value) && value >= 0) this.drawing({ seed: value });
      else seed.value = String(store.state.drawing.seed);
    });
    find('#new-seed').addEventListener('click', () => this.drawing({ seed: drawSeed() % SEEDS }));
    find('#draw-all').addEventListener('click', () => this.draw(true));
    find('#draw-selected').addEventListener('click', () => this.draw(false));

    const fidelity = slider('#fidelity', below => {
      session.edit({ below }, { merge: this.sliding });
      this.sliding = true;
    });
    fidelity.addEventListener('change', () => {
      this.sliding = false;
    });
    slider('#brush-value', value => store.set({ brush: { ...store.state.brush, value } }));
    slider('#brush-size', radius => store.set({ brush: { ...store.state.brush, radius } }));
    slider('#brush-softness', softness => store.set({ brush: { ...store.state.brush, softness } }));
    find('#fill-cells').addEventListener('click', () => this.fill());
    find('#clear-paint').addEventListener('click', () => session.edit({ paint: null }));
    const adain = find<HTMLInputElement>('#adain');
    adain.addEventListener('change', () => session.edit({ adain: adain.checked }));

    store.subscribe((state, before) => this.changed(state, before));
  }

  private changed(state: State, before: State): void {
    const { tool, overlay, brush, drawing, edit, subject } = state;
    check('tool', tool);
    check('overlay', overlay);
    check('brush', brush.erases ? 'erases' : 'paints');
    find<HTMLButtonElement>('#undo').disabled = !this.session.canUndo;
    find<HTMLButtonElement>('#redo').disabled = !this.session.canRedo;
    show('#temperature', drawing.temperature, drawing.temperature.toFixed(2));
    const seed = find<HTMLInputElement>('#seed');
    if (drawing !== before.drawing || seed.value === '') seed.value = String(drawing.seed);
    if (subject && subject !== before.subject)
      find<HTMLInputElement>('#brush-size').max = String(subject.crop.width / 2);
    show('#brush-value', brush.value, brush.value.toFixed(2), '#brush-value-out');
    show('#brush-size', brush.radius, `${brush.radius} px`, '#brush-size-out');
    show('#brush-softness', brush.softness, `${Math.round(100 * brush.softness)} %`, '#brush-softness-out');
    find<HTMLInputElement>('#brush-value').disabled = brush.erases;
    if (!edit) return;
    show('#fidelity', edit.below, edit.below.toFixed(2));
    find<HTMLInputElement>('#adain').checked = edit.adain;
    find<HTMLButtonElement>('#clear-paint').disabled = isBlank(edit.paint);
    find('#fill-cells').textContent = brush.erases ? 'Erase in selected cells' : 'Fill selected cells';
  }

  private drawing(change: Partial<State['drawing']>): void {
    this.store.set({ drawing: { ...this.store.state.drawing, ...change } });
  }

  private async draw(all: boolean): Promise<void> {
    await this.session.wantLogits();
    const { subject, edit, selection, drawing } = this.store.state;
    if (!subject?.logits || !edit) return;
    const { grid, codebook, logits } = subject;
    const cells = all ? everyCell(grid) : selection.cells;
    const indices = drawn(edit.indices, cells, logits, codebook, drawing);
    this.session.edit({ indices, sampling: all ? drawing : null });
  }

  /** The brush for those who have no pointer. */
  private fill(): void {
    const { subject, edit, selection, brush } = this.store.state;
    const { crop, grid } = subject!;
    const paint = paintCells(edit!.paint, crop.width, grid, selection.cells, brush.erases ? null : brush.value);
    this.session.edit({ paint });
    this.store.set({ overlay: 'fidelity' });
  }
}

function radios(name: string, take: (value: string) => void): void {
  for (const input of document.querySelectorAll<HTMLInputElement>(`input[name="${name}"]`))
    input.addEventListener('change', () => {
      if (input.checked) take(input.value);
    });
}

function check(name: string, value: string): void {
  find<HTMLInputElement>(`input[name="${name}"][value="${value}"]`).checked = true;
}

function slider(id: string, take: (value: number) => void): HTMLInputElement {
  const input = find<HTMLInputElement>(id);
  input.addEventListener('input', () => take(input.valueAsNumber));
  return input;
}

/** Shows a value on its slider, which may stand between two of its steps. */
function show(id: string, value: number, text: string, output = `${id}-value`): void {
  const input = find<HTMLInputElement>(id);
  if (input.valueAsNumber !== value) input.value = String(value);
  const [least, most] = [Number(input.min), Number(input.max)];
  input.style.setProperty('--share', `${(100 * (value - least)) / (most - least)}%`);
  if (find(output).textContent !== text) find(output).textContent = text;
}
