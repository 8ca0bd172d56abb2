// The CodeFormer network on a device: load once, encode a face crop, decode it as often as wanted.

import { checkFlag, checkRunOptions } from '../../checks.js';
import { CodeFormerError, invalidArgument } from '../../errors.js';
import type { CompileOptions, DeviceBuffer, Executor, RunOptions } from '../../executor.js';
import type { Program } from '../../graph/graph.js';
import { type Picture, toRgba } from '../../image/picture.js';
import { layout } from '../../kernels/kernel.js';
import { tensorToNchw } from '../../kernels/nchw/nchw.js';
import { DevicePicture } from '../../pixels/device-picture.js';
import { checkTensors, type Weights } from '../../weights/weights.js';
import { checkLoad, NetworkRuntime } from '../runtime.js';
import { fusionWeight } from './fusion-weight.js';
import { type DecodeVariant, decodeProgram, encodeProgram, type Form, traceProgram } from './network.js';
import { type CodeFormerConfig, codeFormerTensors, inferConfig, levelSides, tokenCount } from './tensors.js';

/** How the network is loaded. */
export interface LoadOptions extends Pick<RunOptions, 'signal'>, CompileOptions {}

/** What is encoded. */
export interface EncodeOptions extends RunOptions {
  /** Pictures in the input. Default 1. */
  readonly batch?: number;
}

/** What is made of an encoded face. */
export interface DecodeOptions extends RunOptions {
  /**
   * w: 0 quality, 1 identity; a finite number, or one for each pixel of each picture (N*S*S, row-major). At 0 and below the fusion is
   * skipped. What lies between is up to the network: see `CodeFormerConfig.fidelity`. Default 0.5.
   */
  readonly fidelity?: number | Float32Array;
  /** Give the codes the statistics of the picture's features. Default true. */
  readonly adain?: boolean;
  /** Codes to decode instead of the predicted ones: N*T, each from 0 to codebook - 1. */
  readonly indices?: Int32Array;
}

/** Which tensors are shown, and of what. */
export interface TraceOptions extends Pick<DecodeOptions, 'adain'>, EncodeOptions {
  readonly fidelity?: number;
  /**
   * `encoder.i`, `tap.S`, `lq_feat`, `tokens.l`, `lookup`, `adain`, `generator.i` (before fusion), `fuse.S`; and `logits`, `indices`,
   * `margin`, `output`.
   */
  readonly names: readonly string[];
}

/** The outputs of the first program, kept on the GPU for any number of decodes. */
export class Encoded {
  /** Predicted code of each token: N*T, row-major. */
  readonly indices: Int32Array;
  /** Logit of the best code minus that of the second best, of each token. */
  readonly margin: Float32Array;

  /** Made by `CodeFormer.encode`. */
  constructor(
    readonly batch: number,
    private readonly device: Executor,
    private readonly config: CodeFormerConfig,
    /** External tensors by name; for `CodeFormer`. */
    readonly buffers: Readonly<Record<string, DeviceBuffer>>,
    indices: Int32Array,
    margin: Float32Array,
  ) {
    this.indices = indices;
    this.margin = margin;
  }

  private alive = true;

  /**
   * Logits over the codes: N*T*K, row-major.
   * @throws `DESTROYED`, `DEVICE_LOST`, `OUT_OF_MEMORY`
   */
  async logits(): Promise<Float32Array> {
    this.check();
    const { codebook } = this.config;
    const stride = Math.ceil(codebook / 4) * 4;
    const padded = new Float32Array(await this.device.read(this.buffers.logits!));
    const rows = this.batch * tokenCount(this.config);
    if (stride === codebook) return padded.subarray(0, rows * codebook);
    const logits = new Float32Array(rows * codebook);
    for (let r = 0; r < rows; r++) logits.set(padded.subarray(r * stride, r * stride + codebook), r * codebook);
    return logits;
  }

  /**
   * The encoder's feature lq_feat: N*C*h*w.
   * @throws `DESTROYED`, `DEVICE_LOST`, `ADAPTER_LIMITS`, `OUT_OF_MEMORY`, `GPU_ERROR`
   */
  async feature(): Promise<Float32Array> {
    this.check();
    const { device, config, batch } = this;
    const side = levelSides(config).at(-1)!;
    const shape = layout(batch, side, side, config.embedding);
    const count = batch * side * side * config.embedding;
    const { output } = await device.allocate('codeformer', { output: count * 4 });
    try {
      await device.run(tensorToNchw, { x: shape }, { x: this.buffers.lq_feat!, output });
      return new Float32Array(await device.read(output, 0, count * 4));
    } finally {
      device.release(output);
    }
  }

