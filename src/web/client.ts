// The library on a page while a worker does the work: the calls of the restorer, each of which is sent to a worker of the client's own.
//
// What goes to the worker is copied, so that buffers, pictures and frames of the caller stay usable; a Blob is not copied. What comes
// back is transferred, without a copy on the page. Pictures are decoded and encoded in the worker.

import { onAbort } from '../abort.js';
import { CodeFormerError, invalidArgument } from '../errors.js';
import type { Picture } from '../image/picture.js';
import type {
  DecodeFaceOptions,
  EncodedFace,
  EncodeFaceOptions,
  PreparedPhoto,
  RestorerInfo,
  SelfTestResult,
  TuneResult,
} from '../pipeline/restorer-types.js';
import type {
  DetectedFace,
  EncodedType,
  FaceChoice,
  PhotoInput,
  PhotoOptions,
  PhotoOutput,
  RenderOptions,
  ReplaceableParts,
  RestoreOptions,
  RestoreResult,
  SweepResult,
} from '../pipeline/types.js';
import { OPTION_OF } from '../weights/manifest.js';
import { bitmapOf, isElement } from './elements.js';
import { type Calls, errorFrom, type ToClient, type ToWorker } from './protocol.js';
import type { WebRestorerOptions } from './restorer.js';

export { CodeFormerError, type ErrorCode } from '../errors.js';
export type { Picture } from '../image/picture.js';
export type {
  DecodeFaceOptions,
  EncodedFace,
  EncodeFaceOptions,
  NetworkInfo,
  PreparedPhoto,
  RestorerInfo,
  SelfTestResult,
  SelfTestVerdict,
  TuneResult,
} from '../pipeline/restorer-types.js';
export type * from '../pipeline/types.js';
export type { WeightsProgress } from './restorer.js';

/** Functions cannot go to a worker, but for listeners. */
export type ClientPhotoOptions = Omit<PhotoOptions, 'detectFaces'>;
/** As those of the library, without functions in the place of networks. */
export type ClientRestoreOptions = Omit<RestoreOptions, keyof ReplaceableParts | 'faces'> & {
  /** Faces to restore: by rule, by id, or of the caller's own; predicates cannot go to a worker. */
  readonly faces?: Exclude<FaceChoice, (...args: never[]) => unknown> | undefined;
};
type SweepOptions = Omit<ClientRestoreOptions, 'fidelity'> & { readonly fidelity: readonly number[] };

/** `'embedded'`, a URL (relative ones as the page has them), a file, bytes, or null for none. */
export type ClientWeights = string | URL | Blob | Uint8Array | ArrayBuffer | null;

/** How the client and the restorer in its worker are set up. */
export interface ClientOptions
  extends Pick<
    WebRestorerOptions,
    'adapter' | 'precision' | 'subgroupMatrices' | 'signal' | 'weightsBase' | 'onWeights'
  > {
  /** The network that restores faces. Default `'embedded'`. */
  readonly weights?: ClientWeights | undefined;
  /** The network that finds them. Default `'embedded'`. */
  readonly detector?: ClientWeights | undefined;
  /** The network that tells the regions of a face. Default null. */
  readonly parser?: ClientWeights | undefined;
  /** The network that upscales. Default `'embedded'`. */
  readonly upscaler?: ClientWeights | undefined;
  /**
   * Makes the worker. Default: that of the package, as a module beside the client; where the client comes from another origin, a worker
   * of the page's own that imports it. Bundlers that do not know `new Worker(new URL(...))` need
   * `() => new Worker('worker.js', { type: 'module' })`, with a module of your own that imports `codeformer-webgpu/worker`.
   */
  readonly worker?: (() => Worker) | undefined;
  /** Milliseconds in which a worker has to load and to answer for the first time. Default 30,000. */
  readonly workerTimeout?: number | undefined;
}

