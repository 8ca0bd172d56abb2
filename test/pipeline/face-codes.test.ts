// Documents of codes: there and back, and what is refused.

import { describe, expect, test } from 'vitest';
import { CodeFormerError } from '../../src/errors.js';
import { type FaceCodes, formatFaceCodes, parseFaceCodes } from '../../src/pipeline/face-codes.js';

const codes: FaceCodes = {
  file: 'crop.png',
  size: 4,
  grid: 2,
  codebook: 10,
  fingerprint: 'ab'.repeat(32),
  model: 'embedded',
  indices: Int32Array.of(9, 0, 3, 3),
  margins: Float32Array.of(0.1, 0.2, 3, 4e-9),
  fidelity: 0.3,
  adain: false,
  sampling: { temperature: 0.5, seed: 2 ** 40 },
};

const around = (value: FaceCodes) => parseFaceCodes(formatFaceCodes(value), 'codes');

/** The document with other fields; undefined takes one away. */
const changed = (more: object) => JSON.stringify({ ...JSON.parse(formatFaceCodes(codes)), ...more });

function refusal(text: string): string {
  try {
    parseFaceCodes(text, 'codes.json');
  } catch (error) {
    expect(error).toBeInstanceOf(CodeFormerError);
    expect((error as CodeFormerError).code).toBe('INVALID_CODES');
    return (error as Error).message;
  }
  throw new Error('was taken');
}

test('everything comes back as it was', () => {
  expect(around(codes)).toEqual(codes);
  const { file, margins, fidelity, adain, sampling, ...least } = codes;
  expect(around({ ...least, model: null })).toEqual({ ...least, model: null });
});

describe('maps of fidelity', () => {
  test('come back exactly where they are multiples of 1/255', () => {
    const side = 64;
    // Every level, and a run that is longer than a byte counts.
    const map = Float32Array.from(
      { length: side * side },
      (_, i) => (i < 256 ? i : i < 1500 ? 7 : (i * i) % 256) / 255,
    );
    expect(around({ ...codes, size: side, fidelity: map }).fidelity).toEqual(map);
  });

  test('are rounded else', () => {
    const map = new Float32Array(16).fill(0.3);
    expect(around({ ...codes, fidelity: map }).fidelity).toEqual(new Float32Array(16).fill(77 / 255));
  });

  test('are as documented: a byte of w, a byte of how many more', () => {
    const map = new Float32Array(16).fill(1, 3);
    const { runs } = JSON.parse(formatFaceCodes({ ...codes, fidelity: map })).fidelity;
    expect([...Buffer.from(runs, 'base64')]).toEqual([0, 2, 255, 12]);
  });
});

const runs = (...bytes: number[]) => ({ runs: Buffer.from(bytes).toString('base64') });

test.each([
  ['format', { format: 'codes' }, 'expected "codeformer-codes" for format but received "codes"'],
  ['version', { version: 2 }, 'expected 1, the only supported version, for version but received 2'],
  ['file', { file: 5 }, 'for file but received 5'],
  ['size', { size: 0 }, 'for size but received 0'],
  ['size', { size: 1e9 }, 'for size but received 1000000000'],
  ['grid', { grid: 2.5 }, 'for grid but received 2.5'],
  ['codebook', { codebook: '10' }, 'for codebook but received "10"'],
  ['fingerprint', { fingerprint: 'AB' }, 'expected 64 hexadecimal digits for fingerprint but received "AB"'],
  ['model', { model: undefined }, 'expected text or null for model but there is none'],
  ['indices', { indices: [1, 2, 3] }, 'expected an array of 4 numbers for indices but received an array of 3'],
  ['indices', { indices: [1, 2, 3, 10] }, 'expected a code from 0 to 9 for indices[3] but received 10'],
  ['indices', { indices: [1, -1, 3, 10] }, 'for indices[1] but received -1'],
  ['indices', { indices: [1, null, 3, 1] }, 'for indices[1] but received null'],
  ['margins', { margins: [1, 2, '3', 4] }, 'for margins[2] but received "3"'],
  ['margins', { margins: [1, 2, 3, 1e60] }, 'for margins[3] but received 1e+60'],
  ['fidelity', { fidelity: 1.5 }, 'expected a number from 0 to 1 for fidelity but received 1.5'],
  ['fidelity', { fidelity: null }, 'for fidelity but received null'],
  ['fidelity', { fidelity: [1] }, 'for fidelity but received an array of 1'],
  ['fidelity', { fidelity: { runs: '?' } }, 'expected pairs of bytes in base64 for fidelity.runs'],
  ['fidelity', { fidelity: runs(255, 15, 0) }, 'expected pairs of bytes in base64 for fidelity.runs'],
  ['fidelity', { fidelity: runs(255, 14) }, 'expected runs of 16 pixels for fidelity.runs'],
  ['fidelity', { fidelity: runs(255, 14, 0, 1) }, 'expected runs of 16 pixels for fidelity.runs'],
  ['adain', { adain: 1 }, 'expected true or false for adain but received 1'],
  ['sampling', { sampling: { temperature: 0, seed: 1 } }, 'for sampling.temperature but received 0'],
  ['sampling', { sampling: { temperature: 1 } }, 'for sampling.seed but there is none'],
  ['sampling', { sampling: { temperature: 1, seed: 1, top: 2 } }, 'for sampling but received "top"'],
  ['a misspelt field', { fidelty: 1 }, 'for the document but received "fidelty"'],
])('a wrong %s is refused: %j', (_, more, message) => {
  expect(refusal(changed(more))).toContain(message);
});

test.each(['', '{', 'null', '3', '[]', '"codeformer-codes"'])('what is no document is refused: %s', text => {
  expect(refusal(text)).toMatch(/^codes\.json: expected /);
});
