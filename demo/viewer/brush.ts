// The brush on the picture: paints where a face stays closer to the photo, or becomes cleaner, than the slider says.

import { find } from '../dom.js';
import { actOn } from '../keys.js';
import { type Brush, isBlank, type Paint, type Point, Stroke } from '../paint.js';
import type { Session } from '../session.js';
import type { Face, State, Store } from '../store.js';
import { announce } from '../toasts.js';
import type { View } from './view.js';
import type { Viewer } from './viewer.js';

/** How soft the edge of the brush is. */
const SOFTNESS = 0.6;

/** What a key does: pixels of the stage, and a factor of the brush. */
const STEP = 8;
const LEAP = 40;
const GROWTH = 1.2;

/** Radius of the brush as a share of the crop's side. */
const RADII = { least: 0.02, most: 0.3 };

/** RGB of paint for the photo and for the cleaner face. */
const PHOTO = [64, 224, 208] as const;
const CLEAN = [255, 170, 60] as const;

const OPACITY = 0.5;

/** The face that the brush works on: the chosen one, or the only one. */
export function paintable({ faces, selected, result }: State): Face | undefined {
  const face = faces.length === 1 ? faces[0] : faces.find(({ id }) => id === selected);
  return result && face?.included && face.crop && face.transform ? face : undefined;
}

export class BrushTool {
  private readonly layer = find('#brush-layer');
  private readonly canvas = find<HTMLCanvasElement>('#brush-paint');
  private readonly ring = find('#brush');
  private readonly button = find<HTMLButtonElement>('#open-brush');
  private readonly size = find<HTMLInputElement>('#brush-radius');
  private view: View = { scale: 1, x: 0, y: 0 };
  /** Id of the face that is painted. */
  private target: number | null = null;
  /** The middle of the brush, in CSS pixels of the stage. */
  private at: Point = { x: 0, y: 0 };
  private stroke: Stroke | null = null;

  constructor(
    private readonly store: Store,
    private readonly session: Session,
    private readonly viewer: Viewer,
  ) {
    this.button.addEventListener('click', () => (this.layer.hidden ? this.begin() : this.end()));
    find('#brush-done').addEventListener('click', () => this.end());
    find('#brush-clear').addEventListener('click', () => this.apply(null));
    this.size.addEventListener('input', () => this.move(this.at));
    this.ring.addEventListener('keydown', event => this.key(event));
    this.layer.addEventListener('pointerdown', event => this.pressed(event));
    this.layer.addEventListener('pointermove', event => this.moved(event));
    for (const type of ['pointerup', 'pointercancel'] as const)
      this.layer.addEventListener(type, event => {
        event.stopPropagation();
        this.stroke = null;
      });
    viewer.follow(view => {
      this.view = view;
      this.place();
    });
    store.subscribe((state, before) => this.changed(state, before));
  }

  private changed(state: State, before: State): void {
    this.button.disabled = !paintable(state);
    if (this.layer.hidden) return;
    const { face } = this;
    if (!face || state.photo !== before.photo || paintable(state)?.id !== face.id) this.end();
    else if (face.paint !== before.faces.find(({ id }) => id === face.id)?.paint) this.show(face.paint);
  }

  private get face(): Face | undefined {
    return this.store.state.faces.find(({ id }) => id === this.target);
  }

  private begin(): void {
    const face = paintable(this.store.state);
    if (!face) return;
    find('#box-cancel').click();
    this.target = face.id;
    this.viewer.lookAt(face, { divided: false });
    this.layer.hidden = false;
    this.button.setAttribute('aria-pressed', 'true');
    const { width, height } = this.layer.getBoundingClientRect();
    this.show(face.paint);
    this.place();
    this.move({ x: width / 2, y: height / 2 });
    this.ring.focus();
  }

  private end(): void {
    this.layer.hidden = true;
    this.stroke = null;
    this.button.setAttribute('aria-pressed', 'false');
    if (!this.button.disabled) this.button.focus();
  }

  /** Radius in pixels of the crop. */
  private get radius(): number {
    const share = RADII.least * (RADII.most / RADII.least) ** this.size.valueAsNumber;
    return share * this.face!.crop!.width;
  }

  private get brush(): Brush {
    const kind = find<HTMLInputElement>('[name="brush-kind"]:checked').value;
    return { radius: this.radius, softness: SOFTNESS, value: kind === 'erase' ? null : Number(kind === 'photo') };
  }

