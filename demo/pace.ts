// How far the work on a photo is, and how long it will take: by what its parts took before on this machine, and by what they take now.

import { Kept } from './kept.js';

/** What the work is made of, in its order, and what each part is counted in. */
export type Part =
  /** Megabytes. */
  | 'download'
  | 'start'
  /** Looks for faces, in one size of the photo or in several. */
  | 'find'
  | 'search'
  /** Megapixels of the photo. */
  | 'open'
  /** Faces. */
  | 'read'
  | 'restore'
  /** Megapixels of the photo. */
  | 'background'
  /** Megapixels of the result. */
  | 'finish'
  /** Pictures that a server makes. */
  | 'server';

export interface Step {
  readonly part: Part;
  readonly units: number;
}

/** Milliseconds of a unit where nothing is known, without a graphics card and with one: so that they fit each other. */
const USUAL: Readonly<Record<Part, readonly [slow: number, fast: number]>> = {
  download: [400, 400],
  start: [3000, 1500],
  find: [800, 80],
  search: [4200, 400],
  open: [150, 100],
  read: [300, 50],
  restore: [1000, 120],
  background: [4200, 400],
  finish: [50, 50],
  server: [5000, 5000],
};

/** They say nothing of the others. */
const ELSEWHERE: readonly Part[] = ['download', 'start', 'server'];

/** What parts take on this machine, kept for the next visit. */
export class Pace {
  private known: Partial<Record<Part, number>> = {};
  private machine = '';
  private readonly kept = new Kept('localStorage', 'pace');

  /** @param fast whether there is a graphics card, as far as that is known */
  constructor(private fast = false) {
    try {
      const { machine = '', known = {} } = JSON.parse(this.kept.read() ?? '{}');
      Object.assign(this, { machine, known });
    } catch {
      // Written by something else.
    }
  }

  /** Takes what is known of the graphics card before the work is named. */
  suppose(fast: boolean): void {
    this.fast = fast;
  }

  /** Names what does the work. What was known of something else is forgotten. */
  on(machine: string, fast: boolean): void {
    if (machine !== this.machine) this.known = {};
    this.machine = machine;
    this.fast = fast;
  }

  /**
   * Milliseconds that a step takes.
   * @param now what a step takes that is under way
   */
  time({ part, units }: Step, now?: { readonly step: Step; readonly time: number }): number {
    const own = this.known[part];
    if (own !== undefined) return own * units;
    if (ELSEWHERE.includes(part)) return this.usual(part) * units;
    // Where others take longer than usual, this will, too.
    const known = { ...this.known, ...(now && now.step.units > 0 && { [now.step.part]: now.time / now.step.units }) };
    const others = Object.entries(known).filter(([other]) => !ELSEWHERE.includes(other as Part));
    const logs = others.map(([other, time]) => Math.log(time / this.usual(other as Part)));
    const mean = logs.reduce((a, b) => a + b, 0) / Math.max(1, logs.length);
    return this.usual(part) * Math.exp(mean) * units;
  }

  /** Whether a part was done here before. */
  knows(part: Part): boolean {
    return this.known[part] !== undefined;
  }

  private usual(part: Part): number {
    return USUAL[part][this.fast ? 1 : 0];
  }

  /** Takes in what a step took, in milliseconds. */
  learn({ part, units }: Step, time: number): void {
    if (!(units > 0 && time > 0)) return;
    const before = this.known[part] ?? time / units;
    this.known = { ...this.known, [part]: (before + time / units) / 2 };
    // How fast something comes depends on where it lies.
    const { download: _, ...known } = this.known;
    this.kept.write(JSON.stringify({ machine: this.machine, known }));
  }
}

/** Share of a part from which on it tells how long it takes. */
const TELLING = 0.05;

/** How far some work is. */
export class Bar {
  private at = 0;
  /** When the present part was begun, and how much of it was done by then. */
  private begun: { readonly time: number; readonly share: number };
  /** When it was last heard of. */
  private heard: number;
  private most = 0;

  /**
   * @param steps what is to be done, as far as it is known
   * @param since when it began, as `performance.now()` says it
   * @param share of the first part that is done already
   */
  constructor(
    private readonly pace: Pace,
    private steps: readonly Step[],
    private readonly since: number,
    private share = 0,
  ) {
    this.begun = { time: since, share };
    this.heard = since;
  }

  /** What is to be done after the present part, now that more is known. */
  follow(steps: readonly Step[]): void {
    this.steps = [...this.steps.slice(0, this.at + 1), ...steps];
  }

  /** The work has come to a part, of which a share is done; what lies before it is over. Parts that are not to be done count for nothing. */
  reach(part: Part, share = 0, now = performance.now()): void {
    const at = this.steps.findIndex((step, i) => i >= this.at && step.part === part);
    if (at < 0) return;
    if (at > this.at) {
      this.learn(now);
      this.at = at;
      this.begun = { time: now, share };
    }
    this.share = share;
    this.heard = now;
  }

  /** All is done. */
  end(now = performance.now()): void {
    this.learn(now);
    this.at = this.steps.length;
  }

  /** Share of the work that is done, 0 to 1, and the milliseconds that are left. */
  look(now = performance.now()): { readonly done: number; readonly left: number } {
    const step = this.steps[this.at];
    if (!step) return { done: 1, left: 0 };
    const time = this.timeOf(step);
    const others = this.steps.slice(this.at + 1).map(other => this.pace.time(other, { step, time }));
    const left = others.reduce((sum, other) => sum + other, this.leftOf(time, now));
    const spent = now - this.since;
    this.most = Math.max(this.most, spent / (spent + left) || 0);
    return { done: Math.min(0.99, this.most), left };
  }

  /** What the present part takes in all: the more of it is done, the more that tells. Networks count layers, which take unequally long. */
  private timeOf(step: Step): number {
    const gained = this.share - this.begun.share;
    const trust = step.part === 'download' ? 3 : this.pace.knows(step.part) ? 0.25 : 1;
    const weight = gained < TELLING ? 0 : Math.min(1, trust * gained);
    const measured = weight > 0 ? (this.heard - this.begun.time) / gained : 0;
    return weight * measured + (1 - weight) * this.pace.time(step);
  }

  private leftOf(time: number, now: number): number {
    const rest = time * (1 - this.share);
    const left = rest - (now - this.heard);
    // What takes longer than was thought is nearly over for a long time.
    return left > 0.1 * rest ? left : 0.1 * rest * Math.exp(left / rest - 0.1) || 0;
  }

  private learn(now: number): void {
    const step = this.steps[this.at];
    const share = 1 - this.begun.share;
    if (step && share > 0.5) this.pace.learn({ ...step, units: share * step.units }, now - this.begun.time);
  }
}
