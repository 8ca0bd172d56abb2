// What networks that enlarge by 2 have in common as callers see them: pictures of any size, on the CPU or on the device, tile by tile.

import { checkRunOptions } from '../../checks.js';
import { invalidArgument, throwIfAborted } from '../../errors.js';
import type { CopyRegion, Executor, RunOptions } from '../../executor.js';
import type { Program } from '../../graph/graph.js';
import type { Rect, Size } from '../../image/geometry.js';
import { checkPicture, isOpaque, type Picture } from '../../image/picture.js';
import { bytesPerElement } from '../../kernels/kernel.js';
import { checkDevicePicture, checkPlanes, DevicePicture, type FloatRgb } from '../../pixels/device-picture.js';
import { fillPicture } from '../../pixels/fill.js';
import { resize } from '../../pixels/pixels.js';
import { resizeDevicePicture } from '../../pixels/resize.js';
import type { Weights } from '../../weights/weights.js';
import { NetworkRuntime } from '../runtime.js';
import { FACTOR, type Form } from './ends.js';
import { mirrored, type Tile, tilesOf } from './tiles.js';

/** How much a picture is enlarged, and in which tiles. */
export interface UpscaleOptions extends RunOptions {
  /** Size of the result relative to the picture; other scales than 2 are resized from it by Lanczos. Default 2. */
  readonly scale?: number | undefined;
  /**
   * Side of the tiles, even; 0 for the whole picture at once. Default: that of the network, or what fits into the adapter's largest buffer.
   */
  readonly tile?: number | undefined;
  /** How far the network sees around a tile, even. Default: that of the network. */
  readonly tilePad?: number | undefined;
}

/** A network with its geometry. */
export interface UpscalerNetwork {
  /** In labels and messages. */
  readonly name: string;
  /** Default side of tiles. */
  readonly tile: number;
  /** Default of how far the network sees around a tile. */
  readonly tilePad: number;
  /** How far it sees beyond the picture, which is mirrored there; even. */
  readonly edge: number;
  /** Elements of its largest tensor for each pixel of the input. */
  readonly largest: number;
  /** External `input` to `output`, twice as wide and high; width and height are even. */
  program(size: Size, form: Form): Program;
}

/** Where tiles come from and go to. */
interface Canvas {
  /** The pixels of the mirrored picture in a rectangle, as a picture of its own. */
  cut(from: Rect): Promise<DevicePicture>;
  /** Writes a rectangle of an enlarged tile to a place of the result. */
  put(tile: DevicePicture, from: Rect, x: number, y: number): Promise<void>;
}

/** Loads the weights of a network, which have been checked. */
export async function loadUpscaler(
  device: Executor,
  network: UpscalerNetwork,
  weights: Weights,
  signal: AbortSignal | undefined,
): Promise<NetworkRuntime> {
  // The rounding of Winograd's transforms is nothing beside 8 bits, and no convolution of these networks runs slower by it.
  // Matrices of subgroups are faster still.
  const convolution = device.variants.includes('subgroup-matrices') ? 'auto' : 'winograd';
  const runtime = new NetworkRuntime(device, network.name, { convolution });
  try {
    const size = { width: 64, height: 64 };
    const first = { [programKey(size, 'picture')]: network.program(size, 'picture') };
    await runtime.load(first, weights, signal);
    return runtime;
  } catch (error) {
    runtime.destroy();
    throw error;
  }
}

/** What upscalers share: pictures of any size through a network that doubles them, tile by tile. */
export class Upscaler {
  protected constructor(
    readonly device: Executor,
    private readonly network: UpscalerNetwork,
    private readonly runtime: NetworkRuntime,
  ) {}

