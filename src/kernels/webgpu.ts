// How WebGPU runs a kernel: plain data and pure functions from parameters to dispatches. Nothing here knows WebGPU's objects.

import { type ConvolutionWay, ceilDiv, type Layout, type Precision, type Scratch } from './kernel.js';

/**
 * `registers`: tiles in registers, no barriers, no workgroup memory: for software adapters, where both are 3-4x slower.
 * `workgroup`: tiles in workgroup memory: for GPUs.
 */
export type Family = 'registers' | 'workgroup';

/** Rows (pixels) and columns (output channels) of a product in workgroup memory that each of 16 x 16 invocations does. */
export interface WorkgroupTile {
  readonly rows: 1 | 2 | 4 | 8;
  readonly columns: 4 | 8;
}

/** Sizes in which subgroups of so many invocations multiply matrices of halves with sums in f32: m x k by k x n. */
export interface MatrixShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly subgroup: number;
}

/** What an implementation may know of the adapter. */
export interface Target {
  readonly family: Family;
  readonly precision: Precision;
  /** Largest storage binding, in bytes. */
  readonly maxBindingSize: number;
  /** How convolutions are computed, where there is a choice; `auto`, the default, is the one that was measured to be faster. */
  readonly convolution?: 'auto' | ConvolutionWay;
  /** Outputs on a side of the tiles that Winograd's algorithm may have. Default both. */
  readonly winograd?: readonly (2 | 4)[];
  /** Whether shaders may use subgroup operations. Default false. */
  readonly subgroups?: boolean;
  /** Pixels and channels of the tiles of direct convolutions in registers, where there are more than 8 channels. Default 4 x 16. */
  readonly registerTile?: { readonly pixels: number; readonly channels: 8 | 16 };
  /** The tiles of the products of the family `workgroup`. Default 4 x 4, or fewer rows where that makes few workgroups. */
  readonly workgroupTile?: WorkgroupTile;
  /** How subgroups multiply matrices, where they do and may. */
  readonly matrix?: MatrixShape | undefined;
  /** Tiles of convolutions by matrices of subgroups. Default by the size of the convolution. */
  readonly matrixTile?: '128x128' | '128x64' | '64x64';
  /** How convolutions of some shapes run instead (`conv/choice.ts`), as a tuner found. */
  readonly tuned?: ReadonlyMap<string, string>;
}

/**
 * A compute shader with entry point `main`; one pipeline for each distinct source and set of constants. What it reads and writes its code
 * says, and is taken from there: storage bindings in group 0, and where it has any, `struct Uniforms` and
 * `@group(1) @binding(0) var<uniform> uniforms: Uniforms`.
 */
export interface Shader {
  /** For labels and errors: `conv3x3/registers`. */
  readonly name: string;
  /** WGSL; the aliases of prelude.wgsl stand before it. */
  readonly code: string;
  /** Values of the `override` declarations: variants of the code. What differs from shape to shape belongs into uniforms. */
  readonly constants?: Readonly<Record<string, number>>;
  /** Language features that the code needs; directives must stand first, so the device writes them. */
  readonly features?: readonly ('subgroups' | 'chromium_experimental_subgroup_matrix')[];
}

export interface Dispatch {
  readonly shader: Shader;
  /**
   * Values of all fields of the shader's `uniforms`, which are u32, i32 or f32: sizes, strides, where a strip starts. They are data, so that
   * one compiled pipeline serves every shape: software adapters take longer to compile most kernels than to run them on a small picture.
   */
  readonly uniforms?: Readonly<Record<string, number>>;
  readonly workgroups: readonly [number, number, number];
  /** Names of operands by binding number. */
  readonly operands: readonly string[];
  /** Floating-point operations, a multiply-add counting two; for chunks, progress and benches. */
  readonly flops: number;
  /** Bytes read and written at least once. */
  readonly bytes: number;
}

/** The implementation of a kernel. */
export interface WebgpuKernel<P> {
  /** By names that dispatches use beside those of the operands. */
  scratch?(params: P, target: Target): Readonly<Record<string, Scratch>>;
  dispatches(params: P, target: Target): readonly Dispatch[];
}

/** Workgroups of 8 x 8 for the pixels of a picture, or of several, along z. */
export const squareGrid = (
  { width, height }: { readonly width: number; readonly height: number },
  planes = 1,
): [number, number, number] => [ceilDiv(width, 8), ceilDiv(height, 8), planes];

/** Fields `<name>_stride` and `<name>_offset` of uniforms, in vec4. */
export const placeOf = (name: string, l: Layout): Record<string, number> => ({
  [`${name}_stride`]: l.stride / 4,
  [`${name}_offset`]: l.offset / 4,
});

/**
 * Workgroups of `size` for `count` invocations in a row, in x and y so that no dimension passes 65,535. `linear_index` of prelude.wgsl
 * is the shader's index where the size is 64.
 */
export function linearGrid(count: number, size = 64): [number, number, number] {
  const groups = Math.max(1, ceilDiv(count, size));
  const x = Math.min(groups, 32768);
  return [x, ceilDiv(groups, x), 1];
}
