// The sheet: each face at several fidelities, side by side.

import { find, make } from './dom.js';
import { toCanvas } from './faces.js';
import { isAbort, problemOf } from './problems.js';
import type { Session } from './session.js';
import { inOrder, numberOf, type Store, settingsOf } from './store.js';

const FIDELITIES = [0, 0.25, 0.5, 0.75, 1];

/** Side of a picture on the sheet, for twice as fine screens. */
const SIDE = 256;

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
    const head = make('tr', {}, columnHead('Original'), ...FIDELITIES.map(w => columnHead(w.toFixed(2))));
    const rows = included.map(face => {
      const number = numberOf(face, faces);
      const original = make('canvas', { width: SIDE, height: SIDE });
      original.setAttribute('role', 'img');
      original.setAttribute('aria-label', `Face ${number}, original`);
      if (face.crop) draw(original, toCanvas(face.crop));
      const made = FIDELITIES.map(w => {
        const canvas = make('canvas', { width: SIDE, height: SIDE });
        const cell = make('button', { type: 'button', className: 'sheet-cell', disabled: true }, canvas);
        cell.setAttribute('aria-label', `Face ${number} with fidelity ${w}`);
        cell.setAttribute('aria-pressed', String(Math.abs(settingsOf(face, settings).fidelity - w) < 0.005));
        cell.addEventListener('click', () => {
          if (faces.length === 1) session.setSettings({ fidelity: w });
          else session.setFace(face.id, { fidelity: w });
          dialog.close();
        });
        cells.set(`${face.id} ${w}`, cell);
        return make('td', {}, cell);
      });
      return make('tr', {}, make('td', {}, make('div', { className: 'sheet-original' }, original)), ...made);
    });
    sheet.replaceChildren(make('thead', {}, head), make('tbody', {}, ...rows));
    dialog.showModal();
    status.textContent = 'Restoring';
    try {
      let done = 0;
      await session.sweep(
        FIDELITIES,
        (fidelity, made) => {
          for (const { id, restored } of made) {
            const cell = cells.get(`${id} ${fidelity}`);
            if (!cell) continue;
            draw(find<HTMLCanvasElement>('canvas', cell), toCanvas(restored));
            cell.disabled = false;
          }
          done++;
          status.textContent = done < FIDELITIES.length ? `Restoring, ${done} of ${FIDELITIES.length}` : '';
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

function draw(canvas: HTMLCanvasElement, picture: OffscreenCanvas): void {
  const context = canvas.getContext('2d')!;
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
}