/** A restorer in a worker. Calls take and give what those of the library do, but for options that are functions. */
export interface ClientRestorer {
  /** As it was at the last answer of the worker. */
  readonly info: RestorerInfo;
  /**
   * The faces of a photo, the most certain first; empty where there is none.
   * @param photo stays usable: what goes to the worker is a copy, here as below
   * @throws as `Restorer.detect`, and `WORKER_FAILED`
   */
  detect(photo: PhotoInput, options?: ClientPhotoOptions): Promise<DetectedFace[]>;
  /**
   * A photo with its faces restored, encoded.
   * @param photo as for `Restorer.restore`
   * @throws as `Restorer.restore`, and `WORKER_FAILED`
   */
  restore<I extends PhotoInput>(
    photo: I,
    options: ClientRestoreOptions & { readonly output: EncodedType },
  ): Promise<RestoreResult<Uint8Array<ArrayBuffer>>>;
  /** The same, as pixels in the form in which the photo came. */
  restore<I extends PhotoInput>(
    photo: I,
    options?: ClientRestoreOptions & { readonly output?: undefined },
  ): Promise<RestoreResult<PhotoOutput<I>>>;
  /** The same, where only the caller knows whether `output` is given. */
  restore<I extends PhotoInput>(
    photo: I,
    options?: ClientRestoreOptions,
  ): Promise<RestoreResult<PhotoOutput<I> | Uint8Array<ArrayBuffer>>>;
  /**
   * A photo restored at several fidelities, encoded; each face is encoded once.
   * @param photo as for `Restorer.restore`
   * @throws as `Restorer.sweep`, and `WORKER_FAILED`
   */
  sweep<I extends PhotoInput>(
    photo: I,
    options: SweepOptions & { readonly output: EncodedType },
  ): Promise<SweepResult<Uint8Array<ArrayBuffer>>>;
  /** The same, as pixels in the form in which the photo came. */
  sweep<I extends PhotoInput>(
    photo: I,
    options: SweepOptions & { readonly output?: undefined },
  ): Promise<SweepResult<PhotoOutput<I>>>;
  /**
   * Encodes an aligned crop, which stays in the worker until `destroy`.
   * @param crop as for `Restorer.encode`
   * @throws as `Restorer.encode`, and `WORKER_FAILED`
   */
  encode(crop: PhotoInput, options?: EncodeFaceOptions): Promise<EncodedFace>;
  /**
   * Finds and encodes the faces of a photo, which stays in the worker until `destroy`.
   * @param photo as for `Restorer.restore`
   * @throws as `Restorer.prepare`, and `WORKER_FAILED`
   */
  prepare<I extends PhotoInput>(photo: I, options?: ClientRestoreOptions): Promise<PreparedPhoto<PhotoOutput<I>>>;
  /**
   * Checks every kernel and the embedded networks; see `Restorer.selfTest`.
   * @throws as the library's, and `WORKER_FAILED`
   */
  selfTest(options?: { readonly signal?: AbortSignal | undefined }): Promise<SelfTestResult>;
  /**
   * Measures how the networks run fastest; see `Restorer.tune`.
   * @throws as the library's, and `WORKER_FAILED`
   */
  tune(options?: EncodeFaceOptions): Promise<TuneResult>;
  /** Ends the worker at once. Calls that are under way fail with `DESTROYED`. */
  destroy(): Promise<void>;
  /** `destroy`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a worker that opens the weights, gets a device and loads the networks.
 *
 * A worker that breaks fails the calls that are under way with `WORKER_FAILED`; the next call starts another one. A lost device is
 * handled as in the library.
 * @throws `INVALID_ARGUMENT`, also for options that cannot be sent to a worker; `WORKER_FAILED` where it could not be started; and as the
 *   library's
 */
export async function createRestorer(options: ClientOptions = {}): Promise<ClientRestorer> {
  if (typeof options !== 'object' || options === null) throw invalidArgument('an object', 'options', options);
  const { worker = packageWorker, workerTimeout = 30_000, ...others } = options;
  if (typeof worker !== 'function') throw invalidArgument('a function that makes a Worker', 'worker', worker);
  if (typeof workerTimeout !== 'number' || !(workerTimeout > 0))
    throw invalidArgument('milliseconds above 0', 'workerTimeout', workerTimeout);
  const create: Record<string, unknown> = { ...others };
  if (create.device !== undefined)
    throw invalidArgument('no value (a GPUDevice cannot be sent to a worker)', 'device', create.device);
  for (const option of Object.values(OPTION_OF))
    if (create[option] !== undefined) create[option] = weightsFor(create[option], option);
  if (others.weightsBase !== undefined) create.weightsBase = absolute(others.weightsBase, 'weightsBase');
  const client = new Client(worker, workerTimeout, create);
  // Only the start is bound to the signal.
  await client.connect();
  delete create.signal;
  return client;
}

function packageWorker(): Worker {
  const foreign = URL.canParse(import.meta.url) ? new URL(import.meta.url) : null;
  if (foreign?.protocol.startsWith('http') && foreign.origin !== location.origin) return foreignWorker(foreign);
  // Bundlers take the worker along, and rewrite its address, where they read exactly this.
  return new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
}

/** Browsers start workers from the page's own origin only, but one that the page makes may import from anywhere. */
function foreignWorker(client: URL): Worker {
  const source = `import ${JSON.stringify(client.href.replace(/[^/]*$/, 'worker.js'))};`;
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const worker = new Worker(url, { type: 'module' });
  // Its first message comes when it has been read.
  for (const type of ['message', 'error'])
    worker.addEventListener(type, () => URL.revokeObjectURL(url), { once: true });
  return worker;
}

function weightsFor(source: unknown, role: string): string | Blob | null {
  if (source === 'embedded' || source === null || source instanceof Blob) return source;
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) {
    // Copied once, and not again where a worker is started anew.
    return new Blob([source as Uint8Array<ArrayBuffer> | ArrayBuffer]);
  }
  return absolute(source, role, "'embedded', a URL, a Blob, bytes or null");
}

