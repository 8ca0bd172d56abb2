// The ways in which a photo comes: chosen, dropped, pasted, or one of the samples.

import type { PhotoFile } from './album.js';
import { find } from './dom.js';
import { chosenFiles, droppedFiles } from './files.js';

/**
 * Listens for photos. `choose()` of what is returned asks for files.
 * @param open takes those of one choice
 */
export function listenForPhotos(
  open: (files: readonly PhotoFile[]) => void,
  refuse: (text: string) => void,
): { choose(): void } {
  const input = find<HTMLInputElement>('#photo-file');
  const choose = () => input.click();
  for (const field of [input, find<HTMLInputElement>('#folder-file')])
    field.addEventListener('change', () => {
      const files = chosenFiles(field.files ?? []);
      // The same files can be chosen again.
      field.value = '';
      if (files.length > 0) open(files);
      else refuse('There is no photo in this folder.');
    });
  // Phones know no folders to choose.
  find('#choose-folder').hidden = !('webkitdirectory' in input) || matchMedia('(pointer: coarse)').matches;
  find('#choose-folder').addEventListener('click', () => find('#folder-file').click());
  for (const id of ['#choose-photo', '#open-photo']) find(id).addEventListener('click', choose);

  const samples = find<HTMLDialogElement>('#samples');
  const list = find('#samples-first').cloneNode(true) as HTMLElement;
  list.removeAttribute('id');
  samples.append(list);
  find('#open-samples').addEventListener('click', () => samples.showModal());
  for (const sample of document.querySelectorAll<HTMLElement>('[data-sample]')) {
    sample.addEventListener('click', async () => {
      samples.close();
      const path = sample.dataset.sample!;
      const response = await fetch(path).catch(() => null);
      if (response?.ok) open([{ blob: await response.blob(), name: path.slice(path.lastIndexOf('/') + 1) }]);
      else refuse('The sample could not be loaded. Is there a connection?');
    });
  }

  // Entering a child counts as leaving its parent, so both are counted.
  let inside = 0;
  const dragged = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
  const show = () => document.body.classList.toggle('dropping', inside > 0);
  addEventListener('dragenter', event => {
    if (!dragged(event)) return;
    inside++;
    show();
  });
  addEventListener('dragleave', event => {
    if (!dragged(event)) return;
    inside = Math.max(0, inside - 1);
    show();
  });
  addEventListener('dragover', event => {
    if (dragged(event)) event.preventDefault();
  });
  addEventListener('drop', event => {
    if (!dragged(event)) return;
    event.preventDefault();
    inside = 0;
    show();
    void droppedFiles(event.dataTransfer!).then(take, () => refuse('What was dropped could not be read.'));
  });

  addEventListener('paste', event => {
    const files = event.clipboardData?.files;
    // Text in a field is none of our business.
    if (files && files.length > 0) open(chosenFiles(files));
  });

  function take(files: readonly PhotoFile[]): void {
    if (files.length > 0) open(files);
    else refuse('There is no photo in what was dropped.');
  }

  return { choose };
}
