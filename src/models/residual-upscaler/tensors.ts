// The geometry of the package's own upscaler: its numbers, and the names and shapes of its tensors.

import { CodeFormerError, invalidArgument } from '../../errors.js';
import type { Weights } from '../../weights/weights.js';
import { CELL, CELL_CHANNELS, FACTOR } from '../upscaler/ends.js';

/** The numbers of an upscaler by 2 of residual blocks at half the size of its input. */
export interface ResidualUpscalerConfig {
  /** Residual blocks, of two convolutions each. */
  readonly blocks: number;
  /** Channels of the features. */
  readonly channels: number;
}

/** What the package's weights have. */
const DEFAULT_UPSCALER_CONFIG: ResidualUpscalerConfig = { blocks: 6, channels: 48 };

/** Channels that become the pixels of an enlarged cell. */
export const OUTPUT_CHANNELS = 3 * (CELL * FACTOR) ** 2;

/** Checks a configuration of unknown origin; keys that are absent are those of `DEFAULT_UPSCALER_CONFIG`. */
export function validateResidualUpscalerConfig(value: unknown): ResidualUpscalerConfig {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidArgument('an object', 'config', value);
  }
  const config = { ...DEFAULT_UPSCALER_CONFIG, ...(value as object) };
  const keys = Object.keys(DEFAULT_UPSCALER_CONFIG);
  const unknown = Object.keys(config).filter(key => !keys.includes(key));
  if (unknown.length > 0) throw invalidArgument(`only the keys ${keys.join(', ')}`, 'config', unknown.join(', '));
  for (const [key, limit, step] of [
    ['blocks', 64, 1],
    ['channels', 1024, 4],
  ] as const) {
    const item: unknown = config[key];
    const fits = Number.isInteger(item) && (item as number) >= step && (item as number) <= limit;
    if (!fits || (item as number) % step !== 0) {
      const what = step === 1 ? 'a whole number' : `a multiple of ${step}`;
      throw invalidArgument(`${what} from ${step} to ${limit}`, `config.${key}`, item);
    }
  }
  return config;
}

/** Names and shapes. */
export function residualUpscalerTensors({ blocks, channels }: ResidualUpscalerConfig): Map<string, number[]> {
  const tensors = new Map<string, number[]>();
  const conv = (name: string, to: number, from: number) => {
    tensors.set(`${name}.weight`, [to, from, 3, 3]);
    tensors.set(`${name}.bias`, [to]);
  };
  conv('conv_first', channels, CELL_CHANNELS);
  for (let block = 0; block < blocks; block++) {
    for (const i of [1, 2]) conv(`blocks.${block}.conv${i}`, channels, channels);
  }
  conv('conv_last', OUTPUT_CHANNELS, channels + CELL_CHANNELS);
  return tensors;
}

/** The configuration of weights, which their shapes tell. Throws `WEIGHTS_MISMATCH` where they do not. */
export function inferResidualUpscalerConfig(weights: Weights): ResidualUpscalerConfig {
  const names = new Set(weights.names());
  const first = names.has('conv_first.weight') ? weights.shape('conv_first.weight') : [];
  let blocks = 0;
  while (names.has(`blocks.${blocks}.conv1.weight`)) blocks++;
  if (first.length !== 4 || first[1] !== CELL_CHANNELS || first[0]! % 4 !== 0) {
    throw new CodeFormerError(
      'WEIGHTS_MISMATCH',
      `${weights.name}: expected conv_first.weight [channels, ${CELL_CHANNELS}, 3, 3] of an upscaler by 2, channels divisible by 4, ` +
        `but got ${first.length === 0 ? 'no such tensor' : `[${first.join(', ')}]`}`,
    );
  }
  return validateResidualUpscalerConfig({ blocks, channels: first[0] });
}
