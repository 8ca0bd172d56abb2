// The tool for faces that were not found: a box is drawn over the picture, or moved there by keys.

import { find } from '../dom.js';
import { actOn } from '../keys.js';
import type { Area, Store } from '../store.js';
import { announce } from '../toasts.js';
import type { Viewer } from './viewer.js';

/** Least side of a box that somebody meant, in CSS pixels. */
const LEAST = 12;

/** Side of the box before anything is drawn, as a share of the shorter side of the stage. */
const FIRST = 0.4;

/** What a key does, in CSS pixels and as a factor. */
const STEP = 8;
const LEAP = 40;
const GROWTH = 1.1;

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export class BoxTool {
  private readonly layer = find('#box-layer');
  private readonly frame = find('#box');
  private readonly button = find<HTMLButtonElement>('#show-face');
  private box: Box = { x: 0, y: 0, width: 0, height: 0 };
  private start: { readonly x: number; readonly y: number } | null = null;

  /** @param take gets the part of the photo in which a face is */
  constructor(
    store: Store,
    private readonly viewer: Viewer,
    private readonly take: (area: Area) => void,
  ) {
    this.button.addEventListener('click', () => (this.layer.hidden ? this.begin() : this.end()));
    find('#box-add').addEventListener('click', () => this.add());
    find('#box-cancel').addEventListener('click', () => this.end());
    this.frame.addEventListener('keydown', event => this.key(event));
    this.layer.addEventListener('pointerdown', event => this.pressed(event));
    this.layer.addEventListener('pointermove', event => this.moved(event));
    this.layer.addEventListener('pointerup', event => this.released(event));
    this.layer.addEventListener('pointercancel', () => this.reset());
    store.subscribe(({ photo, result }, before) => {
      this.button.disabled = result === null;
      if (photo !== before.photo && !this.layer.hidden) this.end();
    });
  }

  private begin(): void {
    if (!find('#brush-layer').hidden) find('#brush-done').click();
    this.layer.hidden = false;
    this.button.setAttribute('aria-pressed', 'true');
    this.reset();
    this.frame.focus();
  }

  private end(): void {
    this.layer.hidden = true;
    this.button.setAttribute('aria-pressed', 'false');
    this.button.focus();
  }

  private add(): void {
    const { width } = this.layer.getBoundingClientRect();
    const [left, top, right] = this.viewer.seen();
    const scale = width / (right - left);
    const { x, y, width: wide, height: high } = this.box;
    this.take([left + x / scale, top + y / scale, left + (x + wide) / scale, top + (y + high) / scale]);
    this.end();
    announce('Looking for the face in the box.');
  }

  private reset(): void {
    const { width, height } = this.layer.getBoundingClientRect();
    const side = FIRST * Math.min(width, height);
    this.start = null;
    this.show({ x: (width - side) / 2, y: (height - side) / 2, width: side, height: side });
  }

  private show(box: Box): void {
    this.box = box;
    const { style } = this.frame;
    style.setProperty('translate', `${box.x}px ${box.y}px`);
    style.setProperty('width', `${box.width}px`);
    style.setProperty('height', `${box.height}px`);
  }

  private placeOf(event: PointerEvent): { x: number; y: number } {
    const { left, top } = this.layer.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  private pressed(event: PointerEvent): void {
    // Below it the picture would be moved.
    event.stopPropagation();
    if (event.button !== 0 || (event.target as Element).closest('.tool-bar')) return;
    this.layer.setPointerCapture(event.pointerId);
    this.start = this.placeOf(event);
  }

  private moved(event: PointerEvent): void {
    event.stopPropagation();
    if (!this.start) return;
    const { x, y } = this.placeOf(event);
    const { start } = this;
    const box = { x: Math.min(x, start.x), y: Math.min(y, start.y) };
    this.show({ ...box, width: Math.abs(x - start.x), height: Math.abs(y - start.y) });
  }

  private released(event: PointerEvent): void {
    event.stopPropagation();
    if (!this.start) return;
    this.start = null;
    if (this.box.width >= LEAST && this.box.height >= LEAST) this.add();
    else this.reset();
  }

  private key(event: KeyboardEvent): void {
    const step = event.shiftKey ? LEAP : STEP;
    const { x, y, width, height } = this.box;
    const grown = (factor: number): Box => ({
      x: x - ((factor - 1) * width) / 2,
      y: y - ((factor - 1) * height) / 2,
      width: factor * width,
      height: factor * height,
    });
    const acts: Record<string, () => void> = {
      ArrowLeft: () => this.show({ ...this.box, x: x - step }),
      ArrowRight: () => this.show({ ...this.box, x: x + step }),
      ArrowUp: () => this.show({ ...this.box, y: y - step }),
      ArrowDown: () => this.show({ ...this.box, y: y + step }),
      '+': () => this.show(grown(GROWTH)),
      '=': () => this.show(grown(GROWTH)),
      '-': () => this.show(grown(1 / GROWTH)),
      Enter: () => this.add(),
      ' ': () => this.add(),
      Escape: () => this.end(),
    };
    actOn(event, acts);
  }
}
