// What the commands about weights share: their flags, and what they get.

import type { Flags, FlagValues } from './flags.js';
import type { Io } from './io.js';

/** Every flag of any of these commands. */
export const WEIGHTS_FLAGS = {
  json: { help: 'print one JSON object' },
  output: { value: 'OUT', short: 'o', aliases: ['output-path'], help: 'file that is written' },
  config: { value: 'C', help: 'geometry of codeformer' },
  seed: { value: 'N', help: 'a whole number below 2^32, default 7' },
  dtype: { value: 'D', help: 'type of all weights, f16 or f32' },
  from: {
    value: 'F',
    help: 'address or folder to get files from under the same names, instead of the official address',
  },
  'weights-dir': { value: 'DIR', help: 'folder of the files (default: the cache)' },
  quiet: { short: 'q', help: 'say nothing but errors' },
  help: { short: 'h', help: 'show this' },
} as const satisfies Flags;

export type WeightsValues = Partial<FlagValues<typeof WEIGHTS_FLAGS>>;

/** Flags and positional arguments. */
export interface Arguments {
  readonly values: WeightsValues;
  readonly inputs: readonly string[];
}

/** What these commands may touch of the process. */
export type WeightsIo = Pick<Io, 'stdout' | 'stderr' | 'signal'> & Partial<Pick<Io, 'env'>>;

export const grouped = (value: number): string => value.toLocaleString('en-US');
