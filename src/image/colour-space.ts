// Colour spaces that pictures tell by numbers (cICP and gAMA with cHRM in PNG, nclx in AVIF), as ICC profiles, which every decoder
// understands.

import { joined } from './png.js';

/** Numbers of ITU-T H.273. */
export interface CodePoints {
  readonly primaries: number;
  readonly transfer: number;
}

export interface ColourSpace {
  /** x and y of white, red, green and blue. */
  readonly primaries: Primaries;
  /** Light, 0 to 1 and above, of a value from 0 to 1. */
  readonly toLight: (value: number) => number;
}

type Primaries = readonly [
  wx: number,
  wy: number,
  rx: number,
  ry: number,
  gx: number,
  gy: number,
  bx: number,
  by: number,
];

const D65 = [0.3127, 0.329] as const;

const SRGB_PRIMARIES: Primaries = [...D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06];

const PRIMARIES: Readonly<Record<number, Primaries>> = {
  1: SRGB_PRIMARIES,
  4: [0.31, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08],
  5: [...D65, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06],
  6: [...D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07],
  7: [...D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07],
  9: [...D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046],
  11: [0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06],
  12: [...D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06],
};

const srgb = (v: number) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const rec709 = (v: number) => (v < 0.081 ? v / 4.5 : ((v + 0.099) / 1.099) ** (1 / 0.45));

/** Light of perceptual quantisation over that of white in print, 203 candela per square metre. */
function pq(v: number): number {
  const power = v ** (32 / 2523);
  return ((Math.max(0, power - 107 / 128) / (2413 / 128 - (2392 / 128) * power)) ** (16_384 / 2610) * 10_000) / 203;
}

/** Hybrid log-gamma on a display of 1000 candela per square metre, over the same white. */
function hlg(v: number): number {
  const scene = v <= 0.5 ? v ** 2 / 3 : (Math.exp((v - 0.55991073) / 0.17883277) + 0.28466892) / 12;
  return (scene ** 1.2 * 1000) / 203;
}

const TRANSFERS: Readonly<Record<number, (v: number) => number>> = {
  1: rec709,
  4: v => v ** 2.2,
  5: v => v ** 2.8,
  6: rec709,
  8: v => v,
  13: srgb,
  14: rec709,
  15: rec709,
  16: pq,
  18: hlg,
};

/** The colour space of code points; null for sRGB and for what is unspecified or unknown. */
export function colourSpaceOf({ primaries, transfer }: CodePoints): ColourSpace | null {
  const own = PRIMARIES[primaries];
  const toLight = TRANSFERS[transfer];
  if (!own || !toLight) return null;
  // Encoders name the curve of video also for what is in sRGB, and viewers take it for that.
  if (own === SRGB_PRIMARIES && (toLight === srgb || toLight === rec709)) return null;
  return { primaries: own, toLight: toLight === rec709 ? srgb : toLight };
}

/** How far gamma and chromaticities may be from those of sRGB to mean it. */
const SRGB_GAMMA = [0.45, 0.46] as const;
const SAME_CHROMATICITY = 0.002;

/**
 * The colour space of a PNG that tells it by numbers; null for sRGB, and where it has a profile.
 * @param chunks by name
 */
export function pngColourSpace(chunks: ReadonlyMap<string, Uint8Array>): ColourSpace | null {
  // The one that comes first here wins where there are several.
  const numbers = chunks.get('cICP');
  if (numbers && numbers.length >= 2) return colourSpaceOf({ primaries: numbers[0]!, transfer: numbers[1]! });
  if (chunks.has('iCCP') || chunks.has('sRGB')) return null;
  const hundredThousandths = (name: string, count: number) => {
    const body = chunks.get(name);
    if (!body || body.length < 4 * count) return null;
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    return Array.from({ length: count }, (_, i) => view.getUint32(4 * i) / 100_000);
  };
  const [gamma = 0] = hundredThousandths('gAMA', 1) ?? [];
  const given = hundredThousandths('cHRM', 8) as Primaries | null;
  const own = given && isTriangle(given) && !alike(given, SRGB_PRIMARIES) ? given : SRGB_PRIMARIES;
  const isSrgb = gamma < 0.01 || gamma > 10 || (gamma >= SRGB_GAMMA[0] && gamma <= SRGB_GAMMA[1]);
  if (own === SRGB_PRIMARIES && isSrgb) return null;
  return { primaries: own, toLight: isSrgb ? srgb : v => v ** (1 / gamma) };
}

const alike = (a: Primaries, b: Primaries) => a.every((value, i) => Math.abs(value - b[i]!) <= SAME_CHROMATICITY);

function isTriangle([wx, wy, rx, ry, gx, gy, bx, by]: Primaries): boolean {
  const area = (rx - gx) * (by - gy) - (bx - gx) * (ry - gy);
  return Math.min(wy, ry, gy, by) > 0 && wx > 0 && Math.abs(area) > 0.01;
}

type Vector = readonly [number, number, number];
type Matrix = readonly [Vector, Vector, Vector];

const apply = (matrix: Matrix, [a, b, c]: Vector): Vector =>
  matrix.map(row => row[0] * a + row[1] * b + row[2] * c) as unknown as Vector;

const multiply = (a: Matrix, b: Matrix): Matrix => transpose(transpose(b).map(column => apply(a, column)) as never);

const transpose = (m: Matrix): Matrix => [0, 1, 2].map(i => m.map(row => row[i])) as never;

