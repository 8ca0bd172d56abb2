// Opens and loads the networks of a restorer.

import { CodeFormerError, invalidArgument } from '../errors.js';
import type { Executor } from '../executor.js';
import { NETWORKS, type NetworkKind, networksOf, recognizeNetwork } from '../models/networks.js';
import { OFFICIAL_LICENCES } from '../weights/licences.js';
import { OPTION_OF, ROLES, type Role } from '../weights/manifest.js';
import { isWeights, type Weights } from '../weights/weights.js';
import type { Platform, WeightsInput } from './platform.js';
import type { SelfTestVerdict } from './restorer-types.js';
import type { Networks } from './stages.js';

/** Opened weights of each role; null for roles without a network. */
export type Sources = Readonly<Record<Role, Source | null>>;

export interface Source {
  readonly weights: Weights;
  readonly kind: NetworkKind;
  /** False for weights that the caller opened, and will close. */
  readonly owned: boolean;
  /** How the caller named them. */
  readonly name: string;
}

/** Networks with the device that they are on. */
export interface Loaded {
  readonly device: Executor;
  readonly networks: Networks & { destroy(): void };
  /** What the self-test found; null where none was run. */
  readonly verdict: SelfTestVerdict | null;
  /** Why another kind of adapter was taken than was there. */
  readonly reason?: string;
}

/**
 * Opens the weights of all roles.
 * @throws `WEIGHTS_MISMATCH` for weights of another network, and what opening throws; nothing stays open then
 */
export async function openSources(
  inputs: Readonly<Record<Role, WeightsInput | Weights | null>>,
  platform: Platform,
  signal: AbortSignal | undefined,
): Promise<Sources> {
  const opened: Partial<Record<Role, Source | null>> = {};
  try {
    for (const role of ROLES) {
      const input = inputs[role];
      opened[role] = input === null ? null : await openSource(role, input, platform, signal);
    }
    return opened as Sources;
  } catch (error) {
    await closeSources(opened);
    throw error;
  }
}

async function openSource(
  role: Role,
  input: WeightsInput | Weights,
  platform: Platform,
  signal: AbortSignal | undefined,
): Promise<Source> {
  const given = isWeights(input);
  if (!given && !isInput(input)) {
    throw invalidArgument("'embedded', a path, a URL, bytes, opened weights or null", OPTION_OF[role], input);
  }
  const weights = given ? input : await platform.openWeights(input, { role, signal });
  try {
    const kind = recognizeNetwork(weights);
    if (!kind || NETWORKS[kind].role !== role) {
      const found = kind ? `they are of ${kind}` : 'they are of no known network';
      throw new CodeFormerError(
        'WEIGHTS_MISMATCH',
        `${weights.name}: expected weights of ${networksOf(role).join(' or ')} for ${OPTION_OF[role]} but ${found}`,
      );
    }
    const name = typeof input === 'string' || input instanceof URL ? String(input) : weights.name;
    return { weights, kind, owned: !given, name };
  } catch (error) {
    if (!given) await weights.close();
    throw error;
  }
}

const isInput = (input: unknown): boolean =>
  typeof input === 'string' ||
  input instanceof URL ||
  input instanceof Uint8Array ||
  input instanceof ArrayBuffer ||
  (typeof Blob !== 'undefined' && input instanceof Blob);

export async function closeSources(sources: Partial<Sources>): Promise<void> {
  for (const source of Object.values(sources)) if (source?.owned) await source.weights.close();
}

/** Loads all networks onto a device. What was loaded is destroyed where one of them fails. */
export async function loadNetworks(
  device: Executor,
  sources: Sources,
  signal: AbortSignal | undefined,
): Promise<Networks & { destroy(): void }> {
  const loaded: Partial<Record<Role, { destroy(): void }>> = {};
  const destroy = () => {
    for (const role of ROLES) {
      loaded[role]?.destroy();
      delete loaded[role];
    }
  };
  const load = async <R extends Role>(role: R): Promise<Networks[R] | null> => {
    const source = sources[role];
    if (!source) return null;
    const network = await NETWORKS[source.kind].load(device, source.weights, { signal });
    loaded[role] = network;
    // What the row of a network of this role loads.
    return network as unknown as Networks[R];
  };
  try {
    return {
      detector: await load('detector'),
      restorer: await load('restorer'),
      parser: await load('parser'),
      upscaler: await load('upscaler'),
      destroy,
    };
  } catch (error) {
    destroy();
    throw error;
  }
}

/** The licence of weights, as far as they or their names tell. */
export function licenceOf({ weights, name }: Source): string | null {
  const { licence, license } = weights.metadata;
  const file = name.split(/[/\\]/).at(-1);
  const official = Object.entries(OFFICIAL_LICENCES).find(([released]) => released === file);
  return licence ?? license ?? official?.[1] ?? null;
}
