// A photo with the engine: opened once, then made again whenever a setting changes.

import { orAbort } from '../src/abort.js';
import { completed, scaled } from '../src/pipeline/detection.js';
import type {
  ClientOptions,
  ClientPhotoOptions,
  ClientRestoreOptions,
  DetectedFace,
  EncodedType,
  Picture,
  PreparedFace,
  Progress,
  RenderOptions,
  RestoredFace,
  RestorerInfo,
} from '../src/web/client.js';
import { CodeFormerError } from '../src/web/client.js';
import { History } from './history.js';
import { Latest } from './latest.js';
import { Bar, Pace, type Part, type Step } from './pace.js';
import { fidelityOf, resized } from './paint.js';
import { areaOf, around, cutOut, photoFile, type ReadPhoto, readPhoto } from './photo.js';
import { isAbort, type Problem, problemOf, problemOfPhoto } from './problems.js';
import {
  type Area,
  type Face,
  type Fitting,
  fitted,
  INITIAL,
  isWorking,
  type Place,
  type Settings,
  type State,
  type Store,
  settingsOf,
  type Work,
} from './store.js';
import type { Size } from './viewer/view.js';

/** Milliseconds of a picture above which a face of it is shown first. */
const PATIENCE = 300;

/** A lost device is answered by another attempt, unless one was lost as recently as this, in milliseconds. */
const LOSS_PAUSE = 120_000;

/** Sizes at which small and very large faces are found as well. */
const MORE_SCALES = [0.5, 1, 2];

/** Longest side of what is pasted where only the crops are wanted. */
const LEAST_RESULT = 64;

/** Bytes of the networks of this page, until they are asked for. */
const OWN_BYTES = 17.2e6;

/** Where pictures are shown. What it is given is its own from then on. */
export interface Screen {
  /** Null: nothing at all. */
  photo(picture: ImageBitmap | null): void;
  result(picture: Picture): void;
  /** A face as it was restored, over what is shown until there is another result. Null: without such faces after all. */
  face(made: MadeFace | null): void;
  /** The part of the photo that is seen. */
  seen(): Area;
}

/** A restored crop, and where it belongs. */
export interface MadeFace {
  readonly id: number;
  readonly picture: Picture;
  /** From pixels of the photo to those of the crop: 2x3 in rows. */
  readonly transform: ArrayLike<number>;
  /** How much of it is used. */
  readonly share: number;
}

/** What makes the pictures: the library in its worker, or a server. */
export interface Engine {
  /** Null of a server. */
  readonly info: RestorerInfo | null;
  detect(photo: Blob, options: ClientPhotoOptions & Bound): Promise<DetectedFace[]>;
  prepare(photo: Blob, options: ClientRestoreOptions & Bound): Promise<Prepared>;
  destroy(): Promise<void>;
}

interface Bound {
  readonly signal: AbortSignal;
}

/** A photo that an engine has, and whose faces it has found; a server tells of none. */
export interface Prepared {
  readonly faces: readonly PreparedFace[];
  render(request: RenderRequest & { readonly output: EncodedType }): Promise<{ readonly image: Uint8Array }>;
  render(request: RenderRequest & { readonly output?: undefined }): Promise<Rendered>;
  destroy(): void;
}

/** What is asked of an engine: of servers also what the library asks before it prepares a photo. */
export type RenderRequest = RenderOptions & Bound & { readonly onlyCenterFace?: boolean };

export interface Rendered extends Size {
  readonly image: Picture;
  readonly faces: readonly Restored[];
  readonly warnings: readonly string[];
}

type Restored = Pick<RestoredFace, 'id' | 'restored' | 'share' | 'untouched' | 'likeness' | 'warnings'>;

export type Weights = Pick<ClientOptions, 'weights' | 'detector' | 'parser' | 'upscaler'>;

/** A photo as it was given, and how it is to be opened. */
interface Source {
  readonly blob: Blob;
  readonly name: string;
  /** Below 1 where memory was short. */
  readonly scale: number;
  /** Look for small and very large faces, too. */
  readonly thorough: boolean;
}

/** How far a part of the work is: its share, or that of one face of many. */
type Reached = Pick<Work, 'face' | 'faces' | 'id'> & { readonly share: number };

/** What the picture that is shown was made with. */
type Shown = Pick<State, 'settings' | 'cheap' | 'faces'>;

interface Opened {
  readonly prepared: Prepared;
  readonly signal: AbortSignal;
  /** The photo as the engine has it. */
  readonly file: Blob;
}

