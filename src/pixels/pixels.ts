// Picture operations for callers: pictures in, pictures of the same kind out. Large ones go through the device in parts.

import { checkFlag, checkNumber, checkRunOptions } from '../checks.js';
import { CodeFormerError, invalidArgument } from '../errors.js';
import { checkExecutor, type Executor } from '../executor.js';
import type { Rect, Size } from '../image/geometry.js';
import { checkPicture, type Picture } from '../image/picture.js';
import { gaussianWeights } from '../kernels/gaussian-blur/gaussian-blur.js';
import { type Filter, resizeTaps, roundHalfEven, sliceTaps, tapRange } from '../kernels/resize-plane/taps.js';
import { checkMatrix } from './affine.js';
import { DevicePicture, DevicePlanes, type FloatPicture, type PixelOptions, scoped } from './device-picture.js';
import { blurPlanes, erodePlanes, mergePlanes, splitDevicePicture } from './filter.js';
import { bandRows, type ResizePlan, resizeByTaps, resizePlanesByTaps } from './resize.js';
import { type Border, planWarp, type WarpPlan, warpDevicePicture, warpPlanes, warpSource } from './warp.js';

export type { Filter, FloatPicture };

/** What comes back: floats for floats, else 8 bits with as many channels as went in. */
export type SameKind<T> = T extends FloatPicture ? FloatPicture : Picture;

/** The size of the result, and the filter. */
export interface ResizeOptions extends PixelOptions {
  /** Size of the result; or a factor for both sides, which then is exact: for `linear` only. */
  readonly width?: number;
  readonly height?: number;
  readonly factor?: number;
  /** Default `linear`. `area` interpolates where a side grows. */
  readonly filter?: Filter;
  /** Weigh the colours of RGBA by their alpha, so that what is transparent shows nowhere. Default false: all channels alike, as OpenCV does. */
  readonly premultiplied?: boolean;
}

/** The size of the result, and what lies outside of the picture. */
export interface WarpAffineOptions extends PixelOptions {
  readonly width: number;
  readonly height: number;
  /**
   * RGB or RGBA of what is outside of the picture, 0 to 255; or `mirror`: the picture mirrored at its edges, not in compat mode. Default
   * opaque black; always 0 for floats.
   */
  readonly border?: readonly number[] | 'mirror';
  /** OpenCV's positions on a grid of 1/32 pixel and no averaging when shrinking. Default false. */
  readonly compat?: boolean;
}

/** The width of the blur. */
export interface BlurOptions extends PixelOptions {
  /** Number of taps, odd. */
  readonly size: number;
  /** Deviation in pixels. Default from the size, as OpenCV does. */
  readonly sigma?: number;
}

/** How far is eroded. */
export interface ErodeOptions extends PixelOptions {
  /** Side of the window; 0 stands for 3. An even window reaches one pixel further up and left. */
  readonly size: number;
}

/**
 * A picture in another size, by the rules of OpenCV's `resize` for 8 bits and for floats.
 * @param device where it runs
 * @param picture RGB, RGBA or one plane of floats
 * @throws `INVALID_ARGUMENT`, `INVALID_IMAGE`, `IMAGE_TOO_LARGE`, `ADAPTER_LIMITS`, `OUT_OF_MEMORY`, `GPU_ERROR`, `DEVICE_LOST`, `DESTROYED`,
 *   `ABORTED`
 */
export async function resize<T extends Picture | FloatPicture>(
  device: Executor,
  picture: T,
  options: ResizeOptions,
): Promise<SameKind<T>> {
  const from = checkAny(device, picture, options);
  const plan = resizePlan(device, from, options);
  if (isFloat(picture)) return (await resizeFloats(device, picture, plan, options)) as SameKind<T>;
  if (from.width === plan.to.width && from.height === plan.to.height)
    return { ...from, data: new Uint8ClampedArray(picture.data) } as SameKind<T> & Picture;
  const taps = resizeTaps(plan.filter, from, plan.to, plan.step);
  const rows = bandRows(plan, bandBytes(device));
  const made = await inKind(picture, plan.to, async put => {
    for (let begin = 0; begin < plan.to.height; begin += rows) {
      const end = Math.min(begin + rows, plan.to.height);
      const [first, last] = tapRange(sliceTaps(taps.rows, begin, end, 0), from.height);
      const bandTaps = { columns: taps.columns, rows: sliceTaps(taps.rows, begin, end, first) };
      const rect = { x: 0, y: first, width: from.width, height: last - first };
      const part = await scoped(async keep => {
        const x = keep(await DevicePicture.upload(device, picture, rect));
        return keep(await resizeByTaps(x, plan, bandTaps, options)).read();
      });
      put(part, 0, begin);
    }
  });
  return made as SameKind<T>;
}

