// An album: many photos, which are shown one at a time and restored one after another. Of each no more than its file is held, and the file
// of what was made of it.

import type { KeptWork } from './kept-work.js';
import { markOf } from './paint.js';
import { isAbort, problemOfPhoto } from './problems.js';
import type { ChosenFace, Format, Made, Session } from './session.js';
import { INITIAL, type Settings, type State, type Store } from './store.js';

/** A file that somebody chose: its name may begin with folders. */
export interface PhotoFile {
  readonly blob: Blob;
  readonly name: string;
}

export interface AlbumPhoto extends PhotoFile {
  readonly id: number;
  /** A small picture of it; null until it was looked at, and where it cannot be read. */
  readonly thumbnail: ImageBitmap | null;
  /** Settings of its own; null where they are those of all. */
  readonly own: Settings | null;
  /** Its faces with what was said of them; null until it was shown. */
  readonly faces: readonly ChosenFace[] | null;
  readonly thorough: boolean;
  readonly made: { readonly file: Blob; readonly of: string } | null;
  /** What is wrong with it. */
  readonly problem: string | null;
}

/** What a photo is in the work on the album. `changed`: it was made, with other settings. */
export type Standing = 'waiting' | 'working' | 'done' | 'changed' | 'failed';

export interface AlbumState {
  readonly photos: readonly AlbumPhoto[];
  /** Id of the photo that is shown. */
  readonly open: number | null;
  /** Id of the photo that is being restored, while all of them are. */
  readonly working: number | null;
  /** Whether all are being restored. */
  readonly running: boolean;
  /** Milliseconds that each photo of this run took. */
  readonly times: readonly number[];
  readonly format: Format;
}

type AlbumSession = Pick<Session, 'open' | 'make' | 'save' | 'setSettings'>;

const FORMAT: Format = { output: 'png', quality: 95, metadata: 'keep' };

/** Errors of an engine that ended, or lost its device, and that is there again. */
const PASSING = ['DEVICE_LOST', 'DESTROYED', 'WORKER_FAILED'];

export class Album {
  private current: AlbumState;
  private readonly listeners: ((state: AlbumState) => void)[] = [];
  /** The work on all photos, and on the one that is being restored. */
  private all = new AbortController();
  private work = new AbortController();
  /** Those of all photos. */
  common: Settings;
  private last = 0;

  /** @param look makes the small picture of a photo, and rejects where it cannot be read */
  constructor(
    private readonly store: Store,
    private readonly session: AlbumSession,
    private readonly look: (blob: Blob) => Promise<ImageBitmap>,
  ) {
    this.common = store.state.settings;
    this.current = { photos: [], open: null, working: null, running: false, times: [], format: FORMAT };
    store.subscribe((state, before) => this.follow(state, before));
  }

  get state(): AlbumState {
    return this.current;
  }

  /** The listener is called at once and after every change, also where only the standing of photos changes. */
  subscribe(listener: (state: AlbumState) => void): void {
    this.listeners.push(listener);
    listener(this.current);
  }

  /**
   * Takes photos. They come to those of an album; a photo that was alone gives way to them.
   * @returns when each was looked at
   */
  async add(files: readonly PhotoFile[]): Promise<void> {
    if (files.length === 0) return;
    if (this.current.photos.length < 2) this.clear();
    const added = files.map(({ blob, name }): AlbumPhoto => {
      const unknown = { thumbnail: null, own: null, faces: null, thorough: false, made: null, problem: null };
      return { id: ++this.last, blob, name, ...unknown };
    });
    this.set({ photos: [...this.current.photos, ...added] });
    // A photo that is alone is looked at by nobody else: what is wrong with it is said where it would be shown.
    const [first] = added as [AlbumPhoto];
    if (this.current.photos.length === 1) return this.open(first.id);
    await this.lookAt(added, null);
  }

  /** Takes up work as it was left. */
  async resume({ photos, open, settings }: KeptWork): Promise<void> {
    this.common = settings;
    this.last = Math.max(...photos.map(({ id }) => id));
    this.set({ photos: photos.map(photo => ({ ...photo, thumbnail: null, made: null, problem: null })) });
    const shown = this.find(open ?? -1) ?? this.current.photos[0]!;
    void this.open(shown.id);
    if (photos.length > 1) await this.lookAt(this.current.photos, shown);
  }

  /** Lets all photos go. */
  forget(): void {
    this.clear();
    this.common = INITIAL.settings;
  }

  /**
   * Makes the small pictures.
   * @param shown null: the first that can be read is then shown
   */
  private async lookAt(photos: readonly AlbumPhoto[], shown: AlbumPhoto | null): Promise<void> {
    let isShown = shown !== null;
    for (const { id, blob, name } of photos) {
      try {
        const thumbnail = await this.look(blob);
        this.change(id, { thumbnail });
        if (isShown || !this.find(id)) continue;
        isShown = true;
        void this.open(id);
      } catch (error) {
        const { title, text } = problemOfPhoto(error, name);
        this.change(id, { problem: `${title}. ${text}` });
      }
    }
  }

  /** Shows a photo, with its own settings or those of all. */
  async open(id: number): Promise<void> {
    const photo = this.find(id);
    if (!photo) return;
    const settings = photo.own ?? this.common;
    this.set({ open: id });
    this.store.set({ settings });
    const { blob, name, thorough, faces } = photo;
    await this.session.open(blob, name, { thorough, faces: faces ?? [] });
  }

  /** Gives the photo that is shown settings of its own, or takes them from it. */
  setOwn(isOwn: boolean): void {
    const { open } = this.current;
    if (open === null) return;
    const { settings } = this.store.state;
    this.change(open, { own: isOwn ? settings : null });
    if (!isOwn && settings !== this.common) this.session.setSettings(this.common);
  }

