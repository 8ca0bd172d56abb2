// The picture on the stage: before at the left of a divider, after at its right; zoom and pan.

import type { Picture } from '../../src/web/client.js';
import { find } from '../dom.js';
import type { MadeFace, Screen } from '../session.js';
import { type Area, type Face, mainFace, type Result, type State, type Store } from '../store.js';
import { startWorker } from '../workers.js';
import { listen } from './gestures.js';
import type { FromPainter, ToPainter } from './painter.js';
import { between, clamp, pan, type Size, type View, visible, whole, zoomAt, zoomTo } from './view.js';

/** What a step of the keys does. */
const ZOOM_STEP = 1.25;
const PAN_STEP = 64;
const DIVIDER_STEP = 0.02;
const DIVIDER_LEAP = 0.1;

/** Milliseconds on the way to a face. */
const GLIDE = 300;

/** Distance from the divider, in CSS pixels, at which a press takes hold of it. */
const REACH = 24;

export class Viewer implements Screen {
  private readonly surface = find('#surface');
  private readonly canvas = find<HTMLCanvasElement>('#canvas');
  private readonly divider = find('#divider');
  private readonly level = find('#zoom-level');
  /** Started with the first photo. */
  private painter: Worker | null = null;
  private frames = 0;
  private stage: Size = { width: 1, height: 1 };
  private view: View = { scale: 1, x: 0, y: 0 };
  /** Follows the stage until the first zoom. */
  private fitted = true;
  /** Of the visible picture, 0 to 1, what is before. */
  private share = 0.5;
  private held = false;
  private due = false;
  /** The step that is next on the way to another view. */
  private gliding: (() => void) | null = null;
  private readonly followers: ((view: View) => void)[] = [];

  constructor(private readonly store: Store) {
    new ResizeObserver(() => this.resize()).observe(this.surface);
    listen(this.surface, {
      drag: x => this.drag(x),
      zoom: (factor, x, y) => this.zoom(factor, x, y),
      end: () => this.surface.classList.remove('dragging'),
    });
    this.surface.addEventListener('dblclick', event => {
      const { left, top } = this.surface.getBoundingClientRect();
      if (!this.fitted) this.fit();
      else this.zoom(Math.max(2, 1 / this.view.scale), event.clientX - left, event.clientY - top);
    });
    this.divider.addEventListener('keydown', event => this.dividerKey(event));
    this.canvas.addEventListener('keydown', event => this.panKey(event));
    for (const [id, act] of [
      ['#zoom-in', () => this.zoomIn()],
      ['#zoom-out', () => this.zoomOut()],
      ['#zoom-fit', () => this.fit()],
      ['#zoom-level', () => this.pixels()],
    ] as const)
      find(id).addEventListener('click', act);
    this.holdButton(find('#hold'));
    find('#view-bar').addEventListener('keydown', event => this.barKey(event));
    store.subscribe((state, before) => this.changed(state, before));
  }

  /** Takes what is to be shown: the photo, and for null nothing at all. */
  photo(picture: ImageBitmap | null): void {
    if (picture) {
      this.painter ??= this.startPainter();
      this.tell({ type: 'photo', picture }, [picture]);
    } else {
      this.tell({ type: 'photo', picture });
      this.result(null);
    }
  }

  /** Takes the restored picture. */
  result(picture: Picture | null): void {
    this.tell({ type: 'result', picture }, picture ? [picture.data.buffer as ArrayBuffer] : []);
  }

  /** Takes a face that is shown until there is another result; null: none after all. */
  face(made: MadeFace | null): void {
    this.tell({ type: 'face', made });
    if (made) this.surface.setAttribute('aria-busy', 'true');
    else this.draw();
  }

  seen(): Area {
    const { scale, x, y } = this.view;
    return [-x / scale, -y / scale, (this.stage.width - x) / scale, (this.stage.height - y) / scale];
  }

  /** Tells how the picture lies, now and after every change. */
  follow(follower: (view: View) => void): void {
    this.followers.push(follower);
    follower(this.view);
  }

  zoomIn(): void {
    this.zoom(ZOOM_STEP);
  }

  zoomOut(): void {
    this.zoom(1 / ZOOM_STEP);
  }

  fit(): void {
    const { photo } = this.store.state;
    if (!photo) return;
    this.fitted = true;
    this.show(whole(photo, this.stage));
  }

