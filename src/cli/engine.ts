// What commands need of the library: a restorer with the weights that flags and folders name. Tests give commands another one.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CodeFormerError, invalidArgument } from '../errors.js';
import { ADAPTER_KINDS, type AdapterKind } from '../executor.js';
import { weightsCacheFolder } from '../node/cache.js';
import type { AdapterReport } from '../node/gpu.js';
import { officialFault } from '../node/official.js';
import type { Restorer } from '../pipeline/restorer.js';
import { ROLES, type Role } from '../weights/manifest.js';
import { OFFICIAL_FILES, type OfficialFile, officialFile } from '../weights/official.js';
import type { Weights } from '../weights/weights.js';
import type { COMMON_FLAGS } from './flags.js';
import { choiceFlag, type Flags, type FlagValues, numberFlag } from './flags.js';
import type { Io } from './io.js';
import { nearest } from './nearest.js';

/** The restorer as commands use it. */
export type Engine = Pick<
  Restorer,
  'size' | 'info' | 'restore' | 'detect' | 'sweep' | 'encode' | 'selfTest' | 'tune' | 'destroy'
>;

/** Weights of each role: `embedded`, a path or a URL; null for none. */
export type WeightsChoice = Readonly<Record<Role, string | null>>;

export interface EngineOptions extends Omit<WeightsChoice, 'restorer'> {
  readonly restorer: string | Weights | null;
  readonly adapter: AdapterKind;
  readonly precision: 'auto' | 'f32' | 'f16';
  readonly subgroupMatrices: boolean;
  readonly signal: AbortSignal;
}

export type OpenEngine = (options: EngineOptions) => Promise<Engine>;

/** Flags that choose networks. Where none names one, an official file in a folder that is there is taken. */
export const NETWORK_FLAGS = {
  detector: {
    value: 'FILE',
    aliases: ['detection-model'],
    help: 'network that finds faces: as for --weights, or none',
  },
  parser: {
    value: 'FILE',
    help: 'network that tells the regions of a face: as for --weights, or none; none is embedded',
  },
  upscaler: { value: 'FILE', help: 'network that upscales by 2: as for --weights, or none' },
  'weights-dir': {
    value: 'DIR',
    help: 'folder with official files; those that are there, or in the cache, are the defaults of networks',
  },
} as const satisfies Flags;

/** The device that flags ask for, and the pixel limit. Throws `INVALID_ARGUMENT`. */
export function engineFlags(values: Partial<FlagValues<typeof COMMON_FLAGS>>): {
  engine: Pick<EngineOptions, 'adapter' | 'precision' | 'subgroupMatrices'>;
  maxPixels: number | undefined;
} {
  const whole = (value: number) => Number.isSafeInteger(value) && value > 0;
  return {
    engine: {
      adapter: choiceFlag('adapter', values.adapter, ADAPTER_KINDS),
      precision: choiceFlag('precision', values.precision, ['auto', 'f32', 'f16']),
      subgroupMatrices: values['subgroup-matrices'] ?? false,
    },
    maxPixels: numberFlag('max-pixels', values['max-pixels'], 'a whole number of at least 1', whole),
  };
}

/**
 * The weights of some roles: those that flags name, else official files in `--weights-dir` or the cache, else those of the package.
 * Other roles have none.
 * @throws `INVALID_ARGUMENT` where photos would be searched by no network; `FILE_NOT_FOUND` for a `--weights-dir` that is no folder, and for official files that are named but not there; `INTEGRITY`
 *   for official files that are broken
 */
export async function chooseWeights(
  values: Partial<FlagValues<typeof NETWORK_FLAGS>> & { readonly weights?: string | undefined },
  roles: readonly Role[],
  { env, signal }: Pick<Io, 'env' | 'signal'>,
): Promise<{ readonly weights: WeightsChoice; readonly warnings: readonly string[] }> {
  const folder = values['weights-dir'];
  const warnings: string[] = [];
  if (folder !== undefined) {
    if (!(await stat(folder).catch(() => null))?.isDirectory())
      throw new CodeFormerError('FILE_NOT_FOUND', `There is no folder ${JSON.stringify(folder)} (--weights-dir)`);
    const there = await Promise.all(OFFICIAL_FILES.map(({ file }) => isThere(join(folder, file))));
    if (!there.includes(true)) {
      const names = '`codeformer weights list` names them';
      warnings.push(`${folder} (--weights-dir) has none of the official files (${names})`);
    }
  }
  const cache = weightsCacheFolder(env);
  const places = { folders: [...(folder === undefined ? [] : [folder]), cache], cache, signal };
  const flags = { ...values, restorer: values.weights };
  const chosen: Record<Role, string | null> = { restorer: null, detector: null, parser: null, upscaler: null };
  for (const role of ROLES.filter(r => roles.includes(r))) {
    const named = flags[role];
    if (named === 'none') {
      if (role !== 'detector') continue;
      // Who restores may have crops instead of photos.
      const what = `a network that finds faces${roles.includes('restorer') ? ', or --aligned for crops,' : ''}`;
      throw invalidArgument(what, '--detector', named);
    }
    const embedded = role === 'parser' ? null : 'embedded';
    chosen[role] =
      named === undefined ? ((await defaultFile(role, places)) ?? embedded) : await namedFile(role, named, places);
  }
  return { weights: chosen, warnings };
}