  /** Pixels of the stage for each of the crop. */
  private get scale(): number {
    const [a, b] = this.face!.transform as unknown as [number, number];
    return this.view.scale / Math.hypot(a, b);
  }

  /** A point of the stage in pixels of the crop. */
  private inCrop({ x, y }: Point): Point {
    const [a, b, c, d, e, f] = Array.from(this.face!.transform!) as [number, number, number, number, number, number];
    const { scale, x: left, y: top } = this.view;
    const [px, py] = [(x - left) / scale, (y - top) / scale];
    return { x: a * px + b * py + c, y: d * px + e * py + f };
  }

  /** Puts the paint where the face is. */
  private place(): void {
    const { face } = this;
    if (this.layer.hidden || !face?.transform) return;
    const [a, b, c, d, e, f] = Array.from(face.transform) as [number, number, number, number, number, number];
    const { scale, x, y } = this.view;
    const back = scale / (a * e - b * d);
    const matrix = [e * back, -d * back, -b * back, a * back];
    const move = [(b * f - c * e) * back + x, (c * d - a * f) * back + y];
    this.canvas.style.setProperty('transform', `matrix(${[...matrix, ...move].join(',')})`);
    this.move(this.at);
  }

  private move(at: Point): void {
    this.at = at;
    if (this.layer.hidden || !this.face) return;
    const radius = this.radius * this.scale;
    const { style } = this.ring;
    style.setProperty('translate', `${at.x - radius}px ${at.y - radius}px`);
    for (const side of ['width', 'height']) style.setProperty(side, `${2 * radius}px`);
  }

  private show(paint: Paint | null): void {
    const side = this.face!.crop!.width;
    if (this.canvas.width !== side) Object.assign(this.canvas, { width: side, height: side });
    const context = this.canvas.getContext('2d')!;
    context.clearRect(0, 0, side, side);
    find<HTMLButtonElement>('#brush-clear').disabled = isBlank(paint);
    if (!paint) return;
    const picture = context.createImageData(side, side);
    paint.cover.forEach((cover, i) => {
      if (cover === 0) return;
      const value = paint.value[i]! / cover;
      const colour = PHOTO.map((photo, c) => CLEAN[c]! + value * (photo - CLEAN[c]!));
      picture.data.set([...colour, 255 * OPACITY * cover], 4 * i);
    });
    context.putImageData(picture, 0, 0);
  }

  private apply(paint: Paint | null): void {
    if (this.target !== null) this.session.setFace(this.target, { paint });
  }

  private begun(): Stroke {
    const face = this.face!;
    return new Stroke(face.paint, face.crop!.width, this.brush);
  }

  private pointOf(event: PointerEvent): Point {
    const { left, top } = this.layer.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  private pressed(event: PointerEvent): void {
    // Below it the picture would be moved.
    event.stopPropagation();
    if (event.button !== 0 || (event.target as Element).closest('.tool-bar')) return;
    event.preventDefault();
    this.layer.setPointerCapture(event.pointerId);
    this.stroke = this.begun();
    this.paintTo([event]);
  }

  private moved(event: PointerEvent): void {
    event.stopPropagation();
    this.move(this.pointOf(event));
    if (this.stroke) this.paintTo([...event.getCoalescedEvents(), event]);
  }

  private paintTo(events: readonly PointerEvent[]): void {
    for (const event of events) this.stroke!.to(this.inCrop(this.pointOf(event)));
    this.apply(this.stroke!.present());
  }

  private key(event: KeyboardEvent): void {
    const step = event.shiftKey ? LEAP : STEP;
    const { x, y } = this.at;
    const grow = (factor: number) => {
      this.size.valueAsNumber += Math.log(factor) / Math.log(RADII.most / RADII.least);
      this.move(this.at);
    };
    const dab = () => {
      const stroke = this.begun();
      stroke.to(this.inCrop(this.at));
      this.apply(stroke.present());
      announce('Painted.');
    };
    const acts: Record<string, () => void> = {
      ArrowLeft: () => this.move({ x: x - step, y }),
      ArrowRight: () => this.move({ x: x + step, y }),
      ArrowUp: () => this.move({ x, y: y - step }),
      ArrowDown: () => this.move({ x, y: y + step }),
      '+': () => grow(GROWTH),
      '=': () => grow(GROWTH),
      '-': () => grow(1 / GROWTH),
      ' ': dab,
      Enter: dab,
      Escape: () => this.end(),
    };
    actOn(event, acts);
  }
}
