// A photo, or the canvas that faces are pasted on: on the device where the adapter has buffers that large, else in memory, where the
// device gets the parts that it works on.

import type { Executor } from '../executor.js';
import type { Matrix, Rect, Size } from '../image/geometry.js';
import type { Picture } from '../image/picture.js';
import type { Filter } from '../kernels/resize-plane/taps.js';
import { intersection, union } from '../pixels/affine.js';
import {
  type ColourStatistics,
  colourStatisticsOnDevice,
  pictureColourStatistics,
  pictureTone,
  type Tone,
  toneOnDevice,
} from '../pixels/colour.js';
import { blockinessOnDevice, type Detail, detailBands } from '../pixels/detail.js';
import { DevicePicture, type PixelOptions, scoped } from '../pixels/device-picture.js';
import { fillDevicePicture, fillPicture } from '../pixels/fill.js';
import { type Paste, Pasting } from '../pixels/paste.js';
import { resize, warpAffine } from '../pixels/pixels.js';
import { resizeDevicePicture } from '../pixels/resize.js';
import { planWarp, warpDevicePicture } from '../pixels/warp.js';

/** Pixels of a layer that are made at once, so that its masks stay small. */
const PART_PIXELS = 2 ** 22;

type Keep = <R extends { destroy(): void }>(made: R) => R;

/** Something to paste. */
export interface Layer {
  /** Where, inside of the canvas. */
  readonly rect: Rect;
  /** Loads what it is made of, and returns what makes a part of it; `keep` frees what it gets when the part is pasted. */
  prepare(keep: Keep): Promise<(part: Rect, keep: Keep) => Promise<Paste>>;
}

export interface PasteOptions extends PixelOptions {
  /** As in the reference: layers whole, levels truncated. */
  readonly compat: boolean;
  /** Called after each layer with its number. */
  readonly onLayer?: ((layer: number) => void) | undefined;
}

/** A picture of any size to resize, cut crops from, measure and paste on. */
export class Photo {
  private constructor(
    readonly device: Executor,
    readonly width: number,
    readonly height: number,
    /** RGBA. */
    private readonly picture: Picture | null,
    private readonly uploaded: DevicePicture | null,
    private readonly maxDeviceBytes: number,
  ) {}

  /**
   * Takes a picture, which is not copied where it stays in memory. What is on the device already is the photo's own from then on.
   * @param picture RGBA
   * @param maxDeviceBytes bytes of a picture that is kept on the device; by default what the adapter allows
   */
  static async open(
    device: Executor,
    picture: Picture | DevicePicture,
    maxDeviceBytes = device.limits.bufferBytes,
  ): Promise<Photo> {
    const { width, height } = picture;
    if (picture instanceof DevicePicture) return new Photo(device, width, height, null, picture, maxDeviceBytes);
    const fits = 4 * width * height <= maxDeviceBytes;
    const uploaded = fits ? await DevicePicture.upload(device, picture) : null;
    return new Photo(device, width, height, picture, uploaded, maxDeviceBytes);
  }

  /** In another size; by an exact step of source pixels where one is given. */
  async resized(
    to: Size,
    filter: Filter,
    options: PixelOptions & { readonly step?: number; readonly premultiplied?: boolean } = {},
  ): Promise<Photo> {
    const { device, maxDeviceBytes } = this;
    const fits = 4 * to.width * to.height <= maxDeviceBytes;
    if (this.uploaded && fits) {
      const made = await resizeDevicePicture(this.uploaded, to, filter, options);
      return new Photo(device, to.width, to.height, null, made, maxDeviceBytes);
    }
    const size = options.step === undefined ? to : { factor: 1 / options.step };
    const { signal, premultiplied = false } = options;
    const picture = await resize(device, await this.read(), { ...size, filter, premultiplied, signal });
    // What could not be resized on the device is a copy, which may be painted on.
    if (!fits) return new Photo(device, to.width, to.height, picture, null, maxDeviceBytes);
    return Photo.open(device, picture, maxDeviceBytes);
  }

  /** The same once more, to be painted on. */
  async copy(): Promise<Photo> {
    const { device, width, height, picture, uploaded, maxDeviceBytes } = this;
    if (!uploaded)
      return new Photo(device, width, height, { ...picture!, data: picture!.data.slice() }, null, maxDeviceBytes);
    const made = await DevicePicture.create(device, this, 'copy');
    try {
      await device.copy(uploaded.buffer, made.buffer, [{ from: 0, to: 0, bytes: 4 * width * height }]);
    } catch (error) {
      made.destroy();
      throw error;
    }
    return new Photo(device, width, height, null, made, maxDeviceBytes);
  }

  /** As networks get it: opaque, the colours around transparent parts going on in them. */
  async filled(options: PixelOptions = {}): Promise<Photo> {
    const { device, width, height, uploaded, picture, maxDeviceBytes } = this;
    if (uploaded)
      return new Photo(device, width, height, null, await fillDevicePicture(uploaded, options), maxDeviceBytes);
    return new Photo(device, width, height, await fillPicture(device, picture!, options), null, maxDeviceBytes);
  }

  /**
   * A square crop, which the caller owns. Where it reaches beyond the photo, that is mirrored or goes on in one colour.
   * @param matrix from the photo to the crop
   * @param size side of the crop, in pixels
   */
  async crop(
    matrix: Matrix,
    size: number,
    { border, compat }: { readonly border: readonly [number, number, number] | 'mirror'; readonly compat: boolean },
    options: PixelOptions = {},
  ): Promise<DevicePicture> {
    const { device, uploaded } = this;
    const to = { width: size, height: size };
    if (!uploaded) {
      const crop = await warpAffine(device, this.picture!, matrix, { ...to, border, compat, ...options });
      return DevicePicture.upload(device, crop);
    }
    const outside = border === 'mirror' ? border : ([...border, 255] as const);
    return warpDevicePicture(uploaded, planWarp(matrix, compat), { x: 0, y: 0, ...to }, outside, {
      compat,
      ...options,
    });
  }