async function resizeFloats(
  device: Executor,
  picture: FloatPicture,
  plan: ResizePlan,
  options: PixelOptions,
): Promise<FloatPicture> {
  const { from, to } = plan;
  const taps = resizeTaps(plan.filter, from, to, plan.step);
  const rows = bandRows(plan, bandBytes(device));
  const data = new Float32Array(to.width * to.height);
  for (let begin = 0; begin < to.height; begin += rows) {
    const end = Math.min(begin + rows, to.height);
    const [first, last] = tapRange(sliceTaps(taps.rows, begin, end, 0), from.height);
    const bandTaps = { columns: taps.columns, rows: sliceTaps(taps.rows, begin, end, first) };
    const part = await scoped(async keep => {
      const x = keep(await DevicePlanes.upload(device, floatRows(picture, first, last)));
      return keep(await resizePlanesByTaps(x, bandTaps, options)).read();
    });
    data.set(part, begin * to.width);
  }
  return { data, ...to };
}

/**
 * A picture under an affine transform, bilinear. What shrinks is averaged, unless `compat` asks for OpenCV's rule.
 * @param device where it runs
 * @param picture RGB, RGBA or one plane of floats
 * @param matrix 2x3 in rows, from the picture to the result
 * @throws `INVALID_ARGUMENT` for a matrix that is not finite or has no inverse, and as `resize`
 */
export async function warpAffine<T extends Picture | FloatPicture>(
  device: Executor,
  picture: T,
  matrix: ArrayLike<number>,
  options: WarpAffineOptions,
): Promise<SameKind<T>> {
  const whole = checkAny(device, picture, options);
  const to = checkSize(device, options);
  const compat = checkFlag(options.compat ?? false, 'compat');
  const plan = planWarp(checkMatrix(matrix), compat);
  const border = checkBorder(options.border, compat || isFloat(picture));
  const parts = warpParts(plan, { x: 0, y: 0, ...to }, whole, bandBytes(device), border === 'mirror');
  if (isFloat(picture)) {
    const data = new Float32Array(to.width * to.height);
    for (const { target, source } of parts) {
      const part = await scoped(async keep => {
        const x = keep(await DevicePlanes.upload(device, floatRect(picture, source)));
        return keep(await warpPlanes(x, plan, target, { ...options, whole, at: source })).read();
      });
      putRows(part, target, data, to.width, 1);
    }
    return { data, ...to } as SameKind<T>;
  }
  const made = await inKind(picture, to, async put => {
    for (const { target, source } of parts) {
      const part = await scoped(async keep => {
        const x = keep(await DevicePicture.upload(device, picture, source));
        return keep(await warpDevicePicture(x, plan, target, border, { ...options, whole, at: source })).read();
      });
      put(part, target.x, target.y);
    }
  });
  return made as SameKind<T>;
}

/** Rectangles of the destination with the parts of the source that they need, each of them small enough. */
function warpParts(
  plan: WarpPlan,
  target: Rect,
  whole: Size,
  bytes: number,
  mirror: boolean,
): { target: Rect; source: Rect }[] {
  const source = warpSource(plan, target, whole, mirror) ?? { x: 0, y: 0, width: 1, height: 1 };
  const { x, y, width, height } = target;
  const fits = 4 * Math.max(source.width * source.height, width * height) <= bytes;
  if (fits || width * height === 1) return [{ target, source }];
  const halves: [Rect, Rect] =
    width > height
      ? [
          { ...target, width: width >> 1 },
          { ...target, x: x + (width >> 1), width: width - (width >> 1) },
        ]
      : [
          { ...target, height: height >> 1 },
          { ...target, y: y + (height >> 1), height: height - (height >> 1) },
        ];
  return halves.flatMap(half => warpParts(plan, half, whole, bytes, mirror));
}

