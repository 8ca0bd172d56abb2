// The upscaler of Real-ESRGAN on a device.

import { CodeFormerError } from '../../errors.js';
import type { Executor, RunOptions } from '../../executor.js';
import { checkTensors, type Weights } from '../../weights/weights.js';
import { checkLoad, type NetworkRuntime } from '../runtime.js';
import { FACTOR } from '../upscaler/ends.js';
import { loadUpscaler, Upscaler, type UpscalerNetwork } from '../upscaler/upscaler.js';
import { rrdbNetProgram } from './network.js';
import { inferRRDBNetConfig, type RRDBNetConfig, rrdbNetTensors } from './tensors.js';

/** Tiles of 400 with 40 around them, as in the reference, need about 1 GB of GPU memory. */
const TILES = { tile: 400, tilePad: 40 };

/** RealESRGAN_x2plus, for pictures of any size: twice as large in one pass. */
export class RRDBNet extends Upscaler {
  private constructor(
    device: Executor,
    readonly config: RRDBNetConfig,
    network: UpscalerNetwork,
    runtime: NetworkRuntime,
  ) {
    super(device, network, runtime);
  }

  /**
   * Checks the weights, whose shapes tell the geometry, and loads them onto the device.
   * @param device where it runs; it must outlive the network
   * @param weights may be closed afterwards
   * @throws `INVALID_ARGUMENT`, `WEIGHTS_MISMATCH`, `INVALID_CHECKPOINT` for values that are not finite, `ADAPTER_LIMITS`, `OUT_OF_MEMORY`,
   *   `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`, `ABORTED`
   */
  static async load(device: Executor, weights: Weights, options: Pick<RunOptions, 'signal'> = {}): Promise<RRDBNet> {
    checkLoad(device, weights, options);
    const config = inferRRDBNetConfig(weights);
    checkTensors(weights, rrdbNetTensors(config));
    const { channels, growth } = config;
    if (channels % 4 !== 0 || growth % 4 !== 0) {
      throw new CodeFormerError(
        'WEIGHTS_MISMATCH',
        `${weights.name}: expected channels and growth divisible by 4 but got ${channels} and ${growth}`,
      );
    }
    const network: UpscalerNetwork = {
      name: 'rrdbnet',
      ...TILES,
      edge: 0,
      // The features of the enlarged picture.
      largest: channels * FACTOR ** 2,
      program: (size, form) => rrdbNetProgram(config, size, form),
    };
    return new RRDBNet(device, config, network, await loadUpscaler(device, network, weights, options.signal));
  }
}
