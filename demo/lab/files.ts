// Pictures and documents in and out.

import type { Picture } from '../../src/web/client.js';
import { find } from '../dom.js';
import { isAbort, problemOf } from '../problems.js';
import { announce, toast } from '../toasts.js';
import { handOver } from './handover.js';
import { draw } from './plates.js';
import type { Session } from './session.js';
import type { Store } from './state.js';

export function listenForFiles(store: Store, session: Session): void {
  const input = find<HTMLInputElement>('#file');
  const choose = (accept: string) => {
    input.accept = accept;
    input.click();
  };
  const anything = input.accept;
  for (const id of ['#choose-file', '#choose-first']) find(id).addEventListener('click', () => choose(anything));
  find('#open-codes').addEventListener('click', () => choose('.json'));
  find('#open-network').addEventListener('click', () => choose('.safetensors,.pth'));
  find('#own-network').addEventListener('click', () => useNetwork(null));
  input.addEventListener('change', () => {
    const [file] = input.files ?? [];
    // The same file can be chosen again.
    input.value = '';
    if (file) take(file);
  });
  for (const sample of document.querySelectorAll<HTMLElement>('[data-sample]')) {
    sample.addEventListener('click', async () => {
      const path = sample.dataset.sample!;
      const response = await fetch(path).catch(() => null);
      if (response?.ok) openPicture(await response.blob(), nameIn(path));
      else toast('The sample could not be loaded. Is this machine offline?', { kind: 'warning' });
    });
  }
  addEventListener('dragover', event => {
    if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
  });
  addEventListener('drop', event => {
    const [file] = event.dataTransfer?.files ?? [];
    if (!file) return;
    event.preventDefault();
    take(file);
  });
  addEventListener('paste', event => {
    const [file] = event.clipboardData?.files ?? [];
    if (file) take(file);
  });

  function take(file: File): void {
    if (file.name.endsWith('.json')) openCodes(file);
    else if (/\.(safetensors|pth)$/.test(file.name)) useNetwork(file);
    else openPicture(file, file.name);
  }

  async function openPicture(blob: Blob, name: string): Promise<void> {
    await session.open(blob, name);
    if (store.state.source?.blob === blob) await handOver(blob, name);
  }

  async function useNetwork(file: File | null): Promise<void> {
    try {
      await session.use(file);
      announce(`In use now: ${file?.name ?? 'the network of this page'}.`);
    } catch (error) {
      toast(`The weights were not taken. ${problemOf(error).text}`, { kind: 'error' });
    }
  }

  async function openCodes(file: File): Promise<void> {
    if (!store.state.subject) {
      toast('Open the crop that the codes belong to first.', { kind: 'warning' });
      return;
    }
    try {
      const codes = await session.import(await file.text(), file.name);
      announce(`The codes of ${codes.file ?? file.name} are in place.`);
    } catch (error) {
      toast(`The codes were not taken. ${problemOf(error).text}`, { kind: 'error' });
    }
  }

  const stem = () => store.state.subject!.name.replace(/\.\w+$/, '');
  const names = () => ({
    crop: `${stem()}-crop.png`,
    codes: `${stem()}-codes.json`,
    picture: `${stem()}-restored.png`,
  });
  store.subscribe(({ engine, subject }, before) => {
    if (engine.status !== 'ready' || !subject || subject === before.subject) return;
    const { crop, codes, picture } = names();
    const network = ['--weights', quoted(engine.info.model!)];
    const words = ['restore', quoted(crop), '--aligned', '--codes', quoted(codes), ...network, '-o', quoted(picture)];
    find('#command').textContent = `npx codeformer ${words.join(' ')}`;
  });
  const saved = (id: string, make: () => Promise<Blob>, name: () => string) =>
    find(id).addEventListener('click', async () => {
      try {
        save(await make(), name());
      } catch (error) {
        if (!isAbort(error)) toast(`It could not be saved. ${problemOf(error).text}`, { kind: 'error' });
      }
    });
  const codes = async () => new Blob([session.document(), '\n'], { type: 'application/json' });
  saved('#save-codes', codes, () => names().codes);
  saved(
    '#save-picture',
    async () => encoded(await session.picture()),
    () => names().picture,
  );
  saved(
    '#save-crop',
    async () => encoded(store.state.subject!.crop),
    () => names().crop,
  );
}

const nameIn = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** A name as shells take it. */
const quoted = (name: string): string => (/^[\w.-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`);

/** A picture as PNG. Pictures here are opaque, so a canvas keeps their bytes. */
async function encoded(picture: Picture): Promise<Blob> {
  const canvas = document.createElement('canvas');
  // Made before it is drawn on, so that no alpha is written.
  canvas.getContext('2d', { alpha: false });
  draw(canvas, picture);
  const blob = await new Promise<Blob | null>(resolve => canvas.toBlob(resolve));
  if (!blob) throw new Error('The browser could not write a PNG');
  return blob;
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  // The browser has to have opened it.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
