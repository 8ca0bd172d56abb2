// The sheet: each face at several fidelities, side by side.

import type { Picture } from '../src/web/client.js';
import { find, make } from './dom.js';
import { toCanvas } from './faces.js';
import { isAbort, problemOf } from './problems.js';
import type { Session } from './session.js';
import { type Face, inOrder, numberOf, type Store, settingsOf } from './store.js';

export const FIDELITIES = [0, 0.25, 0.5, 0.75, 1];

/** Side of a picture on the sheet, for twice as fine screens. */
const SIDE = 256;

/** What was made of crops at each fidelity, so that it is made once. */
const made = new WeakMap<Picture, Map<number, OffscreenCanvas>>();

export function madeOf(crop: Picture): Map<number, OffscreenCanvas> {
  const known = made.get(crop) ?? new Map();
  made.set(crop, known);
  return known;
}

/**
 * Has made what is not there yet of some faces.
 * @param each gets every picture, with the id of its face and its fidelity, those that are there at once
 */
export async function makeSheet(
  session: Pick<Session, 'sweep'>,
  faces: readonly Face[],
  each: (id: number, fidelity: number, picture: OffscreenCanvas) => void,
  signal: AbortSignal,
): Promise<void> {
  const lacks = (face: Face, fidelity: number) => !face.crop || !madeOf(face.crop).has(fidelity);
  for (const face of faces)
    for (const [fidelity, picture] of face.crop ? madeOf(face.crop) : []) each(face.id, fidelity, picture);
  const ids = faces.filter(face => FIDELITIES.some(fidelity => lacks(face, fidelity))).map(({ id }) => id);
  const missing = FIDELITIES.filter(fidelity => faces.some(face => lacks(face, fidelity)));
  const take = (fidelity: number, restored: readonly { readonly id: number; readonly restored: Picture }[]) => {
    for (const { id, restored: picture } of restored) {
      const small = new OffscreenCanvas(SIDE, SIDE);
      draw(small, toCanvas(picture));
      const crop = faces.find(face => face.id === id)?.crop;
      if (crop) madeOf(crop).set(fidelity, small);
      each(id, fidelity, small);
    }
  };
  if (missing.length > 0) await session.sweep(missing, take, signal, ids);
}

/** A button with a picture of a fidelity. */
export function makeCell(fidelity: number, side: number, label: string): HTMLButtonElement {
  const canvas = make('canvas', { width: side, height: side });
  const value = make('span', {}, fidelity.toFixed(2));
  const cell = make('button', { type: 'button', className: 'sheet-cell' }, canvas, value);
  cell.setAttribute('aria-label', label);
  return cell;
}

/** Marks a fidelity's button where that is the one of a face. */
export function press(cell: HTMLButtonElement, fidelity: number, used: number): void {
  cell.setAttribute('aria-pressed', String(Math.abs(fidelity - used) < 0.005));
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
        const cell = makeCell(w, SIDE, `Face ${number} with fidelity ${w.toFixed(2)}`);
        cell.disabled = true;
        press(cell, w, settingsOf(face, settings).fidelity);
        cell.addEventListener('click', () => {
          if (faces.length === 1) session.setSettings({ fidelity: w });
          else session.setFace(face.id, { fidelity: w });
          dialog.close();
        });
        cells.set(`${face.id} ${w}`, cell);
        return make('td', {}, cell);
      });
      const row = make('th', { scope: 'row' }, String(number));
      return make('tr', {}, row, make('td', {}, make('div', { className: 'sheet-original' }, original)), ...choices);
    });
    sheet.replaceChildren(make('thead', {}, head), make('tbody', {}, ...rows));
    dialog.showModal();
    const all = FIDELITIES.length * included.length;
    let done = 0;
    const shown = (id: number, fidelity: number, picture: OffscreenCanvas) => {
      done++;
      show(cells.get(`${id} ${fidelity}`)!, picture);
      status.textContent = done < all ? `Restoring, ${done} of ${all}` : '';
    };
    status.textContent = 'Restoring';
    try {
      await makeSheet(session, included, shown, signal);
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
function show(cell: HTMLButtonElement, picture: OffscreenCanvas): void {
  draw(find<HTMLCanvasElement>('canvas', cell), picture);
  cell.disabled = false;
}

export function draw(canvas: HTMLCanvasElement | OffscreenCanvas, picture: OffscreenCanvas): void {
  const context = canvas.getContext('2d') as CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
}
