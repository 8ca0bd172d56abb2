// The crop and the restored face: pictures, what lies over them, and the pointer that selects cells or paints.

import type { Picture } from '../../src/web/client.js';
import { find } from '../dom.js';
import { fidelityLevels, type Point, Stroke } from '../paint.js';
import { choose } from './cells.js';
import { heat } from './colours.js';
import { place } from './selection.js';
import type { Session } from './session.js';
import type { Edit, State, Store } from './state.js';

const SVG = 'http://www.w3.org/2000/svg';

/** Margins are shown up to this quantile, so that single ones that stand out do not darken the rest. */
const BRIGHT = 0.98;

export class Plates {
  private readonly crop = find<HTMLCanvasElement>('#crop');
  private readonly restored = find<HTMLCanvasElement>('#restored');
  private readonly over = find<HTMLCanvasElement>('#over');
  private readonly plates = [find('#plate-crop'), find('#plate-restored')];
  private stroke: { readonly stroke: Stroke; readonly pointer: number } | null = null;

  constructor(
    private readonly store: Store,
    private readonly session: Session,
  ) {
    for (const plate of this.plates) {
      for (const name of ['path', 'circle']) {
        const edge = document.createElementNS(SVG, name);
        edge.classList.add('edge');
        find('.marks', plate).append(edge, document.createElementNS(SVG, name));
      }
      plate.addEventListener('pointerdown', event => this.pressed(event, plate));
      plate.addEventListener('pointermove', event => this.moved(event, plate));
      plate.addEventListener('pointerup', event => this.released(event));
      plate.addEventListener('pointercancel', event => this.released(event));
      plate.addEventListener('pointerleave', () => this.showBrush(null));
    }
    store.subscribe((state, before) => this.changed(state, before));
  }

  private changed(state: State, before: State): void {
    const { subject, edit, result, overlay, selection, tool } = state;
    if (subject?.crop !== before.subject?.crop) this.stroke = null;
    if (!subject || !edit) return;
    if (subject.crop !== before.subject?.crop) draw(this.crop, subject.crop);
    if (result && result.picture !== before.result?.picture) draw(this.restored, result.picture);
    this.restored.classList.toggle('absent', result === null);
    const paintChanged = edit.paint !== before.edit?.paint || edit.below !== before.edit?.below;
    if (overlay !== before.overlay || subject.margins !== before.subject?.margins || paintChanged)
      this.showOverlay(state);
    if (selection !== before.selection || subject.grid !== before.subject?.grid) this.showSelection(state);
    for (const plate of this.plates) plate.dataset.tool = tool;
    if (tool !== 'paint') this.showBrush(null);
  }

  private showOverlay({ overlay, subject, edit }: State): void {
    const { over } = this;
    over.hidden = overlay === 'none';
    find('#legend').hidden = overlay === 'none';
    if (overlay === 'margins') {
      const { margins, grid } = subject!;
      const most = [...margins].sort((a, b) => a - b)[Math.floor(BRIGHT * (margins.length - 1))] || 1;
      draw(over, { data: heat(margins, most), width: grid, height: grid });
      this.showLegend('margin 0', most.toFixed(1));
    } else if (overlay === 'fidelity') {
      const { width, height } = subject!.crop;
      draw(over, { data: heat(levelsOf(edit!, width * height), 255), width, height });
      this.showLegend('w 0', '1');
    }
  }

  private showLegend(low: string, high: string): void {
    find('#legend-low').textContent = low;
    find('#legend-high').textContent = high;
  }

  /** Outlines the selected cells. */
  private showSelection({ subject, selection }: State): void {
    const { grid } = subject!;
    const { cells } = selection;
    let path = '';
    for (const cell of cells) {
      const [y, x] = place(cell, grid);
      if (y === 0 || !cells.has(cell - grid)) path += `M${x} ${y}h1`;
      if (y === grid - 1 || !cells.has(cell + grid)) path += `M${x} ${y + 1}h1`;
      if (x === 0 || !cells.has(cell - 1)) path += `M${x} ${y}v1`;
      if (x === grid - 1 || !cells.has(cell + 1)) path += `M${x + 1} ${y}v1`;
    }
    for (const plate of this.plates) {
      find<SVGElement>('.marks', plate).setAttribute('viewBox', `0 0 ${grid} ${grid}`);
      for (const line of plate.querySelectorAll('path')) line.setAttribute('d', path);
    }
  }

  /** The outline of the brush at a place of the crop, in pixels. */
  private showBrush(at: Point | null): void {
    const { subject, brush } = this.store.state;
    for (const circle of document.querySelectorAll('.marks circle')) {
      circle.classList.toggle('absent', at === null);
      if (!at || !subject) continue;
      const cell = subject.crop.width / subject.grid;
      circle.setAttribute('cx', String(at.x / cell));
      circle.setAttribute('cy', String(at.y / cell));
      circle.setAttribute('r', String(brush.radius / cell));
    }
  }

  /** Where a pointer is, in pixels of the crop. */
  private pointOf(event: PointerEvent, plate: HTMLElement): Point {
    const { left, top, width, height } = plate.getBoundingClientRect();
    const { crop } = this.store.state.subject!;
    return {
      x: ((event.clientX - left - plate.clientLeft) / (width - 2 * plate.clientLeft)) * crop.width,
      y: ((event.clientY - top - plate.clientTop) / (height - 2 * plate.clientTop)) * crop.height,
    };
  }

  private pressed(event: PointerEvent, plate: HTMLElement): void {
    const { subject, edit, tool, brush } = this.store.state;
    if (!subject || !edit || event.button !== 0 || this.stroke) return;
    const point = this.pointOf(event, plate);
    if (tool === 'select') {
      const cell = cellAt(point, subject.crop.width, subject.grid);
      choose(this.store, cell, event);
      return;
    }
    event.preventDefault();
    plate.setPointerCapture(event.pointerId);
    const { radius, softness, value, erases } = brush;
    const stroke = new Stroke(edit.paint, subject.crop.width, { radius, softness, value: erases ? null : value });
    stroke.to(point);
    this.stroke = { stroke, pointer: event.pointerId };
    this.session.edit({ paint: stroke.present() });
    this.showBrush(point);
  }

  private moved(event: PointerEvent, plate: HTMLElement): void {
    const { tool, subject } = this.store.state;
    if (tool !== 'paint' || !subject) return;
    const point = this.pointOf(event, plate);
    this.showBrush(point);
    if (this.stroke?.pointer !== event.pointerId) return;
    for (const part of event.getCoalescedEvents()) this.stroke.stroke.to(this.pointOf(part, plate));
    this.stroke.stroke.to(point);
    this.session.edit({ paint: this.stroke.stroke.present() }, { merge: true });
  }

  private released(event: PointerEvent): void {
    if (this.stroke?.pointer === event.pointerId) this.stroke = null;
  }
}

export function cellAt({ x, y }: Point, size: number, grid: number): number {
  const index = (at: number) => Math.min(grid - 1, Math.max(0, Math.floor((at / size) * grid)));
  return index(y) * grid + index(x);
}

function levelsOf({ paint, below }: Edit, pixels: number): Uint8ClampedArray {
  return paint ? fidelityLevels(paint, below) : new Uint8ClampedArray(pixels).fill(255 * below);
}

export function draw(canvas: HTMLCanvasElement, { data, width, height }: Picture): void {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pixels = new Uint8ClampedArray(data.buffer as ArrayBuffer, data.byteOffset, data.length);
  canvas.getContext('2d')!.putImageData(new ImageData(pixels, width, height), 0, 0);
}
