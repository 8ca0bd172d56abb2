// Albums of the page, with a session that does what the test says: which photos are restored with which settings, what a bad file and a
// stop do, and what the files are called.

import { describe, expect, test, vi } from 'vitest';
import { Album } from '../../demo/album.js';
import { chosenFiles, namesInZip, savedName } from '../../demo/files.js';
import type { ChosenFace, Made, Order } from '../../demo/session.js';
import { halves, squareAround } from '../../demo/share/pictures.js';
import { shareAt } from '../../demo/share/wipe.js';
import { INITIAL, type State, Store } from '../../demo/store.js';
import { zipOf } from '../../demo/zip.js';
import { CodeFormerError } from '../../src/web/client.js';

const info = { networks: { restorer: { source: 'a' }, upscaler: null } };
const READY = { ...INITIAL, engine: { status: 'ready', info } } as unknown as State;
const FACE: ChosenFace = {
  id: 0,
  box: [0, 0, 9, 9],
  score: 1,
  landmarks: [],
  included: true,
  fidelity: null,
  strength: null,
  byHand: false,
  paint: null,
};

interface Making extends Order {
  readonly signal: AbortSignal;
  end(): void;
  fail(code: CodeFormerError['code']): void;
}

/** An album whose photos are made as the test ends them. Files that begin with "bad" are no photos. */
function album() {
  const store = new Store(READY);
  const making: Making[] = [];
  const saves: unknown[] = [];
  /** Shows the photo, as the session does where a file can be read. */
  const open = vi.fn(async (blob: Blob, name: string, former: { faces?: readonly object[] } = {}) => {
    store.set({ opening: { since: 0 } });
    if ((await blob.text()).startsWith('bad')) return store.set({ opening: null });
    const photo = { name, blob, width: 10, height: 10 };
    store.set({ opening: null, photo, faces: [], phase: 'finding' });
    const faces = [{ ...FACE, ...former.faces?.[0] }] as unknown as State['faces'];
    store.set({ phase: 'encoding', faces });
  });
  const make = (order: Order, _format: unknown, signal: AbortSignal) =>
    new Promise<Made>((resolve, reject) => {
      const fail = (code: CodeFormerError['code']) => reject(new CodeFormerError(code, 'by the test'));
      signal.addEventListener('abort', () => fail('ABORTED'));
      const end = () => resolve({ file: new Blob(['made']), faces: order.faces ?? [FACE] });
      making.push({ ...order, signal, end, fail });
    });
  const save = async (format: unknown) => {
    saves.push(format);
    return new Blob(['saved']);
  };
  const setSettings = (settings: object) => store.set({ settings: { ...store.state.settings, ...settings } });
  const look = async (blob: Blob) => {
    if ((await blob.text()).startsWith('bad')) throw new CodeFormerError('INVALID_IMAGE', 'by the test');
    return { close() {} } as ImageBitmap;
  };
  const made = new Album(store, { open, make, save, setSettings }, look);
  const standings = () => made.state.photos.map(photo => made.standing(photo));
  const names = () => made.state.photos.map(({ name }) => name);
  return { made, store, making, saves, open, standings, names };
}

const files = (...names: string[]) => names.map(name => ({ name, blob: new Blob([name]) }));

/** Three photos, of which the second is none. */
async function three() {
  const all = album();
  await all.made.add(files('a.jpg', 'bad.txt', 'c.jpg'));
  return all;
}

const next = (making: readonly Making[], count: number) => vi.waitFor(() => expect(making).toHaveLength(count));

