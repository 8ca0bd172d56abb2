// The restorer: the calls that callers make, the same on every platform. `src/node` and `src/web` add the platform.

import { checkCallback, checkObject, checkOptions, checkRunOptions, checkSignal } from '../checks.js';
import { CodeFormerError, type ErrorCode, invalidArgument, throwIfAborted } from '../errors.js';
import { checkDeviceOptions, checkKind, isExecutor } from '../executor.js';
import { pixelLimit } from '../image/picture.js';
import { DevicePicture, scoped } from '../pixels/device-picture.js';
import { resizeDevicePicture } from '../pixels/resize.js';
import { OPTION_OF, type Role } from '../weights/manifest.js';
import { ahead } from './ahead.js';
import { Calls } from './calls.js';
import { encodedFace, preparedPhoto } from './handles.js';
import { Loader } from './loading.js';
import { licenceOf } from './networks.js';
import { checkDetectOptions, checkIntoOptions, checkRestoreOptions, checkSweep, type Settings } from './options.js';
import type { Photo } from './photo.js';
import {
  checkTarget,
  type Delivered,
  deliver,
  type Opened,
  openPhoto,
  openSource,
  restoreResult,
  type Source,
  storePicture,
} from './photo-io.js';
import type { Platform } from './platform.js';
import type { Report } from './progress.js';
import { alignedCrop, detectPhoto } from './restore.js';
import type {
  DeviceEncodedFace,
  EncodeFaceOptions,
  ManyOptions,
  NetworkInfo,
  PreparedPhoto,
  RestorerInfo,
  RestorerOptions,
  SelfTestResult,
  TuneResult,
} from './restorer-types.js';
import { DEFAULT_RULES } from './rules.js';
import { PhotoSession, type RenderResult, sizeWarnings } from './session.js';
import { outputSize } from './sizes.js';
import { callContext, detectingStages, missingRestorer } from './stages.js';
import type {
  DetectedFace,
  DevicePhoto,
  DeviceTarget,
  EncodedType,
  IntoOptions,
  IntoResult,
  PhotoInput,
  PhotoOptions,
  PhotoOutput,
  RestoreOptions,
  RestoreResult,
  SweepResult,
} from './types.js';

/** Side of crops where no restoring network is loaded. */
const DEFAULT_SIZE = 512;

const OPTIONS = [...Object.values(OPTION_OF), 'device', 'adapter', 'precision', 'subgroupMatrices', 'signal'];

/** Errors that end a sequence of photos: they are about the device or the caller, not about a photo. */
const ENDING: readonly ErrorCode[] = ['ABORTED', 'DESTROYED', 'NO_ADAPTER', 'ADAPTER_LIMITS'];

/**
 * Restores faces in photos, with the networks that it has loaded. Calls follow one another, since they share a device; a lost device is
 * replaced by the next call, which then also throws what loading throws. Made by `createRestorer`.
 */
export class Restorer {
  private readonly calls: Calls;
  /** Side of crops, in pixels: that of the restoring network, or 512 without one. */
  readonly size: number;

  private constructor(
    private readonly platform: Platform,
    private readonly loader: Loader,
  ) {
    this.calls = new Calls(loader, platform.inside);
    this.size = loader.current.networks.restorer?.size ?? DEFAULT_SIZE;
  }

  /**
   * Opens the weights, gets a device and loads the networks.
   * @param platform what `createRestorer` brings along
   * @throws as `createRestorer`
   */
  static async create(options: RestorerOptions, platform: Platform): Promise<Restorer> {
    checkOptions(options, OPTIONS);
    const { adapter, precision, subgroupMatrices, device } = options;
    checkDeviceOptions({ adapter, precision, subgroupMatrices, ...(isExecutor(device) ? {} : { device }) });
    if (isExecutor(device)) {
      checkKind(device.adapter, adapter);
      if ((precision ?? 'auto') !== 'auto' && precision !== device.precision)
        throw invalidArgument(`${device.precision}, in which the device computes,`, 'precision', precision);
    }
    checkSignal(options.signal);
    throwIfAborted(options.signal);
    return new Restorer(platform, await Loader.open(options, platform));
  }

