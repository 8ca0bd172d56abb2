// The package's own upscaler on a device.

import type { Executor, RunOptions } from '../../executor.js';
import { checkTensors, type Weights } from '../../weights/weights.js';
import { checkLoad, type NetworkRuntime } from '../runtime.js';
import { CELL, CELL_CHANNELS, FACTOR } from '../upscaler/ends.js';
import { loadUpscaler, Upscaler, type UpscalerNetwork } from '../upscaler/upscaler.js';
import { residualUpscalerProgram } from './network.js';
import { inferResidualUpscalerConfig, type ResidualUpscalerConfig, residualUpscalerTensors } from './tensors.js';

/** Tiles need about 300 MB of GPU memory. */
const TILE = 1024;

/** The small upscaler of the package, for pictures of any size: twice as large in one pass. */
export class ResidualUpscaler extends Upscaler {
  private constructor(
    device: Executor,
    readonly config: ResidualUpscalerConfig,
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
  static async load(
    device: Executor,
    weights: Weights,
    options: Pick<RunOptions, 'signal'> = {},
  ): Promise<ResidualUpscaler> {
    checkLoad(device, weights, options);
    const config = inferResidualUpscalerConfig(weights);
    checkTensors(weights, residualUpscalerTensors(config));
    const { blocks, channels } = config;
    const network: UpscalerNetwork = {
      name: 'residual-upscaler',
      tile: TILE,
      // All that a pixel depends on: each of the convolutions sees one cell further.
      tilePad: CELL * (2 * blocks + 2),
      // The cells around the border, which a convolution without them would take for black.
      edge: CELL,
      // Three channels lie in four.
      largest: Math.max(4 * FACTOR ** 2, (channels + CELL_CHANNELS) / CELL ** 2),
      program: (size, form) => residualUpscalerProgram(config, size, form),
    };
    return new ResidualUpscaler(device, config, network, await loadUpscaler(device, network, weights, options.signal));
  }
}
