// The session of the page with an engine that does what the test says: what it asks of the engine when settings change faster than
// pictures are made, and what it does about what fails.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Session } from '../../demo/session.js';
import { type Area, INITIAL, Store } from '../../demo/store.js';
import { type ClientOptions, type ClientRestorer, CodeFormerError, type RenderOptions } from '../../src/web/client.js';

/** Bitmaps and canvases as far as the session looks at them. */
class FakeCanvas {
  constructor(
    readonly width: number,
    readonly height: number,
  ) {}
  getContext = () => ({ drawImage() {} });
  convertToBlob = async () => new Blob([`${this.width} x ${this.height}`], { type: 'image/png' });
  transferToImageBitmap = () => this;
  close() {}
}

const photo = new Blob(['photo'], { type: 'image/jpeg' });

/** A picture that is being made: what was asked for, and how it ends. */
interface Render {
  readonly options: RenderOptions;
  end(): void;
  fail(code: CodeFormerError['code']): void;
}

/** A session with an engine that finds two faces, the second of them larger. */
async function session() {
  const renders: Render[] = [];
  const prepares: string[] = [];
  const prepared: (readonly { readonly landmarks: readonly (readonly number[])[] }[])[] = [];
  const destroyed: string[] = [];
  const found = [
    { id: 0, box: [10, 10, 30, 30], score: 1, landmarks: [] as number[][] },
    { id: 1, box: [40, 10, 90, 60], score: 1, landmarks: [] as number[][] },
  ];
  const crop = { data: new Uint8ClampedArray(4 * 16 * 16), width: 16, height: 16 };
  const prepare = async (file: Blob, { faces }: { readonly faces: typeof found }) => {
    prepares.push(await file.text());
    prepared.push(faces);
    return {
      // Twice as large as the photo, from its point (8, 4).
      faces: faces.map((face, id) => {
        return { ...face, id, crop, share: 0.5, transform: Float64Array.of(2, 0, -16, 0, 2, -8) };
      }),
      warnings: [],
      destroy: () => destroyed.push('photo'),
      render: (asked: RenderOptions) =>
        new Promise((resolve, reject) => {
          const fail = (code: CodeFormerError['code']) => reject(new CodeFormerError(code, 'by the test'));
          asked.signal?.addEventListener('abort', () => fail('ABORTED'));
          const faces = (asked.faces ?? []).map(id => ({ id, restored: crop }));
          renders.push({
            options: asked,
            end: () => resolve({ image: { ...crop }, width: 200, height: 100, faces, warnings: [] }),
            fail,
          });
        }),
    };
  };
  const detect = vi.fn(
    async (_photo: unknown, _options: { detectionScales?: number[]; signal?: AbortSignal }) => found,
  );
  const engine = {
    info: { networks: { upscaler: null } },
    detect,
    prepare,
    destroy: async () => void destroyed.push('engine'),
  };
  const store = new Store({ ...INITIAL, settings: { ...INITIAL.settings, upscaling: 2 } });
  const notes: string[] = [];
  const start = vi.fn(async (_options: ClientOptions) => engine as unknown as ClientRestorer);
  const seen = vi.fn((): Area => [0, 0, 100, 50]);
  const screen = { photo: vi.fn(), result: vi.fn(), face: vi.fn(), seen };
  const work = new Session(store, screen, start, text => void notes.push(text));
  await work.start();
  return { work, store, screen, renders, prepares, prepared, destroyed, notes, start, detect };
}

/** Also with a first picture, which takes some time. */
async function restored(time: number) {
  const made = await session();
  void made.work.open(photo, 'a.png');
  await vi.waitFor(() => expect(made.renders).toHaveLength(1));
  clock += time;
  made.renders[0]!.end();
  await vi.waitFor(() => expect(made.store.state.phase).toBe('done'));
  return made;
}

/** Added to the time that the session sees. */
let clock = 0;

