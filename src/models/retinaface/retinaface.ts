// The face detector on a device: load once, run on pictures of any size.

import { checkNumber, checkRunOptions } from '../../checks.js';
import type { CompiledProgram, DeviceBuffer, Executor, RunOptions } from '../../executor.js';
import type { Size } from '../../image/geometry.js';
import { checkPicture, type Picture } from '../../image/picture.js';
import { RECORD } from '../../kernels/detector-records/detector-records.js';
import { DevicePicture } from '../../pixels/device-picture.js';
import { checkTensors, type Weights } from '../../weights/weights.js';
import { checkLoad, NetworkRuntime } from '../runtime.js';
import { type Detection, decodeRecords, priorsOf, suppress } from './decode.js';
import { retinaFaceProgram } from './network.js';
import { type RetinaFaceBackbone, retinaFaceTensors } from './tensors.js';

export type { Detection };

/** Which outputs of the network count as faces. */
export interface DetectorOptions extends RunOptions {
  /** Scores above it count as faces. Default 0.8. */
  readonly threshold?: number | undefined;
  /** Of two faces whose intersection over union is above this the worse one is left out. Default 0.4. */
  readonly nms?: number | undefined;
}

/** The raw outputs, for all priors: levels, then rows, then columns, then the two sides. */
export interface DetectorOutputs {
  /** P*4: offset of the box. */
  readonly loc: Float32Array;
  /** P*2 after softmax: the second is that of a face. */
  readonly conf: Float32Array;
  /** P*10: offsets of the landmarks. */
  readonly landms: Float32Array;
}

/** Records that are read back at once: more than this many candidates are rare. */
const FIRST_RECORDS = 512;

/** What is compiled when the network is loaded. */
const USUAL_SIZE: Size = { width: 640, height: 640 };

const sizeKey = ({ width, height }: Size): string => `${width}x${height}`;

/** The network that finds faces, with either backbone: MobileNet 0.25 or ResNet-50. */
export class RetinaFace {
  private constructor(
    readonly device: Executor,
    readonly backbone: RetinaFaceBackbone,
    private readonly runtime: NetworkRuntime,
  ) {}

  /**
   * Checks the weights and loads them onto the device; which backbone they have, their names tell.
   * @param device where it runs; it must outlive the network
   * @param weights may be closed afterwards
   * @throws `INVALID_ARGUMENT`, `WEIGHTS_MISMATCH`, `INVALID_CHECKPOINT` for values that are not finite, `ADAPTER_LIMITS`, `OUT_OF_MEMORY`,
   *   `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`, `ABORTED`
   */
  static async load(device: Executor, weights: Weights, options: Pick<RunOptions, 'signal'> = {}): Promise<RetinaFace> {
    checkLoad(device, weights, options);
    const backbone = weights.names().includes('body.conv1.weight') ? 'resnet50' : 'mobile';
    checkTensors(weights, retinaFaceTensors(backbone));
    const runtime = new NetworkRuntime(device, 'retinaface');
    try {
      const detector = new RetinaFace(device, backbone, runtime);
      const usual = { [sizeKey(USUAL_SIZE)]: detector.build(USUAL_SIZE)() };
      await runtime.load(usual, weights, options.signal);
      return detector;
    } catch (error) {
      runtime.destroy();
      throw error;
    }
  }

  /**
   * The outputs of the network for a picture as it is.
   * @param picture RGB or RGBA, of any size; alpha is ignored
   * @throws `INVALID_ARGUMENT`, `INVALID_IMAGE`, `ADAPTER_LIMITS`, `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`, `ABORTED`
   */
  async forward(picture: Picture | DevicePicture, options: RunOptions = {}): Promise<DetectorOutputs> {
    checkRunOptions(options);
    return this.run(picture, async (program, input, size) =>
      this.runtime.allocated(program, ['threshold', 'records', 'selected'], async buffers => {
        await program.run({ ...buffers, input }, options);
        const priors = priorsOf(size);
        const records = new Float32Array(await this.device.read(buffers.records!, 0, priors * RECORD * 4));
        const columns = (from: number, count: number) =>
          Float32Array.from({ length: priors * count }, (_, i) => {
            return records[Math.floor(i / count) * RECORD + from + (i % count)]!;
          });
        return { conf: columns(0, 2), loc: columns(2, 4), landms: columns(6, 10) };
      }),
    );
  }

  /**
   * The faces of a picture at its own size, in its pixels: those of about 16 to 640 pixels, as the network was trained. `detectFaces`
   * brings photos of any size to the network's, and looks at several.
   * @param picture as for `forward`
   * @returns boxes, scores from 0 to 1 and five landmarks, best first; empty where there is no face
   * @throws as `forward`
   */
  async detect(picture: Picture | DevicePicture, options: DetectorOptions = {}): Promise<Detection[]> {
    checkRunOptions(options);
    const { threshold = 0.8, nms = 0.4 } = options;
    for (const [name, value] of Object.entries({ threshold, nms })) checkNumber(value, name, 0, 1);
    return this.run(picture, async (program, input, size) =>
      this.runtime.allocated(program, ['threshold', 'records', 'selected'], async buffers => {
        this.device.write(buffers.threshold!, new Float32Array([threshold]));
        await program.run({ ...buffers, input }, options);
        const read = async (from: number, count: number) =>
          new Float32Array(await this.device.read(buffers.selected!, from * RECORD * 4, count * RECORD * 4));
        const first = await read(0, 1 + Math.min(FIRST_RECORDS, priorsOf(size)));
        const count = first[0]!;
        const selected = count > FIRST_RECORDS ? await read(1, count) : first.subarray(RECORD, (1 + count) * RECORD);
        return suppress(decodeRecords(selected, size), nms);
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

  private build(size: Size) {
    return () => retinaFaceProgram(this.backbone, size);
  }

  /** Runs `work` with the program for a picture and the picture's pixels on the device. */
  private async run<T>(
    picture: Picture | DevicePicture,
    work: (program: CompiledProgram, input: DeviceBuffer, size: Size) => Promise<T>,
  ): Promise<T> {
    if (!(picture instanceof DevicePicture)) checkPicture(picture);
    const size = { width: picture.width, height: picture.height };
    return this.runtime.with(sizeKey(size), this.build(size), async program => {
      if (picture instanceof DevicePicture) return work(program, picture.buffer, size);
      const uploaded = await DevicePicture.upload(this.device, picture);
      try {
        return await work(program, uploaded.buffer, size);
      } finally {
        uploaded.destroy();
      }
    });
  }
}