const STOPPED: Problem = {
  code: 'ABORTED',
  title: 'Stopped',
  text: 'Nothing more is done with this photo until you try again.',
  remedies: ['again'],
};

/** What people say of a face. */
export type FaceChoices = Pick<Face, 'included' | 'fidelity' | 'strength' | 'byHand' | 'paint'>;

/** A face that was found, and what was said of it. */
export type ChosenFace = DetectedFace & FaceChoices;

/** How a face is to be restored that nobody has said anything of. */
const AS_FOUND: FaceChoices = { included: true, fidelity: null, strength: null, byHand: false, paint: null };

/** All that people say of a photo. */
interface Choices extends Pick<State, 'settings' | 'cheap'> {
  readonly faces: readonly (FaceChoices & { readonly id: number })[];
}

/** Milliseconds between two changes of the same setting that count as two. */
const PAUSE = 1000;

const NO_CHANGE = { what: '', at: Number.NEGATIVE_INFINITY };

/** How pictures are written. */
export interface Format {
  readonly output: EncodedType;
  readonly quality: number;
  /** `keep` the notes of the photo, or write `none`. */
  readonly metadata: 'keep' | 'none';
}

/** A photo that is restored while another one is shown. */
export interface Order {
  readonly blob: Blob;
  readonly settings: Settings;
  /** What was found in it, and what people have said of that, where it was shown before. */
  readonly faces: readonly ChosenFace[] | null;
}

export interface Made {
  readonly file: Blob;
  readonly faces: readonly ChosenFace[];
}

export class Session {
  private engine: Promise<Engine> = new Promise(() => {});
  private place: Place | null = null;
  private weights: Weights = {};
  private starting = new AbortController();
  private source: Source | null = null;
  private opened: Opened | null = null;
  private reading = new AbortController();
  private work = new AbortController();
  /** Ends the picture that is being made for other settings, but not the work on the photo. */
  private change = new AbortController();
  private made: Shown | null = null;
  /** Milliseconds that the last whole picture took. */
  private lastTime = 0;
  private lastLoss = Number.NEGATIVE_INFINITY;
  /** Where somebody has shown a face that was not found, not looked at yet. */
  private boxes: Area[] = [];
  /** What was said before; the last change of it, and when that was made. */
  private readonly history = new History<Choices>();
  private changed = NO_CHANGE;
  private readonly renders = new Latest<number>((since, newer) => this.render(since, newer));

  /**
   * @param screen shows the pictures
   * @param startEngine starts the engine of the place that the store names
   * @param notify tells people what happens without their doing
   */
  constructor(
    private readonly store: Store,
    private readonly screen: Screen,
    private readonly startEngine: (options: ClientOptions) => Promise<Engine>,
    private readonly notify: (text: string) => void,
    private readonly pace = new Pace(),
  ) {}

  /**
   * Starts the engine of the place that the store names, or another one with other weights, which then restores the photo again. An engine
   * of that place that works goes on until the other one does, and stays where that does not start, or is no longer wanted.
   * @throws why it does not start, and `ABORTED` where another start has come meanwhile
   */
  async start(weights: Weights = this.weights, wanted?: AbortSignal): Promise<void> {
    this.starting.abort();
    this.starting = new AbortController();
    const { signal } = this.starting;
    const { place, engine } = this.store.state;
    const replaces = engine.status === 'ready' && this.place === place;
    const loading = this.load(weights, replaces && wanted ? AbortSignal.any([signal, wanted]) : signal);
    if (!replaces) {
      this.abort();
      // Nothing goes to the other place any more.
      if (engine.status === 'ready') void this.engine.then(engine => engine.destroy());
      this.place = place;
      this.engine = loading;
      this.store.set({ engine: { status: 'loading', received: 0, total: null } });
    }
    try {
      const { info } = await loading;
      this.weights = weights;
      this.pace.on(info ? `${info.adapter} ${info.model}` : 'server', info?.software === false);
      if (replaces) {
        this.abort();
        void this.engine.then(engine => engine.destroy());
        this.engine = loading;
      }
      this.store.set({ engine: { status: 'ready', info } });
    } catch (error) {
      const problem = problemOf(error);
      if (replaces && problem.code === 'OUT_OF_MEMORY') return this.startAlone(weights, wanted);
      if (!replaces && !signal.aborted) {
        const stuck = isWorking(this.store.state);
        const stopped = stuck && { phase: 'failed' as const, work: null, problem };
        this.store.set({ engine: { status: 'failed', problem }, ...stopped });
      }
      throw error;
    }
    // A photo that is being read goes on with this engine by itself.
    if (this.work.signal.aborted && !this.store.state.opening) void this.reopen();
  }

