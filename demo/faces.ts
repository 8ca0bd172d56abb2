// The faces that were found: outlines over the picture, and rows in the panel.

import type { Picture } from '../src/web/client.js';
import { find, make } from './dom.js';
import { LIKENESS, likenessWords } from './likeness.js';
import { type Face, inOrder, type State, type Store, settingsOf } from './store.js';
import type { View } from './viewer/view.js';
import type { Viewer } from './viewer/viewer.js';

/** Pixels of the small pictures, for twice as fine screens. */
const THUMBNAIL = 96;

export class Faces {
  private readonly overlay = find('#outlines');
  private readonly list = find('#face-list');
  private readonly outlines = new Map<number, HTMLButtonElement>();
  private readonly rows = new Map<number, Row>();
  private view: View = { scale: 1, x: 0, y: 0 };

  /**
   * @param choose a face was chosen, or all of them (null)
   * @param include a face shall be restored, or not
   */
  constructor(
    private readonly store: Store,
    viewer: Viewer,
    private readonly choose: (id: number | null) => void,
    private readonly include: (id: number, included: boolean) => void,
  ) {
    viewer.follow(view => {
      this.view = view;
      this.place();
    });
    store.subscribe((state, before) => this.changed(state, before));
  }

  private changed(state: State, before: State): void {
    const ids = (faces: readonly Face[]) => faces.map(face => face.id).join();
    if (ids(state.faces) !== ids(before.faces) || state.photo !== before.photo) this.fill(state.faces);
    const changed = (['faces', 'selected', 'work', 'phase', 'settings', 'outlines'] as const).some(
      key => state[key] !== before[key],
    );
    if (!changed) return;
    this.overlay.hidden = !state.outlines;
    inOrder(state.faces).forEach((face, i) => {
      const mode = modeOf(face, state);
      const outline = this.outlines.get(face.id)!;
      outline.dataset.mode = mode;
      outline.setAttribute('aria-pressed', String(state.selected === face.id));
      outline.setAttribute('aria-label', `Face ${i + 1} of ${state.faces.length}, ${WORDS[mode]}`);
      this.rows.get(face.id)!.show(face, state, mode);
    });
    this.place();
  }

  private fill(faces: readonly Face[]): void {
    this.outlines.clear();
    this.rows.clear();
    inOrder(faces).forEach((face, i) => {
      const outline = make('button', { type: 'button', className: 'outline' }, make('span', {}, String(i + 1)));
      outline.addEventListener('click', () => this.toggle(face.id));
      this.outlines.set(face.id, outline);
      const row = new Row(
        i + 1,
        () => this.toggle(face.id),
        included => this.include(face.id, included),
      );
      this.rows.set(face.id, row);
    });
    // Until there are others the room stays.
    this.list.style.minHeight = faces.length === 0 ? `${this.list.offsetHeight}px` : '';
    this.overlay.replaceChildren(...this.outlines.values());
    this.list.replaceChildren(...[...this.rows.values()].map(row => row.element));
  }

  private toggle(id: number): void {
    this.choose(this.store.state.selected === id ? null : id);
  }

  private place(): void {
    const { scale, x, y } = this.view;
    for (const face of this.store.state.faces) {
      const [left, top, right, bottom] = face.box;
      const style = this.outlines.get(face.id)?.style;
      // Not `transform`, which what appears would be scaled by.
      style?.setProperty('translate', `${x + scale * left}px ${y + scale * top}px`);
      style?.setProperty('width', `${scale * (right - left)}px`);
      style?.setProperty('height', `${scale * (bottom - top)}px`);
    }
  }
}

type Mode = 'found' | 'working' | 'read' | 'done' | 'left-out';

const WORDS: Readonly<Record<Mode, string>> = {
  found: 'found',
  working: 'being worked on',
  read: 'ready to be restored',
  done: 'restored',
  'left-out': 'left as it is',
};

