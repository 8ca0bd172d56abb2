// What the page knows, in one place, and the steps that a photo goes through.

import { MAX_SIDE, pixelLimit } from '../src/image/picture.js';
import type { DetectedFace, Picture, RestorerInfo } from '../src/web/client.js';
import type { Bar, Part } from './pace.js';
import type { Paint } from './paint.js';
import type { Problem } from './problems.js';
import type { Status } from './server/client.js';

/**
 * Where the photo is: none yet, searched for faces, faces read by the network, the picture being made, made, or stopped by a problem.
 */
export type Phase = 'empty' | 'finding' | 'encoding' | 'rendering' | 'done' | 'failed';

/** A photo can come and go at any time, and anything can fail; else a photo goes straight on. */
const NEXT: Readonly<Record<Phase, readonly Phase[]>> = {
  empty: ['finding', 'failed'],
  finding: ['empty', 'encoding', 'failed'],
  encoding: ['empty', 'finding', 'rendering', 'failed'],
  rendering: ['empty', 'finding', 'done', 'failed'],
  done: ['empty', 'finding', 'rendering', 'failed'],
  failed: ['empty', 'finding', 'rendering', 'done'],
};

/** Where photos are restored. */
export type Place = 'browser' | 'server';

export type Engine =
  | { readonly status: 'loading'; readonly received: number; readonly total: number | null }
  /** Without `info` it is a server. */
  | { readonly status: 'ready'; readonly info: RestorerInfo | null }
  | { readonly status: 'failed'; readonly problem: Problem };

export interface Photo {
  readonly name: string;
  /** Its file. */
  readonly blob: Blob;
  readonly width: number;
  readonly height: number;
}

/** Left, top, right, bottom in pixels of the photo. */
export type Area = readonly [number, number, number, number];

export interface Face extends DetectedFace {
  /** Whether somebody showed where it is. */
  readonly byHand: boolean;
  readonly included: boolean;
  /** Null: as for all faces. */
  readonly fidelity: number | null;
  readonly strength: number | null;
  /** Fidelity where it is not the same all over. */
  readonly paint: Paint | null;
  readonly crop: Picture | null;
  /** From pixels of the photo to those of the crop: 2x3 in rows. */
  readonly transform: ArrayLike<number> | null;
  readonly restored: Picture | null;
  /** How much of it is used, and why it is not, as the engine found. */
  readonly share: number;
  readonly untouched: string | null;
  /** How alike it looks to the photo; null where that was not measured. */
  readonly likeness: number | null;
  /** What the engine says of it. */
  readonly warnings: readonly string[];
  /** The part of the photo that the crop covers. */
  readonly area: Area | null;
}

export interface Settings {
  readonly fidelity: number;
  readonly strength: number;
  /** Null, here and below: as it suits the photo. */
  readonly upscaling: number | null;
  readonly backgroundUpscale: boolean | null;
  readonly neverWorse: boolean;
  /** Of servers only. */
  readonly faceUpscale: boolean;
  readonly onlyCenterFace: boolean;
}

/** Settings for a photo. */
export interface Fitted extends Settings {
  readonly upscaling: number;
  readonly backgroundUpscale: boolean;
}

export interface Result {
  readonly width: number;
  readonly height: number;
  /** Milliseconds from the change to the picture. */
  readonly time: number;
  /** What the engine says of it. */
  readonly warnings: readonly string[];
}

export interface Work {
  readonly part: Part;
  /** Which of how many faces is worked on, from 1; 0 for the whole photo. */
  readonly face: number;
  readonly faces: number;
  /** The id of that face; null for the whole photo. */
  readonly id: number | null;
  /** How far all of it is. */
  readonly bar: Bar;
  /** When it began, as `performance.now()` says it. */
  readonly since: number;
}

export interface State {
  readonly place: Place;
  readonly engine: Engine;
  readonly phase: Phase;
  /** The file of a photo is being read since then, as `performance.now()` says it; the photo before is still there. */
  readonly opening: { readonly since: number } | null;
  readonly photo: Photo | null;
  readonly faces: readonly Face[];
  /** Small and very large ones were looked for, too. */
  readonly thorough: boolean;
  /** Id of the face that the settings are shown of; null for all. */
  readonly selected: number | null;
  readonly settings: Settings;
  /** This photo, and no other, is restored at its own size, as there was no room for more. */
  readonly cheap: boolean;
  readonly work: Work | null;
  readonly result: Result | null;
  /** Milliseconds from the photo to its first result. */
  readonly firstTime: number | null;
  readonly problem: Problem | null;
  /** What the server says of the last request; null before. */
  readonly request: Status | null;
  readonly outlines: boolean;
}