  /** A pixel of the result for each pixel of the screen. */
  pixels(): void {
    const { photo, result } = this.store.state;
    if (!photo) return;
    const scale = (result ? result.width / photo.width : 1) / devicePixelRatio;
    this.zoom(scale / this.view.scale);
  }

  /** Goes to a face, and puts the divider through it, or out of its way. */
  lookAt({ area, box }: Pick<Face, 'area' | 'box'>, { divided = true } = {}): void {
    const { photo } = this.store.state;
    if (!photo) return;
    const to = zoomTo(area ?? box, photo, this.stage);
    const { left, right } = visible(to, photo, this.stage);
    const middle = to.x + (to.scale * (box[0] + box[2])) / 2;
    this.share = divided ? Math.min(1, Math.max(0, (middle - left) / (right - left))) : 0;
    this.fitted = false;
    this.glide(to);
  }

  /** Moves to a view, or goes there at once where people want no motion. */
  private glide(to: View): void {
    const from = this.view;
    const begun = performance.now();
    const time = matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : GLIDE;
    const step = () => {
      // Somebody has moved it meanwhile.
      if (this.gliding !== step) return;
      const share = time === 0 ? 1 : Math.min(1, (performance.now() - begun) / time);
      if (share < 1) requestAnimationFrame(step);
      this.show(between(from, to, share));
      this.gliding = share < 1 ? step : null;
    };
    this.gliding = step;
    step();
  }

  /** Shows nothing but the photo as it was. */
  hold(on: boolean): void {
    if (this.held === on) return;
    this.held = on;
    find('#hold').setAttribute('aria-pressed', String(on));
    this.draw();
  }

  private zoom(factor: number, x = this.stage.width / 2, y = this.stage.height / 2): void {
    const { photo } = this.store.state;
    if (!photo) return;
    const view = zoomAt(this.view, factor, x, y, photo, this.stage);
    this.fitted = view.scale <= whole(photo, this.stage).scale * 1.001;
    this.show(view);
  }

  private show(view: View): void {
    this.view = view;
    this.gliding = null;
    this.level.textContent = `${Math.round(100 * view.scale * devicePixelRatio)}%`;
    for (const follower of this.followers) follower(view);
    this.draw();
  }

  private drag(x: number): ((dx: number, dy: number, x: number) => void) | null {
    const { photo, result } = this.store.state;
    if (!photo) return null;
    const { left, right } = visible(this.view, photo, this.stage);
    const near = Math.abs(x - (left + this.share * (right - left))) <= REACH;
    if (result && (near || this.fitted)) {
      return (_dx, _dy, to) => {
        this.surface.classList.add('dragging');
        this.divide((to - left) / (right - left));
      };
    }
    return (dx, dy) => {
      this.surface.classList.add('dragging');
      this.show(pan(this.view, dx, dy, photo, this.stage));
    };
  }

  private divide(share: number): void {
    this.share = Math.min(1, Math.max(0, share));
    this.draw();
  }

  private dividerKey(event: KeyboardEvent): void {
    const step = event.shiftKey ? DIVIDER_LEAP : DIVIDER_STEP;
    const to: Record<string, number> = {
      ArrowLeft: this.share - step,
      ArrowDown: this.share - step,
      ArrowRight: this.share + step,
      ArrowUp: this.share + step,
      PageDown: this.share - DIVIDER_LEAP,
      PageUp: this.share + DIVIDER_LEAP,
      Home: 0,
      End: 1,
    };
    const share = to[event.key];
    if (share === undefined) return;
    event.preventDefault();
    this.divide(share);
  }

  private panKey(event: KeyboardEvent): void {
    const { photo } = this.store.state;
    const by: Record<string, [number, number]> = {
      ArrowLeft: [PAN_STEP, 0],
      ArrowRight: [-PAN_STEP, 0],
      ArrowUp: [0, PAN_STEP],
      ArrowDown: [0, -PAN_STEP],
    };
    const step = by[event.key];
    if (!step || !photo) return;
    event.preventDefault();
    this.show(pan(this.view, ...step, photo, this.stage));
  }

