// The panel: settings of all faces or of one, size, what was done.

import { adapterWords } from './adapter.js';
import { find, make } from './dom.js';
import { summary } from './messages.js';
import type { Status } from './server/client.js';
import type { Session } from './session.js';
import {
  type Face,
  fitted,
  inOrder,
  isPossible,
  numberOf,
  type State,
  type Store,
  settingsOf,
  upscalerOf,
} from './store.js';
import { announce } from './toasts.js';

/** What a key changes of the fidelity. */
const FIDELITY_STEP = 0.05;

const ranges = ['fidelity', 'strength'] as const;

export class Controls {
  private readonly upscaling = [...document.querySelectorAll<HTMLInputElement>('#upscaling input')];
  private readonly background = find<HTMLInputElement>('#background');
  private readonly neverWorse = find<HTMLInputElement>('#never-worse');
  private readonly faceUpscale = find<HTMLInputElement>('#face-upscale');
  private readonly centre = find<HTMLInputElement>('#only-center-face');

  private request: Status | null = null;

  constructor(
    private readonly store: Store,
    private readonly session: Session,
  ) {
    for (const name of ranges) {
      const input = find<HTMLInputElement>(`#${name}`);
      input.addEventListener('input', () => this.change({ [name]: input.valueAsNumber }));
    }
    for (const input of this.upscaling)
      input.addEventListener('change', () => session.setSettings({ upscaling: Number(input.value) }));
    this.background.addEventListener('change', () =>
      session.setSettings({ backgroundUpscale: this.background.checked }),
    );
    this.faceUpscale.addEventListener('change', () => session.setSettings({ faceUpscale: this.faceUpscale.checked }));
    this.centre.addEventListener('change', () => session.setSettings({ onlyCenterFace: this.centre.checked }));
    this.neverWorse.addEventListener('change', () => session.setSettings({ neverWorse: this.neverWorse.checked }));
    find('#scope-all').addEventListener('click', () => {
      store.set({ selected: null });
      find('#fidelity').focus();
    });
    find('#own-none').addEventListener('click', () => {
      this.change({ fidelity: null, strength: null, paint: null });
      find('#fidelity').focus();
    });
    find('#offer-background').addEventListener('click', () => {
      session.setSettings({ backgroundUpscale: true });
      this.background.focus();
    });
    find('#search-more').addEventListener('click', () => session.searchMore());
    find('#show-outlines').addEventListener('click', () => this.toggleOutlines());
    find('#undo').addEventListener('click', () => session.undo());
    find('#redo').addEventListener('click', () => session.redo());
    store.subscribe(state => this.show(state));
  }

  /** Less (-1) or more (1) fidelity. */
  step(direction: number): void {
    const { settings } = this.store.state;
    const face = this.selected();
    const now = face ? settingsOf(face, settings).fidelity : settings.fidelity;
    this.choose(Math.min(1, Math.max(0, Math.round(100 * (now + direction * FIDELITY_STEP)) / 100)));
  }

  /** A fidelity of the selected face, or of all. */
  choose(fidelity: number): void {
    this.change({ fidelity });
  }

  /** The next face, and all after the last. */
  nextFace(): void {
    const { selected } = this.store.state;
    const faces = inOrder(this.store.state.faces);
    const at = faces.findIndex(face => face.id === selected);
    const next = faces[at + 1];
    this.store.set({ selected: next?.id ?? null });
    announce(next ? `Face ${at + 2} of ${faces.length}` : 'All faces');
    document.querySelector('.face-row[aria-pressed="true"]')?.scrollIntoView({ block: 'nearest' });
  }

  toggleOutlines(): void {
    this.store.set({ outlines: !this.store.state.outlines });
  }

  private selected(): Face | undefined {
    const { faces, selected } = this.store.state;
    return faces.find(face => face.id === selected);
  }

  /** Of the selected face, or of all. Null: as for all. */
  private change(change: { fidelity?: number | null; strength?: number | null; paint?: null }): void {
    const face = this.selected();
    if (face) this.session.setFace(face.id, change);
    else this.session.setSettings(change as { fidelity?: number; strength?: number });
  }