  /** Where there is no room for two engines, the one that works ends first, and comes back where the other does not start. */
  private async startAlone(weights: Weights, wanted?: AbortSignal): Promise<void> {
    const former = this.weights;
    await (await this.engine).destroy();
    this.store.set({ engine: { status: 'loading', received: 0, total: null } });
    try {
      await this.start(weights, wanted);
    } catch (error) {
      if (!isAbort(error)) await this.start(former);
      throw error;
    }
  }

  private async load(weights: Weights, signal: AbortSignal): Promise<Engine> {
    const shares = new Map<string, { received: number; total: number }>();
    const engine = await this.startEngine({
      ...weights,
      signal,
      onWeights: ({ role, received, total }) => {
        shares.set(role, { received, total: total ?? 0 });
        const sum = (key: 'received' | 'total') => [...shares.values()].reduce((all, share) => all + share[key], 0);
        if (this.store.state.engine.status !== 'loading') return;
        const [sumReceived, sumTotal] = [sum('received'), sum('total')];
        this.store.set({ engine: { status: 'loading', received: sumReceived, total: sumTotal || null } });
        if (sumReceived < sumTotal) this.reach('download', { share: sumReceived / Math.max(sumTotal, OWN_BYTES) });
        else this.reach('start');
      },
    });
    if (!signal.aborted) return engine;
    void engine.destroy();
    throw new CodeFormerError('ABORTED', 'The engine is no longer wanted.');
  }

  /**
   * Opens a photo and restores its faces. What was done before is dropped.
   * @param former how it was opened before, and what was said of its faces then
   */
  open(
    blob: Blob,
    name: string,
    { thorough = false, faces = [] }: { thorough?: boolean; faces?: readonly ChosenFace[] } = {},
  ): Promise<void> {
    return this.restore({ blob, name, scale: 1, thorough }, faces);
  }

  /** Opens the same photo again, with some differences. Its faces keep their settings. */
  private async reopen(change: Partial<Source> = {}): Promise<void> {
    if (this.source) await this.restore({ ...this.source, ...change }, this.store.state.faces);
  }

  private async restore(source: Source, former: readonly ChosenFace[]): Promise<void> {
    const since = performance.now();
    const read = await this.read(source, since);
    if (!read) return;
    const { bitmap, file } = read;
    // Pictures that are given away have no size any more.
    const photo = { name: source.name, blob: source.blob, width: bitmap.width, height: bitmap.height };
    const same = source.blob === this.source?.blob;
    const smaller = same ? source.scale / this.source!.scale : 1;
    this.source = source;
    this.abort();
    this.work = new AbortController();
    const { signal } = this.work;
    this.screen.photo(null);
    this.screen.photo(bitmap);
    this.made = null;
    this.boxes = [];
    if (!same) this.history.clear();
    this.store.set({
      opening: null,
      phase: 'finding',
      photo,
      thorough: source.thorough,
      cheap: same && this.store.state.cheap,
      faces: [],
      selected: null,
      result: null,
      request: null,
      firstTime: null,
      problem: null,
      work: { part: 'find', face: 0, faces: 0, id: null, bar: this.barFor(photo, source, since), since },
    });
    await this.attempt(signal, async () => {
      const engine = await this.engine;
      signal.throwIfAborted();
      const faces = former.map(face => scaled(face, smaller));
      await this.find(engine, file, photo, source, faces, signal);
      this.renders.push(since);
    });
  }

  /** Reads the file of a photo; null where it is none, or is no longer wanted. Until it is read, the photo before stays. */
  private async read({ blob, name, scale }: Source, since: number): Promise<ReadPhoto | null> {
    this.reading.abort();
    this.reading = new AbortController();
    const { signal } = this.reading;
    this.store.set({ opening: { since } });
    try {
      const read = await readPhoto(blob, scale);
      if (!signal.aborted) return read;
      read.bitmap.close();
    } catch (error) {
      if (signal.aborted) return null;
      const problem = problemOfPhoto(error, name);
      this.store.set({ opening: null });
      if (this.store.state.photo) this.notify(`${problem.title}. ${problem.text}`);
      else this.store.set({ phase: 'failed', problem });
    }
    return null;
  }