const fidelities = (renders: readonly Render[]) => renders.map(({ options }) => options.fidelity);

describe('the session', () => {
  beforeAll(() => {
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + clock);
    vi.stubGlobal('createImageBitmap', async () => new FakeCanvas(100, 50));
    vi.stubGlobal('OffscreenCanvas', FakeCanvas);
    vi.stubGlobal('navigator', { gpu: {} });
  });
  afterAll(() => {
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });

  test('knows which part of the photo a crop covers', async () => {
    const { store } = await restored(10);
    expect(store.state.faces[0]!.area).toEqual([8, 4, 16, 12]);
    expect(store.state.faces.map(({ restored }) => restored !== null)).toEqual([true, true]);
  });

  test('shows each face of the first picture as it is made, and how far all of it is', async () => {
    const { work, renders, screen, store } = await session();
    void work.open(photo, 'a.png');
    await vi.waitFor(() => expect(renders).toHaveLength(1));
    const { onFace, onProgress } = renders[0]!.options;
    const told = { face: 2, faces: 2, share: 0.5, done: 0.5 };
    onProgress!({ stage: 'restore', ...told });
    expect(store.state.work).toMatchObject({ part: 'restore', face: 2, faces: 2 });
    const restored = { data: new Uint8ClampedArray(4), width: 1, height: 1 };
    screen.face.mockImplementationOnce(() => expect(store.state.faces[1]!.restored, 'it is shown first').toBe(null));
    onFace!({ id: 1, restored });
    expect(store.state.faces.map(face => face.restored)).toEqual([null, restored]);
    const transform = Float64Array.of(2, 0, -16, 0, 2, -8);
    expect(screen.face.mock.calls).toEqual([[{ id: 1, picture: restored, transform, share: 0.5 }]]);
    const { bar } = store.state.work!;
    const before = bar.look().done;
    onProgress!({ stage: 'paste', ...told, face: 0, faces: 0 });
    expect(bar.look().done).toBeGreaterThanOrEqual(before);
    renders[0]!.end();
    await vi.waitFor(() => expect(store.state.work).toBeNull());
    expect(bar.look().done).toBe(1);
    // Later ones are changes of what is seen.
    work.setSettings({ fidelity: 0.1 });
    await vi.waitFor(() => expect(renders).toHaveLength(2));
    expect(renders[1]!.options.onFace).toBeUndefined();
  });

  test('makes quick pictures as a whole, one at a time, and of waiting settings the latest', async () => {
    const { work, renders, store } = await restored(10);
    for (const fidelity of [0.1, 0.2, 0.3]) work.setSettings({ fidelity });
    // The first was ended as soon as there was a newer one.
    await vi.waitFor(() => expect(fidelities(renders)).toEqual([0.5, 0.1, 0.3]));
    expect(renders[1]!.options.signal!.aborted).toBe(true);
    renders[2]!.end();
    await vi.waitFor(() => expect(store.state.phase).toBe('done'));
    expect(renders).toHaveLength(3);
    expect(renders[2]!.options).toMatchObject({ faces: [0, 1], upscaling: 2 });
  });

  test('where pictures are slow, shows the largest face first, which newer settings do not end', async () => {
    const { work, renders, store, screen } = await restored(1000);
    work.setSettings({ fidelity: 0.1 });
    await vi.waitFor(() => expect(renders).toHaveLength(2));
    expect(renders[1]!.options).toMatchObject({ fidelity: 0.1, faces: [1, 0], upscaling: 2 });
    renders[1]!.options.onProgress!({ stage: 'restore', face: 1, faces: 2, share: 0.5, done: 0.5 });
    expect(store.state.work).toMatchObject({ part: 'restore', face: 1, faces: 2, id: 1 });
    work.setSettings({ fidelity: 0.2 });
    expect(renders[1]!.options.signal!.aborted).toBe(false);
    const restoredFace = { data: new Uint8ClampedArray(4), width: 1, height: 1 };
    renders[1]!.options.onFace!({ id: 1, restored: restoredFace });
    expect(screen.face).toHaveBeenLastCalledWith(expect.objectContaining({ id: 1, picture: restoredFace }));
    // The rest of it gives way to the latest.
    expect(renders[1]!.options.signal!.aborted).toBe(true);
    await vi.waitFor(() => expect(renders).toHaveLength(3));
    expect(renders[2]!.options).toMatchObject({ fidelity: 0.2, faces: [1, 0] });
    renders[2]!.options.onFace!({ id: 1, restored: restoredFace });
    renders[2]!.options.onFace!({ id: 0, restored: restoredFace });
    // The other one comes with the picture.
    expect(screen.face.mock.lastCall![0].id).toBe(1);
    work.setSettings({ fidelity: 0.3 });
    expect(renders[2]!.options.signal!.aborted).toBe(true);
    await vi.waitFor(() => expect(renders).toHaveLength(4));
    renders[3]!.end();
    await vi.waitFor(() => expect(store.state.phase).toBe('done'));
  });

  test('the selected face is the one that is shown first', async () => {
    const { work, renders, store } = await restored(1000);
    store.set({ selected: 0 });
    work.setFace(0, { fidelity: 0.9 });
    await vi.waitFor(() => expect(renders).toHaveLength(2));
    expect(renders[1]!.options).toMatchObject({
      faces: [0, 1],
      perFace: { 0: { fidelity: 0.9 }, 1: { fidelity: 0.5 } },
    });
  });

  test('else the one that is seen', async () => {
    const { work, renders, screen } = await restored(1000);
    screen.seen.mockReturnValue([5, 5, 35, 35]);
    work.setSettings({ fidelity: 0.9 });
    await vi.waitFor(() => expect(renders).toHaveLength(2));
    expect(renders[1]!.options).toMatchObject({ faces: [0, 1] });
  });

  test('where no face is found, small ones are looked for', async () => {
    const { work, renders, store, detect } = await session();
    detect.mockResolvedValueOnce([]);
    void work.open(photo, 'a.png');
    await vi.waitFor(() => expect(renders).toHaveLength(1));
    expect(detect.mock.calls.map(([, options]) => options.detectionScales)).toEqual([undefined, [0.5, 1, 2]]);
    expect(store.state).toMatchObject({ thorough: true, faces: [{ id: 0 }, { id: 1 }] });
  });

  test('a photo is made as large as it can be, and the next one again as large as was asked for', async () => {
    const { work, renders, store } = await session();
    vi.stubGlobal('createImageBitmap', async () => new FakeCanvas(8000, 6000));
    void work.open(photo, 'large.jpg').finally(() => {});
    await vi.waitFor(() => expect(renders).toHaveLength(1));
    expect(renders[0]!.options.upscaling).toBe(1);
    vi.stubGlobal('createImageBitmap', async () => new FakeCanvas(100, 50));
    void work.open(photo, 'small.jpg');
    await vi.waitFor(() => expect(renders).toHaveLength(2));
    expect(renders[1]!.options.upscaling).toBe(2);
    // Nor does a photo that there was no room for leave the next one small.
    void work.cheaper();
    await vi.waitFor(() => expect(renders).toHaveLength(3));
    expect(renders[2]!.options.upscaling).toBe(1);
    expect(store.state.settings.upscaling).toBe(2);
    void work.open(new Blob(['other'], { type: 'image/jpeg' }), 'b.jpg');
    await vi.waitFor(() => expect(renders).toHaveLength(4));
    expect(renders[3]!.options.upscaling).toBe(2);
  });

  test('a face that somebody shows is looked for in and around the box, and comes behind those that were found', async () => {
    const { work, renders, store, detect, prepared } = await restored(10);
    store.setFace(1, { fidelity: 0.9 });
    // In the part of the photo that is searched, which begins at (50, 15).
    const landmarks = [16, 20, 18, 16, 20].map((x, i) => [x, 15 + i] as const);
    detect.mockResolvedValueOnce([{ id: 0, box: [10, 10, 30, 30], score: 0.8, landmarks }] as never);
    work.showFace([60, 25, 80, 45]);
    await vi.waitFor(() => expect(renders).toHaveLength(2));
    expect(prepared.at(-1)).toMatchObject([{}, {}, { box: [60, 25, 80, 45], score: 0.8 }]);
    expect(prepared.at(-1)![2]!.landmarks[0]).toEqual([66, 30]);
    expect(store.state).toMatchObject({ selected: 2, faces: [{}, { fidelity: 0.9 }, { id: 2, fidelity: null }] });
    expect(renders[1]!.options.faces).toEqual([0, 1, 2]);
    renders[1]!.end();
    await vi.waitFor(() => expect(store.state.phase).toBe('done'));
    // It is still there when the photo is opened again, and no longer in another one.
    void work.again();
    await vi.waitFor(() => expect(renders).toHaveLength(3));
    expect(prepared.at(-1)![2]!.landmarks[0]).toEqual([66, 30]);
    void work.open(photo, 'b.png');
    await vi.waitFor(() => expect(renders).toHaveLength(4));
    expect(store.state.faces).toHaveLength(2);
  });

  test('where there is none an upright one is supposed; one that was found already is chosen', async () => {
    const { work, renders, store, detect, prepared } = await restored(10);
    detect.mockResolvedValueOnce([]);
    work.showFace([50, 10, 95, 55]);
    await vi.waitFor(() => expect(renders).toHaveLength(1));
    // It is much of the second face.
    expect(store.state.selected).toBe(1);
    work.showFace([5, 30, 25, 50]);
    await vi.waitFor(() => expect(renders).toHaveLength(2));
    expect(prepared.at(-1)![2]).toMatchObject({ score: 0 });
    expect(prepared.at(-1)![2]!.landmarks[2]).toEqual([15, 42]);
  });

  test('a face that is looked for can be stopped, and leaves the picture as it was', async () => {
    const { work, store, detect, destroyed } = await restored(10);
    detect.mockImplementationOnce(
      async (_, { signal }: { signal?: AbortSignal }) =>
        new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new CodeFormerError('ABORTED', '')))),
    );
    work.showFace([5, 30, 25, 50]);
    await vi.waitFor(() => expect(detect).toHaveBeenCalledTimes(2));
    work.stop();
    expect(store.state).toMatchObject({ phase: 'done', problem: null, work: null });
    expect(store.state.faces).toHaveLength(2);
    expect(destroyed).toEqual([]);
  });

  test('faces that are left out are not asked for', async () => {
    const { work, renders } = await restored(10);
    work.setFace(1, { included: false });
    await vi.waitFor(() => expect(renders).toHaveLength(2));
    expect(renders[1]!.options.faces).toEqual([0]);
  });

  test('files that the engine does not know reach it as PNG', async () => {
    const { work, prepares } = await session();
    void work.open(new Blob(['other'], { type: 'image/heic' }), 'a.heic');
    await vi.waitFor(() => expect(prepares).toEqual(['100 x 50']));
  });

  test('another photo ends the work on the one before', async () => {
    const { work, renders, destroyed, store, screen } = await restored(10);
    work.setSettings({ fidelity: 0.1 });
    await vi.waitFor(() => expect(renders).toHaveLength(2));
    await Promise.all([work.open(photo, 'b.png'), vi.waitFor(() => expect(renders).toHaveLength(3))]);
    expect(renders[1]!.options.signal!.aborted).toBe(true);
    expect(destroyed).toEqual(['photo']);
    expect(screen.photo.mock.calls.slice(-2)).toEqual([[null], [expect.any(FakeCanvas)]]);
    expect(store.state.problem).toBeNull();
    expect(store.state.photo!.name).toBe('b.png');
  });

  test('a file that is no photo is told of by its name, and what was made before stays', async () => {
    const { work, store, screen, notes } = await restored(10);
    const { photo: shown, result } = store.state;
    vi.stubGlobal('createImageBitmap', async () => Promise.reject(new Error('by the test')));
    try {
      await work.open(new Blob(['no picture']), 'letter.heic');
    } finally {
      vi.stubGlobal('createImageBitmap', async () => new FakeCanvas(100, 50));
    }
    expect(store.state).toMatchObject({ phase: 'done', opening: null, problem: null, photo: shown, result });
    expect(screen.photo).toHaveBeenCalledTimes(2);
    expect(notes).toEqual([expect.stringMatching(/“letter\.heic” cannot be read.*Safari only/)]);
  });

  test('a lost device is tried again once, with the photo as it was opened', async () => {
    const { work, renders, prepares, notes, store } = await restored(10);
    work.setSettings({ fidelity: 0.1 });
    await vi.waitFor(() => expect(renders).toHaveLength(2));
    renders[1]!.fail('DEVICE_LOST');
    await vi.waitFor(() => expect(renders).toHaveLength(3));
    expect(notes).toEqual([expect.stringContaining('lost. Starting again')]);
    expect(prepares).toHaveLength(1);
    renders[2]!.fail('DEVICE_LOST');
    await vi.waitFor(() => expect(store.state.phase).toBe('failed'));
    expect(store.state.problem).toMatchObject({ code: 'DEVICE_LOST', remedies: ['again', 'cheaper'] });
    // Some time later it is another loss.
    clock += 180_000;
    work.setSettings({ fidelity: 0.2 });
    await vi.waitFor(() => expect(renders).toHaveLength(4));
    renders[3]!.fail('DEVICE_LOST');
    await vi.waitFor(() => expect(renders).toHaveLength(5));
  });

  test('cheaper is first a result of the size of the photo, then half of the photo', async () => {
    const { work, renders, prepares, store } = await restored(10);
    void work.cheaper();
    await vi.waitFor(() => expect(renders).toHaveLength(2));
    expect(renders[1]!.options.upscaling).toBe(1);
    expect(prepares[1]).toBe('photo');
    renders[1]!.fail('OUT_OF_MEMORY');
    await vi.waitFor(() => expect(store.state.problem?.remedies[0]).toBe('cheaper'));
    void work.cheaper();
    await vi.waitFor(() => expect(renders).toHaveLength(3));
    expect(prepares[2]).toBe('50 x 25');
    expect(store.state.photo).toMatchObject({ width: 50, height: 25 });
  });

  test('faces keep their settings when the same photo is opened again, and lose them with another', async () => {
    const { work, renders, store } = await restored(10);
    store.setFace(0, { fidelity: 0.9, included: false });
    void work.again();
    await vi.waitFor(() => expect(renders).toHaveLength(2));
    expect(store.state.faces[0]).toMatchObject({ fidelity: 0.9, included: false });
    void work.open(photo, 'b.png');
    await vi.waitFor(() => expect(renders).toHaveLength(3));
    expect(store.state.faces[0]).toMatchObject({ fidelity: null, included: true });
  });

  test('the first picture is made before settings that have changed meanwhile', async () => {
    const { work, renders, store } = await session();
    void work.open(photo, 'a.png');
    await vi.waitFor(() => expect(renders).toHaveLength(1));
    work.setSettings({ fidelity: 0.2 });
    expect(renders[0]!.options.signal!.aborted).toBe(false);
    renders[0]!.end();
    await vi.waitFor(() => expect(fidelities(renders)).toEqual([0.5, 0.2]));
    expect(store.state.result).not.toBeNull();
  });

  test('changes are taken back and made again, of all faces and of one, a dragged slider as one', async () => {
    const { work, renders, store } = await restored(10);
    expect([work.canUndo, work.canRedo]).toEqual([false, false]);
    for (const fidelity of [0.2, 0.3, 0.4]) work.setSettings({ fidelity });
    work.setFace(1, { fidelity: 0.9 });
    clock += 2000;
    work.setFace(1, { fidelity: 0.8 });
    const said = () => [store.state.settings.fidelity, store.state.faces[1]!.fidelity];
    expect(said()).toEqual([0.4, 0.8]);
    const steps = ['undo', 'undo', 'undo', 'undo', 'redo', 'redo', 'redo'] as const;
    const seen = steps.map(step => {
      work[step]();
      return said();
    });
    expect(seen).toEqual([
      [0.4, 0.9],
      [0.4, null],
      [0.5, null],
      [0.5, null],
      [0.4, null],
      [0.4, 0.9],
      [0.4, 0.8],
    ]);
    expect([work.canUndo, work.canRedo]).toEqual([true, false]);
    await vi.waitFor(() =>
      expect(renders.at(-1)!.options).toMatchObject({ fidelity: 0.4, perFace: { 1: { fidelity: 0.8 } } }),
    );
    // They are of one photo.
    void work.open(new Blob(['other'], { type: 'image/jpeg' }), 'b.jpg');
    await vi.waitFor(() => expect(store.state.photo!.name).toBe('b.jpg'));
    expect(work.canUndo).toBe(false);
  });

  test('what was stopped is not taken back twice', async () => {
    const { work, renders, store } = await restored(10);
    work.setSettings({ strength: 0.5 });
    await vi.waitFor(() => expect(renders).toHaveLength(2));
    renders[1]!.end();
    await vi.waitFor(() => expect(store.state.phase).toBe('done'));
    work.setSettings({ fidelity: 0.2 });
    work.stop();
    expect(store.state.settings).toMatchObject({ fidelity: 0.5, strength: 0.5 });
    work.undo();
    expect(store.state.settings).toMatchObject({ fidelity: 0.5, strength: 1 });
  });

  test('a photo can be closed', async () => {
    const { work, screen, store, destroyed } = await restored(10);
    work.setSettings({ fidelity: 0.2 });
    work.close();
    expect(store.state).toMatchObject({ phase: 'empty', photo: null, faces: [], result: null, work: null });
    expect(store.state).toMatchObject({ settings: { fidelity: 0.5 }, engine: { status: 'ready' } });
    expect(screen.photo).toHaveBeenLastCalledWith(null);
    expect(destroyed).toEqual(['photo']);
    await new Promise(resolve => setTimeout(resolve));
    expect(store.state.phase).toBe('empty');
  });

  test('a change that is stopped is taken back: the picture can be saved as it is shown', async () => {
    const { work, renders, screen, store } = await restored(10);
    work.setSettings({ fidelity: 0.2 });
    await vi.waitFor(() => expect(renders).toHaveLength(2));
    work.stop();
    expect(renders[1]!.options.signal!.aborted).toBe(true);
    expect(store.state).toMatchObject({ phase: 'done', problem: null, work: null, result: { width: 200 } });
    expect(store.state.settings.fidelity).toBe(0.5);
    expect(screen.photo).not.toHaveBeenLastCalledWith(null);
    void work.save({ output: 'png', quality: 95, metadata: 'keep' });
    expect(renders[2]!.options).toMatchObject({ fidelity: 0.5, output: 'png' });
    work.setSettings({ fidelity: 0.3 });
    await vi.waitFor(() => expect(renders).toHaveLength(4));
    renders[3]!.end();
    await vi.waitFor(() => expect(store.state).toMatchObject({ phase: 'done', settings: { fidelity: 0.3 } }));
  });

  test('also while a face of it is shown first', async () => {
    const { work, renders, store, screen } = await restored(1000);
    work.setFace(0, { fidelity: 0.2 });
    await vi.waitFor(() => expect(renders).toHaveLength(2));
    work.stop();
    await new Promise(resolve => setTimeout(resolve));
    expect(store.state).toMatchObject({ phase: 'done', problem: null });
    expect(store.state.faces[0]!.fidelity).toBeNull();
    expect(screen.face).toHaveBeenLastCalledWith(null);
    expect(renders).toHaveLength(2);
  });

  test('a photo whose first picture is stopped can be begun again', async () => {
    const { work, renders, store } = await session();
    void work.open(photo, 'a.png');
    await vi.waitFor(() => expect(renders).toHaveLength(1));
    work.stop();
    expect(store.state).toMatchObject({ phase: 'failed', problem: { title: 'Stopped' }, result: null });
    await expect(work.save({ output: 'png', quality: 95, metadata: 'keep' })).rejects.toThrow(
      'Restore the photo again first',
    );
    void work.again();
    await vi.waitFor(() => expect(renders).toHaveLength(2));
  });

  test('other weights end the engine when theirs works, and the photo is restored with it', async () => {
    const { work, renders, destroyed, start } = await restored(10);
    const weights = new Blob(['weights']);
    start.mockImplementationOnce(async options => {
      expect(destroyed).toEqual([]);
      return start.getMockImplementation()!(options);
    });
    await work.start({ weights });
    expect(destroyed).toEqual(['photo', 'engine']);
    expect(start).toHaveBeenLastCalledWith(expect.objectContaining({ weights }));
    await vi.waitFor(() => expect(renders).toHaveLength(2));
  });

  test('weights that cannot be used, or are no longer wanted, leave the engine and the picture as they are', async () => {
    const { work, renders, destroyed, start, store } = await restored(10);
    start.mockRejectedValueOnce(new CodeFormerError('INVALID_CHECKPOINT', 'by the test'));
    await expect(work.start({ weights: new Blob() })).rejects.toThrow('by the test');
    expect(destroyed).toEqual([]);
    const closed = new AbortController();
    const started = work.start({ weights: new Blob() }, closed.signal);
    closed.abort();
    await expect(started).rejects.toMatchObject({ code: 'ABORTED' });
    // The one that came too late.
    expect(destroyed).toEqual(['engine']);
    expect(store.state).toMatchObject({ engine: { status: 'ready' }, phase: 'done', problem: null });
    work.setSettings({ fidelity: 0.2 });
    await vi.waitFor(() => expect(renders).toHaveLength(2));
  });

  test('where there is no room for two engines, the one before ends first, and comes back where the other fails', async () => {
    const { work, renders, destroyed, start, store } = await restored(10);
    const weights = new Blob(['weights']);
    start.mockRejectedValueOnce(new CodeFormerError('OUT_OF_MEMORY', 'for two'));
    start.mockRejectedValueOnce(new CodeFormerError('OUT_OF_MEMORY', 'for one'));
    await expect(work.start({ weights })).rejects.toThrow('for one');
    expect(destroyed).toContain('engine');
    expect(start).toHaveBeenCalledTimes(4);
    expect(start).toHaveBeenLastCalledWith(expect.not.objectContaining({ weights }));
    expect(store.state.engine.status).toBe('ready');
    await vi.waitFor(() => expect(renders).toHaveLength(2));
  });

  test('an engine that does not start is a problem, and ends what waits for it', async () => {
    const { start, screen } = await session();
    const store = new Store();
    const work = new Session(store, screen, start, () => {});
    start.mockRejectedValueOnce(new CodeFormerError('INVALID_CHECKPOINT', 'by the test'));
    await expect(work.start({ weights: new Blob() })).rejects.toThrow('by the test');
    expect(store.state.engine).toMatchObject({ status: 'failed', problem: { code: 'INVALID_CHECKPOINT' } });
    await work.open(photo, 'a.png');
    expect(store.state).toMatchObject({ phase: 'failed', work: null, problem: { code: 'INVALID_CHECKPOINT' } });
    await work.start({});
    await vi.waitFor(() => expect(store.state.phase).toBe('rendering'));
  });
});