  /**
   * Adapter, memory and networks, as they are now.
   * @throws `DESTROYED`
   */
  get info(): RestorerInfo {
    this.calls.check();
    const { sources, codes, current } = this.loader;
    const { device } = current;
    const { software } = device.adapter;
    const networks = Object.fromEntries(
      Object.entries(sources).map(([role, source]) => [
        role,
        source && { source: source.name, network: source.kind, licence: licenceOf(source) },
      ]),
    ) as Record<Role, NetworkInfo | null>;
    return {
      adapter: device.describe(),
      adapterReason: current.reason ?? device.adapter.reason ?? null,
      software,
      features: device.features,
      precision: device.precision,
      selfTest: current.verdict,
      memory: device.memory,
      model: networks.restorer?.source ?? null,
      licence: networks.restorer?.licence ?? null,
      size: this.size,
      codes,
      networks,
    };
  }

  /**
   * Finds the faces of a photo.
   * @param photo encoded bytes, or pixels (RGB or RGBA); those of what is on the device are not read
   * @returns the faces, the most certain first, in pixels of the photo as it stands upright; empty where there is none
   * @throws `INVALID_ARGUMENT` for wrong options, and where no detector is loaded; `INVALID_IMAGE` for what is no picture or a broken one;
   *   `IMAGE_TOO_LARGE` above `maxPixels`; `ADAPTER_LIMITS`, `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`, `ABORTED`
   */
  async detect(photo: PhotoInput | DevicePhoto, options: PhotoOptions = {}): Promise<DetectedFace[]> {
    const checked = checkDetectOptions(options);
    return this.calls.run(checked, async report => {
      const settings = this.calls.guarded(checked, report);
      return this.calls.exclusive(
        report,
        () => this.openSource(photo, settings.maxPixels, report),
        async ({ device, networks }, source) => {
          const stages = detectingStages(networks, settings, report);
          return detectPhoto(await source.take(device), { device, stages, settings, report });
        },
      );
    });
  }

  /**
   * A photo with its faces restored, encoded.
   * @param photo encoded bytes, or pixels (RGB or RGBA), which are not copied
   * @returns the picture, `upscaling` times as large, and its faces; without any it is only enlarged
   * @throws `INVALID_ARGUMENT` for wrong options, and where a network that they need is not loaded; `INVALID_IMAGE` for what is no picture or
   *   a broken one; `IMAGE_TOO_LARGE` for a photo or result above `maxPixels` or the limits of `output`; `ADAPTER_LIMITS`, `OUT_OF_MEMORY`,
   *   `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`, `ABORTED`, and what functions of the caller's own throw
   */
  restore<I extends PhotoInput>(
    photo: I,
    options: RestoreOptions & { readonly output: EncodedType },
  ): Promise<RestoreResult<Uint8Array<ArrayBuffer>>>;
  /** The same, as pixels in the form in which the photo came. */
  restore<I extends PhotoInput>(
    photo: I,
    options?: RestoreOptions & { readonly output?: undefined },
  ): Promise<RestoreResult<PhotoOutput<I>>>;
  /** The same, where only the caller knows whether `output` is given. */
  restore<I extends PhotoInput>(
    photo: I,
    options?: RestoreOptions,
  ): Promise<RestoreResult<PhotoOutput<I> | Uint8Array<ArrayBuffer>>>;
  async restore(photo: PhotoInput, options: RestoreOptions = {}): Promise<RestoreResult<unknown>> {
    const checked = checkRestoreOptions(options, this.size);
    return this.calls.run(checked, report =>
      this.restored(() => this.open(photo, checked.maxPixels, report), this.calls.guarded(checked, report), report),
    );
  }