  /** Finds the faces of a photo and has each read by the network, so that pictures can be made of it. */
  private async find(
    engine: Engine,
    file: Blob,
    photo: Size,
    { thorough }: Source,
    former: readonly ChosenFace[],
    signal: AbortSignal,
  ): Promise<void> {
    const { faces: found, all } = await findFaces(engine, file, thorough, signal, (many, share) => {
      const again = many && !thorough && share === 0;
      if (again) this.bar?.follow([{ part: 'search', units: 1 }, ...this.stepsOf(photo, 0)]);
      this.reach(many ? 'search' : 'find', { share });
    });
    const faces = [...found, ...former.filter(face => face.byHand)];
    this.bar?.follow(this.stepsOf(photo, faces.length));
    // Another detector may find others.
    const known = former.length === faces.length ? former : [];
    this.store.set({
      phase: 'encoding',
      thorough: all,
      faces: faces.map((face, id) => newFace({ ...face, id }, known[id])),
    });
    const prepared = await this.prepared(engine, file, faces, signal);
    this.opened = { prepared, signal, file };
    this.store.set({ phase: 'rendering', faces: withCrops(this.store.state.faces, prepared, photo) });
  }

  /** Reads a photo and some of its faces, unless that is no longer wanted. */
  private async prepared(
    engine: Engine,
    file: Blob,
    faces: Parameters<typeof asGiven>[0],
    signal: AbortSignal,
  ): Promise<Prepared> {
    this.reach('open');
    const prepared = await engine.prepare(file, {
      faces: asGiven(faces),
      signal,
      onProgress: ({ stage, share, face, faces }) =>
        stage === 'restore' && this.reach('read', { share, face, faces, id: face - 1 }),
    });
    if (signal.aborted) prepared.destroy();
    signal.throwIfAborted();
    return prepared;
  }

  /** A face where none was found: the best one in and around the box, else an upright one of its size. */
  showFace(box: Area): void {
    if (!this.opened) return;
    const known = this.store.state.faces.find(face => completed({ box }, [face]).face.landmarks === face.landmarks);
    if (known) {
      this.store.set({ selected: known.id });
      return;
    }
    this.boxes.push(box);
    this.renewed();
  }

  /** Takes in the faces that were shown meanwhile. The photo stays as it is until all of them are ready. */
  private async takeIn(signal: AbortSignal): Promise<void> {
    const { photo, faces } = this.store.state;
    const { file, signal: ofPhoto, prepared: former } = this.opened!;
    const engine = await this.engine;
    const shown: DetectedFace[] = [];
    for (const box of this.boxes) {
      const part = around(box, photo!);
      const found = await engine.detect(await cutOut(file, part), { signal });
      const { face } = completed(
        { box },
        found.map(face => moved(face, part[0], part[1])),
      );
      shown.push({ ...face, id: faces.length + shown.length });
    }
    this.boxes = [];
    const all = [...faces, ...shown.map(face => newFace(face, { ...AS_FOUND, byHand: true }))];
    const prepared = await this.prepared(engine, file, all, signal);
    former.destroy();
    this.opened = { prepared, signal: ofPhoto, file };
    this.store.set({ faces: withCrops(all, prepared, photo!), selected: all.at(-1)!.id });
  }

  /** Makes the picture for the settings as they are now. */
  private async render(since: number, newer: AbortSignal): Promise<void> {
    if (!this.opened) return;
    const signal = AbortSignal.any([this.opened.signal, this.change.signal]);
    await this.attempt(signal, async () => {
      const { result, work } = this.store.state;
      const first = result === null;
      const bar = (first && work?.bar) || this.barForChange(since);
      const part = this.boxes.length > 0 ? 'find' : 'restore';
      this.store.set({ phase: 'rendering', problem: null, work: { part, face: 0, faces: 0, id: null, bar, since } });
      if (this.boxes.length > 0) await this.takeIn(signal);
      const { state } = this.store;
      const { prepared } = this.opened!;
      const looked = !first && this.lastTime > PATIENCE ? faceInView(state, this.screen.seen()) : undefined;
      const ids = included(state.faces, looked);
      // A first picture is worth waiting for, and so is the face that is looked at. What else is made gives way to newer values.
      let awaited = first || looked !== undefined;
      const late = new AbortController();
      const giveWay = () => newer.aborted && !awaited && late.abort();
      newer.addEventListener('abort', giveWay);
      giveWay();
      const onFace = (made: Pick<RestoredFace, 'id' | 'restored'>) => {
        if (first || made.id === looked?.id) this.showMade(made, signal);
        awaited = first;
        giveWay();
      };
      const begun = performance.now();
      this.reach(state.place === 'server' ? 'server' : 'restore');
      const { image, width, height, faces, warnings } = await prepared
        .render({
          ...renderOptions(state, ids),
          signal: AbortSignal.any([signal, late.signal]),
          onProgress: progress =>
            this.reach(partOf(progress, state.place), { ...progress, id: ids[progress.face - 1] ?? null }),
          ...(awaited && { onFace }),
        })
        .catch(error => {
          // Where a newer value waits, the next picture follows at once.
          if (late.signal.aborted && !signal.aborted && isAbort(error))
            return { image: null, width: 0, height: 0, faces: [], warnings: [] };
          throw error;
        });
      if (!image) return;
      signal.throwIfAborted();
      const now = performance.now();
      this.lastTime = now - begun;
      bar.end(now);
      const { firstTime } = this.store.state;
      this.screen.result(image);
      this.made = { settings: state.settings, cheap: state.cheap, faces: withRestored(state.faces, faces) };
      this.store.set({
        phase: 'done',
        work: null,
        result: { width, height, time: now - since, warnings },
        firstTime: firstTime ?? now - since,
        faces: withRestored(this.store.state.faces, faces),
      });
    });
  }

