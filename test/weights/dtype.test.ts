// Conversions of element types are exact, or rounded to nearest with ties to even.

import { describe, expect, test } from 'vitest';
import { decodeBFloat16, decodeFloat16, encodeFloat16, toFloat32, typedData } from '../../src/weights/dtype.js';

/** A half by its definition. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

describe('float16', () => {
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i);

  test('all 65536 values decode as defined, and encode to themselves', () => {
    const decoded = decodeFloat16(all);
    const differing = all.filter(bits => !Object.is(decoded[bits], half(bits)));
    expect([...differing]).toEqual([]);
    const encoded = encodeFloat16(decoded);
    const changed = all.filter(bits => encoded[bits] !== bits && !Number.isNaN(half(bits)));
    expect([...changed]).toEqual([]);
    expect(all.every(bits => !Number.isNaN(half(bits)) || Number.isNaN(half(encoded[bits]!)))).toBe(true);
  });

  test('between two halves the nearer one is taken, the even one at the middle', () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [half(bits), half(bits + 1)];
      const middle = (low + high) / 2;
      const near = [middle * (1 - 2 ** -20), middle, middle * (1 + 2 ** -20)];
      const even = bits % 2 === 0 ? bits : bits + 1;
      const got = encodeFloat16(Float32Array.from([...near, ...near.map(value => -value)]));
      expect([...got]).toEqual([bits, even, bits + 1, bits | 0x8000, even | 0x8000, (bits + 1) | 0x8000]);
    }
  });

  test('beyond the largest half, values become infinite from 65520 on', () => {
    const got = encodeFloat16(
      Float32Array.of(65504, 65519.99, 65520, 1e30, -1e30, Number.POSITIVE_INFINITY, 1e-30, -0),
    );
    expect([...got]).toEqual([0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00, 0x7c00, 0, 0x8000]);
  });
});

test('bfloat16 is the upper half of a float32', () => {
  const bits = Uint16Array.of(0x3f80, 0xc000, 0x7f80, 0x0001, 0x8000);
  expect([...decodeBFloat16(bits)]).toEqual([1, -2, Number.POSITIVE_INFINITY, 2 ** -133, -0]);
});

test('other types become typed arrays, and float32 where that is asked for', () => {
  const bytes = (data: ArrayBufferView) => new Uint8Array(data.buffer);
  expect(typedData('int64', bytes(BigInt64Array.of(-5n)))).toEqual(BigInt64Array.of(-5n));
  expect(typedData('bool', Uint8Array.of(1, 0))).toEqual(Uint8Array.of(1, 0));
  expect(toFloat32('int64', bytes(BigInt64Array.of(-5n)))).toEqual(Float32Array.of(-5));
  expect(toFloat32('float64', bytes(Float64Array.of(0.1)))).toEqual(Float32Array.of(0.1));
  expect(toFloat32('int16', bytes(Int16Array.of(-7)))).toEqual(Float32Array.of(-7));
});
