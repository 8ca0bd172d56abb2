// What commands need of the library: a restorer with the weights that flags and folders name. Tests give commands another one.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CodeFormerError } from '../errors.js';
import { weightsCacheFolder } from '../node/cache.js';
import type { Restorer } from '../pipeline/restorer.js';
import { ROLES, type Role } from '../weights/manifest.js';
import { OFFICIAL_FILES } from '../weights/official.js';
import type { COMMON_FLAGS } from './flags.js';
import { choiceFlag, type Flags, type FlagValues, numberFlag } from './flags.js';

/** The restorer as commands use it. */
export type Engine = Pick<Restorer, 'size' | 'info' | 'restore' | 'detect' | 'sweep' | 'encode' | 'destroy'>;

/** Weights of each role: `embedded`, a path or a URL; null for none. */
export type WeightsChoice = Readonly<Record<Role, string | null>>;

export interface EngineOptions extends WeightsChoice {
  readonly adapter: 'auto' | 'gpu' | 'software';
  readonly precision: 'auto' | 'f32' | 'f16';
  readonly signal: AbortSignal;
}

export type OpenEngine = (options: EngineOptions) => Promise<Engine>;

/** Flags of commands that work on whole photos. */
export const NETWORK_FLAGS = {
  detector: { value: 'FILE', help: 'network that finds faces: a file, a URL, embedded (default) or none' },
  parser: { value: 'FILE', help: 'network that tells the regions of a face, or none (default)' },
  upscaler: { value: 'FILE', help: 'network that upscales by 2: a file, a URL, embedded (default) or none' },
  'weights-dir': { value: 'DIR', help: 'folder with official files, which are taken where no flag names others' },
} as const satisfies Flags;

/** The device that flags ask for, and the pixel limit. Throws `INVALID_ARGUMENT`. */
export function engineFlags(values: Partial<FlagValues<typeof COMMON_FLAGS>>): {
  engine: Pick<EngineOptions, 'adapter' | 'precision'>;
  maxPixels: number | undefined;
} {
  const whole = (value: number) => Number.isSafeInteger(value) && value > 0;
  return {
    engine: {
      adapter: choiceFlag('adapter', values.adapter, ['auto', 'gpu', 'software']),
      precision: choiceFlag('precision', values.precision, ['auto', 'f32', 'f16']),
    },
    maxPixels: numberFlag('max-pixels', values['max-pixels'], 'a whole number of at least 1', whole),
  };
}

/**
 * The weights of some roles: those that flags name, else official files in `--weights-dir` or the cache, else those of the package.
 * Other roles have none.
 * @throws `FILE_NOT_FOUND` for a `--weights-dir` that is no folder
 */
export async function chooseWeights(
  values: Partial<FlagValues<typeof NETWORK_FLAGS>> & { readonly weights?: string | undefined },
  roles: readonly Role[],
  env: NodeJS.ProcessEnv,
): Promise<WeightsChoice> {
  const folder = values['weights-dir'];
  if (folder !== undefined && !(await stat(folder).catch(() => null))?.isDirectory())
    throw new CodeFormerError('FILE_NOT_FOUND', `There is no folder ${folder} (--weights-dir)`);
  const folders = [...(folder === undefined ? [] : [folder]), weightsCacheFolder(env)];
  const flags = { ...values, restorer: values.weights };
  const chosen: Record<Role, string | null> = { restorer: null, detector: null, parser: null, upscaler: null };
  for (const role of ROLES.filter(r => roles.includes(r))) {
    const named = flags[role];
    if (named === 'none') continue;
    const embedded = role === 'parser' ? null : 'embedded';
    chosen[role] = named ?? (await officialFile(role, folders)) ?? embedded;
  }
  return chosen;
}

/** Restorers for other things than restoring are never taken by default. */
const SPECIAL = ['codeformer_colorization.pth', 'codeformer_inpainting.pth'];

/** The first official file of a role that lies whole in one of the folders. */
async function officialFile(role: Role, folders: readonly string[]): Promise<string | null> {
  for (const folder of folders)
    for (const { file, role: own, bytes } of OFFICIAL_FILES) {
      if (own !== role || SPECIAL.includes(file)) continue;
      const info = await stat(join(folder, file)).catch(() => null);
      if (info?.isFile() && (bytes === undefined || info.size === bytes)) return join(folder, file);
    }
  return null;
}

/** Opens the weights and a device, and loads the networks. */
export async function openEngine({ restorer, ...options }: EngineOptions): Promise<Engine> {
  // Loaded here, so that commands which need no GPU do not wait for it.
  const { createRestorer } = await import('../node/restorer.js');
  return createRestorer({ ...options, weights: restorer });
}
