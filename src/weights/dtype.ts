// Element types of stored tensors and their exact conversion to and from float32. All bytes are little-endian, as is every
// machine with WebGPU.

/** Element types, by their PyTorch names. */
export type DType =
  | 'float64'
  | 'float32'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint64'
  | 'uint32'
  | 'uint16'
  | 'uint8'
  | 'bool';

/** Values of a tensor. float16 and bfloat16 come as Float32Array (exact), bool as Uint8Array of 0 and 1. */
export type TensorData =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint32Array
  | Uint16Array
  | Uint8Array;

/** Bytes per element. */
export const ITEM_SIZE: Readonly<Record<DType, number>> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint64: 8,
  uint32: 4,
  uint16: 2,
  uint8: 1,
  bool: 1,
};

/** Whether values of this type are real numbers, so weights rather than counters. */
export function isFloat(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float16' || dtype === 'bfloat16' || dtype === 'float64';
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const side of shape) count *= side;
  return count;
}

/** The values in bytes that begin at offset 0 of their buffer; shares memory where no conversion is needed. */
export function typedData(dtype: DType, bytes: Uint8Array): TensorData {
  const { buffer, byteOffset } = bytes;
  const length = bytes.length / ITEM_SIZE[dtype];
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer, byteOffset, length);
    case 'float16':
      return decodeFloat16(new Uint16Array(buffer, byteOffset, length));
    case 'bfloat16':
      return decodeBFloat16(new Uint16Array(buffer, byteOffset, length));
    case 'float64':
      return new Float64Array(buffer, byteOffset, length);
    case 'int64':
      return new BigInt64Array(buffer, byteOffset, length);
    case 'uint64':
      return new BigUint64Array(buffer, byteOffset, length);
    case 'int32':
      return new Int32Array(buffer, byteOffset, length);
    case 'uint32':
      return new Uint32Array(buffer, byteOffset, length);
    case 'int16':
      return new Int16Array(buffer, byteOffset, length);
    case 'uint16':
      return new Uint16Array(buffer, byteOffset, length);
    case 'int8':
      return new Int8Array(buffer, byteOffset, length);
    case 'uint8':
    case 'bool':
      return new Uint8Array(buffer, byteOffset, length);
  }
}

/** The values rounded to float32 (to nearest, ties to even; float16 and bfloat16 are exact). */
export function toFloat32(dtype: DType, bytes: Uint8Array): Float32Array {
  const data = typedData(dtype, bytes);
  if (data instanceof Float32Array) return data;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float32Array.from(data, Number);
  return new Float32Array(data);
}

/** IEEE 754 binary16 bits to float32, exactly: subnormals, infinities and NaN payloads included. */
export function decodeFloat16(bits: Uint16Array): Float32Array {
  const out = new Float32Array(bits.length);
  const words = new Uint32Array(out.buffer);
  for (let i = 0; i < bits.length; i++) {
    const h = bits[i]!;
    const magnitude = h & 0x7fff;
    if (magnitude >= 0x0400 && magnitude < 0x7c00) {
      // 112 = 127 - 15 is the difference of the exponent biases.
      words[i] = ((h & 0x8000) << 16) | ((magnitude << 13) + (112 << 23));
    } else if (magnitude < 0x0400) {
      out[i] = (h & 0x8000 ? -1 : 1) * magnitude * 2 ** -24;
    } else {
      words[i] = ((h & 0x8000) << 16) | 0x7f800000 | ((magnitude & 0x3ff) << 13);
    }
  }
  return out;
}

/** bfloat16 bits, the upper half of a float32, to float32. */
export function decodeBFloat16(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return new Float32Array(words.buffer);
}

/** float32 to IEEE 754 binary16 bits, to nearest with ties to even. Magnitudes from 65520 on become infinite. */
export function encodeFloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const sign = (word >>> 16) & 0x8000;
    const magnitude = word & 0x7fffffff;
    if (magnitude > 0x7f800000) {
      out[i] = sign | 0x7e00;
    } else if (magnitude >= 0x477ff000) {
      out[i] = sign | 0x7c00;
    } else if (magnitude >= 0x38800000) {
      // Adding just under half of the last kept place, or half where that place is odd, rounds ties to even.
      const rounded = magnitude - (112 << 23) + 0xfff + ((magnitude >>> 13) & 1);
      out[i] = sign | (rounded >>> 13);
    } else {
      // Subnormal: a multiple of 2^-24. Adding and subtracting 2^52 rounds a double to an integer, ties to even.
      const scaled = Math.abs(values[i]!) * 2 ** 24;
      out[i] = sign | (scaled + 2 ** 52 - 2 ** 52);
    }
  }
  return out;
}
