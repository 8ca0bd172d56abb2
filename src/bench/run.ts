// The benches, the same in Node and in browsers: what is right first, then how long it takes.

import { invalidArgument, throwIfAborted } from '../errors.js';
import type { DeviceOptions, Executor } from '../executor.js';
import { Device } from '../gpu/device.js';
import { measurePeaks } from '../gpu/peaks.js';
import { hasTimestamps } from '../gpu/timing.js';
import { OFFICIAL_CONFIG } from '../models/codeformer/tensors.js';
import { generatedWeights } from '../models/networks.js';
import type { Restorer } from '../pipeline/restorer.js';
import type { RestorerOptions } from '../pipeline/restorer-types.js';
import { testPicture } from '../selftest/picture.js';
import { VERSION } from '../version.js';
import { kernelJobs, measureKernels } from './kernels.js';
import { type BenchReport, type Figure, FORMAT, median, type Section } from './report.js';

/** What the benches need of the platform. */
export interface BenchHost {
  /** Runtime or browser, system, processors. */
  readonly runtime: string;
  createDevice(options: DeviceOptions): Promise<Executor>;
  createRestorer(options: RestorerOptions): Promise<Restorer>;
}

export interface BenchOptions extends Pick<DeviceOptions, 'adapter' | 'precision' | 'subgroupMatrices'> {
  /** What is measured, after the self-test, which is run in any case. */
  readonly sections: readonly Section[];
  /** Only kernels whose names have this in them. */
  readonly filter: string;
  /** Of which the median counts. */
  readonly runs: number;
  /** Side of the photo, in pixels. */
  readonly side: number;
  /** Whether a network of the official one's size is measured as well, on generated weights. */
  readonly official: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Hears what is done, with its share of all where that is known. */
  readonly onProgress?: ((what: string, share: number | null) => void) | undefined;
}

/**
 * Runs the benches on the built-in picture.
 * @throws `INVALID_ARGUMENT` where kernels are asked for and none has the filter in its name, and as `createRestorer` and `Restorer.restore`
 */
export async function runBench(host: BenchHost, options: BenchOptions): Promise<BenchReport> {
  const { adapter, precision, subgroupMatrices, sections, filter, runs, official, signal, onProgress } = options;
  const photo = testPicture(options.side);
  const figures: Figure[] = [];
  const wants = (section: Section) => sections.includes(section);

  onProgress?.('start', null);
  // Also where the start is not asked for: it finds the precision.
  const begin = performance.now();
  const first = await host.createRestorer({ adapter, precision, subgroupMatrices, signal });
  const { precision: chosen } = first.info;
  try {
    const ready = performance.now();
    if (wants('start')) {
      await first.restore(photo, { signal });
      figures.push(
        { section: 'start', name: 'ready', ms: ready - begin },
        { section: 'start', name: 'first picture', ms: performance.now() - begin },
      );
    }
  } finally {
    await first.destroy();
  }

  const device = await host.createDevice({ adapter, precision: chosen, subgroupMatrices });
  try {
    if (wants('kernels') && kernelJobs(device, filter).length === 0)
      throw invalidArgument('a part of the name of a kernel', 'the filter', filter);
    // It leaves the device with the variants and the tuning that the first one was left with.
    const restorer = await host.createRestorer({ device, signal });
    let selfTest: BenchReport['selfTest'];
    try {
      onProgress?.('self-test', null);
      const { passed, checks, faults } = await restorer.selfTest({ signal });
      selfTest = { passed, checks: checks.length, faults };
      if (wants('stages')) figures.push(...(await measureStages(restorer, options)));
      if (wants('networks')) figures.push(...(await measureNetworks('embedded', restorer, options)));
      const { allocated, peak } = restorer.info.memory;
      if (wants('memory'))
        figures.push(
          { section: 'memory', name: 'networks', MB: allocated / 1e6 },
          { section: 'memory', name: 'at most', MB: peak / 1e6 },
        );
    } finally {
      await restorer.destroy();
    }
    if (official && wants('networks')) {
      const weights = generatedWeights('codeformer', OFFICIAL_CONFIG, 7);
      const large = await host.createRestorer({ device, weights, detector: null, upscaler: null, signal });
      try {
        figures.push(...(await measureNetworks('official', large, options)));
      } finally {
        await large.destroy();
      }
    }
    const peaks = wants('kernels') && device instanceof Device ? await measurePeaks(device) : null;
    if (wants('kernels')) {
      const jobs = kernelJobs(device, filter);
      const told = { runs, signal, onProgress: (share: number) => onProgress?.('kernels', share) };
      figures.push(...(await measureKernels(device, jobs, peaks, told)));
    }
    return {
      report: 'codeformer bench',
      format: FORMAT,
      version: VERSION,
      runtime: host.runtime,
      adapter: { ...device.adapter, name: device.describe(), features: device.features },
      precision: device.precision,
      variants: device.variants,
      timing: device instanceof Device && hasTimestamps(device) ? 'timestamps' : 'clock',
      peaks,
      selfTest,
      runs,
      side: options.side,
      figures,
    };
  } finally {
    device.destroy();
  }
}

/** A GPU works so long before anything is measured: its clock is low when it has nothing to do. In milliseconds. */
const WARM_MS = 1000;

/** Medians by name of what runs return, each of which has the same names. */
async function medians(
  section: Section,
  what: string,
  { info }: Restorer,
  { runs, signal, onProgress }: BenchOptions,
  run: () => Promise<Readonly<Record<string, number>>>,
): Promise<Figure[]> {
  const seen = new Map<string, number[]>();
  const warm = performance.now() + (info.software ? 0 : WARM_MS);
  // The first one compiles.
  do {
    throwIfAborted(signal);
    onProgress?.(what, 0);
    await run();
  } while (performance.now() < warm);
  for (let i = 0; i < runs; i++) {
    throwIfAborted(signal);
    onProgress?.(what, (i + 1) / (runs + 1));
    for (const [name, ms] of Object.entries(await run())) seen.set(name, [...(seen.get(name) ?? []), ms]);
  }
  return [...seen].map(([name, all]) => ({ section, name, ms: median(all) }));
}

/** A photo with one face. Work is submitted without waiting for it, so that some of it shows in the stage that reads the result. */
function measureStages(restorer: Restorer, options: BenchOptions): Promise<Figure[]> {
  const { side, signal } = options;
  const photo = testPicture(side);
  return medians('stages', 'stages', restorer, options, async () => {
    const { timings, faces } = await restorer.restore(photo, { signal });
    const { total, ...rest } = timings;
    return { ...rest, ...faces[0]?.timings, total: total! };
  });
}

/** A face of the network's own size, from pixels to pixels. */
function measureNetworks(name: string, restorer: Restorer, options: BenchOptions): Promise<Figure[]> {
  const { signal } = options;
  const crop = testPicture(restorer.size);
  return medians('networks', `${name} network`, restorer, options, async () => {
    const start = performance.now();
    using face = await restorer.encode(crop, { signal });
    const encoded = performance.now();
    await face.decode({ fidelity: 0.5, signal });
    const decoded = performance.now();
    await face.decode({ fidelity: 0, signal });
    const end = performance.now();
    return {
      [`${name}: encode`]: encoded - start,
      [`${name}: decode, w = 0.5`]: decoded - encoded,
      [`${name}: decode, w = 0`]: end - decoded,
      [`${name}: whole, w = 0.5`]: decoded - start,
    };
  });
}
