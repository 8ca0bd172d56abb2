// The perceptual distance of the training (../losses.py), computed by this library: how far features of a face detector are apart.

import { Arena, GpuProgram, ParameterSet } from '../../src/gpu/program.js';
import { mobileFeatureProgram } from '../../src/models/retinaface/network.js';
import type { Device, Picture, Weights } from '../../src/node/index.js';

const LAYERS = ['stage1.1', 'stage1.3', 'stage1.5', 'stage2.5', 'stage3.1'];

/** Features of a picture, layer by layer, each pixel's channels scaled to length 1. */
export type Features = readonly { readonly data: Float32Array; readonly pixels: number }[];

export class FeatureNetwork {
  private constructor(
    private readonly device: Device,
    private readonly program: GpuProgram,
    private readonly shapes: ReadonlyMap<string, readonly number[]>,
    private readonly memory: readonly { destroy(): void }[],
  ) {}

  /** @param weights RetinaFace with the mobile backbone */
  static async load(device: Device, weights: Weights, size: number): Promise<FeatureNetwork> {
    const { program, shapes } = mobileFeatureProgram({ width: size, height: size }, device.target, LAYERS);
    const [arena, parameters] = [new Arena(device, 'features'), new ParameterSet(device)];
    await parameters.load(program.parameters, weights);
    const compiled = await GpuProgram.compile(device, 'features', program, arena, parameters);
    return new FeatureNetwork(device, compiled, shapes, [arena, parameters]);
  }

  /** @param picture RGBA of the size that was loaded */
  async of(picture: Picture): Promise<Features> {
    const { device, program } = this;
    const names = program.externals();
    const buffers = Object.fromEntries(
      names.map(name => [name, device.buffer(`features/${name}`, program.externalBytes(name))]),
    );
    try {
      device.write(buffers.input!, picture.data as Uint8ClampedArray<ArrayBuffer>);
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
    } finally {
      for (const buffer of Object.values(buffers)) device.release(buffer);
    }
  }

  destroy(): void {
    for (const owner of this.memory) owner.destroy();
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