/** Pixels of the largest picture that the engine makes. */
const MOST_PIXELS = pixelLimit(undefined);

export const INITIAL: State = {
  place: 'browser',
  engine: { status: 'loading', received: 0, total: null },
  phase: 'empty',
  opening: null,
  photo: null,
  faces: [],
  thorough: false,
  selected: null,
  settings: {
    fidelity: 0.5,
    strength: 1,
    upscaling: null,
    backgroundUpscale: null,
    neverWorse: true,
    faceUpscale: true,
    onlyCenterFace: false,
  },
  cheap: false,
  work: null,
  result: null,
  firstTime: null,
  problem: null,
  request: null,
  outlines: true,
};

export type Listener = (state: State, before: State) => void;

export class Store {
  private readonly listeners: Listener[] = [];

  constructor(private current: State = INITIAL) {}

  get state(): State {
    return this.current;
  }

  /** Changes some of the state and tells everyone. A phase that cannot follow the present one is a defect. */
  set(change: Partial<State>): void {
    const before = this.current;
    if (change.phase && !NEXT[before.phase].includes(change.phase) && change.phase !== before.phase)
      throw new Error(`A photo cannot go from ${before.phase} to ${change.phase}`);
    this.current = { ...before, ...change };
    for (const listener of this.listeners) listener(this.current, before);
  }

  setFace(id: number, change: Partial<Face>): void {
    this.set({ faces: this.current.faces.map(face => (face.id === id ? { ...face, ...change } : face)) });
  }

  /** The listener is called at once and after every change. */
  subscribe(listener: Listener): void {
    this.listeners.push(listener);
    listener(this.current, this.current);
  }
}

/** Whether a photo can be had in a size. */
export const isPossible = ({ width, height }: Pick<Photo, 'width' | 'height'>, upscaling: number): boolean =>
  upscaling ** 2 * width * height <= MOST_PIXELS && upscaling * Math.max(width, height) <= MAX_SIDE;

/** Sizes that suit photos up to a longest side, in pixels; larger ones are large enough. */
const SIZES: readonly (readonly [number, number])[] = [
  [400, 4],
  [2000, 2],
];

/** Pixels of a photo whose background is sharpened unasked, where there is a graphics card. */
const SMALL = 500_000;

export const upscalerOf = ({ engine }: Pick<State, 'engine'>): boolean =>
  engine.status === 'ready' && engine.info !== null && engine.info.networks.upscaler !== null;

/** What decides which settings suit a photo, and can be had. */
export type Fitting = Pick<State, 'settings' | 'cheap' | 'engine'> & {
  readonly photo: Pick<Photo, 'width' | 'height'> | null;
};

/** The settings as they suit the photo, and as far as they can be had for it. */
export function fitted(state: Fitting): Fitted {
  const { settings, photo, cheap, engine } = state;
  if (cheap) return { ...settings, upscaling: 1, backgroundUpscale: false };
  const { width, height } = photo ?? { width: 0, height: 0 };
  let upscaling = settings.upscaling ?? (photo ? SIZES.find(([side]) => Math.max(width, height) <= side)?.[1] : 2) ?? 1;
  while (photo && upscaling > 1 && !isPossible(photo, upscaling)) upscaling--;
  const isQuick = engine.status === 'ready' && engine.info !== null && !engine.info.software;
  const suits = isQuick && upscaling > 1 && width * height <= SMALL;
  return { ...settings, upscaling, backgroundUpscale: upscalerOf(state) && (settings.backgroundUpscale ?? suits) };
}

/** Faces as people count them: from left to right. */
export function inOrder(faces: readonly Face[]): Face[] {
  return faces.toSorted((a, b) => a.box[0] + a.box[2] - (b.box[0] + b.box[2]));
}

/** The face that is looked at first: the largest that was restored. */
export function mainFace(faces: readonly Face[]): Face | undefined {
  const size = ({ box: [left, top, right, bottom] }: Face) => (right - left) * (bottom - top);
  const restored = faces.filter(face => face.included && face.untouched === null);
  return (restored.length > 0 ? restored : faces).toSorted((a, b) => size(b) - size(a))[0];
}

/** The number of a face, from 1. */
export const numberOf = (face: Face, faces: readonly Face[]): number => inOrder(faces).indexOf(face) + 1;

/** What a face is restored with. */
export function settingsOf(
  face: Pick<Face, 'fidelity' | 'strength'>,
  settings: Settings,
): { readonly fidelity: number; readonly strength: number } {
  return { fidelity: face.fidelity ?? settings.fidelity, strength: face.strength ?? settings.strength };
}

export const isWorking = ({ phase, opening }: State): boolean =>
  opening !== null || phase === 'finding' || phase === 'encoding' || phase === 'rendering';