describe('an album', () => {
  test('shows its first photo; a file that is none is told of by its name, and stops no other', async () => {
    const { made, open, standings } = await three();
    expect(open.mock.calls.map(([, name]) => name)).toEqual(['a.jpg']);
    expect(standings()).toEqual(['waiting', 'failed', 'waiting']);
    expect(made.state.photos[1]!.problem).toMatch(/“bad\.txt” cannot be read as a photo/);
    const first = album();
    await first.made.add(files('bad.jpg', 'b.jpg'));
    await vi.waitFor(() => expect(first.store.state.photo?.name).toBe('b.jpg'));
  });

  test('a photo that is alone gives way to the next ones; an album takes them in', async () => {
    const { made, names } = album();
    await made.add(files('a.jpg'));
    await made.add(files('b.jpg'));
    expect(names()).toEqual(['b.jpg']);
    await made.add(files('c.jpg', 'd.jpg'));
    expect(names()).toEqual(['c.jpg', 'd.jpg']);
    await made.add(files('e.jpg'));
    expect(names()).toEqual(['c.jpg', 'd.jpg', 'e.jpg']);
  });

  test('restores one photo after another, and goes on where it was stopped', async () => {
    const { made, making, standings } = await three();
    void made.run();
    await next(making, 1);
    expect(standings()).toEqual(['working', 'waiting', 'waiting']);
    making[0]!.end();
    // The second is tried again, and fails again.
    await next(making, 2);
    making[1]!.fail('INVALID_IMAGE');
    await next(making, 3);
    made.stop();
    expect(making[2]!.signal.aborted).toBe(true);
    expect(standings()).toEqual(['done', 'failed', 'waiting']);
    void made.run();
    await next(making, 4);
    making[3]!.fail('INVALID_IMAGE');
    await next(making, 5);
    making[4]!.end();
    await vi.waitFor(() => expect(made.state.running).toBe(false));
    expect(standings()).toEqual(['done', 'failed', 'done']);
    expect(made.state.times).toHaveLength(1);
  });

  test('a stop and a start at once make one run', async () => {
    const { made, making } = await three();
    void made.run();
    await next(making, 1);
    made.stop();
    void made.run();
    await next(making, 2);
    making[1]!.end();
    await next(making, 3);
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(making).toHaveLength(3);
  });

  test('an engine that ended is tried once more', async () => {
    const { made, making, standings } = await three();
    void made.run();
    await next(making, 1);
    making[0]!.fail('DEVICE_LOST');
    await next(making, 2);
    making[1]!.fail('DEVICE_LOST');
    await next(making, 3);
    expect(standings()[0]).toBe('failed');
    // What the user does not go on with, as a key that a server asks for, ends all.
    making[2]!.fail('ABORTED');
    await next(making, 4);
    making[3]!.fail('ABORTED');
    await vi.waitFor(() => expect(made.state.running).toBe(false));
    expect(standings()).toEqual(['failed', 'waiting', 'waiting']);
  });

  test('settings are those of all photos, but for photos with their own', async () => {
    const { made, store, making, standings } = album();
    await made.add(files('a.jpg', 'b.jpg'));
    await vi.waitFor(() => expect(store.state.photo?.name).toBe('a.jpg'));
    made.setOwn(true);
    store.set({ settings: { ...store.state.settings, fidelity: 0.9 } });
    await made.open(made.state.photos[1]!.id);
    expect(store.state.settings.fidelity).toBe(0.5);
    store.set({ settings: { ...store.state.settings, fidelity: 0.2 } });
    void made.run();
    for (const at of [0, 1]) {
      await next(making, at + 1);
      making[at]!.end();
    }
    await vi.waitFor(() => expect(standings()).toEqual(['done', 'done']));
    expect(making.map(({ settings }) => settings.fidelity)).toEqual([0.9, 0.2]);
    store.set({ settings: { ...store.state.settings, fidelity: 0.3 } });
    expect(standings()).toEqual(['done', 'changed']);
    await made.open(made.state.photos[0]!.id);
    expect(store.state.settings.fidelity).toBe(0.9);
    made.setOwn(false);
    expect(store.state.settings.fidelity).toBe(0.3);
    expect(standings()).toEqual(['changed', 'changed']);
    made.setFormat({ output: 'jpeg', quality: 95, metadata: 'none' });
    void made.run();
    await next(making, 3);
    expect(making[2]!.settings.fidelity).toBe(0.3);
  });

  test('faces keep what was said of them', async () => {
    const { made, store, making, open, standings } = album();
    await made.add(files('a.jpg', 'b.jpg'));
    await vi.waitFor(() => expect(store.state.phase).toBe('encoding'));
    store.setFace(0, { fidelity: 0.8 });
    await made.open(made.state.photos[1]!.id);
    void made.run();
    await next(making, 1);
    expect(making[0]!.faces).toMatchObject([{ fidelity: 0.8 }]);
    making[0]!.end();
    await next(making, 2);
    making[1]!.end();
    await vi.waitFor(() => expect(made.state.running).toBe(false));
    await made.open(made.state.photos[0]!.id);
    expect(open.mock.lastCall![2]).toMatchObject({ faces: [{ fidelity: 0.8 }] });
    // That they are shown again changes nothing.
    await made.open(made.state.photos[1]!.id);
    expect(standings()[1]).toBe('done');
    store.setFace(0, { included: false });
    expect(standings()[1]).toBe('changed');
  });

  test('what is shown is not made again', async () => {
    const { made, store, making, saves, standings } = album();
    await made.add(files('a.jpg', 'b.jpg'));
    await vi.waitFor(() => expect(store.state.phase).toBe('encoding'));
    store.set({ phase: 'rendering' });
    store.set({ phase: 'done' });
    void made.run();
    await next(making, 1);
    expect(saves).toEqual([made.state.format]);
    expect(standings()).toEqual(['done', 'working']);
  });

  test('a photo that is taken out is worked on no longer, and the next is shown', async () => {
    const { made, store, making, names } = album();
    await made.add(files('a.jpg', 'b.jpg', 'c.jpg'));
    void made.run();
    await next(making, 1);
    made.remove(made.state.photos[0]!.id);
    expect(making[0]!.signal.aborted).toBe(true);
    await next(making, 2);
    expect(names()).toEqual(['b.jpg', 'c.jpg']);
    await vi.waitFor(() => expect(store.state.photo?.name).toBe('b.jpg'));
  });

  test('where a photo cannot be shown, the one before stays, with its settings', async () => {
    const { made, store } = album();
    await made.add(files('a.jpg', 'bad.jpg'));
    await vi.waitFor(() => expect(store.state.photo?.name).toBe('a.jpg'));
    made.setOwn(true);
    store.set({ settings: { ...store.state.settings, fidelity: 0.9 } });
    await made.open(made.state.photos[1]!.id);
    expect(made.state.open).toBe(made.state.photos[0]!.id);
    expect(store.state.settings.fidelity).toBe(0.9);
  });
});

