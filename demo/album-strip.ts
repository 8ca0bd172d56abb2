// The album below the picture: small pictures of all photos, and what is done with all of them.

import type { Album, AlbumPhoto, AlbumState, Standing } from './album.js';
import { find, make } from './dom.js';
import { namesInZip, save } from './files.js';
import { problemOf } from './problems.js';
import { announce, toast } from './toasts.js';

/** Pixels of the small pictures, for twice as fine screens. */
export const THUMBNAIL = 128;

const WORDS: Readonly<Record<Standing, string>> = {
  waiting: 'not ready yet',
  working: 'being restored',
  done: 'ready',
  changed: 'to be made again, as settings have changed',
  failed: 'could not be restored',
};

/** What the small pictures are marked with; those that are done are by their style. */
const MARKS: Partial<Record<Standing, string>> = { working: '…', failed: '!' };

export class AlbumStrip {
  private readonly list = find('#album-photos');
  private readonly run = find<HTMLButtonElement>('#album-run');
  private readonly save = find<HTMLButtonElement>('#album-save');
  private readonly own = find<HTMLInputElement>('#own-photo input');
  private readonly items = new Map<number, Item>();
  private running = false;

  /** @param add asks for more photos */
  constructor(
    private readonly album: Album,
    add: () => void,
  ) {
    this.run.addEventListener('click', () => (album.state.running ? album.stop() : void album.run()));
    this.save.addEventListener('click', () => void this.download());
    this.own.addEventListener('change', () => album.setOwn(this.own.checked));
    find('#album-add').addEventListener('click', add);
    find('#album-remove').addEventListener('click', () => {
      if (album.state.open !== null) album.remove(album.state.open);
    });
    this.list.addEventListener('keydown', event => this.key(event));
    album.subscribe(state => this.show(state));
  }

  /** Shows the photo before (-1) or after (1). */
  step(direction: number): void {
    const { photos, open } = this.album.state;
    const next = photos[photos.findIndex(({ id }) => id === open) + direction];
    if (next && open !== null) void this.album.open(next.id);
  }

  private show(state: AlbumState): void {
    const { photos, open, running } = state;
    const isAlbum = photos.length > 1;
    find('#album').hidden = !isAlbum;
    find('#own-photo').hidden = !isAlbum || open === null;
    this.own.checked = photos.some(photo => photo.id === open && photo.own !== null);
    this.showPhotos(isAlbum ? photos : [], open);
    if (!isAlbum) return;
    const standings = photos.map(photo => this.album.standing(photo));
    const count = (standing: Standing) => standings.filter(own => own === standing).length;
    const done = count('done');
    const left = count('waiting') + count('changed') + count('working');
    const made = photos.filter(({ made }) => made).length;
    this.run.textContent = running ? 'Stop' : made > 0 && left > 0 ? 'Go on' : 'Restore all';
    this.run.hidden = !running && left === 0;
    this.save.textContent = left === 0 ? 'Download all' : `Download ${done}`;
    this.save.hidden = done === 0;
    this.save.classList.toggle('primary', left === 0);
    const text = running
      ? `Restoring, ${done} of ${photos.length} done${remaining(state, left)}`
      : `${done} of ${photos.length} ready to download`;
    if (find('#album-status').textContent !== text) find('#album-status').textContent = text;
    find('#album-remove').toggleAttribute('disabled', open === null);
    this.showProblems(photos);
    if (this.running && !running && left === 0) announce(`All photos are done: ${text}.`);
    this.running = running;
  }

  private showPhotos(photos: readonly AlbumPhoto[], open: number | null): void {
    const ids = new Set(photos.map(({ id }) => id));
    for (const [id, item] of this.items) {
      if (ids.has(id)) continue;
      item.element.remove();
      this.items.delete(id);
    }
    const tabbable = open ?? photos[0]?.id;
    for (const photo of photos) {
      let item = this.items.get(photo.id);
      if (!item) {
        item = new Item(() => void this.album.open(photo.id));
        this.items.set(photo.id, item);
        this.list.append(item.element);
      }
      item.show(photo, this.album.standing(photo), photo.id === open, photo.id === tabbable);
    }
  }

  private showProblems(photos: readonly AlbumPhoto[]): void {
    const problems = photos.flatMap(({ problem }) => problem ?? []);
    const box = find('#album-problems');
    box.hidden = problems.length === 0;
    const text =
      problems.length === 1 ? 'One photo could not be restored' : `${problems.length} photos could not be restored`;
    find('summary', box).textContent = text;
    find('ul', box).replaceChildren(...problems.map(problem => make('li', {}, problem)));
  }

  /** Arrow keys go from photo to photo. */
  private key(event: KeyboardEvent): void {
    const buttons = [...this.list.querySelectorAll('button')];
    const at = buttons.indexOf(event.target as HTMLButtonElement);
    const to: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: buttons.length - 1 };
    const next = buttons[to[event.key] ?? -1];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  private async download(): Promise<void> {
    const { photos, format } = this.album.state;
    const done = photos.filter(photo => this.album.standing(photo) === 'done');
    this.save.setAttribute('aria-busy', 'true');
    try {
      const { zipOf } = await import('./zip.js');
      const names = namesInZip(
        done.map(({ name }) => name),
        format.output,
      );
      save(await zipOf(done.map(({ made }, i) => ({ blob: made!.file, name: names[i]! }))), 'restored-photos.zip');
    } catch (error) {
      toast(`The photos could not be saved. ${problemOf(error).text}`, { kind: 'error' });
    } finally {
      this.save.removeAttribute('aria-busy');
    }
  }
}

/** How long the rest takes, as soon as a photo of it is made. */
function remaining({ times }: AlbumState, left: number): string {
  if (times.length === 0) return '';
  const time = (left * times.reduce((sum, own) => sum + own, 0)) / times.length / 1000;
  return time < 60 ? `, about ${Math.max(1, Math.round(time))} s left` : `, about ${Math.round(time / 60)} min left`;
}

/** A photo of the strip. */
class Item {
  readonly element: HTMLLIElement;
  private readonly button: HTMLButtonElement;
  private readonly canvas = make('canvas', { width: THUMBNAIL, height: THUMBNAIL });
  private readonly mark = make('span', { className: 'album-mark' });
  private drawn: ImageBitmap | null = null;
  private wasOpen = false;

  constructor(choose: () => void) {
    this.canvas.setAttribute('aria-hidden', 'true');
    this.mark.setAttribute('aria-hidden', 'true');
    this.button = make('button', { type: 'button', className: 'album-photo' }, this.canvas, this.mark);
    this.button.addEventListener('click', choose);
    this.element = make('li', {}, this.button);
  }

  show({ name, thumbnail, own }: AlbumPhoto, standing: Standing, isOpen: boolean, isTabbable: boolean): void {
    const words = `${name}, ${WORDS[standing]}${own ? ', with its own settings' : ''}`;
    this.button.setAttribute('aria-label', words);
    this.button.title = words;
    if (isOpen) this.button.setAttribute('aria-current', 'true');
    else this.button.removeAttribute('aria-current');
    this.button.tabIndex = isTabbable ? 0 : -1;
    this.button.dataset.standing = standing;
    this.mark.textContent = MARKS[standing] ?? '';
    if (thumbnail && this.drawn !== thumbnail) this.canvas.getContext('2d')!.drawImage(thumbnail, 0, 0);
    this.drawn = thumbnail;
    if (isOpen && !this.wasOpen) this.element.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    this.wasOpen = isOpen;
  }
}