  /** Shows a face before there is a result with it. */
  private showMade({ id, restored }: Pick<RestoredFace, 'id' | 'restored'>, signal: AbortSignal): void {
    const face = this.store.state.faces.find(other => other.id === id);
    if (signal.aborted || !face?.transform) return;
    const { settings } = this.store.state;
    const used = (settings.neverWorse ? face.share : 1) * settingsOf(face, settings).strength;
    // First: what follows the state draws for some milliseconds.
    this.screen.face({ id, picture: restored, transform: face.transform, share: used });
    this.store.setFace(id, { restored });
  }

  /** Other settings for all faces. */
  setSettings(change: Partial<Settings>): void {
    const { state } = this.store;
    this.remember(change);
    // Who chooses a size wants it of this photo as well, and of the rest what is shown.
    const sized = change.upscaling !== undefined || change.backgroundUpscale !== undefined;
    const settings = sized && state.cheap ? fitted(state) : state.settings;
    this.store.set({ settings: { ...settings, ...change }, cheap: state.cheap && !sized });
    this.renewed();
  }

  /** Other settings for one. */
  setFace(id: number, change: Partial<Pick<Face, 'included' | 'fidelity' | 'strength' | 'paint'>>): void {
    this.remember(change, id);
    this.store.setFace(id, change);
    this.renewed();
  }

  /** Takes back the last change of settings. */
  undo(): void {
    this.step(now => this.history.undo(now));
  }

  /** Makes it again. */
  redo(): void {
    this.step(now => this.history.redo(now));
  }

  get canUndo(): boolean {
    return this.history.canUndo;
  }

  get canRedo(): boolean {
    return this.history.canRedo;
  }

  /** Remembers what is about to be changed. A slider that is dragged is one change. */
  private remember(change: object, id?: number): void {
    const what = `${id} ${Object.keys(change)}`;
    const now = performance.now();
    const goesOn = what === this.changed.what && now - this.changed.at < PAUSE;
    this.changed = { what, at: now };
    if (!goesOn) this.history.push(choicesOf(this.store.state));
  }

  private step(take: (now: Choices) => Choices | null): void {
    const now = choicesOf(this.store.state);
    let choices = take(now);
    // Work that was stopped has taken its change back already.
    while (choices && areSame(choices, now)) choices = take(now);
    if (!choices) return;
    const { settings, cheap, faces } = choices;
    this.changed = NO_CHANGE;
    this.store.set({
      settings,
      cheap,
      faces: this.store.state.faces.map(face => ({ ...face, ...faces.find(({ id }) => id === face.id) })),
    });
    this.renewed();
  }

  private renewed(): void {
    if (this.opened) this.renders.push(performance.now());
  }

  /** Ends what is being done. What was made before stays: the picture, with the settings that it was made with. */
  stop(): void {
    this.reading.abort();
    if (this.store.state.opening) {
      this.store.set({ opening: null });
      return;
    }
    this.screen.face(null);
    this.boxes = [];
    if (this.made && this.opened) {
      this.renders.clear();
      this.change.abort();
      this.change = new AbortController();
      this.store.set({ ...this.made, phase: 'done', work: null });
      return;
    }
    this.abort();
    this.store.set({ phase: 'failed', work: null, problem: STOPPED });
  }