/** An address as the page has it: the worker has another base. */
function absolute(source: unknown, name: string, expected = 'a URL'): string {
  const base = globalThis.document?.baseURI ?? location.href;
  if (!(typeof source === 'string' || source instanceof URL) || !URL.canParse(source, base))
    throw invalidArgument(expected, name, source);
  return String(new URL(source, base));
}

class Client implements ClientRestorer {
  private link: Promise<Link> | null = null;
  private current: Link | null = null;
  private snapshot: RestorerInfo | null = null;
  private alive = true;

  constructor(
    private readonly makeWorker: () => Worker,
    private readonly timeout: number,
    private readonly options: object,
  ) {}

  get info(): RestorerInfo {
    if (!this.alive || !this.snapshot) throw destroyed();
    return this.snapshot;
  }

  /** The worker with its restorer; another one where it broke. */
  async connect(): Promise<Link> {
    if (!this.alive) throw destroyed();
    const link = (this.link ??= this.start());
    link.catch(() => {
      if (this.link === link) this.link = null;
    });
    return link;
  }

  private async start(): Promise<Link> {
    const link = new Link(
      this.makeWorker,
      this.timeout,
      info => {
        this.snapshot = info;
      },
      () => {
        this.link = null;
      },
    );
    this.current = link;
    try {
      await link.call('create', [], this.options);
      return link;
    } catch (error) {
      link.close(error);
      throw error;
    }
  }

  async detect(photo: PhotoInput, options: ClientPhotoOptions = {}): Promise<DetectedFace[]> {
    return (await this.withPhoto('detect', photo, options)).value;
  }

  async restore(photo: PhotoInput, options: ClientRestoreOptions = {}): Promise<RestoreResult<never>> {
    const { value, toInputForm } = await this.withPhoto('restore', photo, options);
    return { ...value, image: toInputForm(value.image) };
  }

  async sweep(photo: PhotoInput, options: SweepOptions): Promise<SweepResult<never>> {
    const { value, toInputForm } = await this.withPhoto('sweep', photo, options);
    return { ...value, images: value.images.map(row => ({ ...row, image: toInputForm(row.image) })) };
  }

  async encode(crop: PhotoInput, options: EncodeFaceOptions = {}): Promise<EncodedFace> {
    const { link, value } = await this.withPhoto('encode', crop, options);
    const { handle, ...face } = value;
    const destroy = () => link.release(handle);
    return {
      ...face,
      decode: (options: DecodeFaceOptions = {}) => link.call('decode', [handle], options),
      logits: () => link.call('logits', [handle], {}),
      destroy,
      [Symbol.dispose]: destroy,
    };
  }

  async prepare(photo: PhotoInput, options: ClientRestoreOptions = {}): Promise<PreparedPhoto<never>> {
    const { link, value, toInputForm } = await this.withPhoto('prepare', photo, options);
    const { handle, ...prepared } = value;
    const destroy = () => link.release(handle);
    return {
      ...prepared,
      render: async (options: RenderOptions = {}): Promise<RestoreResult<never>> => {
        const result = await link.call('render', [handle], options);
        return { ...result, image: toInputForm(result.image) };
      },
      destroy,
      [Symbol.dispose]: destroy,
    };
  }

