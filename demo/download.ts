// Saves the picture as a file.

import type { EncodedType } from '../src/web/client.js';
import { find } from './dom.js';
import { isAbort, problemOf } from './problems.js';
import type { Session } from './session.js';
import type { Store } from './store.js';
import { toast } from './toasts.js';

/** Of JPEG and WebP. */
const QUALITY = 95;

const ENDINGS: Readonly<Record<EncodedType, string>> = { png: 'png', jpeg: 'jpg', webp: 'webp' };

/** Returns what saves the picture. */
export function listenForSaving(store: Store, session: Session): () => void {
  const form = find<HTMLFormElement>('#save-form');
  const button = find<HTMLButtonElement>('#save');
  form.addEventListener('submit', async event => {
    event.preventDefault();
    const { photo } = store.state;
    if (!photo || button.getAttribute('aria-busy') === 'true') return;
    const type = find<HTMLSelectElement>('#save-type').value as EncodedType;
    button.setAttribute('aria-busy', 'true');
    button.textContent = 'Saving';
    try {
      save(await session.save(type, QUALITY), `${photo.name.replace(/\.\w+$/, '')}-restored.${ENDINGS[type]}`);
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

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has to have opened it.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
