// What is going on and what went wrong, over the picture.

import { find, make, megabytes, seconds } from './dom.js';
import { BROWSERS, type Problem, type Remedy } from './problems.js';
import { hasServer, type Status } from './server/client.js';
import { isWorking, type State, type Store } from './store.js';
import { announce } from './toasts.js';

/** Milliseconds between two numbers of the clock. */
const TICK = 100;

/** Work that is over sooner is not worth a message. */
const QUIET = 250;

/** How long it will still take is said after some time. */
const TELLING = 2000;

const REMEDIES: Readonly<Record<Remedy, string>> = {
  again: 'Try again',
  cheaper: 'Try a smaller result',
  open: 'Choose another photo',
  weights: 'Choose another quality',
  browser: 'Restore in this browser',
  server: 'Restore on this server',
};

export class Messages {
  private clock: ReturnType<typeof setInterval> | null = null;
  private readonly title = document.title;
  /** A picture was made while another tab was in front. */
  private unseen = false;
  private shown: Problem | null = null;

  constructor(
    private readonly store: Store,
    private readonly remedy: (remedy: Remedy) => void,
  ) {
    store.subscribe((state, before) => this.changed(state, before));
    document.addEventListener('visibilitychange', () => {
      this.unseen = false;
      this.tick();
    });
  }

  private changed(state: State, before: State): void {
    const working = isWorking(state);
    if (working && this.clock === null) this.clock = setInterval(() => this.tick(), TICK);
    if (!working && this.clock !== null) {
      clearInterval(this.clock);
      this.clock = null;
    }
    if (state.phase === 'done' && state.result !== before.result) this.unseen = document.hidden;
    if (working) this.unseen = false;
    this.tick();
    if (state.phase !== before.phase || state.faces.length !== before.faces.length) this.announce(state, before);
    // Where nothing can restore it there is no use in choosing a photo.
    const { engine } = state;
    const problem = state.problem ?? (engine.status === 'failed' ? engine.problem : null);
    if (problem !== this.shown) this.showProblem(problem);
    find('#problem').classList.toggle('alone', state.photo === null);
    find('#empty').hidden = state.photo !== null || problem?.code === 'NO_ADAPTER';
  }

  private tick(): void {
    const text = this.show() ?? (this.unseen ? 'Done' : null);
    const title = text === null ? this.title : `${text} · ${this.title}`;
    if (document.title !== title) document.title = title;
  }

  /** Shows how far the work is, and returns that in short; null where there is none, or it is nearly over. */
  private show(): string | null {
    const { state } = this.store;
    const { work, opening } = state;
    const since = (opening ?? work)?.since;
    const time = since === undefined ? 0 : performance.now() - since;
    // A slider that moves would make a message flicker.
    const hidden = since === undefined || ((opening !== null || state.result !== null) && time < QUIET);
    find('#progress').hidden = hidden;
    if (hidden) return null;
    const text = wordsFor(state);
    if (find('#progress-text').textContent !== text) find('#progress-text').textContent = text;
    const bar = find('#progress-bar');
    const { done, left } = opening || !work ? { done: 0, left: 0 } : work.bar.look();
    bar.style.setProperty('--share', String(done));
    const percent = Math.round(100 * done);
    bar.setAttribute('aria-valuenow', String(percent));
    // At first nobody can know.
    const remaining = time > TELLING && left >= 1000 ? `about ${Math.round(left / 1000)} s left` : '';
    bar.setAttribute('aria-valuetext', [`${percent}%, ${text}`, remaining].filter(Boolean).join(', '));
    find('#progress-time').textContent = remaining || seconds(time);
    return `${percent}%`;
  }

  private announce(state: State, before: State): void {
    const { phase, faces, result } = state;
    if (phase === 'encoding' && before.phase === 'finding' && state.place === 'browser')
      announce(`${count(faces.length)} found.`);
    if (phase === 'done' && before.phase === 'rendering' && result) {
      announce(before.result ? 'The picture is up to date.' : `Done: ${summary(state)}`);
    }
  }

