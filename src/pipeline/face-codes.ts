// Codes of a face, and how they are decoded, as a JSON document: what `codeformer codes` prints, `codeformer restore --codes` and the
// research page read and write.

import { CodeFormerError, describe } from '../errors.js';
import type { CodeSpace, Fidelity } from './types.js';

const CODES_FORMAT = 'codeformer-codes';
const CODES_VERSION = 1;

/** How codes were drawn. */
export interface CodeSampling {
  readonly temperature: number;
  readonly seed: number;
}

export interface FaceCodes extends CodeSpace {
  /** What the crop is called. */
  readonly file?: string | undefined;
  /** Side of the crop. */
  readonly size: number;
  /** Where the network came from, for readers; `fingerprint` says which one it is. */
  readonly model: string | null;
  /** Row by row. */
  readonly indices: Int32Array;
  /** Logit of the best code minus that of the second best, of each place; not of codes that were changed. */
  readonly margins?: Float32Array | undefined;
  readonly fidelity?: Fidelity | undefined;
  readonly adain?: boolean | undefined;
  /** Only where all codes were drawn, in one go. */
  readonly sampling?: CodeSampling | undefined;
}

const FIELDS = [
  'format',
  'version',
  'file',
  'size',
  'grid',
  'codebook',
  'fingerprint',
  'model',
  'indices',
  'margins',
  'fidelity',
  'adain',
  'sampling',
];

/** Largest side of crops and grids that is accepted. */
const MOST = 1 << 14;

/** The document, as JSON on one line. Fidelities of maps are rounded to 1/255. */
export function formatFaceCodes(codes: FaceCodes): string {
  const { file, size, grid, codebook, fingerprint, model, indices, margins, fidelity, adain, sampling } = codes;
  return JSON.stringify({
    format: CODES_FORMAT,
    version: CODES_VERSION,
    file,
    size,
    grid,
    codebook,
    fingerprint,
    model,
    indices: [...indices],
    margins: margins && [...margins],
    fidelity: fidelity === undefined ? undefined : fidelityToJson(fidelity),
    adain,
    sampling,
  });
}

/**
 * Reads a document.
 * @param text JSON
 * @param name what messages call it
 * @throws `INVALID_CODES` that names the field
 */
export function parseFaceCodes(text: string, name: string): FaceCodes {
  const expect = (holds: boolean, what: string, field: string, value: unknown) => {
    if (!holds) throw new CodeFormerError('INVALID_CODES', `${name}: expected ${what} for ${field} ${came(value)}`);
  };
  const record = (value: unknown, field: string, known: readonly string[]): Record<string, unknown> => {
    expect(typeof value === 'object' && value !== null && !Array.isArray(value), 'an object', field, value);
    const unknown = Object.keys(value as object).find(key => !known.includes(key));
    expect(unknown === undefined, `fields among ${known.join(', ')}`, field, unknown);
    return value as Record<string, unknown>;
  };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new CodeFormerError('INVALID_CODES', `${name}: expected JSON: ${(cause as Error).message}`, { cause });
  }
  // First whether it is such a document at all, then what is wrong with it.
  const { format, version } = (json ?? {}) as Record<string, unknown>;
  expect(format === CODES_FORMAT, JSON.stringify(CODES_FORMAT), 'format', format);
  expect(version === CODES_VERSION, `${CODES_VERSION}, the only supported version,`, 'version', version);
  const { file, size, grid, codebook, fingerprint, model, indices, margins, fidelity, adain, sampling } = record(
    json,
    'the document',
    FIELDS,
  );

  const whole = (value: unknown, field: string, least: number, most: number): number => {
    const fits = Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
    expect(fits, `a whole number from ${least} to ${most}`, field, value);
    return value as number;
  };
  const list = (value: unknown, field: string, count: number, what: string, valid: (v: unknown) => boolean) => {
    expect(Array.isArray(value) && value.length === count, `an array of ${count} numbers`, field, value);
    const values = value as number[];
    const wrong = values.findIndex(v => !valid(v));
    expect(wrong < 0, what, `${field}[${wrong}]`, values[wrong]);
    return values;
  };
  expect(file === undefined || typeof file === 'string', 'text', 'file', file);
  expect(model === null || typeof model === 'string', 'text or null', 'model', model);
  const side = whole(size, 'size', 1, MOST);
  const tokens = whole(grid, 'grid', 1, MOST) ** 2;
  const count = whole(codebook, 'codebook', 1, 2 ** 31 - 1);
  const digest = typeof fingerprint === 'string' && /^[0-9a-f]{64}$/.test(fingerprint);
  expect(digest, '64 hexadecimal digits', 'fingerprint', fingerprint);
  const isCode = (v: unknown) => Number.isInteger(v) && (v as number) >= 0 && (v as number) < count;
  const codes = list(indices, 'indices', tokens, `a code from 0 to ${count - 1}`, isCode);
  const isFloat32 = (v: unknown) => typeof v === 'number' && Number.isFinite(Math.fround(v));
  const rest: { -readonly [K in 'margins' | 'fidelity' | 'adain' | 'sampling']?: FaceCodes[K] } = {};
  if (margins !== undefined)
    rest.margins = Float32Array.from(list(margins, 'margins', tokens, 'a finite number', isFloat32));
  if (adain !== undefined) {
    expect(typeof adain === 'boolean', 'true or false', 'adain', adain);
    rest.adain = adain as boolean;
  }
  if (sampling !== undefined) {
    const { temperature, seed } = record(sampling, 'sampling', ['temperature', 'seed']);
    const positive = Number.isFinite(temperature) && (temperature as number) > 0;
    expect(positive, 'a number above 0', 'sampling.temperature', temperature);
    rest.sampling = {
      temperature: temperature as number,
      seed: whole(seed, 'sampling.seed', 0, Number.MAX_SAFE_INTEGER),
    };
  }
  if (typeof fidelity === 'number') {
    expect(fidelity >= 0 && fidelity <= 1, 'a number from 0 to 1', 'fidelity', fidelity);
    rest.fidelity = fidelity;
  } else if (fidelity !== undefined) {
    expect(typeof fidelity === 'object' && fidelity !== null, 'a number or { runs }', 'fidelity', fidelity);
    const { runs } = record(fidelity, 'fidelity', ['runs']);
    const bytes = base64Bytes(runs);
    expect(bytes !== null && bytes.length % 2 === 0, 'pairs of bytes in base64', 'fidelity.runs', runs);
    const map = mapOfRuns(bytes!, side ** 2);
    expect(map !== null, `runs of ${side ** 2} pixels`, 'fidelity.runs', runs);
    rest.fidelity = map!;
  }
  return {
    ...(file !== undefined && { file: file as string }),
    size: side,
    grid: grid as number,
    codebook: count,
    fingerprint: fingerprint as string,
    model: model as string | null,
    indices: Int32Array.from(codes),
    ...rest,
  };
}