  /** Lets the photo go. */
  close(): void {
    this.reading.abort();
    this.abort();
    this.source = null;
    this.made = null;
    this.history.clear();
    this.screen.photo(null);
    const { engine, place, outlines } = this.store.state;
    this.store.set({ ...INITIAL, engine, place, outlines });
  }

  /** The photo once more, or the engine where that is what failed. */
  async again(): Promise<void> {
    // What goes wrong is in the state.
    if (this.store.state.engine.status === 'failed') await this.start().catch(() => {});
    else await this.reopen();
  }

  /** Once more with a smaller result, and where that is as small as the photo, with a smaller photo. */
  async cheaper(): Promise<void> {
    if (!this.source) return;
    const { upscaling, backgroundUpscale } = fitted(this.store.state);
    if (upscaling > 1 || backgroundUpscale) {
      this.store.set({ cheap: true });
      await this.reopen();
    } else {
      await this.reopen({ scale: this.source.scale / 2 });
    }
  }

  /** Looks for small and very large faces as well. */
  async searchMore(): Promise<void> {
    await this.reopen({ thorough: true });
  }

  /**
   * What the network makes of faces at some fidelities, by default of those that are restored.
   * @param each gets the faces of a fidelity as soon as they are made
   */
  async sweep(
    fidelities: readonly number[],
    each: (fidelity: number, faces: readonly { readonly id: number; readonly restored: Picture }[]) => void,
    signal: AbortSignal,
    ids = included(this.store.state.faces),
  ): Promise<void> {
    const { prepared } = this.mustBeOpen();
    for (const fidelity of fidelities) {
      const result = await prepared.render({
        faces: ids,
        fidelity,
        upscaling: Math.min(1, LEAST_RESULT / longestSide(this.store.state)),
        faceUpscale: false,
        signal,
      });
      each(fidelity, result.faces);
    }
  }

  /** The picture for the settings as they are now, as a file. */
  async save(format: Format): Promise<Blob> {
    const { prepared, signal } = this.mustBeOpen();
    return written(prepared, { ...renderOptions(this.store.state), ...format, signal });
  }

  /** The photo as it is read, and the picture for the settings as they are now. */
  async sides(): Promise<{ readonly before: ImageBitmap; readonly after: Picture }> {
    const { prepared, signal } = this.mustBeOpen();
    const { blob, scale } = this.source!;
    const { image } = await prepared.render({ ...renderOptions(this.store.state), signal });
    return { before: (await readPhoto(blob, scale)).bitmap, after: image };
  }

  /**
   * Restores a photo that is not shown, as a file. What is shown stays, and can be worked on meanwhile.
   * @returns also its faces
   */
  async make({ blob, settings, faces }: Order, format: Format, signal: AbortSignal): Promise<Made> {
    const engine = await orAbort(signal, () => this.engine);
    const { file, ...size } = await photoFile(blob);
    const found = faces ?? chosen((await findFaces(engine, file, false, signal)).faces);
    const prepared = await engine.prepare(file, { faces: asGiven(found), signal });
    try {
      const { place } = this.store.state;
      const named = prepared.faces.map(({ id, crop }, i) => {
        const { paint, ...face } = found[i]!;
        return { ...face, id, paint: paint && resized(paint, crop.width) };
      });
      const ready = { status: 'ready', info: engine.info } as const;
      const options = renderOptions({ faces: named, settings, place, photo: size, cheap: false, engine: ready });
      return { file: await written(prepared, { ...options, ...format, signal }), faces: found };
    } finally {
      prepared.destroy();
    }
  }

  private mustBeOpen(): Opened {
    if (!this.opened) throw new CodeFormerError('DESTROYED', 'Restore the photo again first.');
    return this.opened;
  }

  private abort(): void {
    this.work.abort();
    this.renders.clear();
    this.opened?.prepared.destroy();
    this.opened = null;
  }

  /** The bar of a photo that is being opened. */
  private barFor(photo: Size, { thorough }: Source, since: number): Bar {
    const { engine, place } = this.store.state;
    const steps: Step[] = this.stepsOf(photo, 1);
    if (place === 'browser') steps.unshift({ part: thorough ? 'search' : 'find', units: 1 });
    if (engine.status !== 'loading' || place === 'server') return new Bar(this.pace, steps, since);
    const bytes = Math.max(engine.total ?? 0, OWN_BYTES);
    steps.unshift({ part: 'download', units: bytes / 1e6 }, { part: 'start', units: 1 });
    return new Bar(this.pace, steps, since, engine.received / bytes);
  }

