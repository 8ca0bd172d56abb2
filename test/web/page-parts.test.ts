// Parts of the page that need no browser: where the picture lies, which value counts, which steps a photo takes.

import { describe, expect, test, vi } from 'vitest';
import { adapterWords } from '../../demo/adapter.js';
import { FIDELITIES, makeSheet } from '../../demo/compare.js';
import { plainNumbers } from '../../demo/dom.js';
import { Latest } from '../../demo/latest.js';
import { likenessWords } from '../../demo/likeness.js';
import { Bar, Pace, type Part, type Step } from '../../demo/pace.js';
import { type Face, fitted, INITIAL, inOrder, mainFace, numberOf, Store, settingsOf } from '../../demo/store.js';
import { between, clamp, pan, visible, whole, zoomAt, zoomTo } from '../../demo/viewer/view.js';
import type { RestorerInfo } from '../../src/web/client.js';

const picture = { width: 1000, height: 500 };
const stage = { width: 632, height: 532 };

describe('the view', () => {
  test('a picture that fits is centred with a margin', () => {
    const view = whole(picture, stage);
    expect(view.scale).toBeCloseTo(0.6);
    expect(view.x).toBeCloseTo(16);
    expect(view.y).toBeCloseTo((532 - 300) / 2);
  });

  test('small pictures grow six times at most', () => {
    expect(whole({ width: 10, height: 10 }, stage).scale).toBe(6);
  });

  test('zooming leaves the point under the pointer where it is', () => {
    const view = zoomAt(whole(picture, stage), 5, 300, 260, picture, stage);
    const before = whole(picture, stage);
    const at = (v: typeof view) => [(300 - v.x) / v.scale, (260 - v.y) / v.scale];
    expect(view.scale).toBeCloseTo(3);
    expect(at(view)[0]).toBeCloseTo(at(before)[0]!);
    expect(at(view)[1]).toBeCloseTo(at(before)[1]!);
  });

  test('zooming ends where the picture fits, and at 16 pixels a pixel', () => {
    expect(zoomAt(whole(picture, stage), 0.1, 0, 0, picture, stage)).toEqual(whole(picture, stage));
    expect(zoomAt(whole(picture, stage), 1000, 0, 0, picture, stage).scale).toBe(16);
  });

  test('a picture cannot be pushed off the stage', () => {
    const large = zoomAt(whole(picture, stage), 10, 316, 266, picture, stage);
    expect(pan(large, 1e6, 1e6, picture, stage)).toMatchObject({ x: 16, y: 16 });
    const far = pan(large, -1e6, -1e6, picture, stage);
    expect(far.x + far.scale * picture.width).toBeCloseTo(stage.width - 16);
    expect(far.y + far.scale * picture.height).toBeCloseTo(stage.height - 16);
    expect(clamp({ scale: 0.1, x: 500, y: -500 }, picture, stage)).toEqual({ scale: 0.1, x: 266, y: 241 });
  });

  test('a part of the picture is brought to the middle', () => {
    const view = zoomTo([400, 200, 500, 300], picture, stage);
    expect(view.x + view.scale * 450).toBeCloseTo(316);
    expect(view.y + view.scale * 250).toBeCloseTo(266);
    expect(view.scale * 100).toBeCloseTo(0.7 * 532);
  });

  test('what is seen of the picture ends with the stage', () => {
    expect(visible({ scale: 1, x: -100, y: 20 }, picture, stage)).toEqual({
      left: 0,
      right: 632,
      top: 20,
      bottom: 520,
    });
  });
});

describe('the way to a view', () => {
  test('leads from one to the other by even factors, about one point of the picture', () => {
    const [from, to] = [whole(picture, stage), zoomTo([400, 200, 500, 300], picture, stage)];
    const ways = [0, 0.5, 1].map(share => between(from, to, share));
    expect(ways[0]).toEqual(from);
    expect(ways[2]!.scale).toBeCloseTo(to.scale);
    expect(ways[2]!.x).toBeCloseTo(to.x);
    expect(ways[1]!.scale ** 2).toBeCloseTo(from.scale * to.scale);
    /** The point of the picture that lies where it lies in both. */
    const fixed = (a: typeof from, b: typeof from) => (a.x - b.x) / (b.scale - a.scale);
    expect(fixed(from, ways[1]!)).toBeCloseTo(fixed(from, to));
    expect(between(from, { ...from, x: 0 }, 0.5)).toEqual({ ...from, x: from.x / 2 });
  });
});

