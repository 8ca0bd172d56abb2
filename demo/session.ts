// A photo with the engine: opened once, then made again whenever a setting changes.

import type {
  ClientOptions,
  ClientRestorer,
  EncodedType,
  Picture,
  PreparedPhoto,
  Progress,
  RestoredFace,
} from '../src/web/client.js';
import { CodeFormerError } from '../src/web/client.js';
import { Latest } from './latest.js';
import { areaOf, readPhoto } from './photo.js';
import { isAbort, type Problem, problemOf } from './problems.js';
import { type Area, type Face, isWorking, type Settings, type State, type Store, settingsOf } from './store.js';
import type { Size } from './viewer/view.js';

/** Milliseconds of a picture above which a part of it is shown first. */
const PATIENCE = 300;

/** A lost device is answered by another attempt, unless one was lost as recently as this, in milliseconds. */
const LOSS_PAUSE = 120_000;

/** Sizes at which small and very large faces are found as well. */
const MORE_SCALES = [0.5, 1, 2];

/** Longest side of a part that is shown first, in pixels. */
const LARGEST_PREVIEW = 2048;

/** Longest side of what is pasted where only the crops are wanted. */
const LEAST_RESULT = 64;

/** Where pictures are shown. What it is given is its own from then on. */
export interface Screen {
  /** Null: nothing at all. */
  photo(picture: ImageBitmap | null): void;
  result(picture: Picture): void;
  /** A picture of which a part is shown over the result. */
  preview(picture: Picture | null, area?: Area): void;
}

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

interface Opened {
  readonly prepared: PreparedPhoto;
  readonly signal: AbortSignal;
}

const STOPPED: Problem = {
  code: 'ABORTED',
  title: 'Stopped',
  text: 'Nothing more is done with this photo until you try again.',
  remedies: ['again'],
};

/** How a face is to be restored that nobody has said anything of. */
const AS_FOUND: Pick<Face, 'included' | 'fidelity' | 'strength'> = { included: true, fidelity: null, strength: null };

export class Session {
  private engine: Promise<ClientRestorer> = new Promise(() => {});
  /** The engine before, which ends first. */
  private former: Promise<ClientRestorer | null> = Promise.resolve(null);
  private weights: Weights = {};
  private source: Source | null = null;
  private opened: Opened | null = null;
  private work = new AbortController();
  /** Milliseconds that the last whole picture took. */
  private lastTime = 0;
  private lastLoss = Number.NEGATIVE_INFINITY;
  private readonly renders = new Latest<number>((since, newer) => this.render(since, newer));

  /**
   * @param screen shows the pictures
   * @param startEngine starts the engine in its worker
   * @param notify tells people what happens without their doing
   */
  constructor(
    private readonly store: Store,
    private readonly screen: Screen,
    private readonly startEngine: (options: ClientOptions) => Promise<ClientRestorer>,
    private readonly notify: (text: string) => void,
  ) {}

  /** Starts the engine, or another one with other weights, which then restores the photo again. False where it does not start. */
  async start(weights: Weights = this.weights): Promise<boolean> {
    this.weights = weights;
    this.abort();
    this.store.set({ engine: { status: 'loading', received: 0, total: null } });
    const engine = this.load(weights);
    this.engine = engine;
    this.former = engine;
    try {
      const { info } = await engine;
      if (this.engine !== engine) return false;
      const { settings } = this.store.state;
      const backgroundUpscale = settings.backgroundUpscale && info.networks.upscaler !== null;
      this.store.set({ engine: { status: 'ready', info }, settings: { ...settings, backgroundUpscale } });
    } catch (error) {
      if (this.engine !== engine) return false;
      const problem = problemOf(error);
      const stuck = isWorking(this.store.state);
      this.store.set({ engine: { status: 'failed', problem }, ...(stuck && { phase: 'failed', work: null, problem }) });
      return false;
    }
    if (this.work.signal.aborted) void this.reopen();
    return true;
  }

  private async load(weights: Weights): Promise<ClientRestorer> {
    // Two engines at once would need twice the memory.
    await this.former.then(
      engine => engine?.destroy(),
      () => {},
    );
    const shares = new Map<string, { received: number; total: number }>();
    return this.startEngine({
      ...weights,
      onWeights: ({ role, received, total }) => {
        shares.set(role, { received, total: total ?? 0 });
        const sum = (key: 'received' | 'total') => [...shares.values()].reduce((all, share) => all + share[key], 0);
        if (this.store.state.engine.status === 'loading')
          this.store.set({ engine: { status: 'loading', received: sum('received'), total: sum('total') || null } });
      },
    });
  }