  setFormat(format: Format): void {
    this.set({ format });
  }

  /** Takes a photo out. Where it was shown, the next one is. */
  remove(id: number): void {
    const { photos, open, working } = this.current;
    const at = photos.findIndex(photo => photo.id === id);
    if (at < 0) return;
    photos[at]!.thumbnail?.close();
    const left = photos.filter(photo => photo.id !== id);
    this.set({ photos: left });
    // The run goes on with the next.
    if (working === id) this.work.abort();
    const next = left[Math.min(at, left.length - 1)];
    if (open === id && next) void this.open(next.id);
  }

  standing(photo: AlbumPhoto): Standing {
    if (this.current.working === photo.id) return 'working';
    if (photo.problem !== null) return 'failed';
    if (!photo.made) return 'waiting';
    return photo.made.of === this.asked(photo)(photo.faces) ? 'done' : 'changed';
  }

  /** Restores all photos that are not made yet, or were made with other settings. A photo that cannot be restored stops no other. */
  async run(): Promise<void> {
    if (this.current.running) return;
    this.all = new AbortController();
    const { signal } = this.all;
    const photos = this.current.photos.map(photo => ({ ...photo, problem: null }));
    this.set({ photos, running: true, times: [] });
    for (let next = this.next(); next && !signal.aborted; next = this.next()) await this.restore(next, signal);
    if (!signal.aborted) this.set({ running: false, working: null });
  }

  /** Ends the work. What is made is kept, and `run` goes on with the others. */
  stop(): void {
    this.all.abort();
    this.set({ running: false, working: null });
  }

  private next(): AlbumPhoto | undefined {
    return this.current.photos.find(photo => ['waiting', 'changed'].includes(this.standing(photo)));
  }

  private async restore({ id }: AlbumPhoto, all: AbortSignal): Promise<void> {
    this.work = new AbortController();
    const signal = AbortSignal.any([this.work.signal, all]);
    const begun = performance.now();
    this.set({ working: id });
    for (let attempt = 1; ; attempt++) {
      const photo = this.find(id)!;
      const asked = this.asked(photo);
      try {
        const { file, faces } = await this.make(photo, signal);
        signal.throwIfAborted();
        this.change(id, { faces, made: { file, of: asked(faces) } });
        this.set({ working: null, times: [...this.current.times, performance.now() - begun] });
        return;
      } catch (error) {
        if (signal.aborted) return;
        const { code, title, text } = problemOfPhoto(error, photo.name);
        const passes = isAbort(error) || PASSING.includes(code);
        if (passes && attempt === 1) continue;
        // Where nothing is restored there is no use in trying all of them.
        if (isAbort(error) || this.store.state.engine.status === 'failed') return this.stop();
        this.change(id, { problem: `${title}. ${text}` });
        this.set({ working: null });
        return;
      }
    }
  }

  private async make(photo: AlbumPhoto, signal: AbortSignal): Promise<Made> {
    const { open, format } = this.current;
    const { phase, opening } = this.store.state;
    const { blob, faces } = photo;
    // What is shown is made already, but for writing it.
    if (open === photo.id && faces && phase === 'done' && !opening)
      return { file: await this.session.save(format), faces };
    return this.session.make({ blob, faces, settings: photo.own ?? this.common }, format, signal);
  }

  /** All that decides what is made of a photo, as soon as its faces are known. */
  private asked({ own }: AlbumPhoto): (faces: readonly ChosenFace[] | null) => string {
    const { place, engine } = this.store.state;
    const networks = engine.status === 'ready' ? engine.info?.networks : null;
    const { format } = this.current;
    const settings = own ?? this.common;
    return faces => {
      const said = faces?.map(({ included, fidelity, strength, paint, box }) => {
        return [included, fidelity, strength, paint && markOf(paint), box];
      });
      return JSON.stringify([settings, said, format, place, networks]);
    };
  }

  /** What is changed while a photo is shown is of all photos, or of that one. */
  private follow(state: State, before: State): void {
    const { open, photos } = this.current;
    if (before.opening && !state.opening && open !== null) {
      const shown = photos.find(({ blob }) => blob === state.photo?.blob);
      // It could not be read, and what was shown before still is.
      if (shown?.id !== open) {
        this.set({ open: shown?.id ?? null });
        if (shown) this.store.set({ settings: shown.own ?? this.common });
        return;
      }
    }
    const photo = photos.find(({ id }) => id === open);
    if (state.settings !== before.settings) {
      if (photo?.own) this.change(photo.id, { own: state.settings });
      else this.common = state.settings;
    }
    const isShown = photo && photo.blob === state.photo?.blob && state.phase !== 'finding';
    if (isShown && state.faces !== before.faces) {
      const faces = state.faces.map(({ id, box, score, landmarks, included, fidelity, strength, byHand, paint }) => {
        return { id, box, score, landmarks, included, fidelity, strength, byHand, paint };
      });
      this.change(photo.id, { faces, thorough: state.thorough });
    } else if (state.settings !== before.settings || state.engine !== before.engine || state.place !== before.place) {
      this.set({});
    }
  }

  private clear(): void {
    this.stop();
    for (const { thumbnail } of this.current.photos) thumbnail?.close();
    this.set({ photos: [], open: null });
  }

  private find(id: number): AlbumPhoto | undefined {
    return this.current.photos.find(photo => photo.id === id);
  }

  private change(id: number, change: Partial<AlbumPhoto>): void {
    this.set({ photos: this.current.photos.map(photo => (photo.id === id ? { ...photo, ...change } : photo)) });
  }

  private set(change: Partial<AlbumState>): void {
    this.current = { ...this.current, ...change };
    for (const listener of this.listeners) listener(this.current);
  }
}