const isThere = async (path: string): Promise<boolean> => Boolean((await stat(path).catch(() => null))?.isFile());

/** Restorers for other things than restoring are never taken by default. */
const SPECIAL = ['codeformer_colorization.pth', 'codeformer_inpainting.pth'];

/** Where official files are looked for: in some folders, of which the cache may be one. */
interface Places {
  readonly folders: readonly string[];
  readonly cache: string;
  readonly signal: AbortSignal;
}

/** The first official file of a role that lies in one of the folders. */
async function defaultFile(role: Role, places: Places): Promise<string | null> {
  for (const folder of places.folders)
    for (const file of OFFICIAL_FILES) {
      if (file.role !== role || SPECIAL.includes(file.file)) continue;
      const path = join(folder, file.file);
      if (await isThere(path)) return whole(path, file, places);
    }
  return null;
}

/** Throws `INTEGRITY` where a file is not what was released: the results would be those of another network. */
async function whole(path: string, file: OfficialFile, places: Places): Promise<string> {
  const fault = await officialFault(path, file, places);
  if (fault === null) return path;
  const remedy = `\`codeformer weights pull ${file.file.replace('.pth', '')}\` gets it anew, or delete it`;
  throw new CodeFormerError('INTEGRITY', `${path} is broken: expected ${fault}; ${remedy}`);
}

/** What the original calls its networks. */
const ORIGINAL_NAMES: Readonly<Record<string, string>> = {
  retinaface_resnet50: 'detection_Resnet50_Final.pth',
  'retinaface_mobile0.25': 'detection_mobilenet0.25_Final.pth',
  realesrgan: 'RealESRGAN_x2plus.pth',
};

/** What a flag names: a file, an address, or a released file in one of the folders. */
async function namedFile(role: Role, name: string, places: Places): Promise<string> {
  const flag = role === 'restorer' ? '--weights' : `--${role}`;
  if (name === '') throw invalidArgument('a file, a URL, embedded or none', flag, name);
  if (name === 'embedded' || /^[a-z]+:\/\//i.test(name) || (await stat(name).catch(() => null))) return name;
  const official = officialFile(ORIGINAL_NAMES[name.toLowerCase()] ?? name);
  if (official) {
    if (official.role !== role) throw invalidArgument(`a ${role}`, flag, `${name}, a ${official.role}`);
    for (const folder of places.folders) {
      const path = join(folder, official.file);
      if (await isThere(path)) return whole(path, official, places);
    }
    const pull = `\`codeformer weights pull ${official.file.replace('.pth', '')}\` gets it`;
    throw new CodeFormerError(
      'FILE_NOT_FOUND',
      `${official.file} (${flag}) is not in ${places.folders.join(' or ')}: ${pull}`,
    );
  }
  const known = OFFICIAL_FILES.filter(file => file.role === role).map(({ file }) => file.replace('.pth', ''));
  const meant = nearest(name, [...known, 'embedded', 'none']);
  // A path is the reader's to refuse.
  if (!meant && /[./\\]/.test(name)) return name;
  const advice = meant
    ? `did you mean ${meant}?`
    : `names that are known: ${[...known, 'embedded', 'none'].join(', ')}`;
  throw new CodeFormerError('FILE_NOT_FOUND', `There is no file ${name} (${flag}); ${advice}`);
}

/** Opens the weights and a device, and loads the networks. */
export async function openEngine({ restorer, ...options }: EngineOptions): Promise<Engine> {
  // Loaded here, so that commands which need no GPU do not wait for it.
  const { createRestorer } = await import('../node/restorer.js');
  return createRestorer({ ...options, weights: restorer });
}

/** What commands get from the rest of the library; tests replace it. */
export interface Services {
  readonly openEngine: OpenEngine;
  reportAdapters(): Promise<AdapterReport>;
}

// Loaded when used: commands without a GPU do not wait for WebGPU.
export const SERVICES: Services = {
  openEngine,
  reportAdapters: async () => (await import('../node/gpu.js')).reportAdapters(),
};
