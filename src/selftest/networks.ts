// Networks on the built-in picture, beside what was recorded of them. The recordings are part of the weights' metadata, under `check`.

import { throwIfAborted } from '../errors.js';
import type { RunOptions } from '../executor.js';
import type { Precision } from '../kernels/kernel.js';
import type { CodeFormer } from '../models/codeformer/codeformer.js';
import type { ParseNet } from '../models/parsenet/parsenet.js';
import type { RetinaFace } from '../models/retinaface/retinaface.js';
import type { Upscaler } from '../models/upscaler/upscaler.js';
import { ROLES, type Role } from '../weights/manifest.js';
import type { Check } from './check.js';
import { testPicture } from './picture.js';

/** What a network makes of the built-in picture. */
export interface Recording {
  /** Codes of the restorer. */
  readonly codes?: readonly number[];
  /** Some of the outputs, in thousandths. */
  readonly values: readonly number[];
}

/** The same, with the restorer's margins between its codes and the second best. */
interface Measured extends Recording {
  readonly margins?: Float32Array;
}

/** Networks that can be checked. */
export interface CheckedNetworks extends Readonly<Record<Role, unknown>> {
  readonly restorer: CodeFormer | null;
  readonly detector: RetinaFace | null;
  readonly parser: ParseNet | null;
  readonly upscaler: Upscaler | null;
}

/** Largest error of values in thousandths: of colours from -1 to 1, of the detector's outputs, of labels, and of colours from 0 to 1. */
const TOLERANCES: Readonly<Record<Role, Readonly<Record<Precision, number>>>> = {
  restorer: { f32: 4, f16: 40 },
  detector: { f32: 2, f16: 60 },
  parser: { f32: 50, f16: 300 },
  upscaler: { f32: 3, f16: 8 },
};

/** Codes may differ where the best two are this close to each other, in logits, and so many of a hundred. */
const CLOSE: Readonly<Record<Precision, number>> = { f32: 0.01, f16: 0.25 };
const MOST_CLOSE = 5;

/**
 * Runs a network on the built-in picture.
 * @param codes to be decoded by the restorer; default those that it predicts
 */
export function measure<R extends Role>(
  role: R,
  network: NonNullable<CheckedNetworks[R]>,
  codes: readonly number[] | undefined,
  fidelity = 0.5,
): Promise<Measured> {
  return MEASURES[role](network, codes, fidelity);
}

type Measure<N> = (network: N, codes: readonly number[] | undefined, fidelity: number) => Promise<Measured>;

const MEASURES: { readonly [R in Role]: Measure<NonNullable<CheckedNetworks[R]>> } = {
  async restorer(network, codes, fidelity) {
    const { size } = network;
    using encoded = await network.encodePicture(testPicture(size));
    // Always the recorded codes: one that differs would change the picture.
    const indices = Int32Array.from(codes ?? encoded.indices);
    const decoded = await network.decode(encoded, { indices, fidelity });
    const planes = [0, 1, 2].flatMap(c => blocks(size, (x, y) => decoded[(c * size + y) * size + x]!));
    return { codes: [...encoded.indices], margins: encoded.margin, values: planes };
  },
  async detector(network) {
    const { conf, loc, landms } = await network.forward(testPicture(64));
    return { values: [conf, loc, landms].flatMap(outputs => thousandths(spread(outputs, 48))) };
  },
  async parser(network) {
    const { size } = network;
    const { labels } = await network.parse(testPicture(size));
    return { values: blocks(size, (x, y) => labels[y * size + x]!) };
  },
  async upscaler(network) {
    const { data, width } = await network.upscale(testPicture(32));
    const planes = [0, 1, 2].flatMap(c => blocks(width, (x, y) => data[4 * (y * width + x) + c]! / 255));
    return { values: planes };
  },
};

/** The largest magnitude in a network on the built-in picture; infinite where it is too large for the precision. */
export function peakOf<R extends Role>(role: R, network: NonNullable<CheckedNetworks[R]>): Promise<number> {
  return network.peakOf(() => measure(role, network, undefined, 1));
}

const thousandths = (values: ArrayLike<number>): number[] => Array.from(values, value => Math.round(1000 * value));

/** Some of many values, from the first to the last one. */
const spread = (values: Float32Array, count: number): number[] =>
  Array.from({ length: count }, (_, i) => values[Math.floor((i * (values.length - 1)) / (count - 1))]!);

/** Blocks of a row and column of a plane. */
const GRID = 8;

/** Means of blocks of a square plane, in thousandths. */
function blocks(side: number, at: (x: number, y: number) => number): number[] {
  const sums = new Float64Array(GRID * GRID);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      sums[Math.floor((y * GRID) / side) * GRID + Math.floor((x * GRID) / side)]! += at(x, y);
  return thousandths(sums.map(sum => sum / (side / GRID) ** 2));
}

/** Checks the networks of which there are recordings. */
export async function checkNetworks(
  networks: CheckedNetworks,
  recordings: Readonly<Partial<Record<Role, Recording>>>,
  precision: Precision,
  signal: RunOptions['signal'],
): Promise<Check[]> {
  const checks: Check[] = [];
  for (const role of ROLES) {
    const [network, recorded] = [networks[role], recordings[role]];
    if (!network || !recorded) continue;
    throwIfAborted(signal);
    const found = await measure(role, network as never, recorded.codes);
    checks.push({ name: role, inputs: 1, fault: difference(role, recorded, found, precision) });
  }
  return checks;
}

/** What differs from what was recorded more than it may, in words; null for nothing. */
export function difference(
  role: Role,
  recorded: Recording,
  { codes = [], margins, values }: Measured,
  precision: Precision,
): string | null {
  const wanted = recorded.codes ?? [];
  const other = wanted.flatMap((code, i) => (codes[i] === code ? [] : [i]));
  // NaN is not close.
  const wrong = other.find(i => !(margins![i]! <= CLOSE[precision]));
  if (wrong !== undefined) return `code ${codes[wrong]} of token ${wrong}, expected ${wanted[wrong]}`;
  if (other.length * 100 > MOST_CLOSE * wanted.length)
    return `${other.length} of ${wanted.length} codes differ from those expected`;
  const allowed = TOLERANCES[role][precision];
  const off = recorded.values.findIndex((value, i) => !(Math.abs(values[i]! - value) <= allowed));
  return off < 0 ? null : `value ${off} is ${values[off]! / 1000}, expected ${recorded.values[off]! / 1000}`;
}

/**
 * The recording that weights carry: whole numbers, with spaces between them. Null where there is none, or none that can be read.
 * @param metadata of the weights
 */
export function recordingOf({ check }: Readonly<Record<string, string>>): Recording | null {
  const numbers = (list: unknown) => {
    const all = typeof list === 'string' ? list.split(' ').map(Number) : [];
    return all.every(Number.isInteger) ? all : [];
  };
  try {
    const { codes, values } = JSON.parse(check ?? '{}') as { codes?: unknown; values?: unknown };
    const recording = { values: numbers(values), ...(codes !== undefined && { codes: numbers(codes) }) };
    return recording.values.length > 0 ? recording : null;
  } catch {
    return null;
  }
}