  /** @throws `DESTROYED` after `destroy()` */
  check(): void {
    if (!this.alive) throw new CodeFormerError('DESTROYED', 'An encoded face was used after destroy()');
  }

  /** Frees its memory on the device. */
  destroy(): void {
    if (this.alive) for (const buffer of Object.values(this.buffers)) this.device.release(buffer);
    this.alive = false;
  }

  /** `destroy`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}

/** Names of the tensors that the first program leaves for the second. */
const encodedNames = (config: CodeFormerConfig): string[] => [
  'lq_feat',
  'logits',
  'indices',
  'margin',
  ...config.fuse.map(side => `tap.${side}`),
];

/** The restoring network: crops to codes (`encode`), codes to pictures (`decode`). */
export class CodeFormer {
  private constructor(
    readonly device: Executor,
    readonly config: CodeFormerConfig,
    private readonly runtime: NetworkRuntime,
  ) {}

  /**
   * Checks the weights against the geometry that they state (or that their shapes show), loads them onto the device and compiles
   * the two programs for one picture.
   * @param device where it runs; it must outlive the network
   * @param weights may be closed afterwards
   * @throws `INVALID_ARGUMENT`, `WEIGHTS_MISMATCH`, `INVALID_CHECKPOINT` for values that are not finite, `ADAPTER_LIMITS`, `OUT_OF_MEMORY`,
   *   `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`, `ABORTED`
   */
  static async load(device: Executor, weights: Weights, options: LoadOptions = {}): Promise<CodeFormer> {
    checkLoad(device, weights, options);
    const config = inferConfig(weights);
    checkTensors(weights, codeFormerTensors(config));
    const runtime = new NetworkRuntime(device, 'codeformer', { convolution: options.convolution });
    try {
      const net = new CodeFormer(device, config, runtime);
      const [encoder, decoder] = [net.encoder(1, 'tensor'), net.decoder(1, USUAL_VARIANT, 'tensor')];
      const programs = { [encoder.key]: encoder.build(), [decoder.key]: decoder.build() };
      await runtime.load(programs, weights, options.signal);
      return net;
    } catch (error) {
      runtime.destroy();
      throw error;
    }
  }

  /** Side of the crops, in pixels. */
  get size(): number {
    return this.config.size;
  }

  /** Tokens, so codes, of a picture. */
  get tokens(): number {
    return tokenCount(this.config);
  }

  /**
   * Predicts the codes of face crops.
   * @param input N*3*S*S, RGB in [-1, 1]
   * @throws `INVALID_ARGUMENT`, `ADAPTER_LIMITS`, `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`, `ABORTED`
   */
  async encode(input: Float32Array, options: EncodeOptions = {}): Promise<Encoded> {
    const batch = this.checkInput(input, options);
    return this.encodeForm(input, batch, 'tensor', options);
  }

  /**
   * As `encode`, from one picture.
   * @param picture RGB or RGBA, `size` x `size`, also one on the device; alpha is ignored
   * @throws as `encode`, and `INVALID_IMAGE`
   */
  async encodePicture(picture: Picture | DevicePicture, options: RunOptions = {}): Promise<Encoded> {
    checkRunOptions(options);
    const seen = picture instanceof DevicePicture ? picture : toRgba(picture);
    const { width, height } = seen;
    if (width !== this.size || height !== this.size) {
      throw invalidArgument(`a picture of ${this.size}x${this.size}`, 'picture', `${width}x${height}`);
    }
    return this.encodeForm(seen instanceof DevicePicture ? seen : seen.data, 1, 'picture', options);
  }

  /**
   * Makes the picture of an encoded face.
   * @param encoded what `encode` of this network gave
   * @returns N*3*S*S, RGB around [-1, 1], not clamped
   * @throws as `encode`
   */
  async decode(encoded: Encoded, options: DecodeOptions = {}): Promise<Float32Array> {
    this.checkEncoded(encoded);
    const bytes = 12 * encoded.batch * this.size ** 2;
    return this.decodeForm(encoded, 'tensor', options, async run => {
      const { output } = await this.device.allocate('codeformer', { output: bytes });
      try {
        await run(output);
        return new Float32Array(await this.device.read(output, 0, bytes));
      } finally {
        this.device.release(output);
      }
    });
  }

  /**
   * As `decode`, to 8-bit RGBA: clamped to [-1, 1], rounded half to even.
   * @param encoded a batch of one
   * @throws as `encode`
   */
  async decodePicture(encoded: Encoded, options: DecodeOptions = {}): Promise<Picture> {
    const picture = await this.decodeOnDevice(encoded, options);
    try {
      return await picture.read();
    } finally {
      picture.destroy();
    }
  }

