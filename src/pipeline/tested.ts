// Networks on a GPU, by the variants that it computes rightly: found by a self-test at its first use, and remembered.

import { CodeFormerError } from '../errors.js';
import { type Executor, lossOf, type TunedShape, VARIANTS, type Variant } from '../executor.js';
import type { Check } from '../selftest/check.js';
import { checkKernels } from '../selftest/kernels.js';
import { checkNetworks, peakOf, type Recording, recordingOf } from '../selftest/networks.js';
import { settle } from '../selftest/settle.js';
import { VERSION } from '../version.js';
import { ROLES } from '../weights/manifest.js';
import type { Loaded, Source, Sources } from './networks.js';
import type { Notes } from './platform.js';
import type { SelfTestVerdict } from './restorer-types.js';
import type { Networks } from './stages.js';

/** What the self-test needs to know beside the device and the weights. */
export interface Testing {
  /** Loads the networks onto the device: handed over, so that what is loaded later has little in common with what is there already. */
  readonly load: () => Promise<Loaded['networks']>;
  readonly notes: Notes;
  readonly signal: AbortSignal | undefined;
  /** Whether what is remembered is not asked for. */
  readonly fresh: boolean;
  /** Variants that cannot be given up. */
  readonly fixed: readonly Variant[];
  /** Whether half precision is to be taken where it is right. */
  readonly half: boolean;
}

/** Largest activation of weights that say how large theirs get, and of others on one picture, with which f16, which ends at 65,504, is taken. */
const [KNOWN_RANGE, MEASURED_RANGE] = [32_752, 8_188];

/**
 * Loads networks onto a device, which has fewer variants afterwards where some of them compute wrongly.
 * @throws `GPU_ERROR` where it computes wrongly without any of them as well, and what loading throws
 */
export async function loadTested(device: Executor, sources: Sources, testing: Testing): Promise<Loaded> {
  const { notes } = testing;
  const half = testing.half && device.features.includes('shader-f16') && device.precision === 'f32';
  const unknown = ROLES.filter(role => sources[role] && rangeOf(sources[role]) === null);
  const large = ROLES.some(role => sources[role] && (rangeOf(sources[role]) ?? 0) > KNOWN_RANGE);
  const noted = JSON.stringify([VERSION, 'f32', ...unknown.map(role => sources[role]!.name)]);
  if (half && !large && (unknown.length === 0 || (await notes.read(noted)) === null))
    device.use([...device.variants, 'f16', 'subgroup-matrices']);
  const loaded = await settled(device, sources, testing);
  if (!half || device.precision === 'f32') return loaded;
  try {
    for (const role of unknown) {
      if ((await peakOf(role, loaded.networks[role] as never)) <= MEASURED_RANGE) continue;
      loaded.networks.destroy();
      device.use(device.variants.filter(variant => variant !== 'f16'));
      await notes.write(noted, 'too large');
      return await settled(device, sources, testing);
    }
    return loaded;
  } catch (error) {
    loaded.networks.destroy();
    throw error;
  }
}

/** The largest activation of weights, as far as they tell. */
function rangeOf({ weights }: Source): number | null {
  const range = Number(weights.metadata.range);
  return range > 0 ? range : null;
}