/**
 * The minimum over a square window, channel by channel; what is outside of the picture does not count.
 * @param device where it runs
 * @param picture RGB, RGBA or one plane of floats
 * @throws as `resize`
 */
export async function erode<T extends Picture | FloatPicture>(
  device: Executor,
  picture: T,
  options: ErodeOptions,
): Promise<SameKind<T>> {
  checkAny(device, picture, options);
  const { size } = options;
  if (!Number.isSafeInteger(size) || size < 0) throw invalidArgument('a whole number of at least 0', 'size', size);
  return filtered(device, picture, Math.max(size, 3), x => erodePlanes(x, size, options));
}

/**
 * A Gaussian blur, channel by channel, mirrored at the border without repeating it. Pictures are rounded once, at the end.
 * @param device where it runs
 * @param picture RGB, RGBA or one plane of floats
 * @throws as `resize`
 */
export async function gaussianBlur<T extends Picture | FloatPicture>(
  device: Executor,
  picture: T,
  options: BlurOptions,
): Promise<SameKind<T>> {
  checkAny(device, picture, options);
  const { size, sigma = 0 } = options;
  if (!Number.isSafeInteger(size) || size < 1 || size % 2 === 0 || size > MOST_TAPS)
    throw invalidArgument(`an odd number from 1 to ${MOST_TAPS}`, 'size', size);
  checkNumber(sigma, 'sigma', 0);
  const weights = gaussianWeights(size, sigma);
  return filtered(device, picture, (size - 1) / 2, x => blurPlanes(x, weights, options));
}

const MOST_TAPS = 65_535;

/** Runs a filter that looks `reach` pixels far, in bands of rows. */
async function filtered<T extends Picture | FloatPicture>(
  device: Executor,
  picture: T,
  reach: number,
  work: (x: DevicePlanes) => Promise<DevicePlanes>,
): Promise<SameKind<T>> {
  const { width, height } = picture;
  const rowBytes = (isFloat(picture) ? 4 : 16) * width;
  const rows = Math.max(1, Math.floor(bandBytes(device) / rowBytes) - 2 * reach);
  const bands = Array.from({ length: Math.ceil(height / rows) }, (_, i) => {
    const [begin, end] = [i * rows, Math.min((i + 1) * rows, height)];
    return { begin, end, first: Math.max(0, begin - reach), last: Math.min(height, end + reach) };
  });
  if (isFloat(picture)) {
    const data = new Float32Array(width * height);
    for (const { begin, end, first, last } of bands) {
      const part = await scoped(async keep => {
        const x = keep(await DevicePlanes.upload(device, floatRows(picture, first, last)));
        return keep(await work(x)).read();
      });
      data.set(part.subarray((begin - first) * width, (end - first) * width), begin * width);
    }
    return { data, width, height } as SameKind<T>;
  }
  const made = await inKind(picture, { width, height }, async put => {
    for (const { begin, end, first, last } of bands) {
      const { data } = await scoped(async keep => {
        const rect = { x: 0, y: first, width, height: last - first };
        const x = keep(await DevicePicture.upload(device, picture, rect));
        const done = keep(await work(keep(await splitDevicePicture(x))));
        return keep(await mergePlanes(done)).read();
      });
      const inner = data.subarray(4 * (begin - first) * width, 4 * (end - first) * width);
      put({ data: inner, width, height: end - begin }, 0, begin);
    }
  });
  return made as SameKind<T>;
}

/** Largest part of a picture on the device at once: more would not be faster. */
const PART_BYTES = 256 * 2 ** 20;

const bandBytes = (device: Executor): number => Math.min(PART_BYTES, device.limits.bufferBytes);

const isFloat = (picture: Picture | FloatPicture): picture is FloatPicture => picture.data instanceof Float32Array;

/** Throws unless the value is a picture of either kind; returns its size. */
function checkAny(device: Executor, picture: Picture | FloatPicture, options: PixelOptions): Size {
  checkExecutor(device);
  checkRunOptions(options);
  if (typeof picture === 'object' && picture !== null && isFloat(picture)) {
    const { data, width, height } = picture;
    checkSize(device, picture, 'picture.');
    if (data.length !== width * height) {
      throw new CodeFormerError(
        'INVALID_IMAGE',
        `picture: expected ${width * height} values for ${width}x${height} pixels but it has ${data.length}`,
      );
    }
  } else {
    checkPicture(picture);
    checkSize(device, picture, 'picture.');
  }
  return { width: picture.width, height: picture.height };
}

