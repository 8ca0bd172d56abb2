// The picture that was opened, and the faces in it that can be worked on.

import { find, make } from '../dom.js';
import type { Session } from './session.js';
import type { Source, State, Store } from './state.js';

/** Side of the small pictures, in pixels. */
const SMALL = 96;

/** How much of its surroundings a face is shown with. */
const AROUND = 0.2;

export class SourceView {
  constructor(
    store: Store,
    private readonly session: Session,
  ) {
    store.subscribe((state, before) => this.changed(state, before));
  }

  private changed({ source, subject, busy }: State, before: State): void {
    const list = find<HTMLFieldSetElement>('#faces');
    list.disabled = busy !== null;
    if (source && source.faces !== before.source?.faces) this.list(source);
    for (const input of list.querySelectorAll('input'))
      input.checked = source !== null && input.value === String(source.chosen);
    if (source) find('#source-name').textContent = source.name;
    if (subject !== before.subject) find('#source-note').textContent = subject?.warnings.join('. ') ?? '';
  }

  private list(source: Source): void {
    const { bitmap, faces } = source;
    const list = find('#faces');
    const choices = faces.map(({ id, box: [left, top, right, bottom] }, i) => {
      const side = (1 + AROUND) * Math.max(right - left, bottom - top);
      const [x, y] = [(left + right - side) / 2, (top + bottom - side) / 2];
      return this.choice(id, `Face ${i + 1}`, small(bitmap, x, y, side));
    });
    const side = Math.max(bitmap.width, bitmap.height);
    const whole = small(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side);
    const [legend] = list.children;
    list.replaceChildren(legend!, ...choices, this.choice(null, 'All of it', whole));
  }

  private choice(id: number | null, name: string, picture: HTMLCanvasElement): HTMLElement {
    const input = make('input', { type: 'radio', name: 'face', value: String(id) });
    input.addEventListener('change', () => this.session.choose(id));
    return make('label', { className: 'face' }, input, picture, make('span', {}, name));
  }
}

function small(bitmap: ImageBitmap, x: number, y: number, side: number): HTMLCanvasElement {
  const canvas = make('canvas', { width: SMALL, height: SMALL });
  const context = canvas.getContext('2d')!;
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, x, y, side, side, 0, 0, SMALL, SMALL);
  return canvas;
}
