// The networks of a restorer on a device: loaded once, and again on another device where that one was lost.

import { orAbort } from '../abort.js';
import { CodeFormerError, type ErrorCode, loadPart } from '../errors.js';
import { type Executor, isExecutor, lossOf, type RunOptions, type Variant } from '../executor.js';
import { codeSpace } from '../models/codeformer/fingerprint.js';
import { faultsOf } from '../selftest/check.js';
import { closeSources, type Loaded, loadNetworks, openSources, type Sources } from './networks.js';
import type { Platform } from './platform.js';
import type { Report } from './progress.js';
import type { RestorerOptions, SelfTestResult, TuneResult } from './restorer-types.js';
import type { CodeSpace } from './types.js';

/** Opened weights, and the networks that are loaded from them. */
export class Loader {
  /** What takes the place of `current`, while that is being made. */
  private loading: Promise<Loaded> | null = null;

  private constructor(
    private readonly platform: Platform,
    private readonly options: RestorerOptions,
    readonly sources: Sources,
    /** What the codes of the restoring network mean; null without one. */
    readonly codes: CodeSpace | null,
    private loaded: Loaded,
  ) {}

  /**
   * Opens the weights, gets a device and loads the networks. Where that fails nothing stays open.
   * @param options checked
   * @throws `NO_ADAPTER`, `WEIGHTS_MISMATCH`, `ABORTED`, and what opening and loading throw
   */
  static async open(options: RestorerOptions, platform: Platform): Promise<Loader> {
    const { weights = 'embedded', detector = 'embedded', parser = null, upscaler = 'embedded', signal } = options;
    const sources = await openSources({ restorer: weights, detector, parser, upscaler }, platform, signal);
    try {
      const codes = sources.restorer && (await codeSpace(sources.restorer.weights));
      return new Loader(platform, options, sources, codes, await load(platform, options, sources, signal));
    } catch (error) {
      await closeSources(sources);
      throw error;
    }
  }

  /** The device and networks as they were loaded last; the device may be lost. */
  get current(): Loaded {
    return this.loaded;
  }

  /**
   * The device and networks, loaded anew where the device was lost.
   * @throws `DEVICE_LOST` for a device of the caller's own, `ABORTED`, and what loading throws
   */
  async ready(report: Report): Promise<Loaded> {
    if (!isGone(this.loaded.device)) return this.loaded;
    if (this.options.device) throw lost('it is a device of your own: make a restorer with another one');
    report.clock('load');
    this.drop();
    // Of use for the next call, whatever becomes of this one.
    this.loading ??= load(this.platform, this.options, this.sources, undefined)
      .then(loaded => {
        this.loaded = loaded;
        return loaded;
      })
      .finally(() => {
        this.loading = null;
      });
    const { loading } = this;
    return orAbort(report.signal, () => loading);
  }

  /**
   * Checks the kernels and the networks as they are computed now. Where something is wrong the networks are loaded anew, by the variants that
   * are right, or on another device.
   * @throws `GPU_ERROR` where nothing is right, `ABORTED`, and what loading throws
   */
  async selfTest(report: Report): Promise<SelfTestResult> {
    const start = performance.now();
    const { signal } = report;
    const { checkAll } = await loadPart('The self-test', import('./tested.js'));
    let checks = await checkAll(await this.ready(report), this.sources, signal);
    const faults = faultsOf(checks);
    if (faults.length > 0) {
      // Where that fails all stays as it is.
      const loaded = await load(this.platform, this.options, this.sources, signal, true);
      this.drop();
      this.loaded = loaded;
      checks = await checkAll(this.loaded, this.sources, signal);
    }
    const { device, verdict } = this.loaded;
    return {
      passed: faultsOf(checks).length === 0,
      adapter: device.describe(),
      precision: device.precision,
      variants: device.variants,
      givenUp: verdict?.givenUp ?? [],
      checks,
      faults: [...new Set([...faults, ...(verdict?.faults ?? [])])],
      duration: performance.now() - start,
    };
  }