describe('faces as people see them', () => {
  const face = (id: number, box: Face['box'], untouched: string | null = null) =>
    ({ id, box, included: true, untouched }) as Face;
  const faces = [face(0, [50, 0, 60, 10]), face(1, [10, 5, 40, 35]), face(2, [70, 0, 110, 40], 'sharp')];

  test('are counted from left to right, in the order of the engine otherwise', () => {
    expect(inOrder(faces).map(({ id }) => id)).toEqual([1, 0, 2]);
    expect(faces.map(each => numberOf(each, faces))).toEqual([2, 1, 3]);
  });

  test('are said to look like the photo or not, with what helps where something does', () => {
    expect(likenessWords(0.996, 0)).toBe('looks like the photo');
    expect(likenessWords(0.9959, 0.1)).toBe('somewhat changed');
    expect(likenessWords(0.985, 0.05)).toBe('somewhat changed: move Fidelity towards “Closer to the photo”');
    expect(likenessWords(0.98, 0)).toBe('changed: move Fidelity towards “Closer to the photo”');
    expect(likenessWords(-1, 1)).toBe('changed: the photo shows little of this face');
  });

  test('the first that is looked at is the largest that was restored', () => {
    expect(mainFace(faces)?.id).toBe(1);
    expect(mainFace([faces[2]!])?.id).toBe(2);
    expect(mainFace([])).toBeUndefined();
  });
});

describe('what suits a photo', () => {
  const engine = (software: boolean, upscaler: object | null = {}) =>
    ({ status: 'ready', info: { software, networks: { upscaler } } }) as unknown as (typeof INITIAL)['engine'];
  const suited = (width: number, height: number, more: Partial<Parameters<typeof fitted>[0]> = {}) => {
    const { upscaling, backgroundUpscale } = fitted({
      ...INITIAL,
      engine: engine(false),
      photo: { width, height },
      ...more,
    });
    return [upscaling, backgroundUpscale];
  };

  test('is a size by the photo, and a sharpened background where it is small', () => {
    expect(suited(300, 400)).toEqual([4, true]);
    expect(suited(800, 600)).toEqual([2, true]);
    expect(suited(1600, 1200)).toEqual([2, false]);
    expect(suited(4000, 3000)).toEqual([1, false]);
  });

  test('leaves the background where that would take long, or there is no network for it', () => {
    expect(suited(300, 400, { engine: engine(true) })).toEqual([4, false]);
    expect(suited(300, 400, { engine: engine(false, null) })).toEqual([4, false]);
    expect(suited(300, 400, { engine: INITIAL.engine })).toEqual([4, false]);
  });

  test('gives way to what was chosen, as far as that is possible', () => {
    const settings = { ...INITIAL.settings, upscaling: 3, backgroundUpscale: false };
    expect(suited(300, 400, { settings })).toEqual([3, false]);
    expect(suited(8000, 3000, { settings: { ...settings, backgroundUpscale: true } })).toEqual([2, true]);
    expect(suited(300, 400, { settings, cheap: true })).toEqual([1, false]);
  });
});

describe('what the page says of its adapter', () => {
  const words = (info: object | null, place: 'browser' | 'server' = 'browser') =>
    adapterWords({ engine: { status: 'ready', info: info as RestorerInfo | null }, place });
  const info = { adapter: 'Card', precision: 'f16', selfTest: null };

  test.each([
    [info, 'Works on Card, with 16 bits.'],
    [
      { ...info, precision: 'f32', selfTest: { givenUp: [], faults: [] } },
      'Works on Card, with 32 bits; its self-test found nothing wrong.',
    ],
    [
      { ...info, selfTest: { givenUp: ['winograd'], faults: ['conv: y[0] = 1, expected 2'] } },
      'Works on Card, with 16 bits, without winograd: its self-test found conv: y[0] = 1, expected 2.',
    ],
    [null, ''],
  ])('%o', (found, text) => {
    expect(words(found)).toBe(text);
    expect(words(found, 'server')).toBe('');
  });
});

