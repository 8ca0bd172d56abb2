// Alignment: what it finds, what it leaves out, and what it refuses.

import { expect, test } from 'vitest';
import type { Point } from '../../src/image/geometry.js';
import { alignFace, invertAffine } from '../../src/pipeline/align.js';
import { composeAffine, pixelScaling, transformPoint } from '../../src/pixels/affine.js';

const TEMPLATE: Point[] = [
  [192.98138, 239.94708],
  [318.90277, 240.1936],
  [256.63416, 314.01935],
  [201.26117, 371.41043],
  [313.08905, 371.15118],
];

/** From a crop to a picture: turned, scaled and moved. */
const AWAY = Float64Array.of(0.7, -0.4, 300, 0.4, 0.7, -50);

const apart = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

test.each(['lmeds', 'least-squares'] as const)('finds a similarity, %s', method => {
  const landmarks = TEMPLATE.map(([x, y]) => transformPoint(AWAY, x, y));
  expect(apart(alignFace(landmarks, 512, { method }), invertAffine(AWAY))).toBeLessThan(1e-3);
  const half = alignFace(landmarks, 256, { method });
  expect(
    apart(
      half,
      invertAffine(AWAY).map(v => v / 2),
    ),
  ).toBeLessThan(1e-3);
});

test('upside down and mirrored: turned, but never mirrored', () => {
  const turned = alignFace(TEMPLATE.map(([x, y]): Point => [512 - x, 512 - y]));
  expect(apart(turned, [-1, 0, 512, 0, -1, 512])).toBeLessThan(1e-3);
  const [a, b, , c, d] = alignFace(TEMPLATE.map(([x, y]): Point => [512 - x, y]));
  expect(a! * d! - b! * c!).toBeGreaterThan(0);
});

test('one landmark far off is left out, unless all are to count', () => {
  const landmarks = TEMPLATE.map((point, i): Point => (i === 2 ? [point[0] + 150, point[1] - 90] : point));
  const identity = [1, 0, 0, 0, 1, 0];
  expect(apart(alignFace(landmarks), identity)).toBeLessThan(1e-3);
  expect(apart(alignFace(landmarks, 512, { method: 'least-squares' }), identity)).toBeGreaterThan(1);
});

test('inverse, composition and scaling of pixels', () => {
  expect(apart(composeAffine(AWAY, invertAffine(AWAY)), [1, 0, 0, 0, 1, 0])).toBeLessThan(1e-12);
  // The outer edges of the first pixel, at -0.5, and of the last stay where they are.
  expect(transformPoint(pixelScaling(2), -0.5, 9.5)).toEqual([-0.5, 19.5]);
});

test('what cannot be aligned is refused', () => {
  const wrong: unknown[] = [
    null,
    [],
    TEMPLATE.slice(1),
    [...TEMPLATE, [1, 2]],
    TEMPLATE.map(() => [100, 100]),
    TEMPLATE.map(([x]) => [x, 2 * x + 7]),
    TEMPLATE.map(([x, y], i) => [i === 3 ? Number.NaN : x, y]),
    TEMPLATE.map(([x, y], i) => [x, i === 0 ? Number.POSITIVE_INFINITY : y]),
    TEMPLATE.map(([x]) => [x]),
  ];
  for (const landmarks of wrong)
    expect(() => alignFace(landmarks as Point[])).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  expect(() => alignFace(TEMPLATE, 0)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  expect(() => invertAffine([1, 2, 0, 2, 4, 0])).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});