  /**
   * The network alone, on a whole picture.
   * @param input 3*height*width, RGB in [0, 1]; sides are even
   * @param size width and height of the picture, and what runs take
   * @returns 3*(2 height)*(2 width), not clamped
   * @throws `INVALID_ARGUMENT`, `ADAPTER_LIMITS`, `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`, `ABORTED`
   */
  async forward(input: Float32Array, size: Size & RunOptions): Promise<Float32Array> {
    checkRunOptions(size);
    const { width, height } = size;
    for (const [name, side] of Object.entries({ width, height })) {
      if (!Number.isInteger(side) || side < 2 || side % 2 !== 0)
        throw invalidArgument('an even whole number of at least 2', name, side);
    }
    const length = 3 * width * height;
    if (!(input instanceof Float32Array) || input.length !== length)
      throw invalidArgument(`a Float32Array of ${length} values (3*${height}*${width})`, 'input', input);
    return this.runtime.with(programKey(size, 'tensor'), this.build(size, 'tensor'), program =>
      this.runtime.allocated(program, ['input', 'output'], async buffers => {
        this.runtime.write(buffers.input!, input, length, 'input');
        await program.run(buffers, size);
        return new Float32Array(await this.device.read(buffers.output!));
      }),
    );
  }

  /**
   * A picture enlarged, RGBA from RGBA and RGB from RGB, its sides those of the picture times the scale and cut off. Alpha is interpolated;
   * what lies hidden under transparent parts shows nowhere.
   * @param picture RGB or RGBA, of any size
   * @throws `INVALID_ARGUMENT`, `INVALID_IMAGE`, `IMAGE_TOO_LARGE`, `ADAPTER_LIMITS`, `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`,
   *   `DESTROYED`, `ABORTED`
   */
  async upscale(picture: Picture, options: UpscaleOptions = {}): Promise<Picture> {
    const channels = checkPicture(picture);
    const { width, height } = picture;
    const { tiles, target } = this.plan(picture, options);
    const { signal } = options;
    const opaque = channels === 3 || isOpaque(picture);
    const seen = opaque ? picture : await fillPicture(this.device, picture, { signal });
    const enlarged = {
      data: new Uint8ClampedArray(channels * FACTOR * width * FACTOR * height),
      width: FACTOR * width,
      height: FACTOR * height,
    };
    await this.eachPicture(tiles, options, {
      cut: from => DevicePicture.upload(this.device, cutPicture(seen, from)),
      put: async (tile, from, x, y) => putPixels(await tile.read(), from, enlarged, channels, x, y),
    });
    const result = await resize(this.device, enlarged, { ...target, filter: 'lanczos4', signal });
    if (!opaque) {
      const { data } = await resize(this.device, picture, { ...target, filter: 'linear', signal });
      for (let i = 3; i < data.length; i += 4) result.data[i] = data[i]!;
    }
    return result;
  }

  /**
   * As `upscale`, for a picture that is not rounded; the result is.
   * @param planes red, green and blue from 0 to 255; others are the caller's mistake and are clipped after the network
   * @throws as `upscale`
   */
  async upscaleFloat(planes: FloatRgb, options: UpscaleOptions = {}): Promise<Picture> {
    checkPlanes(planes);
    const { tiles, target } = this.plan(planes, options);
    const size = { width: FACTOR * planes.width, height: FACTOR * planes.height };
    const enlarged = new Uint8ClampedArray(4 * size.width * size.height).fill(255);
    await eachTile(tiles, options, async ({ input, core }, run) => {
      const tile = await this.forward(cutPlanes(planes, input), { ...run, width: input.width, height: input.height });
      putPlanes(tile, input, core, { data: enlarged, ...size });
    });
    const { signal } = options;
    return resize(this.device, { data: enlarged, ...size }, { ...target, filter: 'lanczos4', signal });
  }