  async selfTest(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<SelfTestResult> {
    return (await this.connect()).call('selfTest', [], options);
  }

  async tune(options: EncodeFaceOptions = {}): Promise<TuneResult> {
    return (await this.connect()).call('tune', [], options);
  }

  async destroy(): Promise<void> {
    this.alive = false;
    this.current?.close(destroyed());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  private async withPhoto<M extends 'detect' | 'restore' | 'sweep' | 'encode' | 'prepare'>(
    method: M,
    photo: PhotoInput,
    options: object,
  ): Promise<{ link: Link; value: ReturnType<Calls[M]>; toInputForm(image: unknown): never }> {
    const link = await this.connect();
    const { sent, transfer, toInputForm } = await pack(photo);
    // Photos without a form of the page's own come back as the worker sent them.
    const value = await link.call(method, [sent], options, transfer);
    return { link, value, toInputForm: image => (toInputForm?.(image) ?? image) as never };
  }
}

const destroyed = () => new CodeFormerError('DESTROYED', 'A restorer was used after destroy()');

/** A photo as it is sent, what of it is transferred, and how pixels that come back get the form of the page. */
interface Packed {
  readonly sent: unknown;
  readonly transfer: readonly Transferable[];
  readonly toInputForm?: (image: unknown) => unknown;
}

async function pack(photo: unknown): Promise<Packed> {
  if (photo instanceof Uint8Array) return packed(photo.slice());
  if (photo instanceof ArrayBuffer) return packed(new Uint8Array(photo.slice(0)));
  if (isElement(photo)) {
    const bitmap = await bitmapOf(photo);
    return { sent: bitmap, transfer: [bitmap] };
  }
  if (photo instanceof ImageData) {
    return { ...picture(photo), toInputForm: image => (isPicture(image) ? imageData(image) : image) };
  }
  return isPicture(photo) ? picture(photo) : { sent: photo, transfer: [] };
}

const packed = (bytes: Uint8Array): Packed => ({ sent: bytes, transfer: [bytes.buffer as ArrayBuffer] });

/** A copy, of the pixels only: the view may be a small part of its buffer. */
function picture({ data, width, height }: Picture): Packed {
  const copy = data.slice();
  return { sent: { data: copy, width, height }, transfer: [copy.buffer as ArrayBuffer] };
}

const isPicture = (photo: unknown): photo is Picture => {
  const data = (photo as Partial<Picture> | null)?.data;
  return data instanceof Uint8ClampedArray || data instanceof Uint8Array;
};

const imageData = ({ data, width, height }: Picture) =>
  new ImageData(data as Uint8ClampedArray<ArrayBuffer>, width, height);

interface Pending {
  resolve(value: never): void;
  reject(error: unknown): void;
  readonly listeners: Readonly<Record<string, (value: unknown) => void>>;
  readonly signal: AbortSignal | undefined;
  readonly abort: () => void;
  readonly unlink: () => void;
}

/** Options whose functions are called with what the worker sends. */
const LISTENERS = ['onProgress', 'onFace', 'onWeights'];

const TIMEOUT_PARTS = 20;

/** What helps where a bundler has left the worker behind, or dropped what is in it. */
const HELP =
  "bundlers that do not take the worker along need the option worker: () => new Worker(...) of a module that imports 'codeformer-webgpu/worker'";

/** A worker, and the calls that wait for its answers. */
class Link {
  private readonly worker: Worker;
  private readonly pending = new Map<number, Pending>();
  private lastId = 0;
  /** Runs until the first answer. */
  private readonly clock: ReturnType<typeof setInterval>;
  /** Why there is nothing to be had of the worker any more. */
  private end: unknown;

  constructor(
    make: () => Worker,
    timeout: number,
    private readonly onInfo: (info: RestorerInfo) => void,
    private readonly onEnd: () => void,
  ) {
    try {
      this.worker = make();
    } catch (cause) {
      throw failed(`it could not be started: ${(cause as Error).message} (${HELP})`, cause);
    }
    if (typeof this.worker?.postMessage !== 'function')
      throw invalidArgument('a function that makes a Worker', 'worker', this.worker);
    this.worker.onmessage = ({ data }: MessageEvent<ToClient>) => this.take(data);
    this.worker.onerror = event => {
      event.preventDefault?.();
      this.close(
        failed(
          event.message
            ? `${event.message} (${event.filename}:${event.lineno})`
            : `its script could not be loaded (${HELP})`,
        ),
      );
    };
    this.worker.onmessageerror = () => this.close(failed('it sent a message that could not be read'));
    // Counted in parts: a page that is busy holds back its clock as well as the answer.
    let left = TIMEOUT_PARTS;
    this.clock = setInterval(() => {
      if (--left === 0) this.close(failed(`it did not answer within ${timeout} ms; ${HELP}`));
    }, timeout / TIMEOUT_PARTS);
    this.post({ type: 'hello' });
  }

  /** @throws `INVALID_ARGUMENT` for what cannot be sent, the error of the call, `ABORTED`, and why the worker ended */
  call<M extends keyof Calls>(
    method: M,
    args: readonly unknown[],
    options: object,
    transfer: readonly Transferable[] = [],
  ): Promise<ReturnType<Calls[M]>> {
    return new Promise((resolve, reject) => {
      if (this.end) throw this.end;
      const { sent, listeners, signal } = split(options);
      if (signal?.aborted) throw aborted(signal);
      const id = ++this.lastId;
      const call = { type: 'call', id, method, args: [...args, sent], listeners: Object.keys(listeners) } as const;
      try {
        this.post(call, transfer);
      } catch (cause) {
        throw new CodeFormerError(
          'INVALID_ARGUMENT',
          `Expected arguments that can be sent to a worker: ${(cause as Error).message}`,
          { cause },
        );
      }
      const abort = () => this.post({ type: 'abort', id });
      this.pending.set(id, { resolve, reject, listeners, signal, abort, unlink: onAbort(signal, abort) });
    });
  }

  release(handle: number): void {
    if (!this.end) this.post({ type: 'release', handle });
  }

  close(reason: unknown): void {
    if (this.end) return;
    this.end = reason;
    clearInterval(this.clock);
    this.worker.terminate();
    this.onEnd();
    for (const id of [...this.pending.keys()]) this.settle(id)!.reject(reason);
  }

  private post(message: ToWorker, transfer: readonly Transferable[] = []): void {
    this.worker.postMessage(message, [...transfer]);
  }

  private take(answer: ToClient): void {
    if (answer.type === 'ready') {
      clearInterval(this.clock);
      return;
    }
    if (answer.type === 'event') {
      const call = this.pending.get(answer.id);
      try {
        call?.listeners[answer.listener]?.(answer.value);
      } catch (error) {
        // As in the library, where it would end the call.
        call!.abort();
        this.settle(answer.id)!.reject(error);
      }
      return;
    }
    const call = this.settle(answer.id);
    if (answer.type === 'value') {
      this.onInfo(answer.info);
      call?.resolve(answer.value as never);
    } else {
      call?.reject(errorFrom(answer.error, answer.error.code === 'ABORTED' ? call.signal?.reason : undefined));
    }
  }

  private settle(id: number): Pending | undefined {
    const call = this.pending.get(id);
    this.pending.delete(id);
    call?.unlink();
    return call;
  }
}

/** Options for the worker, the listeners among them, and the signal. What is wrong with them the library says. */
function split(options: object) {
  if (typeof options !== 'object' || options === null) throw invalidArgument('an object', 'options', options);
  const sent: Record<string, unknown> = {};
  const listeners: Record<string, (value: unknown) => void> = {};
  let signal: AbortSignal | undefined;
  for (const [name, value] of Object.entries(options)) {
    if (LISTENERS.includes(name) && typeof value === 'function') listeners[name] = value;
    else if (typeof value === 'function')
      throw invalidArgument('no function (it cannot be sent to a worker)', name, value);
    else if (name === 'signal' && value instanceof AbortSignal) signal = value;
    else sent[name] = value;
  }
  return { sent, listeners, signal };
}

const aborted = (signal: AbortSignal) =>
  new CodeFormerError('ABORTED', 'The operation was aborted', { cause: signal.reason });

const failed = (why: string, cause?: unknown) =>
  new CodeFormerError('WORKER_FAILED', `The worker broke: ${why}`, cause === undefined ? {} : { cause });
