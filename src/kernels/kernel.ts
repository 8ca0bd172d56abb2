// What a kernel is, whatever executor runs it: its operands, its meaning, and the cases on which it is tested.

import { CodeFormerError } from '../errors.js';

/** How activations are stored. Sums, statistics and logits are f32 in both. */
export type Precision = 'f32' | 'f16';

/**
 * Where the values of a picture-like tensor lie in a buffer: NHWC. `c` counts the channels that mean something; pixels are
 * `stride` elements apart and start at element `offset`, both multiples of 4, so that several tensors can share a buffer (a
 * concatenation is written in place). Channels from `c` up to the next multiple of 4 are always zero. Tokens [N, T, C] are h = 1,
 * w = T: a picture read as tokens needs no copy.
 */
export interface Layout {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly c: number;
  readonly stride: number;
  readonly offset: number;
}

/** `store` follows the precision of the executor; the others are what they say. */
export type ElementType = 'store' | 'f32' | 'i32' | 'u32';

export interface Operand {
  /** `update` is changed in place, so that what it becomes depends on what it was. */
  readonly access: 'read' | 'write' | 'update';
  readonly type: ElementType;
  /** Smallest size of the bound buffer, in elements. */
  readonly elements: number;
  /** Set for picture-like operands: what lies outside the layout is neither read nor written. */
  readonly layout?: Layout;
}

/** The contract of a kernel. Executors find their implementation of it by its name. */
export interface Kernel<P> {
  readonly name: string;
  /**
   * What it reads and writes, by name.
   * @throws `SHAPE_MISMATCH` for parameters that do not fit together
   */
  operands(params: P): Readonly<Record<string, Operand>>;
  /** Contents of `read` operands that only the parameters decide; the executor uploads them. */
  tables?(params: P): Readonly<Record<string, NumberArray>>;
}

export type NumberArray = Float32Array | Int32Array | Uint32Array;

/** Memory that the steps of an implementation write and read between them, and that means nothing afterwards. */
export interface Scratch {
  readonly type: ElementType;
  readonly elements: number;
}

/** One set of parameters that the kernel test runs. */
export interface Case<P> {
  readonly name: string;
  readonly params: P;
  /** Largest allowed |got - want| / max(1, |want|). */
  readonly tolerance: { readonly f32: number; readonly f16: number };
  /** Values of an operand; uniform in [-1, 1) where absent. */
  readonly fill?: Readonly<Record<string, (index: number, random: () => number) => number>>;
}

/** Any 32-bit word, as four bytes: to fill operands with pixels. */
export const anyWord = (_: number, random: () => number): number => Math.floor((random() + 1) * 2 ** 31);

/** Ways of computing a convolution, which executors may have or not. */
export type ConvolutionWay = 'direct' | 'winograd' | 'winograd-2x2' | 'subgroup-matrices';

/** A kernel with its plain CPU reference and its cases. */
export interface KernelTest<P> {
  readonly kernel: Kernel<P>;
  /** Which of the implementations that an executor may have of convolutions is tested. */
  readonly convolution?: ConvolutionWay;
  readonly cases: readonly Case<P>[];
  /** Sizes as networks and photos have them, which benches measure; they are too large for the reference. */
  readonly usual: readonly Pick<Case<P>, 'name' | 'params' | 'fill'>[];
  /**
   * The meaning of the kernel, written for clarity, accumulating in float64. Gets the contents of the `read` and `update` operands as
   * they lie in their buffers, returns those of the `write` and `update` operands (same sizes; what the kernel must not touch may hold anything).
   */
  reference(params: P, inputs: Readonly<Record<string, NumberArray>>): Record<string, NumberArray>;
}

/** As `conv (winograd)`. */
export const testName = ({ kernel, convolution }: Pick<KernelTest<never>, 'kernel' | 'convolution'>): string =>
  convolution ? `${kernel.name} (${convolution})` : kernel.name;

/** The next multiple of `step`. */
export const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;

export const ceilDiv = (a: number, b: number): number => Math.ceil(a / b);

/** A layout that has its buffer for itself, unless stride and offset say otherwise. */
export function layout(n: number, h: number, w: number, c: number, stride = roundUp(c, 4), offset = 0): Layout {
  return { n, h, w, c, stride, offset };
}

/** Elements of the buffer that a layout lies in. */
export const layoutElements = (l: Layout): number => l.n * l.h * l.w * l.stride;

/** A picture-like operand. */
export const tensor = (access: 'read' | 'write', l: Layout, type: ElementType = 'store'): Operand => ({
  access,
  type,
  elements: layoutElements(l),
  layout: l,
});

/** An operand of f32 with a row of `c` values for each of `n` pictures. */
export const vectors = (access: 'read' | 'write', n: number, c: number): Operand =>
  tensor(access, layout(n, 1, 1, c), 'f32');

/** An operand that is a plain array. */
export const array = (access: Operand['access'], type: ElementType, elements: number): Operand => ({
  access,
  type,
  elements,
});

/** The error for operands that do not fit a kernel. */
export const mismatch = (expected: string, received: string | number): CodeFormerError =>
  new CodeFormerError('SHAPE_MISMATCH', `Expected ${expected} but received ${received}`);

/** A shape in words. */
export const shapeOf = (l: Pick<Layout, 'n' | 'h' | 'w' | 'c'>): string => `${l.n}x${l.h}x${l.w}x${l.c}`;

/** Index of the first channel of a pixel. */
export const pixelIndex = (l: Layout, n: number, y: number, x: number): number =>
  ((n * l.h + y) * l.w + x) * l.stride + l.offset;

export const bytesPerElement = (type: ElementType, precision: Precision): number =>
  type === 'store' && precision === 'f16' ? 2 : 4;