  /** The bar of a picture that is made for other settings, or with faces that somebody has shown. */
  private barForChange(since: number): Bar {
    const { state } = this.store;
    const making = makingOf(state, this.made);
    const shown = this.boxes.length;
    const faces = state.faces.length + shown;
    const reading: Step[] = [
      { part: 'find', units: shown },
      { part: 'open', units: megapixels(state.photo!) },
      { part: 'read', units: faces },
    ];
    return new Bar(this.pace, shown > 0 ? [...reading, ...making] : making, since);
  }

  /** What follows when the faces of a photo are found. */
  private stepsOf(photo: Size, faces: number): Step[] {
    const { state } = this.store;
    const making = makingOf({ ...state, photo }, null, faces);
    if (state.place === 'server') return making;
    return [{ part: 'open', units: megapixels(photo) }, { part: 'read', units: faces }, ...making];
  }

  private get bar(): Bar | undefined {
    return this.store.state.work?.bar;
  }

  /** Says how far the work is that is shown. */
  private reach(part: Part, { share = 0, face = 0, faces = 0, id = null }: Partial<Reached> = {}): void {
    const { work } = this.store.state;
    if (!work) return;
    work.bar.reach(part, faces > 0 ? (face - 1 + share) / faces : share);
    // Layers are many, and the page need not look at itself for each of them: the bar is asked when it is shown.
    if (part !== work.part || face !== work.face || faces !== work.faces || id !== work.id)
      this.store.set({ work: { ...work, part, face, faces, id } });
  }

  /** Does some work on a photo; what goes wrong with it is shown, unless another photo has come meanwhile. */
  private async attempt(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (signal.aborted) return;
      const problem = problemOf(error);
      const now = performance.now();
      if (problem.code === 'DEVICE_LOST' && now - this.lastLoss > LOSS_PAUSE) {
        this.lastLoss = now;
        this.notify('The connection to the graphics card was lost. Starting again.');
        // The engine gets another device by itself.
        if (this.opened) this.renewed();
        else await this.reopen();
        return;
      }
      this.store.set({ phase: 'failed', work: null, problem });
    }
  }
}

/**
 * The faces of a photo; where there is none, small and very large ones are looked for, too.
 * @param tell gets the share done of a look in one size of the photo or in many
 */
async function findFaces(
  engine: Engine,
  file: Blob,
  thorough: boolean,
  signal: AbortSignal,
  tell: (many: boolean, share: number) => void = () => {},
) {
  const find = (all: boolean) => {
    tell(all, 0);
    const onProgress = ({ stage, share }: Progress) => stage === 'detect' && tell(all, share);
    return engine.detect(file, { ...(all && { detectionScales: MORE_SCALES }), signal, onProgress });
  };
  const faces = await find(thorough);
  if (faces.length > 0 || thorough) return { faces, all: thorough };
  return { faces: await find(true), all: true };
}

/** Faces as nobody has said anything of them. */
const chosen = (faces: readonly DetectedFace[]): ChosenFace[] => faces.map(face => ({ ...face, ...AS_FOUND }));

/** Faces as the engine takes them. */
const asGiven = (faces: readonly DetectedFace[]) =>
  faces.map(({ landmarks, box, score }) => ({ landmarks, box, score }));

async function written(prepared: Prepared, request: RenderRequest & Format): Promise<Blob> {
  const { image } = await prepared.render(request);
  return new Blob([image as Uint8Array<ArrayBuffer>], { type: `image/${request.output}` });
}

const choicesOf = ({ settings, cheap, faces }: State): Choices => ({
  settings,
  cheap,
  faces: faces.map(({ id, included, fidelity, strength, paint, byHand }) => {
    return { id, included, fidelity, strength, paint, byHand };
  }),
});

/** Whether two objects have the same values, by name. */
function isSame<T extends object>(a: T, b: T): boolean {
  return Object.entries(a).every(([name, value]) => value === b[name as keyof T]);
}

function areSame(a: Choices, b: Choices): boolean {
  const facesAre = a.faces.length === b.faces.length && a.faces.every((face, i) => isSame(face, b.faces[i]!));
  return a.cheap === b.cheap && isSame(a.settings, b.settings) && facesAre;
}

const megapixels = ({ width, height }: Size): number => (width * height) / 1e6;

/** The part that something belongs to which an engine tells of a picture that it makes. */
function partOf({ stage }: Progress, place: Place): Part {
  if (place === 'server') return 'server';
  return stage === 'restore' || stage === 'background' ? stage : 'finish';
}

