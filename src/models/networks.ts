// The networks of the library by name: the tensors each expects, weights made for it without a file, and which of them a
// file of weights belongs to.

import { invalidArgument } from '../errors.js';
import { generatedTensors } from '../weights/generated.js';
import { NETWORKS, type NetworkKind } from '../weights/networks.js';
import type { Weights } from '../weights/weights.js';
import { type CodeFormerConfig, codeFormerTensors, inferConfig, validateConfig } from './codeformer/tensors.js';
import { parseNetTensors } from './parsenet/tensors.js';
import {
  inferResidualUpscalerConfig,
  residualUpscalerTensors,
  validateResidualUpscalerConfig,
} from './residual-upscaler/tensors.js';
import { retinaFaceTensors } from './retinaface/tensors.js';
import { inferRRDBNetConfig, rrdbNetTensors, validateRRDBNetConfig } from './rrdbnet/tensors.js';

/** A configuration as callers write it: `patch` may be absent. */
export type CodeFormerConfigInput = Omit<CodeFormerConfig, 'patch'> & { readonly patch?: number };

/**
 * Names and shapes of the tensors of a network.
 * @param config of codeformer: all keys; of rrdbnet: blocks, channels, growth, those of RealESRGAN_x2plus where absent; of
 *   residual-upscaler: blocks and channels, those of the package's where absent; the other networks have one geometry
 */
export function networkTensors(kind: NetworkKind, config?: unknown): Map<string, number[]> {
  return describeNetwork(kind, config).tensors;
}

function describeNetwork(kind: NetworkKind, config: unknown): { tensors: Map<string, number[]>; config?: object } {
  switch (kind) {
    case 'codeformer': {
      const checked = validateConfig(config);
      return { tensors: codeFormerTensors(checked), config: checked };
    }
    case 'rrdbnet': {
      const checked = validateRRDBNetConfig(config ?? {});
      return { tensors: rrdbNetTensors(checked), config: checked };
    }
    case 'residual-upscaler': {
      const checked = validateResidualUpscalerConfig(config ?? {});
      return { tensors: residualUpscalerTensors(checked), config: checked };
    }
    case 'retinaface-mobile':
      return { tensors: retinaFaceTensors('mobile') };
    case 'retinaface-resnet50':
      return { tensors: retinaFaceTensors('resnet50') };
    case 'parsenet':
      return { tensors: parseNetTensors() };
    default:
      throw invalidArgument(`one of ${NETWORKS.join(', ')}`, 'network', kind);
  }
}

/**
 * Weights of a network without a file: the same values for the same configuration and seed, everywhere. The metadata holds
 * `config` and `seed`. Each tensor is made when it is asked for.
 * @param config as for `networkTensors`
 * @param seed a whole number from 0 to 2^32 - 1
 */
export function generatedWeights(kind: 'codeformer', config: CodeFormerConfigInput, seed: number): Weights;
export function generatedWeights(kind: NetworkKind, config: unknown, seed: number): Weights;
export function generatedWeights(kind: NetworkKind, config: unknown, seed: number): Weights {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw invalidArgument('a whole number from 0 to 4294967295', 'seed', seed);
  }
  const network = describeNetwork(kind, config);
  const metadata: Record<string, string> = { seed: String(seed) };
  if (network.config) metadata.config = JSON.stringify(network.config);
  return generatedTensors(network.tensors, seed, metadata);
}

/** A tensor that a network has and the others have not. */
const SIGNS: readonly (readonly [NetworkKind, string])[] = [
  ['codeformer', 'position_emb'],
  ['retinaface-mobile', 'body.stage1.0.0.weight'],
  ['retinaface-resnet50', 'body.layer1.0.conv1.weight'],
  ['parsenet', 'out_mask_conv.conv2d.weight'],
  ['rrdbnet', 'body.0.rdb1.conv1.weight'],
  ['residual-upscaler', 'blocks.0.conv1.weight'],
];

/** Which network weights belong to, told from the names of their tensors; null for none of the library's. */
export function recognizeNetwork(weights: Weights): NetworkKind | null {
  const names = new Set(weights.names());
  return SIGNS.find(([, name]) => names.has(name))?.[0] ?? null;
}

/**
 * The configuration of weights of a network, from metadata or shapes; null for networks that have one geometry.
 * @throws WEIGHTS_MISMATCH where neither tells it, INVALID_CHECKPOINT for metadata that is wrong
 */
export function inferNetworkConfig(kind: NetworkKind, weights: Weights): object | null {
  switch (kind) {
    case 'codeformer':
      return inferConfig(weights);
    case 'rrdbnet':
      return inferRRDBNetConfig(weights);
    case 'residual-upscaler':
      return inferResidualUpscalerConfig(weights);
    default:
      return null;
  }
}
