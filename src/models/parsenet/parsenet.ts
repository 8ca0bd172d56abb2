// The face parser on a device: load once, tell for each pixel of a face which part of it that is.

import { checkRunOptions } from '../../checks.js';
import { invalidArgument } from '../../errors.js';
import type { CompiledProgram, DeviceBuffer, Executor, RunOptions } from '../../executor.js';
import { checkPicture, type Picture } from '../../image/picture.js';
import { roundUp } from '../../kernels/kernel.js';
import { checkDevicePicture, DevicePicture } from '../../pixels/device-picture.js';
import { checkTensors, type Weights } from '../../weights/weights.js';
import { checkLoad, NetworkRuntime } from '../runtime.js';
import { parseNetProgram } from './network.js';
import { CLASSES, parseNetTensors } from './tensors.js';

/** For which pictures the network is compiled. */
export interface ParseNetOptions extends Pick<RunOptions, 'signal'> {
  /** Side of the pictures: a multiple of 16 from 32 up. Default 512, which the network was trained for. */
  readonly size?: number | undefined;
}

/** What the parser says of a picture. */
export class Parsed {
  /** Made by `ParseNet.parse`. */
  constructor(
    /** The class of each pixel, row by row: 0 background, 1 skin, 2 nose, ... The lowest of those that are equally likely. */
    readonly labels: Uint8Array,
    private readonly read: (parsed: Parsed) => Promise<Float32Array>,
  ) {}

  /**
   * Logits: 19*S*S, class by class. Those of the picture that was parsed last are at hand; for others the network runs again.
   * @throws `DESTROYED` when the network is, and as `ParseNet.parse`
   */
  logits(): Promise<Float32Array> {
    return this.read(this);
  }
}

/** The network that tells the regions of a face: a label of `FACE_REGIONS` for each pixel. */
export class ParseNet {
  /** Logits of the last picture, as the network leaves them, and whose they are. */
  private logits: DeviceBuffer | null = null;
  private latest: Parsed | null = null;

  private constructor(
    readonly device: Executor,
    /** Side of the pictures. */
    readonly size: number,
    private readonly runtime: NetworkRuntime,
  ) {}

  /**
   * Checks the weights, loads them onto the device and compiles the network.
   * @param device where it runs; it must outlive the network
   * @param weights may be closed afterwards
   * @throws `INVALID_ARGUMENT`, `WEIGHTS_MISMATCH`, `INVALID_CHECKPOINT` for values that are not finite, `ADAPTER_LIMITS`, `OUT_OF_MEMORY`,
   *   `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`, `ABORTED`
   */
  static async load(device: Executor, weights: Weights, options: ParseNetOptions = {}): Promise<ParseNet> {
    checkLoad(device, weights, options);
    const { size = 512, signal } = options;
    if (!Number.isInteger(size) || size < 32 || size % 16 !== 0)
      throw invalidArgument('a multiple of 16 from 32 up', 'size', size);
    checkTensors(weights, parseNetTensors());
    const runtime = new NetworkRuntime(device, 'parsenet');
    try {
      const parser = new ParseNet(device, size, runtime);
      await runtime.load({ parse: parser.build() }, weights, signal);
      return parser;
    } catch (error) {
      runtime.destroy();
      throw error;
    }
  }

  /**
   * The parts of a face.
   * @param picture RGB or RGBA, `size` x `size`; alpha is ignored
   * @throws `INVALID_ARGUMENT`, `INVALID_IMAGE`, `ADAPTER_LIMITS`, `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`, `ABORTED`
   */
  async parse(picture: Picture, options: RunOptions = {}): Promise<Parsed> {
    checkRunOptions(options);
    checkPicture(picture);
    this.checkSize(picture);
    // The caller may change the pixels before the logits are asked for.
    const kept = { ...picture, data: picture.data.slice() };
    return this.run(async program => {
      const labels = await this.runPicture(program, kept, options);
      this.latest = new Parsed(labels, parsed => this.readLogits(parsed, kept));
      return this.latest;
    });
  }

  /**
   * The same for a picture on the device.
   * @param picture `size` x `size`
   * @throws as `parse`
   * @returns a buffer of the caller's own with the labels as bytes, four to a word; `device.release` gives it back
   */
  async parseOnDevice(picture: DevicePicture, options: RunOptions = {}): Promise<DeviceBuffer> {
    checkRunOptions(options);
    checkDevicePicture(picture);
    this.checkSize(picture);
    return this.run(async program => {
      const { labels } = await this.runtime.allocate(program, ['labels']);
      try {
        await this.runOn(program, picture, labels!, options);
        return labels!;
      } catch (error) {
        this.device.release(labels!);
        throw error;
      }
    });
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
    if (this.logits) this.device.release(this.logits);
    this.logits = null;
  }

  /** `destroy`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  private build() {
    return parseNetProgram(this.size);
  }

  private run<T>(work: (program: CompiledProgram) => Promise<T>): Promise<T> {
    return this.runtime.with('parse', () => this.build(), work);
  }

  private checkSize({ width, height }: { readonly width: number; readonly height: number }): void {
    const { size } = this;
    if (width !== size || height !== size)
      throw invalidArgument(`a picture of ${size}x${size}`, 'picture', `${width}x${height}`);
  }

  private async runPicture(program: CompiledProgram, picture: Picture, options: RunOptions): Promise<Uint8Array> {
    const uploaded = await DevicePicture.upload(this.device, picture);
    try {
      return await this.runtime.allocated(program, ['labels'], async ({ labels }) => {
        await this.runOn(program, uploaded, labels!, options);
        return new Uint8Array(await this.device.read(labels!));
      });
    } finally {
      uploaded.destroy();
    }
  }

  private async runOn(
    program: CompiledProgram,
    picture: DevicePicture,
    labels: DeviceBuffer,
    options: RunOptions,
  ): Promise<void> {
    this.logits ??= (await this.runtime.allocate(program, ['logits'])).logits!;
    this.latest = null;
    await program.run({ input: picture.buffer, logits: this.logits, labels }, options);
  }

  private async readLogits(parsed: Parsed, picture: Picture): Promise<Float32Array> {
    return this.run(async program => {
      if (this.latest !== parsed) {
        await this.runPicture(program, picture, {});
        this.latest = parsed;
      }
      const pixels = this.size ** 2;
      const stride = roundUp(CLASSES, 4);
      const values = new Float32Array(await this.device.read(this.logits!, 0, pixels * stride * 4));
      const planes = new Float32Array(CLASSES * pixels);
      for (let c = 0, at = 0; c < CLASSES; c++)
        for (let pixel = 0; pixel < pixels; pixel++) planes[at++] = values[pixel * stride + c]!;
      return planes;
    });
  }
}
