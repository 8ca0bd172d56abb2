// IEEE 754 half precision for reading and writing f16 buffers on the CPU.

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Rounds to the nearest half, ties to even; an even count, as GPU writes come in steps of 4 bytes. */
export function toHalf(values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  const out = new Uint16Array(values.length + (values.length % 2));
  for (let i = 0; i < values.length; i++) {
    float[0] = values[i]!;
    const b = bits[0]!;
    const sign = (b >>> 16) & 0x8000;
    const exponent = (b >>> 23) & 0xff;
    const fraction = b & 0x7fffff;
    if (exponent === 0xff) {
      out[i] = sign | 0x7c00 | (fraction ? 0x200 : 0);
    } else if (exponent < 103) {
      out[i] = sign;
    } else {
      // Normal halves lose 13 bits of the fraction, subnormal ones more.
      const shift = exponent < 113 ? 126 - exponent : 13;
      const mantissa = exponent < 113 ? fraction | 0x800000 : fraction | ((exponent - 112) << 23);
      const rest = mantissa & ((1 << shift) - 1);
      const tie = 1 << (shift - 1);
      let half = mantissa >>> shift;
      if (rest > tie || (rest === tie && half & 1)) half++;
      out[i] = sign | Math.min(half, 0x7c00);
    }
  }
  return out;
}

export function fromHalf(values: Uint16Array): Float32Array {
  const out = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const h = values[i]!;
    const exponent = (h >>> 10) & 0x1f;
    const fraction = h & 0x3ff;
    const size =
      exponent === 0
        ? fraction * 2 ** -24
        : exponent === 31
          ? fraction
            ? Number.NaN
            : Number.POSITIVE_INFINITY
          : (1 + fraction / 1024) * 2 ** (exponent - 15);
    out[i] = h & 0x8000 ? -size : size;
  }
  return out;
}