  /**
   * As `decodePicture`, for a picture on the device, which the caller owns.
   * @param encoded a batch of one
   * @throws as `encode`
   */
  async decodeOnDevice(encoded: Encoded, options: DecodeOptions = {}): Promise<DevicePicture> {
    this.checkEncoded(encoded);
    if (encoded.batch !== 1) throw invalidArgument('an encoded batch of one', 'encoded', encoded.batch);
    const size = { width: this.size, height: this.size };
    return this.decodeForm(encoded, 'picture', options, async run => {
      const picture = await DevicePicture.create(this.device, size, 'restored');
      try {
        await run(picture.buffer);
        return picture;
      } catch (error) {
        picture.destroy();
        throw error;
      }
    });
  }

  /**
   * Runs both programs and returns intermediates by name: feature maps as N*C*h*w, tokens as N*T*width.
   * @param input as for `encode`
   * @throws as `encode`; `INVALID_ARGUMENT` for a name that no tensor has lists the names
   */
  async trace(input: Float32Array, options: TraceOptions): Promise<Record<string, Float32Array | Int32Array>> {
    const batch = this.checkInput(input, options);
    const { fidelity = 0.5, adain = true, names } = options;
    if (!(typeof fidelity === 'number' && Number.isFinite(fidelity)))
      throw invalidArgument('a finite number', 'fidelity', fidelity);
    checkFlag(adain, 'adain');
    if (!Array.isArray(names) || !names.every(name => typeof name === 'string'))
      throw invalidArgument('an array of names', 'names', names);
    const fuse = fidelity > 0;
    const variant = { fuse, adain, map: false };
    const { program, traced, known } = traceProgram(this.config, batch, variant, names);
    const outputs = ['logits', 'indices', 'margin', 'output'];
    const missing = names.filter(name => !known.includes(name) && !outputs.includes(name));
    if (missing.length > 0) {
      throw invalidArgument(`names among ${[...known, ...outputs].join(', ')}`, 'names', missing.join(', '));
    }
    const key = `trace ${batch} ${variantKey(variant)} ${names.join()}`;
    return this.runtime.with(
      key,
      () => program,
      compiled =>
        this.runtime.allocated(compiled, undefined, async buffers => {
          this.runtime.write(buffers.input!, input, batch * 3 * this.size ** 2, 'input');
          if (fuse)
            this.device.write(buffers.fidelity!, new Float32Array(batch).fill(fusionWeight(this.config, fidelity)));
          await compiled.run(buffers, options);
          const result: Record<string, Float32Array | Int32Array> = {};
          for (const { name, shape } of traced) {
            const count = shape.reduce((a, b) => a * b, 1);
            result[name] = new Float32Array(await this.device.read(buffers[`trace.${name}`]!, 0, count * 4));
          }
          for (const name of outputs.filter(n => names.includes(n))) {
            const bytes = await this.device.read(buffers[name]!);
            result[name] = name === 'indices' ? new Int32Array(bytes) : new Float32Array(bytes);
          }
          return result;
        }),
    );
  }

  /**
   * The largest magnitude of all activations while `work` runs the network, in which no other calls may be under way; infinite where some are,
   * or are no numbers. Above 65,504 the network needs f32.
   * @param work some calls of this network
   * @throws as these
   */
  peakOf(work: () => Promise<unknown>): Promise<number> {
    return this.runtime.peakOf(work);
  }

  /** Frees its memory on the device. */
  destroy(): void {
    this.runtime.destroy();
  }

  /** `destroy`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  /** Checks an input of encoding and its options; returns the batch. */
  private checkInput(input: Float32Array, options: EncodeOptions): number {
    checkRunOptions(options);
    const batch = this.checkBatch(options.batch ?? 1);
    const length = batch * 3 * this.size ** 2;
    if (!(input instanceof Float32Array) || input.length !== length) {
      const what = `a Float32Array of ${length} values (${batch}*3*${this.size}*${this.size})`;
      throw invalidArgument(what, 'input', input);
    }
    return batch;
  }

  private checkEncoded(encoded: Encoded): void {
    if (!(encoded instanceof Encoded)) throw invalidArgument('what encode gave', 'encoded', encoded);
  }

  private checkBatch(batch: number): number {
    if (!Number.isInteger(batch) || batch < 1 || batch > 64)
      throw invalidArgument('a whole number from 1 to 64', 'batch', batch);
    return batch;
  }