describe('the latest value', () => {
  /** Work that ends when the test says so. */
  function controlled() {
    const begun: { value: number; newer: AbortSignal; end: () => void }[] = [];
    const latest = new Latest<number>((value, newer) => new Promise(end => begun.push({ value, newer, end })));
    const settled = () => new Promise(resolve => setTimeout(resolve));
    return { begun, latest, settled };
  }

  test('is the next that is worked on; those before it are left out', async () => {
    const { begun, latest, settled } = controlled();
    for (const value of [1, 2, 3, 4]) latest.push(value);
    expect(begun.map(({ value }) => value)).toEqual([1]);
    begun[0]!.end();
    await settled();
    expect(begun.map(({ value }) => value)).toEqual([1, 4]);
    begun[1]!.end();
    await settled();
    expect(begun).toHaveLength(2);
  });

  test('is told to the work before it', () => {
    const { begun, latest } = controlled();
    latest.push(1);
    expect(begun[0]!.newer.aborted).toBe(false);
    latest.push(2);
    expect(begun[0]!.newer.aborted).toBe(true);
  });

  test('can be forgotten', async () => {
    const { begun, latest, settled } = controlled();
    latest.push(1);
    latest.push(2);
    latest.clear();
    begun[0]!.end();
    await settled();
    expect(begun).toHaveLength(1);
    latest.push(3);
    expect(begun[1]!.value).toBe(3);
  });
});

test('messages have numbers as people read them', () => {
  expect(plainNumbers('Not enough memory for 536870912 bytes for an arena')).toBe(
    'Not enough memory for 537 MB for an arena',
  );
  expect(plainNumbers('expected at most 100000000 pixels but it would have 20000x10000 = 200000000')).toBe(
    'expected at most 100 megapixels but it would have 20000 × 10000',
  );
  expect(plainNumbers(`expected SHA-256 ${'0a'.repeat(32)} but got 512 bytes`)).toBe(
    'expected SHA-256 0a0a0a0a… but got 512 bytes',
  );
});

test('what a face looks like at each fidelity is made once', async () => {
  class Canvas {
    width = 0;
    height = 0;
    getContext() {
      return { putImageData() {}, drawImage() {} };
    }
  }
  vi.stubGlobal('OffscreenCanvas', Canvas);
  vi.stubGlobal('ImageData', class {});
  const picture = { data: new Uint8ClampedArray(4), width: 1, height: 1 };
  const faces = [0, 1].map(id => ({ id, crop: { ...picture } }) as Face);
  const asked: [number[], number[]][] = [];
  const session: Parameters<typeof makeSheet>[0] = {
    async sweep(fidelities, each, _signal, ids = []) {
      asked.push([[...fidelities], ids]);
      for (const fidelity of fidelities)
        each(
          fidelity,
          ids.map(id => ({ id, restored: picture })),
        );
    },
  };
  const made = async (of: readonly Face[]) => {
    const seen: string[] = [];
    await makeSheet(session, of, (id, fidelity) => seen.push(`${id} ${fidelity}`), new AbortController().signal);
    return seen;
  };
  const all = (id: number) => FIDELITIES.map(fidelity => `${id} ${fidelity}`);
  expect(await made(faces.slice(0, 1))).toEqual(all(0));
  expect((await made(faces)).toSorted()).toEqual([...all(0), ...all(1)]);
  expect((await made(faces)).toSorted()).toEqual([...all(0), ...all(1)]);
  expect(asked).toEqual([
    [FIDELITIES, [0]],
    [FIDELITIES, [1]],
  ]);
  vi.unstubAllGlobals();
});