  /** Opens a photo and restores its faces. What was done before is dropped. */
  open(blob: Blob, name: string): Promise<void> {
    return this.restore({ blob, name, scale: 1, thorough: false }, []);
  }

  /** Opens the same photo again, with some differences. Its faces keep their settings. */
  private async reopen(change: Partial<Source> = {}): Promise<void> {
    if (this.source) await this.restore({ ...this.source, ...change }, this.store.state.faces);
  }

  private async restore(source: Source, former: readonly Face[]): Promise<void> {
    const { blob, name, scale } = source;
    this.source = source;
    this.abort();
    this.work = new AbortController();
    const { signal } = this.work;
    const since = performance.now();
    this.screen.photo(null);
    this.store.set({
      phase: 'reading',
      photo: null,
      faces: [],
      selected: null,
      result: null,
      preview: null,
      firstTime: null,
      problem: null,
      work: { face: 0, faces: 0, done: 0, since },
    });
    await this.attempt(signal, async () => {
      const { bitmap, file } = await readPhoto(blob, scale);
      signal.throwIfAborted();
      const photo = { name, width: bitmap.width, height: bitmap.height };
      this.screen.photo(bitmap);
      this.store.set({ photo, phase: 'finding' });
      const engine = await this.engine;
      signal.throwIfAborted();
      await this.find(engine, file, photo, source, former, signal);
      this.renders.push(since);
    });
  }

  /** Finds the faces of a photo and has each read by the network, so that pictures can be made of it. */
  private async find(
    engine: ClientRestorer,
    file: Blob,
    photo: Size,
    { thorough }: Source,
    former: readonly Face[],
    signal: AbortSignal,
  ): Promise<void> {
    const faces = await engine.detect(file, {
      ...(thorough && { detectionScales: MORE_SCALES }),
      signal,
      onProgress: progress => this.follow(progress, 0, 0.1),
    });
    this.store.set({
      phase: 'encoding',
      faces: faces.map((face, i) => {
        // Another detector may find others.
        const { included, fidelity, strength } = (former.length === faces.length && former[i]) || AS_FOUND;
        return {
          ...face,
          included,
          fidelity,
          strength,
          crop: null,
          restored: null,
          share: 1,
          untouched: null,
          area: null,
        };
      }),
    });
    const prepared = await engine.prepare(file, {
      faces: faces.map(({ landmarks, box, score }) => ({ landmarks, box, score })),
      signal,
      onProgress: progress => this.follow(progress, 0.1, 0.5),
    });
    if (signal.aborted) prepared.destroy();
    signal.throwIfAborted();
    this.opened = { prepared, signal };
    this.store.set({
      phase: 'rendering',
      faces: this.store.state.faces.map((face, i) => {
        const { id, crop, transform } = prepared.faces[i]!;
        return { ...face, id, crop, area: areaOf(transform, crop.width, photo) };
      }),
    });
  }

  /** Makes the picture for the settings as they are now. */
  private async render(since: number, newer: AbortSignal): Promise<void> {
    if (!this.opened) return;
    const { prepared, signal } = this.opened;
    await this.attempt(signal, async () => {
      const { state } = this.store;
      const first = state.result === null;
      this.store.set({ phase: 'rendering', problem: null, work: { face: 0, faces: 0, done: first ? 0.5 : 0, since } });
      if (!first && this.lastTime > PATIENCE) await this.renderPart(prepared, state, signal);
      // A first picture is worth waiting for; others give way to newer ones.
      if (newer.aborted && !first) return;
      const begun = performance.now();
      const { image, width, height, faces } = await prepared
        .render({
          ...renderOptions(state),
          signal: first ? signal : AbortSignal.any([signal, newer]),
          onProgress: progress => this.follow(progress, first ? 0.5 : 0, 1),
        })
        .catch(error => {
          // Where a newer value waits, the next picture follows at once.
          if (newer.aborted && !signal.aborted && isAbort(error))
            return { image: null, width: 0, height: 0, faces: [] };
          throw error;
        });
      if (!image) return;
      signal.throwIfAborted();
      const now = performance.now();
      this.lastTime = now - begun;
      const { firstTime } = this.store.state;
      this.screen.result(image);
      this.screen.preview(null);
      this.store.set({
        phase: 'done',
        work: null,
        result: { width, height, time: now - since },
        preview: null,
        firstTime: firstTime ?? now - since,
        faces: withRestored(this.store.state.faces, faces),
      });
    });
  }

