// A small chart of one quantity over the fidelity.

const SVG = 'http://www.w3.org/2000/svg';

/** In units of the drawing. */
const [WIDTH, HEIGHT] = [260, 120];
const EDGE = { left: 44, right: 10, top: 10, bottom: 24 };

export interface ChartPoint {
  readonly x: number;
  readonly y: number;
}

/** A line through points whose x lies between 0 and 1; the table beside it has the numbers. */
export function chart(title: string, points: readonly ChartPoint[], format: (value: number) => string): SVGSVGElement {
  const root = node('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', class: 'chart' });
  const finite = points.filter(({ y }) => Number.isFinite(y));
  const values = finite.map(({ y }) => y);
  const [least, most] = range(values);
  const across = (x: number) => EDGE.left + x * (WIDTH - EDGE.left - EDGE.right);
  const up = (y: number) => HEIGHT - EDGE.bottom - ((y - least) / (most - least)) * (HEIGHT - EDGE.top - EDGE.bottom);
  root.append(node('title', {}, describe(title, finite, format)));
  for (const y of [least, (least + most) / 2, most]) {
    root.append(
      node('line', { class: 'chart-grid', x1: across(0), x2: across(1), y1: up(y), y2: up(y) }),
      node('text', { class: 'chart-number', x: EDGE.left - 6, y: up(y) + 4, 'text-anchor': 'end' }, format(y)),
    );
  }
  for (const x of [0, 0.5, 1]) {
    const anchor = x === 0 ? 'start' : x === 1 ? 'end' : 'middle';
    root.append(node('text', { class: 'chart-number', x: across(x), y: HEIGHT - 8, 'text-anchor': anchor }, `w ${x}`));
  }
  const places = finite.map(({ x, y }) => `${across(x).toFixed(1)},${up(y).toFixed(1)}`);
  root.append(node('polyline', { class: 'chart-line', points: places.join(' ') }));
  for (const { x, y } of finite) root.append(node('circle', { class: 'chart-point', cx: across(x), cy: up(y), r: 3 }));
  return root;
}

/** A range that is not empty. */
function range(values: readonly number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = most > least ? 0.08 * (most - least) : Math.abs(most) * 0.05 || 1;
  return [least - room, most + room];
}

function describe(title: string, points: readonly ChartPoint[], format: (value: number) => string): string {
  const [first] = points;
  if (!first) return title;
  const best = points.reduce((a, b) => (b.y > a.y ? b : a));
  return `${title} over the fidelity: ${format(first.y)} at ${first.x}, highest ${format(best.y)} at ${best.x}`;
}

function node<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string | number>>,
  text?: string,
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}
