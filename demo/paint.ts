// A fidelity for each pixel, painted over one for all: coverage and value of the paint are kept apart, so that the fidelity below
// stays what it is and shows through soft edges.

export interface Paint {
  /** 0 to 1 for each pixel. */
  readonly cover: Float32Array;
  /** Fidelity of the paint times its coverage. */
  readonly value: Float32Array;
}

export interface Brush {
  /** In pixels of the crop. */
  readonly radius: number;
  /** 0: a sharp edge, 1: soft up to the centre. */
  readonly softness: number;
  /** Fidelity, or null for a brush that takes paint away. */
  readonly value: number | null;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** One movement of the brush. Where it crosses itself it covers no more than once. */
export class Stroke {
  private readonly cover: Float32Array;
  private readonly start: Paint;
  private last: Point | null = null;
  private readonly paint: Paint;

  constructor(
    before: Paint | null,
    private readonly size: number,
    private readonly brush: Brush,
  ) {
    this.start = before ?? emptyPaint(size);
    this.paint = { cover: this.start.cover.slice(), value: this.start.value.slice() };
    this.cover = new Float32Array(size * size);
  }

  /** The paint so far, as a state that later movements leave as it is. */
  present(): Paint {
    return { cover: this.paint.cover.slice(), value: this.paint.value.slice() };
  }

  /** Moves the brush to a point, in pixels of the crop. */
  to(point: Point): void {
    const { size, brush } = this;
    const from = this.last ?? point;
    this.last = point;
    const { radius, softness } = brush;
    const firm = radius * (1 - softness);
    const left = Math.max(0, Math.floor(Math.min(from.x, point.x) - radius));
    const right = Math.min(size - 1, Math.ceil(Math.max(from.x, point.x) + radius));
    const top = Math.max(0, Math.floor(Math.min(from.y, point.y) - radius));
    const bottom = Math.min(size - 1, Math.ceil(Math.max(from.y, point.y) + radius));
    for (let y = top; y <= bottom; y++)
      for (let x = left; x <= right; x++) {
        const distance = distanceToLine({ x: x + 0.5, y: y + 0.5 }, from, point);
        const cover = distance <= firm ? 1 : distance >= radius ? 0 : smooth((radius - distance) / (radius - firm));
        const at = y * size + x;
        if (cover <= this.cover[at]!) continue;
        this.cover[at] = cover;
        blend(this.paint, this.start, at, cover, brush.value);
      }
  }
}

export const emptyPaint = (size: number): Paint => ({
  cover: new Float32Array(size * size),
  value: new Float32Array(size * size),
});

/** Paints whole cells of a grid, or takes their paint away where the value is null. */
export function paintCells(
  before: Paint | null,
  size: number,
  grid: number,
  cells: Iterable<number>,
  value: number | null,
): Paint {
  const start = before ?? emptyPaint(size);
  const paint = { cover: start.cover.slice(), value: start.value.slice() };
  const side = size / grid;
  for (const cell of cells) {
    const [left, top] = [(cell % grid) * side, Math.floor(cell / grid) * side];
    for (let y = Math.floor(top); y < top + side; y++)
      for (let x = Math.floor(left); x < left + side; x++) blend(paint, start, y * size + x, 1, value);
  }
  return paint;
}

function blend(paint: Paint, below: Paint, at: number, cover: number, value: number | null): void {
  const rest = 1 - cover;
  paint.cover[at] = below.cover[at]! * rest + (value === null ? 0 : cover);
  paint.value[at] = below.value[at]! * rest + (value === null ? 0 : cover * value);
}

/** Paint on a crop of another size. */
export function resized(paint: Paint, size: number): Paint {
  const former = Math.sqrt(paint.cover.length);
  if (former === size) return paint;
  const from = Array.from({ length: size }, (_, i) => Math.floor(((i + 0.5) * former) / size));
  const taken = (values: Float32Array) =>
    Float32Array.from(
      { length: size * size },
      (_, i) => values[from[Math.floor(i / size)]! * former + from[i % size]!]!,
    );
  return { cover: taken(paint.cover), value: taken(paint.value) };
}

/** A number that tells paint from other paint. */
export const markOf = ({ cover, value }: Paint): number =>
  cover.reduce((sum, share, i) => sum + (i + 1) * (share + 2 * value[i]!), 0);

/** Whether there is no paint anywhere. */
export const isBlank = (paint: Paint | null): boolean => !paint?.cover.some(cover => cover > 0);

/** 255 times the fidelity of each pixel, where paint lies over a fidelity for all. */
export function fidelityLevels(paint: Paint, below: number): Uint8ClampedArray {
  const levels = new Uint8ClampedArray(paint.cover.length);
  for (let i = 0; i < levels.length; i++) levels[i] = 255 * (below * (1 - paint.cover[i]!) + paint.value[i]!);
  return levels;
}

/** A fidelity as the network takes it: multiples of 1/255 where there is paint, so that documents can hold it exactly. */
export function fidelityOf(paint: Paint | null, below: number): number | Float32Array {
  if (!paint || isBlank(paint)) return below;
  return Float32Array.from(fidelityLevels(paint, below), level => level / 255);
}

/** Paint that gives a map, over the fidelity that most of its pixels have. */
export function paintOf(map: Float32Array): { readonly paint: Paint; readonly below: number } {
  const counts = new Map<number, number>();
  for (const value of map) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [below] = [...counts].reduce((most, entry) => (entry[1] > most[1] ? entry : most));
  const cover = map.map(value => Number(value !== below));
  return { paint: { cover, value: map.map((value, i) => value * cover[i]!) }, below };
}

function distanceToLine(point: Point, from: Point, to: Point): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : ((point.x - from.x) * dx + (point.y - from.y) * dy) / length;
  const share = Math.min(1, Math.max(0, along));
  return Math.hypot(point.x - from.x - share * dx, point.y - from.y - share * dy);
}

/** From 0 to 1 without corners. */
const smooth = (share: number): number => share * share * (3 - 2 * share);