  private async encodeForm(
    input: Float32Array | Uint8Array | Uint8ClampedArray | DevicePicture,
    batch: number,
    form: Form,
    options: RunOptions,
  ): Promise<Encoded> {
    const { key, build } = this.encoder(batch, form);
    // Before it waits: the caller may detach it.
    const length = input instanceof DevicePicture ? 0 : input.length;
    return this.runtime.with(key, build, async program => {
      const buffers = await this.runtime.allocate(program, encodedNames(this.config));
      try {
        if (input instanceof DevicePicture) await program.run({ ...buffers, input: input.buffer }, options);
        else
          await this.runtime.allocated(program, ['input'], async inputs => {
            this.runtime.write(inputs.input!, input, length, 'input');
            await program.run({ ...buffers, ...inputs }, options);
          });
        const count = batch * this.tokens;
        const indices = new Int32Array(await this.device.read(buffers.indices!, 0, count * 4));
        const margin = new Float32Array(await this.device.read(buffers.margin!, 0, count * 4));
        return new Encoded(batch, this.device, this.config, buffers, indices, margin);
      } catch (error) {
        this.runtime.release(buffers);
        throw error;
      }
    });
  }

  /** @param work gets a function that writes the picture to a buffer, while no other program runs */
  private async decodeForm<T>(
    encoded: Encoded,
    form: Form,
    options: DecodeOptions,
    work: (run: (output: DeviceBuffer) => Promise<void>) => Promise<T>,
  ): Promise<T> {
    this.checkEncoded(encoded);
    checkRunOptions(options);
    const { fidelity = 0.5, adain = true, indices } = options;
    checkFlag(adain, 'adain');
    const { batch } = encoded;
    const pixels = batch * this.size ** 2;
    if (fidelity instanceof Float32Array) {
      if (fidelity.length !== pixels || !fidelity.every(Number.isFinite)) {
        throw invalidArgument(`a number, or ${pixels} finite numbers, one for each pixel,`, 'fidelity', fidelity);
      }
    } else if (!Number.isFinite(fidelity)) {
      throw invalidArgument('a finite number or a map of them', 'fidelity', fidelity);
    }
    this.checkIndices(indices, batch);
    const map = fidelity instanceof Float32Array;
    const fuse = map ? fidelity.some(w => w > 0) : fidelity > 0;
    const { key, build } = this.decoder(batch, { fuse, adain, map: map && fuse }, form);
    const own = [...(fuse ? ['fidelity'] : []), ...(indices ? ['indices'] : [])];
    return this.runtime.with(key, build, async program => {
      encoded.check();
      return this.runtime.allocated(program, own, async buffers => {
        if (fuse) {
          const weightAt = (w: number) => fusionWeight(this.config, w);
          const w = map ? fidelity.map(weightAt) : new Float32Array(batch).fill(weightAt(fidelity));
          this.runtime.write(buffers.fidelity!, w, map ? pixels : batch, 'fidelity');
        }
        if (indices) this.runtime.write(buffers.indices!, indices, batch * this.tokens, 'indices');
        return work(output => program.run({ ...encoded.buffers, ...buffers, output }, options));
      });
    });
  }

  private checkIndices(indices: Int32Array | undefined, batch: number): void {
    if (indices === undefined) return;
    const count = batch * this.tokens;
    if (!(indices instanceof Int32Array) || indices.length !== count) {
      throw invalidArgument(`an Int32Array of ${count} codes`, 'indices', indices);
    }
    const wrong = indices.find(i => i < 0 || i >= this.config.codebook);
    if (wrong !== undefined) throw invalidArgument(`codes from 0 to ${this.config.codebook - 1}`, 'indices', wrong);
  }

  private encoder(batch: number, form: Form): Build {
    return {
      key: `encode ${batch} ${form}`,
      build: () => encodeProgram(this.config, batch, form),
    };
  }

  private decoder(batch: number, variant: DecodeVariant, form: Form): Build {
    return {
      key: `decode ${batch} ${form} ${variantKey(variant)}`,
      build: () => decodeProgram(this.config, batch, variant, form),
    };
  }
}

/** A program of the network and what the runtime knows it by. */
interface Build {
  readonly key: string;
  readonly build: () => Program;
}

/** What is compiled when the network is loaded. */
const USUAL_VARIANT: DecodeVariant = { fuse: true, adain: true, map: false };

const variantKey = (variant: DecodeVariant): string =>
  Object.entries(variant)
    .flatMap(([name, on]) => (on ? [name] : []))
    .join('+');