  private show(state: State): void {
    const { photo, faces, phase, result, place, request } = state;
    const settings = fitted(state);
    find('#panel').hidden = photo === null;
    find('#view-bar').hidden = photo === null;
    for (const id of ['#open-photo', '#open-samples']) find(id).hidden = photo === null;
    document.body.dataset.phase = state.opening ? 'reading' : phase;
    find('#summary').textContent = summary(state);
    find('#adapter').textContent = adapterWords(state);
    find('#result-notes').textContent = result?.warnings.join('. ') ?? '';
    find('#hold').hidden = result === null;
    find('#show-outlines').setAttribute('aria-pressed', String(state.outlines));
    const isHere = place === 'browser';
    // Between two photos it stays, so that nothing moves; so do others below.
    if (faces.length > 0 || phase === 'done' || !photo || !isHere) {
      find('#faces').hidden = !isHere || !photo;
      find('#tuning').hidden = isHere && faces.length === 0;
      find('#show-outlines').hidden = faces.length === 0;
      find('#open-brush').hidden = !isHere || (state.selected === null && faces.length !== 1);
    }
    find('#no-faces').hidden = !(phase === 'done' && faces.length === 0);
    find('#search-more').hidden = state.thorough;
    find('#search-more').toggleAttribute('disabled', phase !== 'done');

    const face = this.selected();
    find('#scope').textContent = face ? `Face ${numberOf(face, faces)}` : faces.length === 1 ? 'The face' : 'All faces';
    find('#open-compare').hidden = !isHere;
    find('#scope-all').hidden = !face;
    find('#own-none').hidden = !face || (face.fidelity === null && face.strength === null && face.paint === null);
    const { fidelity, strength } = face ? settingsOf(face, settings) : settings;
    showRange('fidelity', fidelity, fidelity.toFixed(2));
    showRange('strength', strength, `${Math.round(100 * strength)}%`);

    for (const input of this.upscaling) {
      input.checked = Number(input.value) === settings.upscaling;
      input.disabled = photo !== null && !isPossible(photo, Number(input.value));
    }
    const size = (length: number) => Math.round(length * settings.upscaling);
    find('#result-size').textContent = photo ? `${size(photo.width)} × ${size(photo.height)} pixels` : '';
    const impossible = photo ? this.upscaling.filter(input => input.disabled) : [];
    find('#size-note').textContent = tooLarge(impossible.map(({ value }) => `${value}×`));
    const upscaler = upscalerOf(state);
    this.background.disabled = !upscaler;
    // Until somebody has decided.
    const isOpen = state.settings.backgroundUpscale === null && !settings.backgroundUpscale;
    find('#offer-background').hidden = !(isHere && upscaler && isOpen && settings.upscaling > 1);
    find('#offer-background').toggleAttribute('disabled', !result);
    this.background.checked = settings.backgroundUpscale;
    this.neverWorse.checked = settings.neverWorse;
    this.faceUpscale.checked = settings.faceUpscale;
    this.centre.checked = settings.onlyCenterFace;
    if (request !== this.request) showLog(request);
    this.request = request;
    find('#open-compare').toggleAttribute('disabled', result === null || faces.length === 0);
    for (const id of ['#save', '#open-share']) find(id).toggleAttribute('disabled', result === null);
    // Disabled ones would lose the focus.
    find('#undo').setAttribute('aria-disabled', String(!this.session.canUndo));
    find('#redo').setAttribute('aria-disabled', String(!this.session.canRedo));
  }
}

/** Why sizes cannot be chosen. */
function tooLarge(sizes: readonly string[]): string {
  if (sizes.length === 0) return '';
  const which = sizes.length === 1 ? sizes[0] : `${sizes.slice(0, -1).join(', ')} and ${sizes.at(-1)}`;
  return `${which} would make a picture of more than 100 megapixels.`;
}

/** What the server says of a request, line by line. */
function showLog(request: Status | null): void {
  const lines = request?.logs ?? [];
  find('#log-group').hidden = lines.length === 0;
  find('#log').replaceChildren(
    ...lines.map(({ message, level }) => make('li', { className: level.toLowerCase() }, message)),
  );
}

function showRange(name: (typeof ranges)[number], value: number, text: string): void {
  const input = find<HTMLInputElement>(`#${name}`);
  // Also while it is dragged: what is set is what was dragged to.
  input.valueAsNumber = value;
  input.style.setProperty('--share', `${100 * value}%`);
  input.setAttribute('aria-valuetext', text);
  find(`#${name}-value`).textContent = text;
}
