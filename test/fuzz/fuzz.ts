// Readers of untrusted bytes under mutated files: each case is made from a seed alone, so that a number is all it takes to see it again.

import { CodeFormerError } from '../../src/errors.js';
import { Random } from '../random.js';

/** A kind of file, its mutations, and the library's way of reading it. */
export interface FuzzTarget {
  /** As the command line has it. */
  readonly name: string;
  /** Cases of a whole run, and of the slice in `npm test`. */
  readonly count: number;
  readonly slice: number;
  /** A mutated file, the same for the same sequence. */
  make(random: Random): Promise<Uint8Array> | Uint8Array;
  /**
   * Reads all of a file as a caller would.
   * @returns bytes that the reader asked for and that its results hold, counted and not measured
   * @throws what reading throws
   */
  read(bytes: Uint8Array): Promise<number>;
}

/** What came of one case. */
export interface Outcome {
  /** `read`, the code of a `CodeFormerError`, or `untyped`. */
  readonly kind: string;
  readonly error?: unknown;
  readonly held: number;
}

/** Bytes that no case may hold. */
export const MAX_HELD = 200e6;

/** Makes a case of a run. */
export function makeCase(target: FuzzTarget, seed: number, index: number): Promise<Uint8Array> | Uint8Array {
  return target.make(new Random(Math.imul(seed, 0x01000193) ^ index));
}

export async function readCase(target: FuzzTarget, bytes: Uint8Array): Promise<Outcome> {
  try {
    return { kind: 'read', held: await target.read(bytes) };
  } catch (error) {
    // The message must be sound as well: short enough for a terminal, and a text.
    const typed = error instanceof CodeFormerError && typeof error.message === 'string' && error.message.length < 2000;
    return { kind: typed ? error.code : 'untyped', error, held: 0 };
  }
}

/** Numbers at which sizes, offsets and counts break. */
export const EDGES = [
  0,
  1,
  2,
  3,
  4,
  7,
  8,
  15,
  16,
  31,
  32,
  63,
  64,
  127,
  128,
  255,
  256,
  1000,
  4095,
  4096,
  65535,
  65536,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  -1,
  -2,
  -128,
  -(2 ** 31),
  0.5,
  1e300,
] as const;

/** One to four changes of bytes, cuts and copies, at any place. */
export function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  let out = new Uint8Array(bytes);
  for (let i = 1 + random.below(4); i > 0 && out.length > 0; i--) out = change(out, random);
  return out;
}

function change(bytes: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  const at = random.below(bytes.length);
  const length = Math.min(bytes.length - at, 1 + random.below(random.pick([2, 16, 256])));
  const spliced = (middle: Uint8Array, from = at, until = at + length) => {
    const out = new Uint8Array(from + middle.length + bytes.length - until);
    out.set(bytes.subarray(0, from));
    out.set(middle, from);
    out.set(bytes.subarray(until), from + middle.length);
    return out;
  };
  switch (random.below(9)) {
    case 0: // a bit
      bytes[at]! ^= 1 << random.below(8);
      return bytes;
    case 1: // a byte
      bytes[at] = random.next();
      return bytes;
    case 2: // a run of one value
      bytes.fill(random.pick([0, 0xff, 0x28, 0x5b, 0x7b, random.next()]), at, at + length);
      return bytes;
    case 3: {
      // a number of 16, 32 or 64 bits
      const size = random.pick([2, 4, 8]);
      if (at + size > bytes.length) return bytes;
      const edge = BigInt(Math.round(Math.min(random.pick(EDGES), 2 ** 62)));
      const value = random.chance(0.3) ? BigInt(bytes.length + random.below(64) - 32) : edge;
      for (let i = 0; i < size; i++) bytes[at + i] = Number((value >> BigInt(8 * i)) & 255n);
      return bytes;
    }
    case 4: // the rest is missing
      return bytes.slice(0, at);
    case 5: // a piece is missing
      return spliced(new Uint8Array(0));
    case 6: // a piece is there again
      return spliced(bytes.slice(at, at + length), at, at);
    case 7: // a piece is there many times
      return spliced(repeated(bytes.subarray(at, at + length), random.pick([10, 1000])), at, at);
    default: {
      // a piece stands elsewhere
      const to = random.below(bytes.length);
      bytes.copyWithin(to, at, at + length);
      return bytes;
    }
  }
}

function repeated(piece: Uint8Array, times: number): Uint8Array {
  const out = new Uint8Array(piece.length * times);
  for (let i = 0; i < times; i++) out.set(piece, i * piece.length);
  return out;
}
