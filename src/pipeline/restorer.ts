// The restorer: networks on a device, and the calls that callers make. What is the same on every platform; `src/node` and `src/web`
// add the platform.

import { onAbort, orAbort } from '../abort.js';
import { checkCallback, checkObject, checkOptions, checkRunOptions, checkSignal } from '../checks.js';
import { CodeFormerError, type ErrorCode, invalidArgument, throwIfAborted } from '../errors.js';
import { checkDeviceOptions, type Executor, isExecutor } from '../executor.js';
import {
  checkPicture,
  type DecodedPicture,
  isOpaque,
  type Picture,
  type PictureMetadata,
  pixelLimit,
  toRgb,
  toRgba,
} from '../image/picture.js';
import type { Encoded } from '../models/codeformer/codeformer.js';
import { codeSpace } from '../models/codeformer/fingerprint.js';
import type { Role } from '../weights/manifest.js';
import { ahead } from './ahead.js';
import { closeSources, licenceOf, loadNetworks, openSources, type Sources } from './networks.js';
import {
  checkDecodeOptions,
  checkDetectOptions,
  checkRenderOptions,
  checkRestoreOptions,
  checkSweep,
  type Settings,
} from './options.js';
import type { Platform } from './platform.js';
import { Report } from './progress.js';
import { Queue } from './queue.js';
import { alignedCrop, detectPhoto } from './restore.js';
import type {
  EncodedFace,
  EncodeFaceOptions,
  ManyOptions,
  NetworkInfo,
  PreparedPhoto,
  RestorerInfo,
  RestorerOptions,
} from './restorer-types.js';
import { DEFAULT_RULES } from './rules.js';
import { PhotoSession, type RenderResult, sizeWarnings } from './session.js';
import { outputSize } from './sizes.js';
import { type Context, callStages, detectingStages, drawnCodes, missingRestorer, type Networks } from './stages.js';
import type {
  CodeSpace,
  DetectedFace,
  EncodedType,
  PhotoInput,
  PhotoOptions,
  PhotoOutput,
  PreparedFace,
  RenderOptions,
  RestoreOptions,
  RestoreResult,
  SweepResult,
} from './types.js';

/** Crops where no network says their size. */
const DEFAULT_SIZE = 512;

interface Loaded {
  readonly device: Executor;
  readonly networks: Networks & { destroy(): void };
}

const OPTIONS = ['weights', 'detector', 'parser', 'upscaler', 'device', 'adapter', 'precision', 'signal'];

/**
 * Restores faces in photos, with the networks that it has loaded. Calls follow one another, since they share a device; a lost device is
 * replaced by the next call. PostprocessedFace by `createRestorer`.
 */
export class Restorer {
  private current: Loaded;
  /** What takes its place, while that is being made. */
  private loading: Promise<Loaded> | null = null;
  /** Photos share the device, so work on them follows one another. */
  private readonly queue = new Queue();
  /** Results that are encoded: of one call while the next one works, so that they do not pile up. */
  private readonly outgoing = new Queue();
  /** Calls that are under way. */
  private readonly calls = new Map<AbortController, Promise<unknown>>();
  private alive = true;
  /** Side of crops. */
  readonly size: number;

  private constructor(
    private readonly platform: Platform,
    private readonly options: RestorerOptions,
    private readonly sources: Sources,
    private readonly codes: CodeSpace | null,
    first: Loaded,
  ) {
    this.current = first;
    this.size = first.networks.restorer?.size ?? DEFAULT_SIZE;
  }

  /**
   * Opens the weights, gets a device and loads the networks.
   * @throws `INVALID_ARGUMENT`, `NO_ADAPTER`, `WEIGHTS_MISMATCH`, `ABORTED`, and what opening and loading throw
   */
  static async create(options: RestorerOptions, platform: Platform): Promise<Restorer> {
    checkOptions(options, OPTIONS);
    const { adapter, precision, device } = options;
    checkDeviceOptions({ adapter, precision, ...(isExecutor(device) ? {} : { device }) });
    checkSignal(options.signal);
    const { weights = 'embedded', detector = 'embedded', parser = null, upscaler = 'embedded', signal } = options;
    throwIfAborted(signal);
    const sources = await openSources({ restorer: weights, detector, parser, upscaler }, platform, signal);
    try {
      const codes = sources.restorer && (await codeSpace(sources.restorer.weights));
      return new Restorer(platform, options, sources, codes, await load(platform, options, sources, signal));
    } catch (error) {
      await closeSources(sources);
      throw error;
    }
  }