  /**
   * Restores a photo into a texture, a buffer or a canvas of the caller's own, on the device that the restorer was given. A photo that is on the
   * device (`DevicePhoto`, a frame of video, a canvas with a WebGPU context) stays there: what is read is which faces there are, their
   * codes, and sums over pixels. Functions of the caller's own and `backgroundUpscale` get pixels in memory all the same.
   *
   * The photo is read when the calls before are done, so it must stay as it is until the call ends. All commands are submitted to the queue
   * of the device by then: what the caller submits afterwards sees the result, and nothing has to be waited for.
   * @param photo on the device, or as for `restore`
   * @param target a texture or buffer of the result's size, or a canvas
   * @throws as `restore`, `INVALID_ARGUMENT` also for a target that has not the result's size, and on a device that is not of WebGPU;
   *   `ADAPTER_LIMITS` for a photo or result that is larger than its buffers
   */
  async restoreInto(
    photo: PhotoInput | DevicePhoto,
    target: DeviceTarget,
    options: IntoOptions = {},
  ): Promise<IntoResult> {
    const checked = checkIntoOptions(options, this.size);
    return this.calls.run(checked, report => {
      const settings = this.calls.guarded(checked, report);
      return this.calls.exclusive(
        report,
        () => this.openSource(photo, settings.maxPixels, report),
        async (loaded, source) => {
          const { width, height } = outputSize(source, settings);
          checkTarget(loaded.device, target, { width, height });
          const context = callContext(loaded, settings, report, this.size, true);
          report.clock('upload');
          const picture = await source.take(loaded.device);
          const session = await PhotoSession.open(picture, context, { once: true, measures: settings.neverWorse });
          try {
            // A result that fits is on the device.
            const store = (result: Photo) => storePicture(result.content as DevicePicture, target);
            const { faces, warnings } = await session.renderInto(context, store);
            const { seed } = settings;
            const all = [...source.warnings, ...warnings];
            return { width, height, faces, seed, warnings: all, timings: report.finish() };
          } finally {
            session.destroy();
          }
        },
      );
    });
  }

  /**
   * A photo restored at several fidelities, encoded; each face is encoded once.
   * @param photo as for `restore`
   * @param options with a list of fidelities, 0 to 1, in the order of the results
   * @throws as `restore`
   */
  sweep<I extends PhotoInput>(
    photo: I,
    options: Omit<RestoreOptions, 'fidelity'> & { readonly fidelity: readonly number[]; readonly output: EncodedType },
  ): Promise<SweepResult<Uint8Array<ArrayBuffer>>>;
  /** The same, as pixels in the form in which the photo came. */
  sweep<I extends PhotoInput>(
    photo: I,
    options: Omit<RestoreOptions, 'fidelity'> & { readonly fidelity: readonly number[]; readonly output?: undefined },
  ): Promise<SweepResult<PhotoOutput<I>>>;
  async sweep(
    photo: PhotoInput,
    options: Omit<RestoreOptions, 'fidelity'> & { readonly fidelity: readonly number[] },
  ): Promise<SweepResult<unknown>> {
    checkObject(options, 'options');
    const { fidelity, ...others } = options;
    const fidelities = checkSweep(fidelity);
    const checked = checkRestoreOptions({ ...others, neverWorse: others.neverWorse ?? false }, this.size);
    return this.calls.run(checked, async report => {
      const settings = this.calls.guarded(checked, report);
      const open = () => this.open(photo, settings.maxPixels, report);
      const perFace = Object.fromEntries(
        Object.entries(settings.perFace).map(([id, { strength }]) => [id, { strength }]),
      );
      const each = fidelities.map(w => ({ ...settings, perFace, fidelity: w }));
      const { results, delivered, warnings } = await this.run(open, each, report);
      const [{ image, faces }] = results as [RenderResult];
      const { width, height } = image;
      const images = fidelities.map((w, i) => {
        return { fidelity: w, image: delivered[i], faces: results[i]!.faces.map(({ restored }) => restored) };
      });
      return { images, width, height, faces, seed: settings.seed, warnings, timings: report.finish() };
    });
  }

