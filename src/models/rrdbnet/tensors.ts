// The geometry of RRDBNet, the upscaler: its numbers, and the names and shapes of its tensors.

import { CodeFormerError, invalidArgument } from '../../errors.js';
import type { Weights } from '../../weights/weights.js';
import { CELL_CHANNELS } from '../upscaler/ends.js';

/** The numbers of an upscaler by 2. The network sees the picture un-shuffled by 2, so with 12 channels. */
export interface RRDBNetConfig {
  /** Residual-in-residual blocks, of three dense blocks each. */
  readonly blocks: number;
  /** Channels of the trunk. */
  readonly channels: number;
  /** Channels that each convolution of a dense block adds. */
  readonly growth: number;
}

/** RealESRGAN_x2plus. */
const X2PLUS_CONFIG: RRDBNetConfig = { blocks: 23, channels: 64, growth: 32 };

/** Checks a configuration of unknown origin; keys that are absent are those of `X2PLUS_CONFIG`. */
export function validateRRDBNetConfig(value: unknown): RRDBNetConfig {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidArgument('an object', 'config', value);
  }
  const config = { ...X2PLUS_CONFIG, ...(value as object) };
  const unknown = Object.keys(config).filter(key => !Object.hasOwn(X2PLUS_CONFIG, key));
  if (unknown.length > 0) {
    throw invalidArgument(`only the keys ${Object.keys(X2PLUS_CONFIG).join(', ')}`, 'config', unknown.join(', '));
  }
  for (const [key, limit] of [
    ['blocks', 64],
    ['channels', 1024],
    ['growth', 1024],
  ] as const) {
    const item: unknown = config[key];
    if (!Number.isInteger(item) || (item as number) < 1 || (item as number) > limit) {
      throw invalidArgument(`a whole number from 1 to ${limit}`, `config.${key}`, item);
    }
  }
  return config;
}

/** Names and shapes; 702 for `X2PLUS_CONFIG`. */
export function rrdbNetTensors(config: RRDBNetConfig = X2PLUS_CONFIG): Map<string, number[]> {
  const { blocks, channels, growth } = config;
  const tensors = new Map<string, number[]>();
  const conv = (name: string, to: number, from: number) => {
    tensors.set(`${name}.weight`, [to, from, 3, 3]);
    tensors.set(`${name}.bias`, [to]);
  };
  conv('conv_first', channels, CELL_CHANNELS);
  for (let block = 0; block < blocks; block++) {
    for (const dense of [1, 2, 3]) {
      const name = `body.${block}.rdb${dense}`;
      for (const i of [1, 2, 3, 4]) conv(`${name}.conv${i}`, growth, channels + (i - 1) * growth);
      conv(`${name}.conv5`, channels, channels + 4 * growth);
    }
  }
  for (const name of ['conv_body', 'conv_up1', 'conv_up2', 'conv_hr']) conv(name, channels, channels);
  conv('conv_last', 3, channels);
  return tensors;
}

/** The configuration of weights, which their shapes tell. Throws `WEIGHTS_MISMATCH` where they do not. */
export function inferRRDBNetConfig(weights: Weights): RRDBNetConfig {
  const names = new Set(weights.names());
  const first = names.has('conv_first.weight') ? weights.shape('conv_first.weight') : [];
  const dense = names.has('body.0.rdb1.conv1.weight') ? weights.shape('body.0.rdb1.conv1.weight') : [];
  let blocks = 0;
  while (names.has(`body.${blocks}.rdb1.conv1.weight`)) blocks++;
  if (first.length !== 4 || dense.length !== 4 || first[1] !== CELL_CHANNELS) {
    throw new CodeFormerError(
      'WEIGHTS_MISMATCH',
      `${weights.name}: expected conv_first.weight [channels, ${CELL_CHANNELS}, 3, 3] of an upscaler by 2 ` +
        `but got ${first.length === 0 ? 'no such tensor' : `[${first.join(', ')}]`}`,
    );
  }
  return validateRRDBNetConfig({ blocks, channels: first[0], growth: dense[0] });
}