  /**
   * Adapter, memory and networks, as they are now.
   * @throws `DESTROYED`
   */
  get info(): RestorerInfo {
    if (!this.alive) throw this.destroyed();
    const { device } = this.current;
    const { software } = device.adapter;
    const networks = Object.fromEntries(
      Object.entries(this.sources).map(([role, source]) => [
        role,
        source && { source: source.name, network: source.kind, licence: licenceOf(source) },
      ]),
    ) as Record<Role, NetworkInfo | null>;
    return {
      adapter: device.describe(),
      software,
      features: device.features,
      precision: device.precision,
      memory: device.memory,
      model: networks.restorer?.source ?? null,
      licence: networks.restorer?.licence ?? null,
      size: this.size,
      codes: this.codes,
      networks,
    };
  }

  /**
   * The faces of a photo, the most certain first, in pixels of the photo as it stands upright. None is a result as well.
   * @param photo encoded bytes or pixels
   * @throws `INVALID_ARGUMENT`, `INVALID_IMAGE`, `IMAGE_TOO_LARGE`, `ADAPTER_LIMITS`, `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`,
   *   `ABORTED`
   */
  async detect(photo: PhotoInput, options: PhotoOptions = {}): Promise<DetectedFace[]> {
    const checked = checkDetectOptions(options);
    return this.call(checked, async report => {
      const settings = this.guarded(checked, report);
      return this.exclusive(
        report,
        () => this.open(photo, settings.maxPixels, report),
        ({ device, networks }, { picture }) =>
          detectPhoto(picture, { device, stages: detectingStages(networks, settings), settings, report }),
      );
    });
  }

  /**
   * A photo with its faces restored, encoded.
   * @param photo encoded bytes or pixels
   * @returns the picture, `upscaling` times as large, and its faces; without any it is only enlarged
   * @throws `INVALID_ARGUMENT`, `INVALID_IMAGE`, `IMAGE_TOO_LARGE` for the photo or the result, `ADAPTER_LIMITS`, `OUT_OF_MEMORY`, `GPU_ERROR`,
   *   `DEVICE_LOST`, `DESTROYED`, `ABORTED`
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
    return this.call(checked, report =>
      this.restored(() => this.open(photo, checked.maxPixels, report), this.guarded(checked, report), report),
    );
  }

  /**
   * A photo restored at several fidelities, encoded; each face is encoded once.
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
    return this.call(checked, async report => {
      const settings = this.guarded(checked, report);
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
   * @param photos a list, or anything that can be iterated over, also asynchronously
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
      throw invalidArgument('something that can be iterated over', 'photos', photos);
    const open = (photo: I) =>
      this.call(first, async report => {
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
        restored = await this.call(
          checked,
          report => this.restored(async () => opened, this.guarded(checked, report), report),
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
   * Encodes an aligned crop; what has not the network's size is resized.
   * @throws as `restore`, and `INVALID_ARGUMENT` where no restoring network is loaded
   */
  async encode(crop: PhotoInput, options: EncodeFaceOptions = {}): Promise<EncodedFace> {
    checkOptions(options, ['signal', 'onProgress']);
    checkRunOptions(options);
    const { onProgress } = options;
    const { size } = this;
    return this.call({ signal: options.signal }, report =>
      this.exclusive(
        report,
        () => this.open(crop, pixelLimit(undefined), report),
        async (loaded, { picture }) => {
          const net = loaded.networks.restorer;
          if (!net) throw missingRestorer();
          const { signal } = report;
          const sized = await alignedCrop(picture, size, loaded.device, { rules: DEFAULT_RULES, signal });
          const encoded = await net.encodePicture(sized.crop, { signal, onProgress });
          return this.encodedFace(loaded, encoded, sizeWarnings(picture, size));
        },
      ),
    );
  }