const came = (value: unknown) => (value === undefined ? 'but there is none' : `but received ${describe(value)}`);

/**
 * Throws `INVALID_CODES` unless codes are of a network.
 * @param network `restorer.info` or the like
 * @param name what messages call the codes
 */
export function checkFaceCodes(
  codes: FaceCodes,
  network: { readonly size: number; readonly model: string | null; readonly codes: CodeSpace | null },
  name: string,
): void {
  const { size, grid, codebook, fingerprint, model } = codes;
  const own = { size: network.size, ...network.codes };
  const theirs = { size, grid, codebook, fingerprint };
  for (const field of ['size', 'grid', 'codebook', 'fingerprint'] as const) {
    if (theirs[field] === own[field]) continue;
    const from = model === null ? '' : ` (${JSON.stringify(model)})`;
    throw new CodeFormerError(
      'INVALID_CODES',
      `${name}: expected codes of the network ${JSON.stringify(network.model)}, with ${field} ${own[field]}, but they are of ` +
        `another one${from}, with ${field} ${theirs[field]}`,
    );
  }
}

/**
 * A fidelity as it stands in documents. A map is `{ runs }`: in base64, pairs of bytes, the first one 255 times w, the second one how many
 * more pixels have it, row by row.
 */
export function fidelityToJson(fidelity: Fidelity): number | { readonly runs: string } {
  if (typeof fidelity === 'number') return fidelity;
  const bytes: number[] = [];
  for (let i = 0; i < fidelity.length; ) {
    const level = Math.round(255 * fidelity[i]!);
    let more = 0;
    while (more < 255 && i + more + 1 < fidelity.length && Math.round(255 * fidelity[i + more + 1]!) === level) more++;
    bytes.push(level, more);
    i += more + 1;
  }
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return { runs: btoa(text) };
}

function base64Bytes(text: unknown): Uint8Array | null {
  if (typeof text !== 'string') return null;
  try {
    return Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

/** Null for runs of another number of pixels. */
function mapOfRuns(bytes: Uint8Array, pixels: number): Float32Array | null {
  let length = 0;
  for (let i = 1; i < bytes.length; i += 2) length += bytes[i]! + 1;
  if (length !== pixels) return null;
  const map = new Float32Array(pixels);
  for (let i = 0, at = 0; i < bytes.length; i += 2) {
    const end = at + bytes[i + 1]! + 1;
    map.fill(bytes[i]! / 255, at, end);
    at = end;
  }
  return map;
}
