// The networks of the library by name: what they do, the tensors that they expect, weights made for them without a file, which of them a file of
// weights belongs to, and how they are loaded.

import { invalidArgument } from '../errors.js';
import type { Executor } from '../executor.js';
import { generatedTensors } from '../weights/generated.js';
import type { Role } from '../weights/manifest.js';
import type { Weights } from '../weights/weights.js';
import { CodeFormer } from './codeformer/codeformer.js';
import { type CodeFormerConfig, codeFormerTensors, inferConfig, validateConfig } from './codeformer/tensors.js';
import { ParseNet } from './parsenet/parsenet.js';
import { parseNetTensors } from './parsenet/tensors.js';
import { ResidualUpscaler } from './residual-upscaler/residual-upscaler.js';
import {
  inferResidualUpscalerConfig,
  residualUpscalerTensors,
  validateResidualUpscalerConfig,
} from './residual-upscaler/tensors.js';
import { RetinaFace } from './retinaface/retinaface.js';
import { retinaFaceTensors } from './retinaface/tensors.js';
import { RRDBNet } from './rrdbnet/rrdbnet.js';
import { inferRRDBNetConfig, rrdbNetTensors, validateRRDBNetConfig } from './rrdbnet/tensors.js';

/** A configuration as callers write it: `patch` may be absent. */
export type CodeFormerConfigInput = Omit<CodeFormerConfig, 'patch'> & { readonly patch?: number };

type Tensors = Map<string, number[]>;

/** What the library knows of a network. */
interface NetworkRow {
  /** What it does in the pipeline. */
  readonly role: Role;
  /** A tensor that it has and the others have not. */
  readonly sign: string;
  /** Names and shapes of its tensors, with the configuration, complete, where it has more than one geometry. */
  describe(config: unknown): { readonly tensors: Tensors; readonly config?: object };
  /** The configuration of weights, from metadata or shapes; absent where there is one geometry. */
  infer?(weights: Weights): object;
  readonly load: LoadNetwork<{ destroy(): void }>;
}

type LoadNetwork<N> = (
  device: Executor,
  weights: Weights,
  options: { readonly signal?: AbortSignal | undefined },
) => Promise<N>;

/** The networks, each in one row. */
export const NETWORKS = {
  codeformer: {
    role: 'restorer',
    sign: 'position_emb',
    describe(given) {
      const config = validateConfig(given);
      return { tensors: codeFormerTensors(config), config };
    },
    infer: inferConfig,
    load: CodeFormer.load,
  },
  'retinaface-mobile': {
    role: 'detector',
    sign: 'body.stage1.0.0.weight',
    describe: () => ({ tensors: retinaFaceTensors('mobile') }),
    load: RetinaFace.load,
  },
  'retinaface-resnet50': {
    role: 'detector',
    sign: 'body.layer1.0.conv1.weight',
    describe: () => ({ tensors: retinaFaceTensors('resnet50') }),
    load: RetinaFace.load,
  },
  parsenet: {
    role: 'parser',
    sign: 'out_mask_conv.conv2d.weight',
    describe: () => ({ tensors: parseNetTensors() }),
    load: ParseNet.load,
  },
  rrdbnet: {
    role: 'upscaler',
    sign: 'body.0.rdb1.conv1.weight',
    describe(given = {}) {
      const config = validateRRDBNetConfig(given);
      return { tensors: rrdbNetTensors(config), config };
    },
    infer: inferRRDBNetConfig,
    load: RRDBNet.load,
  },
  'residual-upscaler': {
    role: 'upscaler',
    sign: 'blocks.0.conv1.weight',
    describe(given = {}) {
      const config = validateResidualUpscalerConfig(given);
      return { tensors: residualUpscalerTensors(config), config };
    },
    infer: inferResidualUpscalerConfig,
    load: ResidualUpscaler.load,
  },
} as const satisfies Record<string, NetworkRow>;

export type NetworkKind = keyof typeof NETWORKS;

export const NETWORK_NAMES = Object.keys(NETWORKS) as readonly NetworkKind[];

/** The names of the networks of a role. */
export const networksOf = (role: Role): NetworkKind[] => NETWORK_NAMES.filter(name => NETWORKS[name].role === role);

/** What the library knows of a network. @throws `INVALID_ARGUMENT` for one that it does not know */
function rowOf(kind: string): NetworkRow {
  if (typeof kind !== 'string' || !Object.hasOwn(NETWORKS, kind))
    throw invalidArgument(`one of ${NETWORK_NAMES.join(', ')}`, 'network', kind);
  return NETWORKS[kind as NetworkKind];
}

/**
 * Names and shapes of the tensors of a network.
 * @param config as for `generatedWeights`
 * @throws `INVALID_ARGUMENT`
 */
export function networkTensors(kind: NetworkKind, config?: unknown): Tensors {
  return rowOf(kind).describe(config).tensors;
}

/**
 * Weights of a network without a file: the same values for the same configuration and seed, everywhere. The metadata holds
 * `config` and `seed`. Each tensor is made when it is asked for.
 * @param kind the network
 * @param config of codeformer: all keys; of rrdbnet: blocks, channels, growth, those of RealESRGAN_x2plus where absent; of
 *   residual-upscaler: blocks and channels, those of the package's where absent; the other networks have one geometry
 * @param seed a whole number from 0 to 2^32 - 1
 * @throws `INVALID_ARGUMENT`
 */
export function generatedWeights(kind: 'codeformer', config: CodeFormerConfigInput, seed: number): Weights;
export function generatedWeights(kind: NetworkKind, config: unknown, seed: number): Weights;
export function generatedWeights(kind: NetworkKind, config: unknown, seed: number): Weights {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw invalidArgument('a whole number from 0 to 4294967295', 'seed', seed);
  }
  const network = rowOf(kind).describe(config);
  const metadata: Record<string, string> = { seed: String(seed) };
  if (network.config) metadata.config = JSON.stringify(network.config);
  return generatedTensors(network.tensors, seed, metadata);
}

/** Which network weights belong to, told from the names of their tensors; null for none of the library's. */
export function recognizeNetwork(weights: Weights): NetworkKind | null {
  const names = new Set(weights.names());
  return NETWORK_NAMES.find(name => names.has(NETWORKS[name].sign)) ?? null;
}

/**
 * The configuration of weights of a network, from metadata or shapes; null for networks that have one geometry.
 * @throws `WEIGHTS_MISMATCH` where neither tells it, `INVALID_CHECKPOINT` for metadata that is wrong
 */
export function inferNetworkConfig(kind: NetworkKind, weights: Weights): object | null {
  return rowOf(kind).infer?.(weights) ?? null;
}