describe('the bar', () => {
  /** What parts really take: all of it twice or half as long as usual, and each part by itself some more or less. */
  const machines = [
    { fast: false, slow: 1, own: {} },
    { fast: false, slow: 2, own: { start: 0.8, restore: 1.3, background: 0.7 } },
    { fast: true, slow: 0.6, own: { start: 2, find: 0.6, finish: 2 } },
  ];
  const photos = [
    [
      ['find', 1],
      ['open', 0.3],
      ['read', 1],
      ['restore', 1],
      ['background', 0.3],
      ['finish', 1],
    ],
    [
      ['download', 17],
      ['start', 1],
      ['find', 1],
      ['open', 0.3],
      ['read', 1],
      ['restore', 1],
      ['finish', 1],
    ],
    [
      ['find', 1],
      ['open', 12],
      ['read', 6],
      ['restore', 6],
      ['background', 0],
      ['finish', 12],
    ],
  ] as const;

  /** Follows the work with a clock that is told, and returns how far the bar is from the truth at worst. */
  function follow(pace: Pace, parts: (typeof photos)[number], { fast, slow, own }: (typeof machines)[number]) {
    const step = ([part, units]: readonly [Part, number]): Step => ({ part, units });
    const usual = new Pace(fast);
    const times = parts.map(part => slow * ((own as Record<string, number>)[part[0]] ?? 1) * usual.time(step(part)));
    const total = times.reduce((sum, time) => sum + time, 0);
    // Until the faces are found, there is thought to be one.
    const guess = parts.map(([part, units]) => step([part, part === 'read' || part === 'restore' ? 1 : units]));
    const bar = new Bar(pace, guess, 0);
    let [now, worst, last] = [0, 0, 0];
    parts.forEach(([part, units], i) => {
      if (units === 0) return;
      bar.reach(part, 0, now);
      if (part === 'open') bar.follow(parts.slice(i + 1).map(step));
      for (let tick = 1; tick <= 20; tick++) {
        now += times[i]! / 20;
        if (part !== 'start') bar.reach(part, tick / 20, now);
        const { done } = bar.look(now);
        expect(done).toBeGreaterThanOrEqual(last);
        last = done;
        worst = Math.max(worst, Math.abs(done - now / total));
      }
    });
    bar.end(now);
    expect(bar.look(now)).toEqual({ done: 1, left: 0 });
    return worst;
  }

  test('is true to within a fifth on machines of all kinds, and better once it knows one', () => {
    for (const machine of machines) {
      const pace = new Pace();
      pace.on('a machine', machine.fast);
      const first = photos.map(photo => follow(new Pace(machine.fast), photo, machine));
      expect(Math.max(...first)).toBeLessThan(0.2);
      for (const photo of photos) follow(pace, photo, machine);
      const again = photos.map(photo => follow(pace, photo, machine));
      expect(Math.max(...again)).toBeLessThan(0.12);
    }
  });

  test('is that of a slow machine as soon as there is known to be no graphics card', () => {
    const step = { part: 'start', units: 1 } as const;
    const pace = new Pace(true);
    pace.suppose(false);
    expect(pace.time(step)).toBe(new Pace(false).time(step));
  });

  test('what is known of a machine is kept, and forgotten for another', () => {
    const kept = new Map<string, string>();
    vi.stubGlobal('localStorage', {
      getItem: (name: string) => kept.get(name) ?? null,
      setItem: (name: string, value: string) => kept.set(name, value),
    });
    const step = { part: 'restore', units: 2 } as const;
    const pace = new Pace();
    pace.on('a machine', false);
    pace.learn(step, 5000);
    const later = new Pace();
    later.on('a machine', false);
    expect(later.time(step)).toBe(5000);
    // What was never seen there takes as much longer.
    const [read, usual] = [{ part: 'read', units: 1 } as const, new Pace()];
    usual.on('another one', false);
    expect(later.time(read) / usual.time(read)).toBeCloseTo(5000 / usual.time(step));
    later.on('another one', false);
    expect(later.time(step)).toBe(usual.time(step));
    vi.unstubAllGlobals();
  });
});

describe('the state', () => {
  test('goes through the phases in their order only', () => {
    const store = new Store();
    for (const phase of ['finding', 'encoding', 'rendering', 'done', 'rendering', 'failed', 'finding'] as const)
      store.set({ phase });
    expect(() => store.set({ phase: 'done' })).toThrow('from finding to done');
    expect(store.state.phase).toBe('finding');
  });

  test('is told to listeners with what it was before', () => {
    const store = new Store();
    const seen: string[] = [];
    store.subscribe((state, before) => seen.push(`${before.phase}>${state.phase}`));
    store.set({ phase: 'finding' });
    expect(seen).toEqual(['empty>empty', 'empty>finding']);
  });

  test('faces have the settings of all unless they have their own', () => {
    const face = { id: 3, included: true, fidelity: null, strength: 0.25 } as Face;
    const store = new Store({ ...INITIAL, faces: [face, { ...face, id: 4 }] });
    store.setFace(3, { fidelity: 0.9 });
    const [own, other] = store.state.faces;
    expect(settingsOf(own!, store.state.settings)).toEqual({ fidelity: 0.9, strength: 0.25 });
    expect(settingsOf(other!, store.state.settings)).toEqual({ fidelity: 0.5, strength: 0.25 });
  });
});