function inverse([a, b, c]: Matrix): Matrix {
  const cross = (u: Vector, v: Vector): Vector => [
    u[1] * v[2] - u[2] * v[1],
    u[2] * v[0] - u[0] * v[2],
    u[0] * v[1] - u[1] * v[0],
  ];
  const columns = [cross(b, c), cross(c, a), cross(a, b)] as const;
  const determinant = a.reduce((sum, value, i) => sum + value * columns[0][i]!, 0);
  return transpose(columns.map(column => column.map(value => value / determinant)) as never);
}

const xyz = (x: number, y: number): Vector => [x / y, 1, (1 - x - y) / y];

/** The white of profiles. */
const D50: Vector = [0.9642, 1, 0.8249];

const BRADFORD: Matrix = [
  [0.8951, 0.2664, -0.1614],
  [-0.7502, 1.7135, 0.0367],
  [0.0389, -0.0685, 1.0296],
];

/** Red, green and blue as XYZ under the white of profiles: the columns. */
function toD50([wx, wy, rx, ry, gx, gy, bx, by]: Primaries): Matrix {
  const columns = transpose([xyz(rx, ry), xyz(gx, gy), xyz(bx, by)]);
  const white = xyz(wx, wy);
  const amounts = apply(inverse(columns), white);
  const own = columns.map(row => row.map((value, i) => value * amounts[i]!)) as unknown as Matrix;
  const [from, to] = [apply(BRADFORD, white), apply(BRADFORD, D50)];
  const adapted = BRADFORD.map((row, i) => row.map(value => (value * to[i]!) / from[i]!)) as unknown as Matrix;
  return multiply(multiply(inverse(BRADFORD), adapted), own);
}

/** Points of the curve of a profile. */
const CURVE = 4096;

/** An ICC profile (version 2) of a colour space, for pictures of three channels or of one. */
export function iccProfile({ primaries, toLight }: ColourSpace, grey: boolean): Uint8Array {
  const [red, green, blue] = transpose(toD50(primaries));
  const curve = curveTag(toLight);
  const tags: readonly (readonly [string, Uint8Array])[] = [
    ['desc', textTag('desc', 'Colours of the picture')],
    ['cprt', textTag('text', 'No copyright')],
    ['wtpt', xyzTag(D50)],
    ...(grey
      ? ([['kTRC', curve]] as const)
      : ([
          ['rXYZ', xyzTag(red)],
          ['gXYZ', xyzTag(green)],
          ['bXYZ', xyzTag(blue)],
          ['rTRC', curve],
          ['gTRC', curve],
          ['bTRC', curve],
        ] as const)),
  ];
  // Tags that are the same lie in the profile once.
  const bodies = [...new Set(tags.map(([, body]) => body))];
  const places = new Map<Uint8Array, number>();
  let end = 128 + 4 + 12 * tags.length;
  for (const body of bodies) {
    places.set(body, end);
    end += body.length;
  }
  const head = new Uint8Array(128 + 4 + 12 * tags.length);
  const view = new DataView(head.buffer);
  const text = (at: number, letters: string) => {
    for (let i = 0; i < letters.length; i++) head[at + i] = letters.charCodeAt(i);
  };
  view.setUint32(0, end);
  view.setUint32(8, 0x02400000);
  text(12, `mntr${grey ? 'GRAY' : 'RGB '}XYZ `);
  view.setUint16(24, 2000);
  view.setUint16(26, 1);
  view.setUint16(28, 1);
  text(36, 'acsp');
  D50.forEach((value, i) => {
    view.setInt32(68 + 4 * i, fixed(value));
  });
  view.setUint32(128, tags.length);
  tags.forEach(([name, body], i) => {
    text(132 + 12 * i, name);
    view.setUint32(136 + 12 * i, places.get(body)!);
    view.setUint32(140 + 12 * i, body.length);
  });
  return joined([head, ...bodies]);
}

const fixed = (value: number): number => Math.round(value * 65_536);

function tag(type: string, length: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(4 * Math.ceil((8 + length) / 4));
  for (let i = 0; i < 4; i++) bytes[i] = type.charCodeAt(i);
  return { bytes, view: new DataView(bytes.buffer) };
}

function xyzTag(values: Vector): Uint8Array {
  const { bytes, view } = tag('XYZ ', 12);
  values.forEach((value, i) => {
    view.setInt32(8 + 4 * i, fixed(value));
  });
  return bytes;
}

function curveTag(toLight: (value: number) => number): Uint8Array {
  const { bytes, view } = tag('curv', 4 + 2 * CURVE);
  view.setUint32(8, CURVE);
  for (let i = 0; i < CURVE; i++) {
    // Brighter than white is white.
    const light = Math.min(1, Math.max(0, toLight(i / (CURVE - 1))));
    view.setUint16(12 + 2 * i, Math.round(65_535 * light));
  }
  return bytes;
}

function textTag(type: 'desc' | 'text', letters: string): Uint8Array {
  // A description is followed by versions of it in other scripts, all empty here.
  const { bytes, view } = tag(type, type === 'text' ? letters.length + 1 : 4 + letters.length + 1 + 78);
  if (type === 'desc') view.setUint32(8, letters.length + 1);
  for (let i = 0; i < letters.length; i++) bytes[(type === 'text' ? 8 : 12) + i] = letters.charCodeAt(i);
  return bytes;
}