  /**
   * Finds, cuts out and encodes the faces of a photo, which can then be rendered with one setting after another. Some of the encoded faces,
   * and the background in the size of the last result, stay on the device until `destroy`.
   * @param options of the faces, and what `render` takes where it is not told otherwise
   * @throws as `restore`
   */
  async prepare<I extends PhotoInput>(photo: I, options: RestoreOptions = {}): Promise<PreparedPhoto<PhotoOutput<I>>> {
    const checked = checkRestoreOptions(options, this.size);
    // One seed for all pictures.
    const defaults = { ...options, seed: checked.seed };
    return this.call(checked, async report => {
      const settings = this.guarded(checked, report);
      return this.exclusive(
        report,
        () => this.open(photo, settings.maxPixels, report),
        async (loaded, opened) => {
          const context = this.context(loaded, settings, report);
          const session = await PhotoSession.open(opened.picture, context, { once: false, measures: true });
          try {
            const faces = await session.encode(context);
            report.finish();
            return this.preparedPhoto<PhotoOutput<I>>({ home: loaded, session }, opened, defaults, faces);
          } catch (error) {
            session.destroy();
            throw error;
          }
        },
      );
    });
  }

  private preparedPhoto<Image>(
    state: { home: Loaded; session: PhotoSession },
    opened: Opened,
    defaults: RestoreOptions,
    faces: readonly PreparedFace[],
  ): PreparedPhoto<Image> {
    const { width, height } = opened.picture;
    let alive = true;
    const destroy = () => {
      if (alive) state.session.destroy();
      alive = false;
    };
    const render = async (options: RenderOptions = {}): Promise<RestoreResult<unknown>> => {
      const known = faces.map(({ id }) => id);
      const { ids, ...checked } = checkRenderOptions(defaults, options, this.size, known);
      return this.call(checked, async report => {
        const settings = this.guarded(checked, report);
        const done = await this.exclusive(
          report,
          async () => opened,
          async loaded => {
            if (!alive) throw new CodeFormerError('DESTROYED', 'A prepared photo was used after destroy()');
            if (loaded !== state.home) {
              state.session.destroy();
              state.session = await state.session.rebindTo(loaded.device);
              state.home = loaded;
            }
            return [await state.session.render(this.context(loaded, settings, report), ids)];
          },
          made => this.deliver(opened, settings, made, report),
        );
        return restoreResult(done, settings, report);
      });
    };
    return {
      width,
      height,
      faces,
      warnings: [...opened.warnings, ...state.session.warnings],
      render: render as PreparedPhoto<Image>['render'],
      destroy,
      [Symbol.dispose]: destroy,
    };
  }

  private encodedFace(home: Loaded, encoded: Encoded, warnings: readonly string[]): EncodedFace {
    const { size } = this;
    const destroy = () => encoded.destroy();
    const checkHome = (loaded: Loaded) => {
      if (loaded === home) return;
      throw new CodeFormerError('DEVICE_LOST', 'The device that the face was encoded on was lost: encode it again');
    };
    return {
      size,
      indices: encoded.indices,
      margin: encoded.margin,
      warnings,
      decode: async (options = {}) => {
        const { fidelity, adain, indices, onProgress, ...sampling } = checkDecodeOptions(options, size);
        return this.call({ signal: options.signal }, report =>
          this.exclusive(report, nothing, async loaded => {
            checkHome(loaded);
            const { signal } = report;
            const net = loaded.networks.restorer!;
            const drawn = indices ?? (await drawnCodes(net, encoded, sampling, 0));
            const chosen = drawn ? { indices: drawn } : {};
            return net.decodePicture(encoded, { fidelity, adain, signal, onProgress, ...chosen });
          }),
        );
      },
      logits: () =>
        this.call({}, report =>
          this.exclusive(report, nothing, async loaded => {
            checkHome(loaded);
            return encoded.logits();
          }),
        ),
      destroy,
      [Symbol.dispose]: destroy,
    };
  }