  /**
   * As `upscale`, for a picture on the device; the result, which the caller owns, is opaque.
   * @param picture of any size; alpha is ignored
   * @throws as `upscale`
   */
  async upscaleOnDevice(picture: DevicePicture, options: UpscaleOptions = {}): Promise<DevicePicture> {
    checkDevicePicture(picture);
    const { device } = this;
    const { tiles, target } = this.plan(picture, options);
    const size = { width: FACTOR * picture.width, height: FACTOR * picture.height };
    const enlarged = await DevicePicture.create(device, size, 'upscaled');
    try {
      await this.eachPicture(tiles, options, {
        cut: async from => {
          const tile = await DevicePicture.create(device, from, 'tile');
          await copyRows(picture, from, tile, 0, 0);
          return tile;
        },
        put: (tile, from, x, y) => copyRows(tile, from, enlarged, x, y),
      });
      if (target.width === size.width && target.height === size.height) return enlarged;
      const result = await resizeDevicePicture(enlarged, target, 'lanczos4', options);
      enlarged.destroy();
      return result;
    } catch (error) {
      enlarged.destroy();
      throw error;
    }
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

  private build({ width, height }: Size, form: Form): () => Program {
    return () => this.network.program({ width, height }, form);
  }

  /** Checks the options; the tiles of a picture, and the size of the result. */
  private plan({ width, height }: Size, options: UpscaleOptions): { tiles: Tile[]; target: Size } {
    checkRunOptions(options);
    const { network, device } = this;
    const { scale = FACTOR, tilePad = network.tilePad } = options;
    if (!(Number.isFinite(scale) && scale > 0)) throw invalidArgument('a number above 0', 'scale', scale);
    checkSide(tilePad, 'tilePad');
    const { tile = largestTile(network, tilePad, device) } = options;
    checkSide(tile, 'tile');
    const target = {
      width: Math.max(1, Math.trunc(width * scale)),
      height: Math.max(1, Math.trunc(height * scale)),
    };
    return { tiles: tilesOf({ width, height }, tile, tilePad, network.edge), target };
  }

  /** Takes every tile through the network as a picture. */
  private eachPicture(tiles: readonly Tile[], options: UpscaleOptions, canvas: Canvas): Promise<void> {
    return eachTile(tiles, options, ({ input, core }, run) =>
      this.runtime.with(programKey(input, 'picture'), this.build(input, 'picture'), async program => {
        const tile = await canvas.cut(input);
        try {
          const size = { width: FACTOR * input.width, height: FACTOR * input.height };
          const enlarged = await DevicePicture.create(this.device, size, 'enlarged tile');
          try {
            await program.run({ input: tile.buffer, output: enlarged.buffer }, run);
            const part = {
              x: FACTOR * (core.x - input.x),
              y: FACTOR * (core.y - input.y),
              width: FACTOR * core.width,
              height: FACTOR * core.height,
            };
            await canvas.put(enlarged, part, FACTOR * core.x, FACTOR * core.y);
          } finally {
            enlarged.destroy();
          }
        } finally {
          tile.destroy();
        }
      }),
    );
  }
}

function checkSide(side: number, name: string): void {
  if (!Number.isInteger(side) || side < 0 || side % 2 !== 0)
    throw invalidArgument('an even whole number of at least 0', name, side);
}

/** Runs `work` for one tile after another, with its share of the progress. */
async function eachTile(
  tiles: readonly Tile[],
  { signal, onProgress }: RunOptions,
  work: (tile: Tile, run: RunOptions) => Promise<void>,
): Promise<void> {
  for (const [i, tile] of tiles.entries()) {
    throwIfAborted(signal);
    await work(tile, { signal, onProgress: onProgress && (done => onProgress((i + done) / tiles.length)) });
  }
}

const programKey = ({ width, height }: Size, form: Form): string => `${form} ${width}x${height}`;

/** The default side of tiles, smaller where the largest tensor would not fit into a buffer. */
function largestTile({ tile, edge, largest }: UpscalerNetwork, pad: number, device: Executor): number {
  const bytes = largest * bytesPerElement('store', device.precision);
  const side = Math.floor(Math.sqrt(device.limits.bufferBytes / bytes)) - 2 * Math.max(pad, edge);
  return Math.max(2, Math.min(tile, side - (side % 2)));
}

/** Splits a span of a mirrored axis: the run of its indices that lie inside, `count` from `first` on, and those outside. */
function insideOf(from: number, length: number, size: number): { first: number; count: number; outside: number[] } {
  const first = Math.max(0, from);
  const count = Math.min(from + length, size) - first;
  const outside = Array.from({ length }, (_, i) => from + i).filter(index => index < 0 || index >= size);
  return { first, count, outside };
}

/** A rectangle of the mirrored picture. */
function cutPicture({ data, width, height }: Picture, rect: Rect): Picture {
  const channels = data.length / (width * height);
  const cut = new Uint8Array(channels * rect.width * rect.height);
  const { first, count, outside } = insideOf(rect.x, rect.width, width);
  for (let row = 0; row < rect.height; row++) {
    const line = channels * mirrored(rect.y + row, height) * width;
    const at = channels * (row * rect.width - rect.x);
    cut.set(data.subarray(line + channels * first, line + channels * (first + count)), at + channels * first);
    for (const x of outside) {
      const from = line + channels * mirrored(x, width);
      cut.set(data.subarray(from, from + channels), at + channels * x);
    }
  }
  return { data: cut, width: rect.width, height: rect.height };
}

/** As `cutPicture`, with values from 0 to 1. */
function cutPlanes({ data, width, height }: FloatRgb, rect: Rect): Float32Array {
  const cut = new Float32Array(3 * rect.width * rect.height);
  let at = 0;
  for (let plane = 0; plane < 3; plane++) {
    for (let y = rect.y; y < rect.y + rect.height; y++) {
      const line = (plane * height + mirrored(y, height)) * width;
      for (let x = rect.x; x < rect.x + rect.width; x++) cut[at++] = data[line + mirrored(x, width)]! / 255;
    }
  }
  return cut;
}

/** Writes what a tile answers for: planes from 0 to 1 into RGBA, which rounds and clips them. */
function putPlanes(
  tile: Float32Array,
  input: Rect,
  core: Rect,
  into: Size & { readonly data: Uint8ClampedArray },
): void {
  const [width, height] = [FACTOR * input.width, FACTOR * input.height];
  const [left, top] = [FACTOR * (core.x - input.x), FACTOR * (core.y - input.y)];
  for (let y = 0; y < FACTOR * core.height; y++) {
    for (let x = 0; x < FACTOR * core.width; x++) {
      const at = 4 * ((FACTOR * core.y + y) * into.width + FACTOR * core.x + x);
      const from = (top + y) * width + left + x;
      for (let plane = 0; plane < 3; plane++) into.data[at + plane] = 255 * tile[plane * width * height + from]!;
    }
  }
}

function putPixels(
  tile: Picture,
  from: Rect,
  into: { readonly data: Uint8ClampedArray; readonly width: number },
  channels: 3 | 4,
  x: number,
  y: number,
): void {
  for (let row = 0; row < from.height; row++) {
    let source = 4 * ((from.y + row) * tile.width + from.x);
    let at = channels * ((y + row) * into.width + x);
    if (channels === 4) {
      into.data.set(tile.data.subarray(source, source + 4 * from.width), at);
      continue;
    }
    for (let column = 0; column < from.width; column++, source += 4, at += 3) {
      into.data[at] = tile.data[source]!;
      into.data[at + 1] = tile.data[source + 1]!;
      into.data[at + 2] = tile.data[source + 2]!;
    }
  }
}

/** Copies a rectangle of the mirrored picture on the device. */
async function copyRows(from: DevicePicture, rect: Rect, to: DevicePicture, x: number, y: number): Promise<void> {
  const { first, count, outside } = insideOf(rect.x, rect.width, from.width);
  const regions: CopyRegion[] = [];
  for (let row = 0; row < rect.height; row++) {
    const line = mirrored(rect.y + row, from.height) * from.width;
    const at = (y + row) * to.width + x - rect.x;
    regions.push({ from: 4 * (line + first), to: 4 * (at + first), bytes: 4 * count });
    for (const column of outside)
      regions.push({ from: 4 * (line + mirrored(column, from.width)), to: 4 * (at + column), bytes: 4 });
  }
  await from.device.copy(from.buffer, to.buffer, regions);
}
