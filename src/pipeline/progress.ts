// What a call says of itself while it works: progress events, and the time of each stage.

import { throwIfAborted } from '../errors.js';
import type { Progress } from './types.js';

export type Timings = Record<string, number>;

/** Adds the time of some work to a stage, in milliseconds. */
export async function timed<T>(timings: Timings, stage: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  try {
    return await work();
  } finally {
    timings[stage] = Math.round(10 * ((timings[stage] ?? 0) + performance.now() - start)) / 10;
  }
}

/** How much work it is to upscale a megapixel, where a face that is restored is 1. */
export const UPSCALING_WORK = 3;

/** How the work of a call is shared by its stages: networks take nearly all of it. A background that is upscaled shares with the faces. */
const SHARES: Readonly<Record<Exclude<Progress['stage'], 'background'>, readonly [begin: number, end: number]>> = {
  decode: [0, 0.01],
  detect: [0.01, 0.08],
  align: [0.08, 0.1],
  restore: [0.1, 0.92],
  paste: [0.92, 0.99],
  encode: [0.99, 1],
};

/** Follows the stages of a call; an abort takes effect whenever it is told of one. */
export class Report {
  private readonly timings: Timings = {};
  private running: string | null = null;
  private since = performance.now();
  /** Which picture of how many the work is on. */
  private round = { number: 0, of: 1 };
  /** Where the faces end and the background begins. */
  private turn = SHARES.restore[1];

  constructor(
    private readonly onProgress: ((progress: Progress) => void) | undefined,
    readonly signal: AbortSignal | undefined,
  ) {}

  /** The same call, going on under another signal. */
  resumed(signal: AbortSignal): Report {
    const report = new Report(this.onProgress, signal);
    Object.assign(report.timings, this.timings);
    report.running = this.running;
    report.since = this.since;
    return report;
  }

  /** Says that a stage, or one of its faces, has begun. */
  stage(stage: Progress['stage'], face = 0, faces = 0): void {
    throwIfAborted(this.signal);
    this.clock(stage);
    this.share(stage, 0, face, faces);
  }

  /** Says how far a stage, or one of its faces, is. */
  share(stage: Progress['stage'], share: number, face = 0, faces = 0): void {
    const [begin, end] = this.shareOf(stage);
    const part = faces > 0 ? (face - 1 + share) / faces : share;
    const done = begin + (end - begin) * part;
    const repeated = stage === 'restore' || stage === 'background' || stage === 'paste';
    this.onProgress?.({ stage, face, faces, share, done: repeated ? this.overall(done) : done });
  }

  /** Says how much work the faces are, and the background, of which there is none where it is not upscaled. */
  plan(faces: number, background: number): void {
    const [begin, end] = SHARES.restore;
    this.turn = background > 0 ? begin + ((end - begin) * faces) / (faces + background) : end;
  }

  private shareOf(stage: Progress['stage']): readonly [begin: number, end: number] {
    const [begin, end] = SHARES.restore;
    if (stage === 'restore') return [begin, this.turn];
    return stage === 'background' ? [this.turn, end] : SHARES[stage];
  }

  /** Says that faces are restored and pasted for one of several pictures, from 0. */
  picture(number: number, of: number): void {
    this.round = { number, of };
  }

  /** Of what is done of one picture, what is done of all. */
  private overall(done: number): number {
    const [begin, end] = [SHARES.restore[0], SHARES.paste[1]];
    const { number, of } = this.round;
    return begin + ((end - begin) * (number + (done - begin) / (end - begin))) / of;
  }

  /** From now on, time counts for this: a stage of progress, or a part of one. */
  clock(name: string): void {
    const now = performance.now();
    if (this.running !== null) this.timings[this.running] = (this.timings[this.running] ?? 0) + now - this.since;
    this.running = name;
    this.since = now;
  }

  /** Milliseconds of each stage, which add up to `total`, and apart from that `wait`, for the calls before. */
  finish(): Timings {
    this.onProgress?.({ stage: 'encode', face: 0, faces: 0, share: 1, done: 1 });
    this.clock('encode');
    const { wait = 0, ...stages } = this.timings;
    const tenths = (ms: number) => Math.round(10 * ms);
    const rounded = Object.entries(stages).map(([name, ms]) => [name, tenths(ms)] as const);
    const total = rounded.reduce((sum, [, ms]) => sum + ms, 0);
    const all = [...rounded, ['total', total], ['wait', tenths(wait)]] as const;
    return Object.fromEntries(all.map(([name, ms]) => [name, ms / 10]));
  }
}
