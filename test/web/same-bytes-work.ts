// What the comparison of platforms computes: the same calls on whichever library it is given, in Node and in a page.

import type * as Library from '../../src/node/index.js';
import type * as Web from '../../src/web/index.js';
import { TINY } from '../tiny.js';

export type Numbers = Float32Array | Float64Array | Int32Array | Uint8Array | Uint8ClampedArray;

export interface Inputs {
  /** Pixels that were decoded once: decoders differ. */
  readonly photo: Library.Picture;
  /** Address or path of the folder of embedded weights, with a slash at the end. */
  readonly weights: string;
  readonly adapter: 'software' | 'wasm';
}

type PlatformLibrary = Pick<
  typeof Web,
  'CodeFormer' | 'RetinaFace' | 'createDevice' | 'createRestorer' | 'generatedWeights' | 'pixels'
> & { openWeights(source: string): Promise<Library.Weights> };

/** All results by name. */
export async function work(library: PlatformLibrary, inputs: Inputs): Promise<Record<string, Numbers>> {
  const { photo, weights, adapter } = inputs;
  const { CodeFormer, RetinaFace, createDevice, createRestorer, generatedWeights, openWeights, pixels } = library;
  const results: Record<string, Numbers> = {};
  const device = await createDevice({ adapter });
  const restorerWeights = await openWeights(`${weights}restorer.safetensors`);
  const detectorWeights = await openWeights(`${weights}detector.safetensors`);
  const upscalerWeights = await openWeights(`${weights}upscaler.safetensors`);

  // Pictures in other sizes, and a turned crop.
  for (const filter of ['linear', 'area', 'lanczos4'] as const) {
    const { data } = await pixels.resize(device, photo, { width: 97, height: 131, filter });
    results[`resize ${filter}`] = data;
  }
  const [cos, sin] = [1.3 * Math.cos(0.3), 1.3 * Math.sin(0.3)];
  const matrix = [cos, -sin, 40, sin, cos, -60];
  const size = { width: 256, height: 256 };
  const crop = await pixels.warpAffine(device, photo, matrix, { ...size, border: [132, 133, 135] });
  results.warp = crop.data;

  // A network of a geometry of its own, by both kinds of convolution.
  const tiny = generatedWeights(
    'codeformer',
    { ...TINY, size: 64, channels: 16, multipliers: [1, 2, 2], groups: 8 },
    5,
  );
  const noise = planes(await pixels.resize(device, photo, { width: 64, height: 64 }));
  for (const convolution of ['winograd', 'direct'] as const) {
    const net = await CodeFormer.load(device, tiny, { convolution });
    const encoded = await net.encode(noise);
    results[`${convolution}: codes`] = encoded.indices;
    results[`${convolution}: logits`] = await encoded.logits();
    results[`${convolution}: w = 0.5`] = await net.decode(encoded, { fidelity: 0.5 });
    encoded.destroy();
    net.destroy();
  }

  // The networks of the package.
  const net = await CodeFormer.load(device, restorerWeights);
  const encoded = await net.encode(planes(crop));
  results.codes = encoded.indices;
  results.margins = encoded.margin;
  results.features = await encoded.feature();
  for (const fidelity of [0, 0.5, 1]) results[`w = ${fidelity}`] = await net.decode(encoded, { fidelity });
  encoded.destroy();
  net.destroy();
  const detector = await RetinaFace.load(device, detectorWeights);
  const seen = await detector.forward(await pixels.resize(device, photo, { width: 320, height: 376 }));
  Object.assign(results, {
    'detector: boxes': seen.loc,
    'detector: scores': seen.conf,
    'detector: points': seen.landms,
  });
  detector.destroy();

  // A whole photo, as it is restored unless options say otherwise.
  const restorer = await createRestorer({
    device,
    weights: restorerWeights,
    detector: detectorWeights,
    upscaler: upscalerWeights,
  });
  const { image, faces } = await restorer.restore(photo);
  results.photo = image.data;
  for (const { id, box, landmarks, score, transform, crop, restored, indices } of faces) {
    results[`face ${id}: place`] = Float64Array.from([...box, score, ...landmarks.flat(), ...transform]);
    results[`face ${id}: crop`] = crop.data;
    results[`face ${id}: codes`] = indices!;
    results[`face ${id}: restored`] = restored.data;
  }
  await restorer.destroy();
  await restorerWeights.close();
  await detectorWeights.close();
  await upscalerWeights.close();
  device.destroy();
  return results;
}

/** A picture as the network takes it: planes of red, green and blue in [-1, 1]. */
function planes({ data, width, height }: Library.Picture): Float32Array {
  const count = width * height;
  const values = new Float32Array(3 * count);
  for (let i = 0; i < count; i++)
    for (let c = 0; c < 3; c++) values[c * count + i] = Math.fround(data[4 * i + c]! / 127.5) - 1;
  return values;
}
