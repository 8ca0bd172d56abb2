// Saves the picture as a file, and says how files are written.

import type { EncodedType } from '../src/web/client.js';
import { find } from './dom.js';
import { ENDINGS, save, savedName } from './files.js';
import { Kept } from './kept.js';
import { isAbort, problemOf } from './problems.js';
import type { Format, Session } from './session.js';
import type { Store } from './store.js';
import { toast } from './toasts.js';

/** Of JPEG and WebP. */
const QUALITY = 95;

const kept = new Kept('localStorage', 'notes');

/** How files are to be written, as it is chosen. */
export function chosenFormat(): Format {
  const output = find<HTMLSelectElement>('#save-type').value as EncodedType;
  return { output, quality: QUALITY, metadata: find<HTMLInputElement>('#keep-notes').checked ? 'keep' : 'none' };
}

/**
 * Listens for what is chosen of files, and for the button that saves one.
 * @param changed is told of each choice
 * @returns what saves the picture
 */
export function listenForSaving(store: Store, session: Session, changed: (format: Format) => void): () => void {
  const form = find<HTMLFormElement>('#save-form');
  const button = find<HTMLButtonElement>('#save');
  const notes = find<HTMLInputElement>('#keep-notes');
  notes.checked = kept.read() !== 'none';
  notes.addEventListener('change', () => kept.write(notes.checked ? null : 'none'));
  for (const field of [notes, find('#save-type')]) field.addEventListener('change', () => changed(chosenFormat()));
  changed(chosenFormat());
  form.addEventListener('submit', async event => {
    event.preventDefault();
    const { photo } = store.state;
    if (!photo || button.getAttribute('aria-busy') === 'true') return;
    const format = chosenFormat();
    button.setAttribute('aria-busy', 'true');
    button.textContent = 'Saving';
    try {
      save(await session.save(format), savedName(photo.name, ENDINGS[format.output]));
    } catch (error) {
      if (!isAbort(error)) toast(`The picture could not be saved. ${problemOf(error).text}`, { kind: 'error' });
    } finally {
      button.removeAttribute('aria-busy');
      button.textContent = 'Download';
    }
  });
  return () => {
    if (!button.disabled) form.requestSubmit();
  };
}