function modeOf(face: Face, { work }: State): Mode {
  if (!face.included) return 'left-out';
  if (work?.id === face.id) return 'working';
  if (face.restored) return 'done';
  return face.crop ? 'read' : 'found';
}

/** A face in the panel. */
class Row {
  readonly element: HTMLLIElement;
  private readonly before = thumbnail();
  private readonly after = thumbnail();
  private readonly note = make('span', { className: 'quiet-text' });
  private readonly button: HTMLButtonElement;
  private readonly check: HTMLInputElement;
  private drawn: { crop: Picture | null; restored: Picture | null } = { crop: null, restored: null };

  constructor(number: number, choose: () => void, include: (included: boolean) => void) {
    this.check = make('input', { type: 'checkbox', checked: true });
    this.check.setAttribute('aria-label', `Restore face ${number}`);
    this.check.addEventListener('change', () => include(this.check.checked));
    const words = make('span', { className: 'face-words' }, make('b', {}, `Face ${number}`), this.note);
    this.button = make('button', { type: 'button', className: 'face-row' }, this.before, this.after, words);
    this.button.addEventListener('click', choose);
    this.element = make('li', {}, this.button, this.check);
  }

  show(face: Face, { selected, settings }: State, mode: Mode): void {
    this.button.setAttribute('aria-pressed', String(selected === face.id));
    this.check.checked = face.included;
    const { fidelity, strength } = settingsOf(face, settings);
    const own = [
      ...(face.fidelity === null ? [] : [`fidelity ${fidelity.toFixed(2)}`]),
      ...(face.paint === null ? [] : ['painted']),
      ...(face.strength === null ? [] : [`strength ${Math.round(100 * strength)}%`]),
    ];
    const used =
      face.untouched !== null
        ? [`left as it is: ${plain(face.untouched)}`]
        : face.share < 1
          ? [`restored by ${Math.round(100 * face.share)}%: the photo has detail of its own`]
          : [];
    const guessed = face.score === 0 ? ['no face was recognised here, so it is taken for an upright one'] : [];
    const alike = face.likeness !== null && face.untouched === null ? [likenessWords(face.likeness, fidelity)] : [];
    this.button.title = mode === 'done' && alike.length > 0 ? LIKENESS : '';
    const notes = mode === 'done' ? [...alike, ...own, ...used, ...guessed, ...face.warnings.map(plain)] : [];
    this.note.textContent = notes.join(', ') || WORDS[mode];
    if (this.drawn.crop !== face.crop) paint(this.before, face.crop);
    if (this.drawn.restored !== face.restored) paint(this.after, face.restored);
    this.drawn = { crop: face.crop, restored: face.restored };
  }
}

/** What the engine says of faces, for those who know nothing of crops. */
const PLAIN: readonly (readonly [RegExp, string])[] = [
  [/^the face may lose detail/, 'it is large, and may lose detail'],
  [/^the face is tiny/, 'it is very small'],
  [/^the face reaches beyond/, 'it is cut off by the edge of the photo'],
  [/^it is sharp and clean/, 'it is sharp already'],
];

const plain = (text: string): string => PLAIN.find(([known]) => known.test(text))?.[1] ?? text;

function thumbnail(): HTMLCanvasElement {
  const canvas = make('canvas', { width: THUMBNAIL, height: THUMBNAIL });
  canvas.setAttribute('aria-hidden', 'true');
  return canvas;
}

function paint(canvas: HTMLCanvasElement, picture: Picture | null): void {
  const context = canvas.getContext('2d')!;
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!picture) return;
  const whole = toCanvas(picture);
  context.imageSmoothingQuality = 'high';
  context.drawImage(whole, 0, 0, canvas.width, canvas.height);
}

/** A picture of the engine's as something that can be drawn. */
export function toCanvas({ data, width, height }: Picture): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height);
  const pixels = new Uint8ClampedArray(data.buffer as ArrayBuffer, data.byteOffset, data.length);
  canvas.getContext('2d')!.putImageData(new ImageData(pixels, width, height), 0, 0);
  return canvas;
}