  /** Frees everything that the restorer made. Calls that are under way, or wait, end with `DESTROYED`. */
  async destroy(): Promise<void> {
    if (!this.alive) return;
    this.alive = false;
    for (const call of this.calls.keys()) call.abort(this.destroyed());
    await Promise.allSettled(this.calls.values());
    const loaded = (await this.loading?.catch(() => null)) ?? this.current;
    this.drop(loaded);
    await closeSources(this.sources);
  }

  /** `destroy`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  /**
   * Runs a call, which an abort and `destroy` end wherever it is.
   * @param begun what has been done of it before
   */
  private call<T>(
    { signal, onProgress }: Pick<PhotoOptions, 'signal' | 'onProgress'>,
    work: (report: Report) => Promise<T>,
    begun?: Report,
  ): Promise<T> {
    const controller = new AbortController();
    const own = controller.signal;
    const run = async () => {
      const unlink = onAbort(signal, () => controller.abort(signal!.reason));
      try {
        if (!this.alive) throw this.destroyed();
        throwIfAborted(own);
        return await work(begun ? begun.resumed(own) : new Report(onProgress, own));
      } catch (error) {
        // The abort that `destroy` makes is no abort to callers.
        const { reason } = own;
        const ended = reason instanceof CodeFormerError && reason.code === 'DESTROYED';
        throw ended && error instanceof CodeFormerError && error.code === 'ABORTED' ? reason : error;
      } finally {
        unlink();
      }
    };
    const running = run();
    this.calls.set(controller, running);
    const forget = () => this.calls.delete(controller);
    running.then(forget, forget);
    return running;
  }

  /** The settings of a call as its work takes them: the caller's own parts end with it, and may make calls themselves. */
  private guarded<S extends Pick<Settings, 'parts' | 'signal'>>(settings: S, { signal }: Report): S {
    const guard = (part: unknown) => {
      if (typeof part !== 'function') return part;
      return async (...args: unknown[]) => {
        const mark = new PartMark(this);
        try {
          return await orAbort(signal, () => this.platform.inside.run(mark, () => part(...args)));
        } finally {
          mark.over = true;
        }
      };
    };
    const parts = Object.fromEntries(Object.entries(settings.parts).map(([name, part]) => [name, guard(part)]));
    return { ...settings, signal, parts };
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
    return this.exclusive(
      report,
      open,
      async (loaded, { picture }) => {
        // Refused before any work is done.
        if (!first.aligned) outputSize(picture, first);
        const options = { once: all.length === 1, measures: first.neverWorse };
        const session = await PhotoSession.open(picture, this.context(loaded, first, report), options);
        try {
          const results: RenderResult[] = [];
          for (const [i, settings] of all.entries()) {
            report.picture(i, all.length);
            results.push(await session.render(this.context(loaded, settings, report)));
          }
          return results;
        } finally {
          session.destroy();
        }
      },
      (results, opened) => this.deliver(opened, first, results, report),
    );
  }

  private context({ device, networks }: Loaded, settings: Settings, report: Report): Context {
    return { device, stages: callStages(device, networks, settings, this.size), settings, report };
  }