  /**
   * Measures how the convolutions of the networks run fastest, remembers it, and loads the networks anew, so that they run like that.
   * @throws `ABORTED`, and what measuring and loading throw
   */
  async tune(report: Report, onProgress: RunOptions['onProgress']): Promise<TuneResult> {
    const { device, networks, ...others } = await this.ready(report);
    const { tuner } = device;
    const shapes = (await tuner?.measure({ signal: report.signal, onProgress })) ?? [];
    if (tuner && shapes.length > 0) {
      const { rememberTuning } = await loadPart('The self-test', import('./tested.js'));
      tuner.apply(shapes);
      networks.destroy();
      // Where that fails the next call finds no networks, and says so.
      this.loaded = { ...others, device, networks: await loadNetworks(device, this.sources, undefined) };
      if (isTested(device)) await rememberTuning(device, this.platform.notes, shapes);
    }
    return { adapter: device.describe(), precision: device.precision, shapes };
  }

  /** Frees the networks, ends the device unless it is the caller's own, and closes the weights. */
  async destroy(): Promise<void> {
    await this.loading?.catch(() => null);
    this.drop();
    await closeSources(this.sources);
  }

  private drop(): void {
    const { device, networks } = this.loaded;
    networks.destroy();
    if (!isExecutor(this.options.device)) device.destroy();
  }
}

/** Whether what is known of an adapter is read at its start. Software adapters compute what the tests have seen, and would take seconds for it. */
const isTested = ({ adapter }: Executor): boolean => !adapter.software;

/** @param fresh whether what is remembered of the adapter is not asked for */
async function load(
  platform: Platform,
  options: RestorerOptions,
  sources: Sources,
  signal: AbortSignal | undefined,
  fresh = false,
): Promise<Loaded> {
  const { device: given, adapter, precision, subgroupMatrices } = options;
  const device = isExecutor(given)
    ? given
    : await platform.createDevice({
        ...(given && { device: given }),
        ...(adapter && { adapter }),
        ...(precision && { precision }),
        ...(subgroupMatrices && { subgroupMatrices }),
      });
  const tested = fresh || isTested(device);
  const networks = () => loadNetworks(device, sources, signal);
  try {
    if (!tested) return { device, networks: await networks(), verdict: null };
    const { loadTested } = await loadPart('The self-test', import('./tested.js'));
    // What else the caller runs on the device has its memory in that precision.
    const fixed: Variant[] = isExecutor(given) ? ['f16'] : [];
    const half = !isExecutor(given) && !device.adapter.software && (precision ?? 'auto') === 'auto';
    return await loadTested(device, sources, { load: networks, notes: platform.notes, signal, fresh, fixed, half });
  } catch (thrown) {
    const error = given ? await reasonOf(thrown, device) : thrown;
    if (!given) device.destroy();
    const broken = error instanceof CodeFormerError && BROKEN.includes(error.code) && !device.adapter.software;
    if (!broken || given || (adapter ?? 'auto') !== 'auto') throw error;
    const others = { ...options, adapter: 'wasm', precision: 'auto' } as const;
    const loaded = await load(platform, others, sources, signal).catch(() => {
      throw error;
    });
    return { ...loaded, reason: error.message };
  }
}

/** Errors by which a GPU shows that it is of no use. */
const BROKEN: readonly ErrorCode[] = ['GPU_ERROR', 'DEVICE_LOST'];

/** Errors that a lost device may show as. */
const FOLLOWING: readonly ErrorCode[] = ['DEVICE_LOST', 'DESTROYED', 'GPU_ERROR', 'OUT_OF_MEMORY'];

/** The error that a caller gets: where the device was lost, everything else only followed from that. */
export async function reasonOf(error: unknown, device: Executor): Promise<unknown> {
  const known = error instanceof CodeFormerError;
  if (known && !FOLLOWING.includes(error.code)) return error;
  const gone = await lossOf(device);
  if (!gone) return error;
  return known && error.code === 'DEVICE_LOST' ? error : lost(gone, error);
}

const lost = (why: string, cause?: unknown): CodeFormerError =>
  new CodeFormerError('DEVICE_LOST', `The GPU device was lost: ${why}`, cause === undefined ? undefined : { cause });

function isGone(device: Executor): boolean {
  try {
    device.check();
    return false;
  } catch {
    return true;
  }
}