  /** Makes the face that is being looked at, no larger than in the photo, and shows it over the last result. */
  private async renderPart(prepared: PreparedPhoto, state: State, signal: AbortSignal): Promise<void> {
    const face = faceInView(state);
    if (!face?.area) return;
    const { image, faces } = await prepared.render({
      ...renderOptions(state),
      faces: [face.id],
      upscaling: Math.min(1, state.settings.upscaling, LARGEST_PREVIEW / longestSide(state)),
      backgroundUpscale: false,
      faceUpscale: false,
      signal,
    });
    signal.throwIfAborted();
    this.screen.preview(image, face.area);
    this.store.set({
      preview: { area: face.area },
      faces: withRestored(this.store.state.faces, faces),
    });
  }

  /** Other settings for all faces. */
  setSettings(change: Partial<Settings>): void {
    this.store.set({ settings: { ...this.store.state.settings, ...change } });
    this.renewed();
  }

  /** Other settings for one. */
  setFace(id: number, change: Partial<Pick<Face, 'included' | 'fidelity' | 'strength'>>): void {
    this.store.setFace(id, change);
    this.renewed();
  }

  private renewed(): void {
    if (this.opened) this.renders.push(performance.now());
  }

  /** Ends what is being done. */
  stop(): void {
    this.abort();
    this.screen.preview(null);
    this.store.set({ phase: 'failed', work: null, problem: STOPPED, preview: null });
  }

  /** The photo once more, or the engine where that is what failed. */
  async again(): Promise<void> {
    if (this.store.state.engine.status === 'failed') await this.start();
    else await this.reopen();
  }

  /** Once more with a smaller result, and where that is as small as the photo, with a smaller photo. */
  async cheaper(): Promise<void> {
    if (!this.source) return;
    const { settings } = this.store.state;
    if (settings.upscaling > 1 || settings.backgroundUpscale) {
      this.store.set({ settings: { ...settings, upscaling: 1, backgroundUpscale: false } });
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
   * What the network makes of each included face at some fidelities.
   * @param each gets the faces of a fidelity as soon as they are made
   */
  async sweep(
    fidelities: readonly number[],
    each: (fidelity: number, faces: readonly { readonly id: number; readonly restored: Picture }[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { prepared } = this.mustBeOpen();
    const { faces } = this.store.state;
    for (const fidelity of fidelities) {
      const result = await prepared.render({
        faces: faces.filter(face => face.included).map(face => face.id),
        fidelity,
        upscaling: Math.min(1, LEAST_RESULT / longestSide(this.store.state)),
        faceUpscale: false,
        signal,
      });
      each(fidelity, result.faces);
    }
  }

  /** The picture for the settings as they are now, as a file. */
  async save(output: EncodedType, quality: number): Promise<Blob> {
    const { prepared, signal } = this.mustBeOpen();
    const { image } = await prepared.render({ ...renderOptions(this.store.state), output, quality, signal });
    return new Blob([image as Uint8Array<ArrayBuffer>], { type: `image/${output}` });
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

  private follow({ face, faces, done }: Progress, from: number, to: number): void {
    const { work } = this.store.state;
    if (work) this.store.set({ work: { ...work, face, faces, done: from + (to - from) * done } });
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

function renderOptions({ settings, faces }: State) {
  return {
    ...settings,
    faces: faces.filter(face => face.included).map(face => face.id),
    perFace: Object.fromEntries(faces.map(face => [face.id, settingsOf(face, settings)])),
  };
}

const longestSide = ({ photo }: State) => Math.max(photo!.width, photo!.height);

/** The selected face, else the largest. */
function faceInView({ faces, selected }: State): Face | undefined {
  const included = faces.filter(face => face.included);
  const side = ({ box: [left, , right] }: Face) => right - left;
  return included.find(face => face.id === selected) ?? included.toSorted((a, b) => side(b) - side(a))[0];
}

function withRestored(
  faces: readonly Face[],
  restored: readonly Pick<RestoredFace, 'id' | 'restored' | 'share' | 'untouched'>[],
): Face[] {
  return faces.map(face => {
    const made = restored.find(({ id }) => id === face.id);
    return made ? { ...face, restored: made.restored, share: made.share, untouched: made.untouched } : face;
  });
}
