// The perceptual distance of the training (../losses.py), computed by this library: how far features of a face detector are apart.

import type { Executor } from '../../src/executor.js';
import type { Program } from '../../src/graph/graph.js';
import { mobileFeatureProgram } from '../../src/models/retinaface/network.js';
import { NetworkRuntime } from '../../src/models/runtime.js';
import type { Picture, Weights } from '../../src/node/index.js';

const LAYERS = ['stage1.1', 'stage1.3', 'stage1.5', 'stage2.5', 'stage3.1'];

/** Features of a picture, layer by layer, each pixel's channels scaled to length 1. */
export type Features = readonly { readonly data: Float32Array; readonly pixels: number }[];

export class FeatureNetwork {
  private constructor(
    private readonly device: Executor,
    private readonly program: Program,
    private readonly shapes: ReadonlyMap<string, readonly number[]>,
    private readonly runtime: NetworkRuntime,
  ) {}

  /** @param weights RetinaFace with the mobile backbone */
  static async load(device: Executor, weights: Weights, size: number): Promise<FeatureNetwork> {
    const { program, shapes } = mobileFeatureProgram({ width: size, height: size }, LAYERS);
    const runtime = new NetworkRuntime(device, 'features');
    await runtime.load({ features: program }, weights);
    return new FeatureNetwork(device, program, shapes, runtime);
  }

  /** @param picture RGBA of the size that was loaded */
  of(picture: Picture): Promise<Features> {
    const { device, runtime } = this;
    return runtime.with(
      'features',
      () => this.program,
      program =>
        runtime.allocated(program, undefined, async buffers => {
          device.write(buffers.input!, picture.data);
          await program.run(buffers);
          const features: { data: Float32Array; pixels: number }[] = [];
          for (const name of LAYERS) {
            const [channels, height, width] = this.shapes.get(name) as [number, number, number];
            const pixels = height * width;
            const data = new Float32Array(await device.read(buffers[name]!, 0, 4 * channels * pixels));
            for (let i = 0; i < pixels; i++) {
              let sum = 1e-3;
              for (let c = 0; c < channels; c++) sum += data[c * pixels + i]! ** 2;
              const scale = 1 / Math.sqrt(sum);
              for (let c = 0; c < channels; c++) data[c * pixels + i]! *= scale;
            }
            features.push({ data, pixels });
          }
          return features;
        }),
    );
  }

  destroy(): void {
    this.runtime.destroy();
  }
}

/** Mean over layers of the squared distance at each pixel: LPIPS without learnt weights. */
export function distance(a: Features, b: Features): number {
  const layers = a.map(({ data, pixels }, layer) => {
    const other = b[layer]!.data;
    return data.reduce((sum, value, i) => sum + (value - other[i]!) ** 2, 0) / pixels;
  });
  return layers.reduce((x, y) => x + y) / layers.length;
}