/** Throws unless a size is one that a kernel can be dispatched for. */
function checkSize(device: Executor, options: Partial<Size>, prefix = ''): Size {
  const most = device.limits.pictureSide;
  const side = (name: 'width' | 'height'): number => {
    const value = options[name];
    if (!Number.isSafeInteger(value) || value! < 1 || value! > most)
      throw invalidArgument(`a whole number from 1 to ${most}`, `${prefix}${name}`, value);
    return value!;
  };
  return { width: side('width'), height: side('height') };
}

const FILTERS: readonly Filter[] = ['linear', 'area', 'lanczos4'];

function resizePlan(device: Executor, from: Size, options: ResizeOptions): ResizePlan {
  const { factor, filter = 'linear', premultiplied = false } = options;
  if (!FILTERS.includes(filter)) throw invalidArgument(`one of ${FILTERS.join(', ')}`, 'filter', filter);
  if (typeof premultiplied !== 'boolean') throw invalidArgument('true or false', 'premultiplied', premultiplied);
  if (factor === undefined) return { from, to: checkSize(device, options), filter, premultiplied };
  if (options.width !== undefined || options.height !== undefined)
    throw invalidArgument('either a factor or a size', 'factor', factor);
  if (filter !== 'linear') throw invalidArgument('filter "linear" with a factor', 'filter', filter);
  if (!(Number.isFinite(factor) && factor > 0)) throw invalidArgument('a number above 0', 'factor', factor);
  const to = { width: roundHalfEven(from.width * factor), height: roundHalfEven(from.height * factor) };
  return { from, to: checkSize(device, to, 'factor: '), filter, step: 1 / factor, premultiplied };
}

function checkBorder(border: readonly number[] | 'mirror' = [0, 0, 0], fixed = false): Border {
  if (border === 'mirror' && !fixed) return border;
  const valid =
    Array.isArray(border) &&
    (border.length === 3 || border.length === 4) &&
    border.every(v => Number.isInteger(v) && v >= 0 && v <= 255);
  if (!valid) throw invalidArgument('three or four whole numbers from 0 to 255', 'border', border);
  const [r, g, b, a = 255] = border as [number, number, number, number?];
  return [r, g, b, a];
}

/** Makes a picture with the channels of another from RGBA parts. */
async function inKind(
  picture: Picture,
  to: Size,
  work: (put: (part: { data: Uint8ClampedArray } & Size, x: number, y: number) => void) => Promise<void>,
): Promise<Picture> {
  const channels = picture.data.length / (picture.width * picture.height);
  const data = new Uint8ClampedArray(channels * to.width * to.height);
  await work((part, x, y) => {
    const { width, height } = part;
    const target = { x, y, width, height };
    if (channels === 4) putRows(part.data, target, data, to.width, 4);
    else putRows(withoutAlpha(part.data), target, data, to.width, 3);
  });
  return { data, ...to };
}

function withoutAlpha(rgba: Uint8ClampedArray): Uint8ClampedArray {
  const rgb = new Uint8ClampedArray((rgba.length / 4) * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    rgb[to] = rgba[from]!;
    rgb[to + 1] = rgba[from + 1]!;
    rgb[to + 2] = rgba[from + 2]!;
  }
  return rgb;
}

/** Writes a rectangle of rows into a picture. */
function putRows<A extends Uint8ClampedArray | Float32Array>(
  part: A,
  { x, y, width, height }: Rect,
  into: A,
  rowWidth: number,
  channels: number,
): void {
  for (let row = 0; row < height; row++) {
    const line = part.subarray(channels * width * row, channels * width * (row + 1));
    into.set(line as ArrayLike<number>, channels * ((y + row) * rowWidth + x));
  }
}

function floatRows({ data, width }: FloatPicture, first: number, last: number): FloatPicture {
  return { data: data.subarray(first * width, last * width), width, height: last - first };
}

function floatRect(picture: FloatPicture, { x, y, width, height }: Rect): FloatPicture {
  const data = new Float32Array(width * height);
  for (let row = 0; row < height; row++) {
    const from = (y + row) * picture.width + x;
    data.set(picture.data.subarray(from, from + width), row * width);
  }
  return { data, width, height };
}
