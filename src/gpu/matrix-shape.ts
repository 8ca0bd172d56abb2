// Whether and how the subgroups of a device multiply matrices.

import type { MatrixShape } from '../kernels/webgpu.js';

/** A feature that the types of WebGPU do not know: an experiment of Chromium and Dawn. */
export const SUBGROUP_MATRIX = 'chromium-experimental-subgroup-matrix' as GPUFeatureName;

/** Subgroups of a workgroup of `conv/conv-matrix.ts`, and bytes of its memory, at most; and the sizes of what it is made for. */
const [MATRIX_SUBGROUPS, MATRIX_MEMORY] = [8, 32_768];
const SIDES = [8, 16];
const SUBGROUPS = [16, 32, 64];

/** What adapters with that feature tell of it. */
interface SubgroupMatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/**
 * How subgroups of a device multiply matrices of halves with sums in f32; undefined where they do not, or differ in size, or have no room for the
 * tiles of `conv/conv-matrix.ts`.
 * @param info of the adapter where it is at hand: what Dawn's devices tell of it lacks the sizes of matrices
 */
export function matrixShape(
  { features, limits, adapterInfo }: GPUDevice,
  info: GPUAdapterInfo = adapterInfo,
): MatrixShape | undefined {
  const needed: GPUFeatureName[] = [SUBGROUP_MATRIX, 'shader-f16', 'subgroups'];
  if (!needed.every(name => features.has(name))) return undefined;
  const { subgroupMinSize, subgroupMaxSize = 0 } = info;
  if (subgroupMinSize !== subgroupMaxSize || limits.maxComputeWorkgroupStorageSize < MATRIX_MEMORY) return undefined;
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } = limits;
  const most = Math.min(maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX);
  if (!SUBGROUPS.includes(subgroupMaxSize) || most < MATRIX_SUBGROUPS * subgroupMaxSize) return undefined;
  const { subgroupMatrixConfigs = [] } = info as { subgroupMatrixConfigs?: Iterable<SubgroupMatrixConfig> };
  return [...subgroupMatrixConfigs]
    .filter(({ componentType, resultComponentType }) => componentType === 'f16' && resultComponentType === 'f32')
    .map(({ M, N, K }): MatrixShape => ({ m: M, n: N, k: K, subgroup: subgroupMaxSize }))
    .filter(({ m, n, k, subgroup }) => [m, n, k].every(side => SIDES.includes(side)) && (m * n) % (4 * subgroup) === 0)
    .sort((a, b) => b.m * b.n * b.k - a.m * a.n * a.k)[0];
}