/** Networks on a device that has no more variants than it computes rightly. */
async function settled(device: Executor, sources: Sources, testing: Testing): Promise<Loaded> {
  const { load, notes, signal, fresh, fixed } = testing;
  device.tuner?.apply(tuningFrom(await notes.read(tuningKey(device, notes))));
  const key = keyOf(device, sources, notes.host);
  const known = fresh ? null : verdictFrom(await notes.read(key));
  // What another one gave up may be what cannot be given up here: then the test ends with the reason.
  if (known && !known.givenUp.some(variant => fixed.includes(variant))) {
    device.use(device.variants.filter(variant => !known.givenUp.includes(variant)));
    return { device, networks: await load(), verdict: known };
  }
  const all = device.variants;
  let networks: Loaded['networks'] | null = null;
  let variants = '';
  // Programs are compiled by the variants of their time.
  const loaded = async () => {
    if (networks && variants === device.variants.join()) return networks;
    networks?.destroy();
    networks = null;
    variants = device.variants.join();
    networks = await load();
    return networks;
  };
  try {
    // Drivers compile on several cores: the networks' shaders beside those of the tests, in the hope that all variants stay.
    // What is wrong with loading is told when it is asked for again; until it has ended the variants must stay as they are.
    let early: Promise<unknown> | null = null;
    const ofKernels = await settle(device, fixed, async names => {
      early ??= loaded().catch(() => null);
      try {
        return await checkKernels(device, signal, names);
      } finally {
        await early;
      }
    });
    const ofNetworks = await settle(device, fixed, async () => {
      try {
        return await checkLoaded(device, await loaded(), sources, signal);
      } catch (error) {
        // A shader of theirs alone that does not compile, for example.
        if (!(error instanceof CodeFormerError && error.code === 'GPU_ERROR')) throw error;
        await lossOf(device);
        device.check();
        return [{ name: 'networks', inputs: 1, fault: error.message }];
      }
    });
    const verdict = {
      givenUp: [...ofKernels.givenUp, ...ofNetworks.givenUp],
      faults: [...ofKernels.faults, ...ofNetworks.faults],
    };
    await notes.write(key, JSON.stringify(verdict));
    return { device, networks: await loaded(), verdict: { ...verdict, remembered: false } };
  } catch (error) {
    (networks as Loaded['networks'] | null)?.destroy();
    device.use(all);
    throw error;
  }
}

/** Checks the kernels, and the networks that are loaded. */
export async function checkAll({ device, networks }: Loaded, sources: Sources, signal: AbortSignal | undefined) {
  return [...(await checkKernels(device, signal)), ...(await checkLoaded(device, networks, sources, signal))];
}

function checkLoaded(
  device: Executor,
  networks: Networks,
  sources: Sources,
  signal: AbortSignal | undefined,
): Promise<Check[]> {
  const recordings = ROLES.map((role): [string, Recording | null] => {
    const source = sources[role];
    return [role, source && recordingOf(source.weights.metadata)];
  });
  return checkNetworks(networks, Object.fromEntries(recordings), device.precision, signal);
}

/** All that decides what a self-test finds: adapter and driver, library, networks and how they are computed. */
function keyOf(device: Executor, sources: Sources, host: string): string {
  const networks = Object.values(sources).map(source => source?.kind ?? null);
  return JSON.stringify([...placeOf(device, host), device.variants, networks]);
}

const tuningKey = (device: Executor, { host }: Notes): string =>
  JSON.stringify([...placeOf(device, host), 'tuning', device.precision]);

/** Adapter and driver, and the library. */
function placeOf({ adapter, features }: Executor, host: string): readonly unknown[] {
  const { vendor, architecture, device, description } = adapter;
  return [VERSION, host, vendor, architecture, device, description, features];
}

/** Keeps what a tuner found, beside what is known of other shapes. */
export async function rememberTuning(device: Executor, notes: Notes, shapes: readonly TunedShape[]): Promise<void> {
  const key = tuningKey(device, notes);
  const known = new Map(tuningFrom(await notes.read(key)).map(tuned => [tuned.shape, tuned]));
  for (const tuned of shapes) known.set(tuned.shape, tuned);
  await notes.write(key, JSON.stringify([...known.values()]));
}

/** Nothing for what is no list of shapes. */
function tuningFrom(text: string | null): TunedShape[] {
  try {
    const shapes = JSON.parse(text ?? '[]') as TunedShape[];
    return shapes.every(({ shape, choice }) => typeof shape === 'string' && typeof choice === 'string') ? shapes : [];
  } catch {
    return [];
  }
}

/** Null for what is no verdict: the self-test is run again. */
function verdictFrom(text: string | null): SelfTestVerdict | null {
  try {
    const { givenUp, faults } = JSON.parse(text ?? '{}') as Partial<SelfTestVerdict>;
    if (!Array.isArray(givenUp) || !givenUp.every(variant => VARIANTS.includes(variant))) return null;
    if (!Array.isArray(faults) || !faults.every(fault => typeof fault === 'string')) return null;
    return { givenUp, faults, remembered: true };
  } catch {
    return null;
  }
}