  /** Decodes what is encoded, and takes pixels as they are. */
  private async open(photo: PhotoInput, maxPixels: number, report: Report): Promise<Opened> {
    report.stage('decode');
    const { signal } = report;
    const limits = { maxPixels, name: 'photo' };
    const encoded = photo instanceof Uint8Array || photo instanceof ArrayBuffer || isBlob(photo);
    if (encoded) {
      const picture = await orAbort(signal, async () => {
        const bytes = isBlob(photo) ? new Uint8Array(await photo.arrayBuffer()) : photo;
        return this.platform.decodeImage(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes), limits);
      });
      return { ...notesOf(picture), picture: toRgba(picture, limits), toInputForm: made => made };
    }
    const own = await orAbort(signal, () => this.platform.readPixels(photo, limits));
    if (own) return { ...NO_NOTES, picture: toRgba(own.picture, limits), toInputForm: made => own.toInputForm(made) };
    if (typeof photo !== 'object' || photo === null || !('data' in photo))
      throw invalidArgument('a Blob, bytes of a picture, or pixels', 'photo', photo);
    const channels = checkPicture(photo, limits);
    const kind = photo.data instanceof Uint8ClampedArray ? Uint8ClampedArray : Uint8Array;
    const toInputForm = (made: Picture): Picture => {
      const picture = channels === 3 ? toRgb(made) : made;
      const { buffer, byteOffset, length } = picture.data;
      return { ...picture, data: new kind(buffer as ArrayBuffer, byteOffset, length) };
    };
    return { ...notesOf(photo), picture: toRgba(photo, limits), toInputForm };
  }

  private async deliver(
    opened: Opened,
    settings: Settings,
    results: readonly RenderResult[],
    report: Report,
  ): Promise<Delivered> {
    const { output, quality, background, signal } = settings;
    const metadata = settings.metadata === 'keep' ? opened.metadata : null;
    report.stage('encode');
    const delivered: unknown[] = [];
    for (const { image } of results) {
      const encoded = () => this.platform.encodeImage(image, { type: output!, quality, background, metadata });
      delivered.push(output ? await orAbort(signal, encoded) : await opened.toInputForm(image));
    }
    return { results, delivered, warnings: allWarnings(opened, settings, results) };
  }

  /**
   * Runs `work` when all work before it is done, on a device that is alive.
   * @param prepare is run while the work before is done, so that one photo more is decoded and no others
   * @param deliver is run while the work after is done
   */
  private exclusive<P, T>(
    report: Report,
    prepare: () => Promise<P>,
    work: (loaded: Loaded, prepared: P) => Promise<T>,
  ): Promise<T>;
  private exclusive<P, T, R>(
    report: Report,
    prepare: () => Promise<P>,
    work: (loaded: Loaded, prepared: P) => Promise<T>,
    deliver: (made: T, prepared: P) => Promise<R>,
  ): Promise<R>;
  private async exclusive<P, T, R>(
    report: Report,
    prepare: () => Promise<P>,
    work: (loaded: Loaded, prepared: P) => Promise<T>,
    deliver?: (made: T, prepared: P) => Promise<R>,
  ): Promise<T | R> {
    const { signal } = report;
    // A call from inside of a part would wait for the call that the part is of.
    const part = this.platform.inside.marks().findLast(mark => mark instanceof PartMark && mark.holds(this));
    const queue = part instanceof PartMark ? part.queue : this.queue;
    const place = queue.join();
    report.clock('wait');
    try {
      await orAbort(signal, () => place.next);
      const prepared = await prepare();
      report.clock('wait');
      await orAbort(signal, () => place.turn);
      place.begin();
      const loaded = await this.ready(report);
      const made = await this.worked(loaded, () => work(loaded, prepared));
      if (!deliver || queue !== this.queue) return deliver ? await deliver(made, prepared) : made;
      const outgoing = this.outgoing.join();
      try {
        report.clock('wait');
        await orAbort(signal, () => outgoing.turn);
        place.leave();
        return await deliver(made, prepared);
      } finally {
        outgoing.leave();
      }
    } finally {
      place.leave();
    }
  }

  private async worked<T>(loaded: Loaded, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw await this.reason(error, loaded);
    }
  }

  /** The device and networks, built anew where the device was lost. */
  private async ready(report: Report): Promise<Loaded> {
    if (!isGone(this.current.device)) return this.current;
    if (this.options.device) throw lost('it is a device of your own: make a restorer with another one');
    report.clock('load');
    this.drop(this.current);
    // Of use for the next call, whatever becomes of this one.
    this.loading ??= load(this.platform, this.options, this.sources, undefined)
      .then(loaded => {
        this.current = loaded;
        return loaded;
      })
      .finally(() => {
        this.loading = null;
      });
    const { loading } = this;
    return orAbort(report.signal, () => loading);
  }

  /** The error that a caller gets: where the device was lost, everything else only followed from that. */
  private async reason(error: unknown, { device }: Loaded): Promise<unknown> {
    const known = error instanceof CodeFormerError;
    if (known && !FOLLOWING.includes(error.code)) return error;
    const gone = await Promise.race([device.lost, new Promise<null>(resolve => setTimeout(resolve, LOSS_MS, null))]);
    if (!gone || !this.alive) return error;
    return known && error.code === 'DEVICE_LOST' ? error : lost(gone, error);
  }

  private drop({ device, networks }: Loaded): void {
    networks.destroy();
    if (!isExecutor(this.options.device)) device.destroy();
  }

  private destroyed(): CodeFormerError {
    return new CodeFormerError('DESTROYED', 'A restorer was used after destroy()');
  }
}