describe('before and after', () => {
  test('lie beside each other, and wide ones above each other', () => {
    expect(halves({ width: 600, height: 800 })).toEqual({
      half: { width: 600, height: 800 },
      second: { x: 604, y: 0 },
    });
    expect(halves({ width: 8192, height: 4096 })).toEqual({
      half: { width: 2048, height: 1024 },
      second: { x: 0, y: 1034 },
    });
  });

  test('of a face are a square within the photo', () => {
    const photo = { width: 100, height: 50 };
    expect(squareAround([10, 10, 30, 20], photo)).toEqual({ x: 10, y: 5, side: 20 });
    expect(squareAround([90, 30, 110, 60], photo)).toEqual({ x: 70, y: 20, side: 30 });
    expect(squareAround([0, 0, 100, 50], photo)).toEqual({ x: 25, y: 0, side: 50 });
  });

  test('of a film begin and end with before, and rest at either end', () => {
    expect([0, 0.05, 0.25, 0.45, 0.5, 0.75, 1].map(shareAt)).toEqual([
      1,
      1,
      expect.closeTo(0.5),
      0,
      0,
      expect.closeTo(0.5),
      1,
    ]);
  });
});

describe('files', () => {
  test('keep their names and folders in a zip, and equal ones are told apart', () => {
    const names = ['trip/IMG_1.jpg', 'trip/img_1.PNG', 'IMG_1.jpg', 'a.b.jpeg', 'none'];
    expect(namesInZip(names, 'jpeg')).toEqual([
      'trip/IMG_1.jpg',
      'trip/img_1 (2).jpg',
      'IMG_1.jpg',
      'a.b.jpg',
      'none.jpg',
    ]);
    expect(savedName('trip/IMG_1.heic', 'png')).toBe('IMG_1-restored.png');
  });

  test('of a folder the photos are taken, in the order of their names; of single ones all are', () => {
    const file = (name: string, folder = '') =>
      Object.assign(new File([], name), { webkitRelativePath: folder && `${folder}/${name}` });
    const folder = ['b10.JPG', 'notes.txt', 'b2.jpg'].map(name => file(name, 'trip'));
    expect(chosenFiles(folder).map(({ name }) => name)).toEqual(['trip/b2.jpg', 'trip/b10.JPG']);
    expect(chosenFiles([file('letter.txt'), file('a.jpg')]).map(({ name }) => name)).toEqual(['letter.txt', 'a.jpg']);
  });

  test('come into one zip as they are', async () => {
    const zip = await zipOf([
      { name: 'trip/a.jpg', blob: new Blob(['first']) },
      { name: 'b.jpg', blob: new Blob(['second']) },
    ]);
    const text = Buffer.from(await zip.arrayBuffer()).toString('latin1');
    expect(text.startsWith('PK\x03\x04')).toBe(true);
    for (const part of ['trip/a.jpg', 'first', 'b.jpg', 'second']) expect(text).toContain(part);
  });
});
