// The picture on the stage: before at the left of a divider, after at its right; zoom and pan.

import { find } from '../dom.js';
import type { Preview, Result, State, Store } from '../store.js';
import { listen } from './gestures.js';
import { clamp, pan, type Size, type View, visible, whole, zoomAt, zoomTo } from './view.js';

/** What a step of the keys does. */
const ZOOM_STEP = 1.25;
const PAN_STEP = 64;
const DIVIDER_STEP = 0.02;
const DIVIDER_LEAP = 0.1;

/** Distance from the divider, in CSS pixels, at which a press takes hold of it. */
const REACH = 24;

export class Viewer {
  private readonly surface = find('#surface');
  private readonly canvas = find<HTMLCanvasElement>('#canvas');
  private readonly divider = find('#divider');
  private readonly level = find('#zoom-level');
  private readonly context = this.canvas.getContext('2d')!;
  private stage: Size = { width: 1, height: 1 };
  private view: View = { scale: 1, x: 0, y: 0 };
  /** Follows the stage until the first zoom. */
  private fitted = true;
  /** Of the visible picture, 0 to 1, what is before. */
  private share = 0.5;
  private held = false;
  private due = false;
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
    store.subscribe((state, before) => this.changed(state, before));
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

  zoomTo(area: readonly [number, number, number, number]): void {
    const { photo } = this.store.state;
    if (!photo) return;
    this.fitted = false;
    this.show(zoomTo(area, photo, this.stage));
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
    if (width === 0 || height === 0) return;
    this.stage = { width, height };
    this.canvas.width = Math.round(width * devicePixelRatio);
    this.canvas.height = Math.round(height * devicePixelRatio);
    const { photo } = this.store.state;
    if (photo) this.show(this.fitted ? whole(photo, this.stage) : clamp(this.view, photo, this.stage));
    // A resized canvas is empty until it is drawn, so not in a moment but now.
    this.paint();
  }

  private changed(state: State, before: State): void {
    if (state.photo !== before.photo) {
      this.share = 0.5;
      this.held = false;
      this.surface.hidden = state.photo === null;
      // What was in focus may be gone.
      if (state.photo && document.activeElement === document.body) find('#stage').focus({ preventScroll: true });
      this.resize();
      this.fit();
    }
    if (state.result !== before.result || state.preview !== before.preview) this.draw();
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
    this.due = false;
    const { context, canvas, view } = this;
    const { photo, result, preview } = this.store.state;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!photo) return;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.imageSmoothingQuality = 'high';
    const { left, right, top, bottom } = visible(view, photo, this.stage);
    const at = left + this.share * (right - left);
    const drawn = (bitmap: ImageBitmap) =>
      context.drawImage(bitmap, view.x, view.y, view.scale * photo.width, view.scale * photo.height);
    drawn(photo.bitmap);
    if (result && !this.held) {
      context.save();
      context.beginPath();
      context.rect(at, 0, this.stage.width - at, this.stage.height);
      context.clip();
      // Photos with alpha must not show through their restored selves.
      context.clearRect(at, top, right - at, bottom - top);
      drawn(result.bitmap);
      if (preview) this.paintPreview(preview, photo);
      context.restore();
    }
    this.place(result, at, { left, right, top, bottom });
  }

  private paintPreview({ bitmap, area }: Preview, photo: Size): void {
    const { context, view } = this;
    const [left, top, right, bottom] = area;
    const ratio = bitmap.width / photo.width;
    const width = right - left;
    const height = bottom - top;
    context.drawImage(
      bitmap,
      ratio * left,
      ratio * top,
      ratio * width,
      ratio * height,
      view.x + view.scale * left,
      view.y + view.scale * top,
      view.scale * width,
      view.scale * height,
    );
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