/**
 * What is to be done for a picture.
 * @param made what the one before was made with, of which much can be used again
 * @param faces how many there are to restore
 */
function makingOf(
  state: Pick<State, 'place' | 'faces'> & Fitting,
  made: Shown | null,
  faces = state.faces.length,
): Step[] {
  if (state.place === 'server') return [{ part: 'server', units: 1 }];
  const now = fitted(state);
  const before = made && fitted({ ...state, ...made });
  const sized = before?.upscaling === now.upscaling && before.backgroundUpscale === now.backgroundUpscale;
  const isNew = (face: Face) => {
    const former = made?.faces.find(({ id }) => id === face.id);
    if (!sized || !former?.restored || former.paint !== face.paint) return true;
    return settingsOf(former, before!).fidelity !== settingsOf(face, now).fidelity;
  };
  return [
    { part: 'restore', units: made ? state.faces.filter(face => face.included && isNew(face)).length : faces },
    { part: 'background', units: now.backgroundUpscale && !sized ? megapixels(state.photo!) : 0 },
    { part: 'finish', units: now.upscaling ** 2 * megapixels(state.photo!) },
  ];
}

/** Ids of the faces that are to be restored, that of one of them first. */
function included(faces: readonly Pick<Face, 'id' | 'included'>[], first?: Pick<Face, 'id'>): number[] {
  const ids = faces.filter(face => face.included).map(({ id }) => id);
  return first ? [first.id, ...ids.filter(id => id !== first.id)] : ids;
}

function renderOptions(
  state: Fitting & { readonly faces: readonly (FaceChoices & { readonly id: number })[] } & Pick<State, 'place'>,
  ids = included(state.faces),
) {
  const { faces, place } = state;
  const settings = fitted(state);
  if (place === 'server') return settings;
  const { faceUpscale, onlyCenterFace, ...others } = settings;
  return {
    ...others,
    likeness: true,
    faces: ids,
    perFace: Object.fromEntries(
      faces.map(face => {
        const { fidelity, strength } = settingsOf(face, settings);
        return [face.id, { fidelity: fidelityOf(face.paint, fidelity), strength }];
      }),
    ),
  };
}

const longestSide = ({ photo }: State) => Math.max(photo!.width, photo!.height);

/** The selected face, else the largest of what is seen, else the largest. */
function faceInView({ faces, selected }: State, [left, top, right, bottom]: Area): Face | undefined {
  const restored = faces.filter(face => face.included);
  const extent = ({ box }: Face) => (box[2] - box[0]) * (box[3] - box[1]);
  const seen = ({ box }: Face) =>
    Math.max(0, Math.min(right, box[2]) - Math.max(left, box[0])) *
    Math.max(0, Math.min(bottom, box[3]) - Math.max(top, box[1]));
  const sorted = restored.toSorted((a, b) => seen(b) - seen(a) || extent(b) - extent(a));
  return restored.find(face => face.id === selected) ?? sorted[0];
}

/** A face that was found, as it was to be restored before. */
function newFace(
  { id, box, score, landmarks }: DetectedFace,
  { included, fidelity, strength, byHand, paint }: FaceChoices = AS_FOUND,
): Face {
  const unknown = { crop: null, transform: null, restored: null, share: 1, untouched: null, warnings: [], area: null };
  const likeness = null;
  return { id, box, score, landmarks, included, fidelity, strength, byHand, paint, likeness, ...unknown };
}

function withCrops(faces: readonly Face[], prepared: Prepared, photo: Size): Face[] {
  return faces.map((face, i) => {
    const { id, crop, transform, share } = prepared.faces[i]!;
    const paint = face.paint && resized(face.paint, crop.width);
    return { ...face, id, crop, transform, share, paint, area: areaOf(transform, crop.width, photo) };
  });
}

function moved<F extends Omit<DetectedFace, 'id'>>(face: F, dx: number, dy: number): F {
  const [left, top, right, bottom] = face.box;
  const landmarks = face.landmarks.map(([x, y]) => [x + dx, y + dy] as const);
  return { ...face, box: [left + dx, top + dy, right + dx, bottom + dy], landmarks };
}

function withRestored(faces: readonly Face[], restored: readonly Restored[]): Face[] {
  return faces.map(face => {
    const made = restored.find(({ id }) => id === face.id);
    if (!made) return face;
    const { restored: picture, share, untouched, likeness, warnings } = made;
    return { ...face, restored: picture, share, untouched, likeness, warnings };
  });
}
