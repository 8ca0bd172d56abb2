// What a kernel is: plain data and one pure function from parameters to dispatches. Nothing here knows WebGPU's objects.

import { CodeFormerError } from '../errors.js';

/** How activations are stored. Sums, statistics and logits are f32 in both. */
export type Precision = 'f32' | 'f16';

/**
 * `registers`: tiles in registers, no barriers, no workgroup memory: for software adapters, where both are 3-4x slower.
 * `workgroup`: tiles in workgroup memory: for GPUs.
 */
export type Family = 'registers' | 'workgroup';

/** What a kernel may know of the adapter. */
export interface Target {
  readonly family: Family;
  readonly precision: Precision;
  /** Largest storage binding, in bytes. */
  readonly maxBindingSize: number;
  /** Which kernel 3x3 convolutions run as, where there is a choice; `auto`, the default, is the one that was measured to be faster. */
  readonly convolution?: 'auto' | 'direct' | 'winograd';
  /** Whether shaders may use subgroup operations. Default false. */
  readonly subgroups?: boolean;
}

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

/** `store` follows the precision of the device; the others are what they say. */
export type ElementType = 'store' | 'f32' | 'i32' | 'u32';

export interface Operand {
  /**
   * `update` is changed in place, so that what it becomes depends on what it was. `scratch` is written and read by the kernel's own
   * dispatches and means nothing afterwards.
   */
  readonly access: 'read' | 'write' | 'update' | 'scratch';
  readonly type: ElementType;
  /** Smallest size of the bound buffer, in elements. */
  readonly elements: number;
  /** Set for picture-like operands: what lies outside the layout is neither read nor written. */
  readonly layout?: Layout;
}

/**
 * A compute shader with entry point `main`; one pipeline for each distinct source and set of constants. What it reads and writes its code
 * says, and is taken from there: storage bindings in group 0, and where it has a plan, `struct Plan` and
 * `@group(1) @binding(0) var<uniform> plan: Plan`.
 */
export interface Shader {
  /** For labels and errors: `conv3x3/registers`. */
  readonly name: string;
  /** WGSL; the aliases of prelude.wgsl stand before it. */
  readonly code: string;
  /** Values of the `override` declarations: variants of the code. What differs from shape to shape belongs into the plan. */
  readonly constants?: Readonly<Record<string, number>>;
  /** Language features that the code needs; directives must stand first, so the device writes them. */
  readonly features?: readonly 'subgroups'[];
}

export interface Dispatch {
  readonly shader: Shader;
  /**
   * Values of all fields of the shader's `plan`, which are u32, i32 or f32: sizes, strides, where a strip starts. They are data, so that
   * one compiled pipeline serves every shape: software adapters take longer to compile most kernels than to run them on a small picture.
   */
  readonly plan?: Readonly<Record<string, number>>;
  readonly workgroups: readonly [number, number, number];
  /** Names of operands by binding number. */
  readonly operands: readonly string[];
  /** Floating-point operations, a multiply-add counting two; for chunks, progress and benches. */
  readonly flops: number;
  /** Bytes read and written at least once. */
  readonly bytes: number;
}

export interface Kernel<P> {
  readonly name: string;
  operands(params: P, target: Target): Readonly<Record<string, Operand>>;
  dispatches(params: P, target: Target): readonly Dispatch[];
  /** Contents of `read` operands that only the parameters decide; whoever runs the kernel uploads them. */
  tables?(params: P): Readonly<Record<string, NumberArray>>;
}

export type NumberArray = Float32Array | Int32Array | Uint32Array;

/** One set of parameters that the kernel test runs. */
export interface Case<P> {
  readonly name: string;
  readonly params: P;
  /** Largest allowed |got - want| / max(1, |want|). */
  readonly tolerance: { readonly f32: number; readonly f16: number };
  /** Values of an operand; uniform in [-1, 1) where absent. */
  readonly fill?: Readonly<Record<string, (index: number, random: () => number) => number>>;
}

/** A kernel with its plain CPU reference and its cases. */
export interface KernelTest<P> {
  readonly kernel: Kernel<P>;
  readonly cases: readonly Case<P>[];
  /**
   * The meaning of the kernel, written for clarity, accumulating in float64. Gets the contents of the `read` and `update` operands as
   * they lie in their buffers, returns those of the `write` and `update` operands (same sizes; what the kernel must not touch may hold anything).
   */
  reference(params: P, inputs: Readonly<Record<string, NumberArray>>): Record<string, NumberArray>;
}

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

/** Workgroups of 8 x 8 for the pixels of a picture, or of several, along z. */
export const squareGrid = (
  { width, height }: { readonly width: number; readonly height: number },
  planes = 1,
): [number, number, number] => [ceilDiv(width, 8), ceilDiv(height, 8), planes];

/** Fields `<name>_stride` and `<name>_offset` of a plan, in vec4. */
export const placeOf = (name: string, l: Layout): Record<string, number> => ({
  [`${name}_stride`]: l.stride / 4,
  [`${name}_offset`]: l.offset / 4,
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

/**
 * Workgroups of `size` for `count` invocations in a row, in x and y so that no dimension passes 65,535. The shader's index is
 * `id.x + id.y * groups.x * size`, with `id` the global invocation id and `groups` the number of workgroups.
 */
export function linearGrid(count: number, size = 64): [number, number, number] {
  const groups = Math.max(1, ceilDiv(count, size));
  const x = Math.min(groups, 32768);
  return [x, ceilDiv(groups, x), 1];
}