/** That a part of the caller's is running, as calls that are made from inside of it see it. */
class PartMark {
  /** These calls follow one another as well. */
  readonly queue = new Queue();
  over = false;

  constructor(private readonly restorer: Restorer) {}

  /** Whether a call of the restorer waits for the part. */
  holds(restorer: Restorer): boolean {
    return !this.over && this.restorer === restorer;
  }
}

const nothing = async (): Promise<void> => {};

/** A photo with what its result is turned into. */
interface Opened {
  readonly picture: Picture;
  readonly metadata: PictureMetadata | null;
  readonly warnings: readonly string[];
  toInputForm(picture: Picture): unknown;
}

/** Pictures as the pipeline and as the caller gets them. */
interface Delivered {
  readonly results: readonly RenderResult[];
  readonly delivered: readonly unknown[];
  readonly warnings: readonly string[];
}

function restoreResult(
  { results, delivered, warnings }: Delivered,
  { seed }: Settings,
  report: Report,
): RestoreResult<unknown> {
  const [{ image, faces }] = results as [RenderResult];
  const { width, height } = image;
  return { image: delivered[0], width, height, faces, seed, warnings, timings: report.finish() };
}

const NO_NOTES = { metadata: null, warnings: [] } as const;

/** What decoding told beside the pixels: also of a picture that `decodeImage` gave to the caller. */
function notesOf({ metadata, warnings }: Picture & Partial<DecodedPicture>): Pick<Opened, 'metadata' | 'warnings'> {
  return {
    metadata: metadata?.exif instanceof Uint8Array ? metadata : null,
    warnings: Array.isArray(warnings) ? warnings.filter(warning => typeof warning === 'string') : [],
  };
}

/** The warnings of decoding, of the pipeline, and of encoding. */
function allWarnings(
  { warnings }: Opened,
  { output, background }: Settings,
  results: readonly RenderResult[],
): string[] {
  const all = [...warnings, ...results[0]!.warnings];
  if (output === 'jpeg' && results.some(({ image }) => !isOpaque(image)))
    all.push(`JPEG knows no transparency: the result was put on ${background ?? 'white'}`);
  return all;
}

/** Errors that end a sequence of photos: they are about the device or the caller, not about a photo. */
const ENDING: readonly ErrorCode[] = ['ABORTED', 'DESTROYED', 'NO_ADAPTER', 'ADAPTER_LIMITS'];

/** Errors that a lost device may show as. */
const FOLLOWING: readonly ErrorCode[] = ['DEVICE_LOST', 'DESTROYED', 'GPU_ERROR', 'OUT_OF_MEMORY'];

/** Grace period for `device.lost`, in ms: other errors may come before it. */
const LOSS_MS = 50;

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

const isBlob = (value: unknown): value is Blob => typeof Blob !== 'undefined' && value instanceof Blob;

async function load(
  platform: Platform,
  options: RestorerOptions,
  sources: Sources,
  signal: AbortSignal | undefined,
): Promise<Loaded> {
  const { device: given, adapter, precision } = options;
  const device = isExecutor(given)
    ? given
    : await platform.createDevice({
        ...(given && { device: given }),
        ...(adapter && { adapter }),
        ...(precision && { precision }),
      });
  try {
    return { device, networks: await loadNetworks(device, sources, signal) };
  } catch (error) {
    if (!given) device.destroy();
    throw error;
  }
}
