// Has this browser keep the work, and brings it back when the page opens again.

import type { Album } from './album.js';
import { find } from './dom.js';
import { Kept } from './kept.js';
import { forgetWork, type KeptWork, keepWork, keptWork } from './kept-work.js';
import type { Session } from './session.js';
import type { Store } from './store.js';
import { announce, toast } from './toasts.js';

/** Milliseconds without another change after which the work is kept. */
const REST = 300;

/** That work is being brought back: where that was too much for the browser, it is not tried again unasked. */
const returning = new Kept('sessionStorage', 'returning');

export class Keeping {
  private due: ReturnType<typeof setTimeout> | undefined;
  /** One after another. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly store: Store,
    private readonly session: Session,
    private readonly album: Album,
  ) {
    find('#forget').addEventListener('click', () => this.forget());
    // Who leaves the page in the middle of it does nothing wrong.
    addEventListener('pagehide', () => returning.write(null));
    // What is there already comes before what is shown now.
    void this.bringBack().then(() => {
      album.subscribe(() => this.changed());
      store.subscribe((state, before) => {
        if (state.selected !== before.selected) this.changed();
        const isOver = state.phase === 'done' || state.phase === 'failed';
        if (isOver && state.phase !== before.phase) returning.write(null);
      });
    });
  }

  private async bringBack(): Promise<void> {
    const work = await keptWork();
    if (!work || this.album.state.photos.length > 0) return;
    if (returning.read() === null) {
      this.open(work);
      return;
    }
    const name = work.photos.length === 1 ? `“${work.photos[0]!.name}”` : `${work.photos.length} photos`;
    toast(`The page broke off while it opened what you had been working on: ${name}.`, {
      kind: 'warning',
      actions: [
        { label: 'Open again', act: () => this.open(work) },
        { label: 'Remove from this browser', act: () => this.forget() },
      ],
    });
  }

  private open(work: KeptWork): void {
    if (this.album.state.photos.length > 0) return;
    returning.write('yes');
    this.album.resume(work);
  }

  private changed(): void {
    clearTimeout(this.due);
    this.due = setTimeout(() => this.keep(), REST);
  }

  private keep(): void {
    const { photos, open } = this.album.state;
    // What cannot be read is of no use later.
    if (photos.length === 0 || (photos.length === 1 && this.store.state.photo === null)) return;
    const work = {
      photos: photos.map(({ id, name, blob, own, faces, thorough }) => ({ id, name, blob, own, faces, thorough })),
      open,
      selected: this.store.state.selected,
      settings: this.album.common,
    };
    // Where the browser keeps nothing, the work lasts until the page is closed.
    this.last = this.last
      .then(() => keepWork(work))
      .then(
        () => find('#kept').toggleAttribute('hidden', false),
        () => find('#kept').toggleAttribute('hidden', true),
      );
  }

  /** Removes the work from this browser, and from the page. */
  private forget(): void {
    clearTimeout(this.due);
    this.album.forget();
    this.session.close();
    this.last = this.last.then(forgetWork).catch(() => {});
    announce('Removed from this browser.');
    find('#choose-photo').focus();
  }
}