  /**
   * Restores photos one after another, each while the next one is decoded.
   * @param photos an iterable or async iterable of photos as for `restore`
   * @returns the results in the order of the photos, with the photo and its number from 0
   * @throws as `restore`, unless `onError` takes what is wrong with a photo
   */
  async *restoreMany<I extends PhotoInput>(
    photos: Iterable<I> | AsyncIterable<I>,
    options: ManyOptions = {},
  ): AsyncGenerator<
    RestoreResult<PhotoOutput<I> | Uint8Array<ArrayBuffer>> & { readonly index: number; readonly input: I }
  > {
    checkObject(options, 'options');
    const { onError, ...others } = options;
    checkCallback(onError, 'onError');
    const first = checkRestoreOptions(others, this.size);
    if (typeof photos !== 'object' || photos === null || !(Symbol.iterator in photos || Symbol.asyncIterator in photos))
      throw invalidArgument('an iterable or async iterable', 'photos', photos);
    const open = (photo: I) =>
      this.calls.run(first, async report => {
        const opened = await this.open(photo, first.maxPixels, report);
        report.clock('wait');
        return { report, opened };
      });
    for await (const { index, item, result } of ahead(photos, open, 1)) {
      let restored: RestoreResult<unknown>;
      try {
        if (result.status === 'rejected') throw result.reason;
        const { opened, report: begun } = result.value;
        // Each photo draws its own seed, unless there is one for all.
        const checked = checkRestoreOptions(others, this.size);
        restored = await this.calls.run(
          checked,
          report => this.restored(async () => opened, this.calls.guarded(checked, report), report),
          begun,
        );
      } catch (error) {
        const own = error instanceof CodeFormerError && !ENDING.includes(error.code);
        if (!onError || !own) throw error;
        onError(error, index);
        continue;
      }
      yield { ...(restored as RestoreResult<PhotoOutput<I>>), index, input: item };
    }
  }

  /**
   * Predicts the codes of a face, which can then be decoded with one setting after another. They stay on the device until `destroy`.
   * @param crop an aligned face; one of another size than `size` x `size` is resized
   * @throws as `restore`, and `INVALID_ARGUMENT` where no restoring network is loaded
   */
  async encode(crop: PhotoInput | DevicePhoto, options: EncodeFaceOptions = {}): Promise<DeviceEncodedFace> {
    checkOptions(options, ['signal', 'onProgress']);
    checkRunOptions(options);
    const { onProgress } = options;
    const { size } = this;
    return this.calls.run({ signal: options.signal }, report =>
      this.calls.exclusive(
        report,
        () => this.openSource(crop, pixelLimit(undefined), report),
        async (loaded, source) => {
          const net = loaded.networks.restorer;
          if (!net) throw missingRestorer();
          const { signal } = report;
          const encoded = await scoped(async keep => {
            const picture = await source.take(loaded.device);
            if (picture instanceof DevicePicture) {
              const to = { width: size, height: size };
              const sized = keep(await resizeDevicePicture(keep(picture), to, 'linear', { signal }));
              return net.encodePicture(sized, { signal, onProgress });
            }
            const sized = await alignedCrop(picture, size, loaded.device, { rules: DEFAULT_RULES, signal });
            return net.encodePicture(sized.crop, { signal, onProgress });
          });
          return encodedFace(this.calls, size, loaded, encoded, sizeWarnings(source, size));
        },
      ),
    );
  }