  private barKey(event: KeyboardEvent): void {
    const buttons = [...find('#view-bar').querySelectorAll('button')].filter(button => button.offsetWidth > 0);
    const at = buttons.indexOf(event.target as HTMLButtonElement);
    const to: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: -1 };
    const next = to[event.key];
    if (next === undefined) return;
    event.preventDefault();
    buttons.at(next % buttons.length)?.focus();
  }

  private holdButton(button: HTMLElement): void {
    button.addEventListener('pointerdown', event => {
      button.setPointerCapture(event.pointerId);
      this.hold(true);
    });
    for (const name of ['pointerup', 'pointercancel', 'blur']) button.addEventListener(name, () => this.hold(false));
    const key = (event: KeyboardEvent, on: boolean) => {
      if (event.key !== ' ' && event.key !== 'Enter') return;
      event.preventDefault();
      this.hold(on);
    };
    button.addEventListener('keydown', event => key(event, true));
    button.addEventListener('keyup', event => key(event, false));
    // Where a press is long, phones ask what to do with the text.
    button.addEventListener('contextmenu', event => event.preventDefault());
  }

  private resize(): void {
    const { width, height } = this.surface.getBoundingClientRect();
    if (width === 0 || height === 0 || (width === this.stage.width && height === this.stage.height)) return;
    this.stage = { width, height };
    const { photo } = this.store.state;
    if (photo) this.show(this.fitted ? whole(photo, this.stage) : clamp(this.view, photo, this.stage));
  }

  private changed(state: State, before: State): void {
    if (state.photo !== before.photo) {
      this.share = 0.5;
      this.held = false;
      this.surface.hidden = state.photo === null;
      // What was in focus may be gone, or about to go.
      const { activeElement } = document;
      if (state.photo && (activeElement === document.body || activeElement?.closest('#empty')))
        find('#stage').focus({ preventScroll: true });
      this.fit();
    }
    const selected = state.selected !== before.selected && state.faces.find(face => face.id === state.selected);
    // What was made is at the face; who has moved the photo meanwhile stays there.
    const made = state.result && !before.result && this.fitted && mainFace(state.faces);
    if (selected || made) this.lookAt((selected || made) as Face);
    if (state.result !== before.result) this.draw();
    this.divider.hidden = state.result === null;
    const { photo, result } = state;
    const size = result ? `${result.width} by ${result.height} pixels, restored` : 'not restored yet';
    this.canvas.setAttribute('aria-label', photo ? `${photo.name}, ${size}` : '');
  }

  private draw(): void {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    // Other parts of the page come and go with the photo. Where that gives the surface its former size until the frame, no observer tells.
    this.resize();
    this.due = false;
    const { photo, result } = this.store.state;
    if (!photo) return;
    const part = visible(this.view, photo, this.stage);
    const at = part.left + this.share * (part.right - part.left);
    const divider = this.held ? this.stage.width : at;
    const frame = { stage: this.stage, ratio: devicePixelRatio, photo, view: this.view, divider };
    this.surface.setAttribute('aria-busy', 'true');
    this.tell({ type: 'frame', frame, id: ++this.frames });
    this.place(result, at, part);
  }

  private startPainter(): Worker {
    const painter = startWorker('painter.js', 'painter');
    const canvas = this.canvas.transferControlToOffscreen();
    painter.postMessage({ type: 'canvas', canvas } satisfies ToPainter, [canvas]);
    painter.addEventListener('message', ({ data }: MessageEvent<FromPainter>) => {
      if (data.id === this.frames) this.surface.removeAttribute('aria-busy');
    });
    return painter;
  }

  private tell(message: ToPainter, transfer: Transferable[] = []): void {
    this.painter?.postMessage(message, transfer);
  }

  /** Puts the divider and the words beside it where they belong. */
  private place(result: Result | null, at: number, part: { left: number; right: number; top: number; bottom: number }) {
    const { style } = this.divider;
    style.setProperty('--at', `${at}px`);
    style.setProperty('--top', `${part.top}px`);
    style.setProperty('--height', `${part.bottom - part.top}px`);
    this.divider.classList.toggle('held', this.held);
    const percent = Math.round(100 * this.share);
    this.divider.setAttribute('aria-valuenow', String(percent));
    this.divider.setAttribute('aria-valuetext', `${percent}% original, ${100 - percent}% restored`);
    const before = find('#label-before');
    const after = find('#label-after');
    before.style.setProperty('--at', `${part.left}px`);
    after.style.setProperty('--at', `${this.stage.width - part.right}px`);
    for (const label of [before, after]) label.style.setProperty('--bottom', `${this.stage.height - part.bottom}px`);
    before.hidden = !result || (!this.held && at - part.left < before.offsetWidth + 24);
    after.hidden = !result || this.held || part.right - at < after.offsetWidth + 24;
  }
}