  private showProblem(problem: Problem | null): void {
    this.shown = problem;
    const box = find('#problem');
    box.hidden = problem === null;
    box.classList.toggle('mild', problem?.code === 'ABORTED');
    box.classList.toggle('blocking', problem?.code === 'NO_ADAPTER');
    if (!problem) return;
    const remedies = problem.remedies.filter(remedy => remedy !== 'server' || hasServer());
    const buttons = remedies.map((remedy, i) => {
      const button = make(
        'button',
        { type: 'button', className: `button${i === 0 ? ' primary' : ''}` },
        REMEDIES[remedy],
      );
      button.addEventListener('click', () => this.remedy(remedy));
      return button;
    });
    box.replaceChildren(
      make('h2', {}, problem.title),
      make('p', {}, problem.text),
      ...(problem.code === 'NO_ADAPTER' && globalThis.isSecureContext ? [browserList()] : []),
      make('div', { className: 'problem-actions' }, ...buttons),
    );
  }
}

function wordsFor({ opening, work, phase, engine, faces, place, request }: State): string {
  if (opening) return 'Opening the photo';
  if (place === 'server') return phase === 'rendering' ? wordsForRequest(request) : 'Sending the photo';
  if (engine.status === 'loading') {
    const { received, total } = engine;
    if (received === 0 || received === total) return 'Getting ready';
    return `Getting ready, ${megabytes(received)}${total ? ` of ${megabytes(total)}` : ''}`;
  }
  const { part = 'find', face = 0, faces: of = 0 } = work ?? {};
  const which = of > 1 ? `face ${face} of ${of}` : faces.length > 1 ? 'the faces' : 'the face';
  if (part === 'search') return 'Looking for small faces';
  if (part === 'read' || part === 'open') return faces.length === 0 ? 'Reading the photo' : `Looking at ${which}`;
  if (part === 'restore') return faces.length === 0 ? 'Enlarging the photo' : `Restoring ${which}`;
  if (part === 'background') return 'Sharpening the background';
  return part === 'finish' ? 'Putting the picture together' : 'Looking for faces';
}

/** What the server does, in the words of its log. */
function wordsForRequest(request: Status | null): string {
  if (request?.status === 'IN_QUEUE') {
    const before = request.queue_position ?? 0;
    return before === 0 ? 'Next in the queue' : `In the queue behind ${before} ${before === 1 ? 'other' : 'others'}`;
  }
  return request?.logs?.at(-1)?.message ?? 'Asking the server';
}

const count = (faces: number) => (faces === 0 ? 'No face' : faces === 1 ? 'One face' : `${faces} faces`);

/** What was done, in a sentence. */
export function summary({ faces, result, firstTime, engine, place }: State): string {
  if (!result || firstTime === null) return '';
  const time = `${result.time === firstTime ? '' : ', last change'} in ${seconds(result.time)}`;
  if (place === 'server') return `Restored on the server${time}`;
  const restored = faces.filter(face => face.included).length;
  const done = restored === 0 ? 'Enlarged' : `${count(restored)} restored`;
  const where =
    result.time === firstTime && engine.status === 'ready' && engine.info?.software ? ' without a graphics card' : '';
  return `${done}${time}${where}`;
}

/** What to do in which browser, this one first. */
function browserList(): HTMLElement {
  const own = BROWSERS.find(({ agent }) => agent.test(navigator.userAgent));
  const sorted = BROWSERS.toSorted((a, b) => Number(b === own) - Number(a === own));
  const entries = sorted.flatMap(browser => [
    make('dt', {}, browser.name, ...(browser === own ? [make('span', { className: 'badge' }, 'this one')] : [])),
    make('dd', {}, browser.text),
  ]);
  return make('dl', { className: 'browsers' }, ...entries);
}