  /**
   * Finds, cuts out and encodes the faces of a photo, which can then be rendered with one setting after another. Some of the encoded faces,
   * and the background in the size of the last result, stay on the device until `destroy`.
   * @param photo as for `restore`
   * @param options of the faces, and what `render` takes where it is not told otherwise
   * @throws as `restore`
   */
  async prepare<I extends PhotoInput>(photo: I, options: RestoreOptions = {}): Promise<PreparedPhoto<PhotoOutput<I>>> {
    const checked = checkRestoreOptions(options, this.size);
    // One seed for all pictures.
    const defaults = { ...options, seed: checked.seed };
    return this.calls.run(checked, async report => {
      const settings = this.calls.guarded(checked, report);
      return this.calls.exclusive(
        report,
        () => this.open(photo, settings.maxPixels, report),
        async (loaded, opened) => {
          const context = callContext(loaded, settings, report, this.size);
          const session = await PhotoSession.open(opened.picture, context, { once: false, measures: true });
          try {
            const faces = await session.encode(context);
            report.finish();
            const prepared = { home: loaded, platform: this.platform, session, opened, defaults, faces };
            return preparedPhoto<PhotoOutput<I>>(this.calls, this.size, prepared);
          } catch (error) {
            session.destroy();
            throw error;
          }
        },
      );
    });
  }

  /**
   * Checks every kernel on small inputs against its reference, and the embedded networks on a built-in picture against what was recorded of
   * them. Where something is wrong the restorer computes by the next simpler variants from then on, as it does at the first use of a GPU by
   * itself; encoded faces of before are then those of a device that was replaced.
   * @returns what was found of each, and what was given up
   * @throws `GPU_ERROR` where something stays wrong, `OUT_OF_MEMORY`, `DEVICE_LOST`, `DESTROYED`, `ABORTED`
   */
  async selfTest(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<SelfTestResult> {
    checkOptions(options, ['signal']);
    checkSignal(options.signal);
    return this.calls.run({ signal: options.signal }, report =>
      this.calls.exclusive(
        report,
        async () => null,
        () => this.loader.selfTest(report),
      ),
    );
  }

  /**
   * Measures how the convolutions of the networks run fastest on the GPU, in a minute or less; they run like that from then on, and at later starts
   * with the same adapter, driver and version of the library. Encoded faces of before are then those of a device that was replaced.
   * @returns what was measured; nothing on WebAssembly
   * @throws `INVALID_ARGUMENT`, `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`, `ABORTED`
   */
  async tune(options: EncodeFaceOptions = {}): Promise<TuneResult> {
    checkOptions(options, ['signal', 'onProgress']);
    checkRunOptions(options);
    return this.calls.run({ signal: options.signal }, report =>
      this.calls.exclusive(
        report,
        async () => null,
        () => this.loader.tune(report, options.onProgress),
      ),
    );
  }

  /** Frees everything that the restorer made. Calls that are under way, or wait, end with `DESTROYED`. */
  destroy(): Promise<void> {
    return this.calls.destroy();
  }

  /** `destroy`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  private async restored(
    open: () => Promise<Opened>,
    settings: Settings,
    report: Report,
  ): Promise<RestoreResult<unknown>> {
    return restoreResult(await this.run(open, [settings], report), settings, report);
  }

  /** Restores a photo with one set of settings after another, which differ in what `render` can change. */
  private run(open: () => Promise<Opened>, all: readonly Settings[], report: Report): Promise<Delivered> {
    const [first] = all as [Settings];
    return this.calls.exclusive(
      report,
      open,
      async (loaded, { picture }) => {
        // Refused before any work is done.
        if (!first.aligned) outputSize(picture, first);
        const options = { once: all.length === 1, measures: first.neverWorse };
        const session = await PhotoSession.open(picture, callContext(loaded, first, report, this.size), options);
        try {
          const results: RenderResult[] = [];
          for (const [i, settings] of all.entries()) {
            report.picture(i, all.length);
            results.push(await session.render(callContext(loaded, settings, report, this.size)));
          }
          return results;
        } finally {
          session.destroy();
        }
      },
      (results, opened) => deliver(this.platform, opened, first, results, report),
    );
  }

  private openSource(photo: PhotoInput | DevicePhoto, maxPixels: number, report: Report): Promise<Source> {
    return openSource(this.platform, this.loader.current.device, photo, maxPixels, report);
  }

  private open(photo: PhotoInput, maxPixels: number, report: Report): Promise<Opened> {
    return openPhoto(this.platform, photo, maxPixels, report);
  }
}
