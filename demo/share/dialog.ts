// The dialog that makes before and after into something to show others: saved, copied, or handed to the share sheet of the system.

import type { Picture } from '../../src/web/client.js';
import { find, make } from '../dom.js';
import { chosenFormat } from '../download.js';
import { toCanvas } from '../faces.js';
import { save, savedName } from '../files.js';
import { isAbort, problemOf } from '../problems.js';
import type { Session } from '../session.js';
import type { Area, State, Store } from '../store.js';
import { toast } from '../toasts.js';
import { sideBySide, squareAround } from './pictures.js';

type Kind = 'sides' | 'film' | 'picture';

/** Of JPEG, 0 to 1. */
const QUALITY = 0.92;

/** Words for files, by kind. */
const NAMES: Readonly<Record<Kind, string>> = { sides: 'before-after', film: 'before-after', picture: 'restored' };

export class ShareDialog {
  private readonly dialog = find<HTMLDialogElement>('#share');
  private readonly kinds = [...document.querySelectorAll<HTMLInputElement>('#share-kinds input')];
  private readonly status = find('#share-status');
  private readonly buttons = ['#share-save', '#share-copy', '#share-send'].map(id => find<HTMLButtonElement>(id));
  /** What was made since the dialog was opened. */
  private readonly made = new Map<Kind, Blob>();
  private sides: Promise<{ readonly before: ImageBitmap; readonly after: Picture }> | null = null;
  private work = new AbortController();
  private shown: { readonly kind: Kind; readonly file: File; readonly url: string } | null = null;

  constructor(
    private readonly store: Store,
    private readonly session: Session,
  ) {
    const [saving, copying, sending] = this.buttons as [HTMLButtonElement, HTMLButtonElement, HTMLButtonElement];
    for (const input of this.kinds) input.addEventListener('change', () => void this.show());
    saving.addEventListener('click', () => this.shown && save(this.shown.file, this.shown.file.name));
    copying.addEventListener('click', () => void this.copy());
    sending.addEventListener('click', () => void this.send());
    this.dialog.addEventListener('close', () => this.close());
  }

  open(): void {
    if (this.dialog.open) return;
    this.dialog.showModal();
    void this.show();
  }

  private close(): void {
    this.work.abort();
    this.hide();
    this.made.clear();
    void this.sides?.then(({ before }) => before.close()).catch(() => {});
    this.sides = null;
  }

  private hide(): void {
    if (this.shown) URL.revokeObjectURL(this.shown.url);
    this.shown = null;
    find('#share-preview').replaceChildren();
    for (const button of this.buttons) button.disabled = true;
  }

  /** Makes what is chosen, unless that is done, and shows it. */
  private async show(): Promise<void> {
    this.work.abort();
    this.work = new AbortController();
    const { signal } = this.work;
    const kind = this.kinds.find(input => input.checked)!.value as Kind;
    this.hide();
    this.status.textContent = 'Making it';
    try {
      const blob = this.made.get(kind) ?? (await this.make(kind, signal));
      if (signal.aborted) return;
      this.made.set(kind, blob);
      this.showFile(kind, blob);
      this.status.textContent = '';
    } catch (error) {
      if (!signal.aborted && !isAbort(error)) this.status.textContent = problemOf(error).text;
    }
  }

  private async make(kind: Kind, signal: AbortSignal): Promise<Blob> {
    if (kind === 'picture') return this.session.save(chosenFormat());
    this.sides ??= this.session.sides();
    const { before, after } = await this.sides;
    const sides = { before, after: toCanvas(after) };
    if (kind === 'sides') return sideBySide(sides).convertToBlob({ type: 'image/jpeg', quality: QUALITY });
    const { wipe } = await import('./wipe.js');
    const square = squareAround(partOf(this.store.state), before);
    const progress = (done: number) => {
      if (!signal.aborted) this.status.textContent = `Making the animation, ${Math.round(100 * done)}%`;
    };
    return wipe(sides, before, square, progress, signal);
  }

  private showFile(kind: Kind, blob: Blob): void {
    const ending = blob.type.split('/')[1]!.replace('jpeg', 'jpg');
    const name = savedName(this.store.state.photo!.name, ending, NAMES[kind]);
    const file = new File([blob], name, { type: blob.type });
    const url = URL.createObjectURL(file);
    this.shown = { kind, file, url };
    const isVideo = blob.type.startsWith('video/');
    const autoplay = !matchMedia('(prefers-reduced-motion: reduce)').matches;
    const view = isVideo
      ? make('video', { src: url, autoplay, loop: true, muted: true, playsInline: true, controls: true })
      : make('img', { src: url, alt: kind === 'picture' ? 'The restored picture' : 'The photo before and after' });
    if (isVideo) view.setAttribute('aria-label', 'The photo before and after');
    find('#share-preview').replaceChildren(view);
    const [saving, copying, sending] = this.buttons as [HTMLButtonElement, HTMLButtonElement, HTMLButtonElement];
    saving.disabled = false;
    copying.hidden = kind === 'film' || typeof ClipboardItem === 'undefined';
    copying.disabled = false;
    sending.hidden = !navigator.canShare?.({ files: [file] });
    sending.disabled = false;
  }

  /** Clipboards take PNG. */
  private async copy(): Promise<void> {
    if (!this.shown) return;
    try {
      // Some browsers allow it only at once, so that it is copied before it is there.
      await navigator.clipboard.write([new ClipboardItem({ 'image/png': asPng(this.shown.file) })]);
      this.status.textContent = 'Copied. It can be pasted into other programs.';
    } catch (error) {
      this.status.textContent = `It could not be copied. ${(error as Error).message}`;
    }
  }

  private async send(): Promise<void> {
    if (!this.shown) return;
    const { file } = this.shown;
    // That somebody decides against it is no fault.
    await navigator.share({ files: [file] }).catch(error => {
      if (error.name !== 'AbortError') toast(`It could not be shared. ${error.message}`, { kind: 'error' });
    });
  }
}

async function asPng(file: Blob): Promise<Blob> {
  if (file.type === 'image/png') return file;
  const bitmap = await createImageBitmap(file);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext('bitmaprenderer')!.transferFromImageBitmap(bitmap);
  return canvas.convertToBlob();
}

/** The part of the photo to be shown: the selected face, else the largest, else all of it. */
function partOf({ faces, selected, photo }: State): Area {
  const extent = ([left, top, right, bottom]: Area) => (right - left) * (bottom - top);
  const areas = faces.flatMap(face => (face.included && face.area ? [{ id: face.id, area: face.area }] : []));
  const sorted = areas.toSorted((a, b) => extent(b.area) - extent(a.area));
  const face = areas.find(({ id }) => id === selected) ?? sorted[0];
  return face?.area ?? [0, 0, photo!.width, photo!.height];
}