  /** Means and variances of all colours. */
  statistics(options: PixelOptions = {}): Promise<ColourStatistics> {
    if (this.uploaded) return colourStatisticsOnDevice(this.uploaded, options);
    return pictureColourStatistics(this.device, this.picture!, options);
  }

  /** What colours go with each grey. */
  tone(options: PixelOptions = {}): Promise<Tone> {
    return this.uploaded ? toneOnDevice(this.uploaded, options) : pictureTone(this.device, this.picture!, options);
  }

  /**
   * The detail of what a square crop shows, and the blocks in a part of the photo.
   * @param side of the crop, as `detailBands` takes it
   */
  async detail(matrix: Matrix, side: number, rect: Rect | null, options: PixelOptions = {}): Promise<Detail> {
    const { device, uploaded, picture } = this;
    return scoped(async keep => {
      const bands = await detailBands(
        keep(await this.crop(matrix, side, { border: 'mirror', compat: false }, options)),
        options,
      );
      if (!rect) return { bands, blocks: 0 };
      const seen = middle(rect);
      if (uploaded) return { bands, blocks: await blockinessOnDevice(uploaded, seen, options) };
      const part = keep(await DevicePicture.upload(device, picture!, seen));
      return { bands, blocks: await blockinessOnDevice(part, { ...seen, x: 0, y: 0 }, options) };
    });
  }

  /** The pixels where they are. */
  get content(): Picture | DevicePicture {
    return this.uploaded ?? this.picture!;
  }

  /** The pixels as RGBA. */
  async read(): Promise<Picture> {
    return this.picture ?? this.uploaded!.read();
  }

  /** Pastes layers, the later ones over the earlier ones. Only on what `resized` or `copy` made. */
  async paste(layers: readonly Layer[], options: PasteOptions): Promise<void> {
    const whole = { x: 0, y: 0, width: this.width, height: this.height };
    if (this.uploaded) return pasteOnto(this.uploaded, whole, layers, options);
    const { device, picture, maxDeviceBytes } = this;
    const groups = meeting(layers.map(layer => layer.rect));
    for (const patch of options.compat ? groups : groups.flatMap(group => parts(group, maxDeviceBytes / 4))) {
      const { data } = await scoped(async keep => {
        const target = keep(await DevicePicture.upload(device, picture!, patch));
        await pasteOnto(target, patch, layers, options);
        return target.read();
      });
      for (let row = 0; row < patch.height; row++) {
        const line = data.subarray(4 * patch.width * row, 4 * patch.width * (row + 1));
        picture!.data.set(line, 4 * ((patch.y + row) * this.width + patch.x));
      }
    }
  }

  destroy(): void {
    this.uploaded?.destroy();
  }
}

/** Pastes what lies in a part of the canvas onto that part. */
async function pasteOnto(target: DevicePicture, frame: Rect, layers: readonly Layer[], options: PasteOptions) {
  const { compat, signal, onLayer } = options;
  const inside = layers.flatMap((layer, i) => {
    const rect = intersection(layer.rect, frame);
    return rect ? [{ layer, rect, i }] : [];
  });
  const relative = (rect: Rect) => ({ ...rect, x: rect.x - frame.x, y: rect.y - frame.y });
  const pasting = await Pasting.begin(
    target,
    inside.map(({ rect }) => relative(rect)),
    compat,
  );
  try {
    for (const { layer, rect, i } of inside) {
      await scoped(async keep => {
        const make = await layer.prepare(keep);
        for (const part of compat ? [rect] : parts(rect, PART_PIXELS)) {
          await scoped(async keepPart => {
            const paste = await make(part, keepPart);
            await pasting.paste({ ...paste, rect: relative(part) }, { signal });
          });
        }
      });
      onLayer?.(i);
    }
    await pasting.finish({ signal });
  } finally {
    pasting.destroy();
  }
}

/** Longest side of what is looked at for blocks. */
const BLOCKS_SIDE = 2048;

/** The middle of a large rectangle. */
function middle({ x, y, width, height }: Rect): Rect {
  const [w, h] = [Math.min(width, BLOCKS_SIDE), Math.min(height, BLOCKS_SIDE)];
  return { x: x + ((width - w) >> 1), y: y + ((height - h) >> 1), width: w, height: h };
}

/** Cuts a rectangle into parts of at most `pixels` pixels. */
export function parts(rect: Rect, pixels: number): Rect[] {
  const { x, y, width, height } = rect;
  if (width * height <= pixels || width * height === 1) return [rect];
  const [half, rest] = [Math.ceil(Math.max(width, height) / 2), Math.floor(Math.max(width, height) / 2)];
  const halves: [Rect, Rect] =
    width > height
      ? [
          { ...rect, width: half },
          { ...rect, x: x + half, width: rest },
        ]
      : [
          { ...rect, height: half },
          { ...rect, y: y + half, height: rest },
        ];
  return halves.flatMap(part => parts(part, pixels));
}

/** Rectangles around rectangles that meet, none of which meets another. */
export function meeting(rects: readonly Rect[]): Rect[] {
  const groups: Rect[] = [];
  for (let rect of rects) {
    for (let i = groups.length - 1; i >= 0; i--) {
      if (!intersection(groups[i]!, rect)) continue;
      rect = union(rect, groups[i]!);
      groups.splice(i, 1);
      // The larger rectangle may meet groups that were passed.
      i = groups.length;
    }
    groups.push(rect);
  }
  return groups;
}
