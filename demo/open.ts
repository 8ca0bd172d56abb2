// The ways in which a photo comes: chosen, dropped, pasted, or one of the samples.

import { find } from './dom.js';

/** Listens for photos. `choose()` of what is returned asks for a file. */
export function listenForPhotos(
  open: (blob: Blob, name: string) => void,
  refuse: (text: string) => void,
): { choose(): void } {
  const input = find<HTMLInputElement>('#photo-file');
  const choose = () => input.click();
  input.addEventListener('change', () => {
    const file = input.files?.[0];
    // The same file can be chosen again.
    input.value = '';
    if (file) open(file, file.name);
  });
  for (const id of ['#choose-photo', '#open-photo']) find(id).addEventListener('click', choose);

  for (const sample of document.querySelectorAll<HTMLElement>('[data-sample]')) {
    sample.addEventListener('click', async () => {
      const path = sample.dataset.sample!;
      const response = await fetch(path).catch(() => null);
      if (response?.ok) open(await response.blob(), path.slice(path.lastIndexOf('/') + 1));
      else refuse('The sample could not be loaded. Is this machine offline?');
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
    take(event.dataTransfer?.files, 'dropped');
  });

  addEventListener('paste', event => {
    const files = event.clipboardData?.files;
    // Text in a field is none of our business.
    if (files && files.length > 0) take(files, 'pasted');
  });

  function take(files: FileList | undefined, how: string): void {
    const list = [...(files ?? [])];
    const file = list.find(({ type }) => type.startsWith('image/')) ?? list[0];
    if (!file) return;
    if (list.length > 1) refuse(`One photo at a time: of what was ${how}, ${file.name} was opened.`);
    open(file, file.name);
  }

  return { choose };
}
