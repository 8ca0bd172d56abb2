// Pictures and float planes that live on the device. What makes them owns them.

import { invalidArgument } from '../errors.js';
import type { DeviceBuffer, Executor } from '../executor.js';
import type { Rect, Size } from '../image/geometry.js';
import { checkPicture, type Picture, toRgba } from '../image/picture.js';

/** One float per pixel, for masks and the like. */
export interface FloatPicture {
  readonly data: Float32Array;
  readonly width: number;
  readonly height: number;
}

/** A picture that is not rounded: planes of red, green and blue, 3*height*width values from 0 to 255. */
export interface FloatRgb {
  readonly data: Float32Array;
  readonly width: number;
  readonly height: number;
}

export const isFloatRgb = (picture: FloatRgb | Picture): picture is FloatRgb => picture?.data instanceof Float32Array;

export interface PixelOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Most bytes that are copied to or from the device at once, so that copies of large pictures stay small. */
const COPY_BYTES = 32 * 2 ** 20;

/** An 8-bit RGBA picture on the device: a word for each pixel, red in the low byte, rows from top to bottom. */
export class DevicePicture {
  constructor(
    readonly device: Executor,
    readonly buffer: DeviceBuffer,
    readonly width: number,
    readonly height: number,
  ) {}

  /**
   * A black, transparent picture.
   * @param label for errors
   * @throws `ADAPTER_LIMITS` where the adapter has no buffers that large, `OUT_OF_MEMORY`
   */
  static async create(device: Executor, { width, height }: Size, label = 'picture'): Promise<DevicePicture> {
    const { [label]: buffer } = await device.allocate('pixels', { [label]: 4 * width * height });
    return new DevicePicture(device, buffer!, width, height);
  }

  /**
   * A picture, or the part of it that the rectangle says, on the device; RGB becomes opaque.
   * @throws as `create`, and as `checkPicture`: its caller may have detached the pixels since it was checked
   */
  static async upload(
    device: Executor,
    picture: Picture,
    rect: Rect = { x: 0, y: 0, width: picture.width, height: picture.height },
  ): Promise<DevicePicture> {
    const channels = checkPicture(picture, { maxPixels: Number.MAX_SAFE_INTEGER });
    const target = await DevicePicture.create(device, rect);
    const whole = channels === 4 && rect.width === picture.width;
    const rows = rowsAtOnce(4 * rect.width);
    try {
      for (let row = 0; row < rect.height; row += rows) {
        const band = { ...rect, y: rect.y + row, height: Math.min(rows, rect.height - row) };
        const from = channels * picture.width * band.y;
        const length = channels * picture.width * band.height;
        const bytes = whole ? picture.data.subarray(from, from + length) : rgbaOf(picture, band);
        device.write(target.buffer, bytes as Uint8Array<ArrayBuffer>, 4 * rect.width * row);
      }
    } catch (error) {
      target.destroy();
      throw error;
    }
    return target;
  }

  /** The pixels as RGBA. */
  async read(): Promise<{ data: Uint8ClampedArray<ArrayBuffer>; width: number; height: number }> {
    const { width, height } = this;
    const data = new Uint8ClampedArray(4 * width * height);
    for (let at = 0; at < data.length; at += COPY_BYTES) {
      const bytes = await this.device.read(this.buffer, at, Math.min(COPY_BYTES, data.length - at));
      data.set(new Uint8Array(bytes), at);
    }
    return { data, width, height };
  }

  destroy(): void {
    this.device.release(this.buffer);
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}

/** Throws `INVALID_ARGUMENT` unless the value is a picture on the device. */
export function checkDevicePicture(picture: DevicePicture): void {
  if (!(picture instanceof DevicePicture)) throw invalidArgument('a picture on the device', 'picture', picture);
}

/**
 * Throws `INVALID_ARGUMENT` unless the value is planes of red, green and blue.
 * @param name what messages call them
 */
export function checkPlanes(planes: FloatRgb, name = 'planes'): void {
  const { data, width, height } = (planes ?? {}) as Partial<FloatRgb>;
  const sized = [width, height].every(side => Number.isSafeInteger(side) && side! > 0);
  if (!(data instanceof Float32Array) || !sized || data.length !== 3 * width! * height!)
    throw invalidArgument('planes of red, green and blue, { data, width, height },', name, planes);
}

/** Float planes of one size on the device, one after another. */
export class DevicePlanes {
  constructor(
    readonly device: Executor,
    readonly buffer: DeviceBuffer,
    readonly width: number,
    readonly height: number,
    readonly planes: number,
  ) {}

  /**
   * Planes of zeros.
   * @param label for errors
   * @throws as `DevicePicture.create`
   */
  static async create(device: Executor, { width, height }: Size, planes = 1, label = 'planes'): Promise<DevicePlanes> {
    const { [label]: buffer } = await device.allocate('pixels', { [label]: 4 * planes * width * height });
    return new DevicePlanes(device, buffer!, width, height, planes);
  }

  /** One plane, or those of a `FloatRgb`. */
  static async upload(device: Executor, { data, width, height }: FloatPicture | FloatRgb): Promise<DevicePlanes> {
    const planes = await DevicePlanes.create(device, { width, height }, data.length / (width * height));
    try {
      device.write(planes.buffer, data);
    } catch (error) {
      planes.destroy();
      throw error;
    }
    return planes;
  }

  /** Three planes as a picture that is not rounded. */
  async picture(): Promise<FloatRgb> {
    return { data: await this.read(), width: this.width, height: this.height };
  }

  /** The values of all planes. */
  async read(): Promise<Float32Array<ArrayBuffer>> {
    const { width, height, planes } = this;
    return new Float32Array(await this.device.read(this.buffer, 0, 4 * width * height * planes));
  }

  destroy(): void {
    this.device.release(this.buffer);
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}

/** What is in memory on the device. */
export function upload(device: Executor, picture: Picture): Promise<DevicePicture>;
export function upload(device: Executor, picture: Picture | FloatRgb): Promise<DevicePicture | DevicePlanes>;
export function upload(device: Executor, picture: Picture | FloatRgb): Promise<DevicePicture | DevicePlanes> {
  return isFloatRgb(picture) ? DevicePlanes.upload(device, picture) : DevicePicture.upload(device, picture);
}

const rowsAtOnce = (rowBytes: number): number => Math.max(1, Math.floor(COPY_BYTES / rowBytes));

/** A rectangle of a picture as RGBA. */
function rgbaOf(picture: Picture, { x, y, width, height }: Rect): Uint8Array | Uint8ClampedArray {
  const channels = picture.data.length / (picture.width * picture.height);
  const cut = new Uint8Array(channels * width * height);
  for (let row = 0; row < height; row++) {
    const from = channels * ((y + row) * picture.width + x);
    cut.set(picture.data.subarray(from, from + channels * width), channels * width * row);
  }
  return toRgba({ data: cut, width, height }, { maxPixels: width * height }).data;
}

/** Runs `work` and destroys what it passed to `keep`, whatever happens. */
export async function scoped<T>(work: (keep: <R extends { destroy(): void }>(made: R) => R) => Promise<T>): Promise<T> {
  const kept: { destroy(): void }[] = [];
  try {
    return await work(made => {
      kept.push(made);
      return made;
    });
  } finally {
    for (const made of kept) made.destroy();
  }
}
