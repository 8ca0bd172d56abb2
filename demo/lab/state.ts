// What the page shows, in one place. States are replaced, never changed, so that views can compare them.

import type { CodeSampling } from '../../src/pipeline/face-codes.js';
import type { DetectedFace, Picture, RestorerInfo } from '../../src/web/client.js';
import type { Paint } from '../paint.js';
import type { Problem } from '../problems.js';
import type { Metrics } from './metrics.js';
import type { Selection } from './selection.js';

export type EngineState =
  | { readonly status: 'loading'; readonly received: number; readonly total: number | null }
  | { readonly status: 'ready'; readonly info: RestorerInfo }
  | { readonly status: 'failed'; readonly problem: Problem };

/** A picture that was opened, and the faces in it. */
export interface Source {
  readonly name: string;
  readonly blob: Blob;
  readonly bitmap: ImageBitmap;
  readonly faces: readonly DetectedFace[];
  /** Id of the face that is worked on; null where the whole picture is the crop. */
  readonly chosen: number | null;
}

/** The crop that is worked on, and what the network found in it. */
export interface Subject {
  readonly name: string;
  readonly crop: Picture;
  readonly indices: Int32Array;
  readonly margins: Float32Array;
  /** Logit of each code for each cell; null until it is asked for. */
  readonly logits: Float32Array | null;
  /** Codes in a row. */
  readonly grid: number;
  readonly codebook: number;
  readonly warnings: readonly string[];
}

/** What can be changed, and taken back. */
export interface Edit {
  readonly indices: Int32Array;
  /** How all codes were drawn, where none was changed since. */
  readonly sampling: CodeSampling | null;
  /** Fidelity where there is no paint. */
  readonly below: number;
  readonly paint: Paint | null;
  readonly adain: boolean;
}

export interface Result {
  readonly picture: Picture;
  /** What it was made of. */
  readonly edit: Edit;
  /** Milliseconds that it took. */
  readonly time: number;
  /** Null until they are measured. */
  readonly metrics: Metrics | null;
}

export interface SweepRow {
  readonly fidelity: number;
  readonly picture: Picture;
  readonly metrics: Metrics;
}

export interface Sweep {
  readonly rows: readonly SweepRow[];
  /** How many there will be. */
  readonly count: number;
  readonly running: boolean;
  /** Codes that the pictures are of. */
  readonly indices: Int32Array;
  readonly adain: boolean;
}

export type Tool = 'select' | 'paint';
export type Overlay = 'none' | 'margins' | 'fidelity';

export interface State {
  readonly engine: EngineState;
  /** What is being done before there is a crop, in words. */
  readonly busy: string | null;
  readonly problem: Problem | null;
  readonly source: Source | null;
  readonly subject: Subject | null;
  readonly edit: Edit | null;
  readonly selection: Selection;
  readonly tool: Tool;
  readonly overlay: Overlay;
  readonly brush: {
    readonly radius: number;
    readonly softness: number;
    readonly value: number;
    readonly erases: boolean;
  };
  readonly drawing: CodeSampling;
  /** Whether the picture is being made. */
  readonly decoding: boolean;
  readonly result: Result | null;
  readonly sweep: Sweep | null;
}

type Listener = (state: State, before: State) => void;

export class Store {
  private current: State;
  private readonly listeners: Listener[] = [];

  constructor(first: State) {
    this.current = first;
  }

  get state(): State {
    return this.current;
  }

  set(change: Partial<State>): void {
    const before = this.current;
    this.current = { ...before, ...change };
    for (const listener of this.listeners) listener(this.current, before);
  }

  /** Also calls the listener at once. */
  subscribe(listener: Listener): void {
    this.listeners.push(listener);
    listener(this.current, this.current);
  }
}
