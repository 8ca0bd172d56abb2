// What the network makes of a face at some fidelities, small in the panel: a press chooses one.

import type { Picture } from '../src/web/client.js';
import { draw, FIDELITIES, madeOf, makeCell, makeSheet, press } from './compare.js';
import { find } from './dom.js';
import type { Session } from './session.js';
import { type Face, mainFace, type State, type Store, settingsOf } from './store.js';

/** Pixels of a picture, for twice as fine screens. */
const SIDE = 112;

/** Milliseconds without a change after which the pictures are made. */
const REST = 400;

export class Tastes {
  private readonly group = find('#tastes');
  private readonly buttons = new Map<number, HTMLButtonElement>();
  private crop: Picture | null = null;
  /** Without a graphics card they are made when somebody comes near them. */
  private wanted = false;
  private due: ReturnType<typeof setTimeout> | undefined;
  private work = new AbortController();

  constructor(
    store: Store,
    private readonly session: Pick<Session, 'sweep'>,
    choose: (fidelity: number) => void,
  ) {
    for (const fidelity of FIDELITIES) {
      const button = makeCell(fidelity, SIDE, `Fidelity ${fidelity.toFixed(2)}`);
      button.addEventListener('click', () => choose(fidelity));
      this.buttons.set(fidelity, button);
    }
    this.group.append(...this.buttons.values());
    for (const type of ['pointerenter', 'focusin'])
      find('#tuning').addEventListener(type, () => {
        if (this.wanted) return;
        this.wanted = true;
        this.plan(store.state);
      });
    store.subscribe((state, before) => this.show(state, before));
  }

  private show(state: State, before: State): void {
    const face = shownFace(state);
    // Between two photos it stays, so that nothing moves.
    if (face || state.phase === 'done' || !state.photo) this.group.hidden = state.place === 'server' || !face;
    const fidelity = face ? settingsOf(face, state.settings).fidelity : state.settings.fidelity;
    for (const [value, button] of this.buttons) press(button, value, fidelity);
    const crop = face?.crop ?? null;
    if (crop !== this.crop) {
      this.crop = crop;
      for (const value of FIDELITIES) this.draw(value, crop ? madeOf(crop).get(value) : undefined);
    }
    if (state.phase === before.phase && state.selected === before.selected) return;
    this.work.abort();
    this.plan(state);
  }

  /** Has the pictures made when nothing else is. */
  private plan(state: State): void {
    clearTimeout(this.due);
    const { engine } = state;
    const isQuick = engine.status === 'ready' && engine.info?.software === false;
    const face = shownFace(state);
    if (state.phase !== 'done' || !face?.crop || !(isQuick || this.wanted)) return;
    this.due = setTimeout(() => {
      this.work = new AbortController();
      const each = (_: number, fidelity: number, picture: OffscreenCanvas) => {
        if (this.crop === face.crop) this.draw(fidelity, picture);
      };
      // What cannot be made is told of where a picture is asked for.
      void makeSheet(this.session, [face], each, this.work.signal).catch(() => {});
    }, REST);
  }

  private draw(fidelity: number, picture: OffscreenCanvas | undefined): void {
    const canvas = find<HTMLCanvasElement>('canvas', this.buttons.get(fidelity)!);
    if (picture) draw(canvas, picture);
    else canvas.getContext('2d')!.clearRect(0, 0, SIDE, SIDE);
  }
}

/** The face that the settings are shown of, or that they are seen in best. */
function shownFace({ faces, selected }: State): Face | undefined {
  return faces.find(({ id }) => id === selected) ?? mainFace(faces);
}
