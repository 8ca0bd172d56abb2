// The sheet: each face at several fidelities, side by side.

import type { Picture } from '../src/web/client.js';
import { find, make } from './dom.js';
import { toCanvas } from './faces.js';
import { isAbort, problemOf } from './problems.js';
import type { Session } from './session.js';
import { inOrder, numberOf, type Store, settingsOf } from './store.js';

const FIDELITIES = [0, 0.25, 0.5, 0.75, 1];

/** Side of a picture on the sheet, for twice as fine screens. */
const SIDE = 256;

/** What was made of crops at each fidelity, so that it is made once. */
const made = new WeakMap<Picture, Map<number, OffscreenCanvas>>();

function madeOf(crop: Picture): Map<number, OffscreenCanvas> {
  const known = made.get(crop) ?? new Map();
  made.set(crop, known);
  return known;
}

/** Returns what opens the sheet. */
export function compareSheet(store: Store, session: Session): () => void {
  const dialog = find<HTMLDialogElement>('#compare');
  const sheet = find<HTMLTableElement>('#sheet');
  const status = find('#compare-status');
  let work = new AbortController();
  dialog.addEventListener('close', () => work.abort());

  const open = async () => {
    const { faces, settings, result } = store.state;
    const included = inOrder(faces).filter(face => face.included);
    if (!result || included.length === 0 || dialog.open) return;
    work = new AbortController();
    const { signal } = work;
    const cells = new Map<string, HTMLButtonElement>();
    const head = make('tr', {}, ...['Face', 'Original', ...FIDELITIES.map(w => w.toFixed(2))].map(columnHead));
    const rows = included.map(face => {
      const number = numberOf(face, faces);
      const original = make('canvas', { width: SIDE, height: SIDE });
      original.setAttribute('role', 'img');
      original.setAttribute('aria-label', `Face ${number}, original`);
      if (face.crop) draw(original, toCanvas(face.crop));
      const choices = FIDELITIES.map(w => {
        const canvas = make('canvas', { width: SIDE, height: SIDE });
        const value = make('span', {}, w.toFixed(2));
        const cell = make('button', { type: 'button', className: 'sheet-cell', disabled: true }, canvas, value);
        cell.setAttribute('aria-label', `Face ${number} with fidelity ${w.toFixed(2)}`);
        cell.setAttribute('aria-pressed', String(Math.abs(settingsOf(face, settings).fidelity - w) < 0.005));
        cell.addEventListener('click', () => {
          if (faces.length === 1) session.setSettings({ fidelity: w });
          else session.setFace(face.id, { fidelity: w });
          dialog.close();
        });
        cells.set(`${face.id} ${w}`, cell);
        show(cell, face.crop ? madeOf(face.crop).get(w) : undefined);
        return make('td', {}, cell);
      });
      const row = make('th', { scope: 'row' }, String(number));
      return make('tr', {}, row, make('td', {}, make('div', { className: 'sheet-original' }, original)), ...choices);
    });
    sheet.replaceChildren(make('thead', {}, head), make('tbody', {}, ...rows));
    dialog.showModal();
    const missing = FIDELITIES.filter(w => included.some(({ crop }) => !crop || !madeOf(crop).has(w)));
    status.textContent = missing.length > 0 ? 'Restoring' : '';
    try {
      let done = 0;
      await session.sweep(
        missing,
        (fidelity, restored) => {
          for (const { id, restored: picture } of restored) {
            const canvas = toCanvas(picture);
            const crop = included.find(face => face.id === id)?.crop;
            if (crop) madeOf(crop).set(fidelity, canvas);
            show(cells.get(`${id} ${fidelity}`), canvas);
          }
          done++;
          status.textContent = done < missing.length ? `Restoring, ${done} of ${missing.length}` : '';
        },
        signal,
      );
    } catch (error) {
      if (!signal.aborted || !isAbort(error)) status.textContent = problemOf(error).text;
    }
  };
  find('#open-compare').addEventListener('click', open);
  return open;
}

function columnHead(text: string): HTMLTableCellElement {
  return make('th', { scope: 'col' }, text);
}

/** Shows what was made at a fidelity, which can then be chosen. */
function show(cell: HTMLButtonElement | undefined, picture: OffscreenCanvas | undefined): void {
  if (!cell || !picture) return;
  draw(find<HTMLCanvasElement>('canvas', cell), picture);
  cell.disabled = false;
}

function draw(canvas: HTMLCanvasElement, picture: OffscreenCanvas): void {
  const context = canvas.getContext('2d')!;
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
}
