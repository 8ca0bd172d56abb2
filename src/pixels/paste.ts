// Pasting pictures into another on the device, one after another: where they overlap, levels are not rounded in between.

import type { DeviceBuffer } from '../executor.js';
import type { Rect } from '../image/geometry.js';
import { composite, finishComposite } from '../kernels/composite/composite.js';
import { intersection, union } from './affine.js';
import { DevicePicture, type DevicePlanes, type PixelOptions } from './device-picture.js';

export interface Paste {
  /** Inside of the picture; what is pasted, its coverage and mask have this size. */
  readonly rect: Rect;
  /** 8 bits, or three planes of 0 to 255. */
  readonly pasted: DevicePicture | DevicePlanes;
  /** In compat mode, what the pasted picture is multiplied by. */
  readonly coverage?: DevicePlanes | undefined;
  /** One plane, or two: the second is what the mask lacks of 1. */
  readonly mask: DevicePlanes;
  /** Factor of the mask, 0 to 1. Default 1. */
  readonly strength?: number | undefined;
  /** What stands for 1 in a mask of one plane, see `SquareMask`. Default 1. */
  readonly full?: number | undefined;
}

interface Fractions {
  readonly rect: Rect;
  readonly buffer: DeviceBuffer;
}

/** Pictures being pasted into one. In compat mode the result is truncated to 8 bits, else rounded. */
export class Pasting {
  private constructor(
    private readonly picture: DevicePicture,
    private readonly compat: boolean,
    private readonly fractions: readonly Fractions[],
    private readonly unused: DeviceBuffer,
  ) {}

  /**
   * Makes ready to paste into a picture.
   * @param picture changed in place
   * @param rects all that will be pasted; memory is kept for where they overlap
   */
  static async begin(picture: DevicePicture, rects: readonly Rect[], compat = false): Promise<Pasting> {
    const { device } = picture;
    const shared = overlaps(rects);
    const sizes = shared.map(({ width, height }, i) => [`fractions ${i}`, 4 * width * height] as const);
    const made = await device.allocate<string>('pasting', { unused: 4, ...Object.fromEntries(sizes) });
    const fractions = shared.map((rect, i) => ({ rect, buffer: made[`fractions ${i}`]! }));
    return new Pasting(picture, compat, fractions, made.unused!);
  }

  /** Blends one picture in: the later ones lie over the earlier ones. */
  async paste(paste: Paste, options: PixelOptions = {}): Promise<void> {
    const { rect, pasted, coverage, mask, strength = 1, full = 1 } = paste;
    const { picture, compat } = this;
    const kept = this.fractions.find(f => intersection(f.rect, rect));
    const params = {
      picture: { width: picture.width, height: picture.height },
      rect,
      fractions: kept?.rect ?? null,
      compat,
      pasted: pasted instanceof DevicePicture ? ('rgba' as const) : ('planes' as const),
      gap: mask.planes === 2,
      strength,
      full,
    };
    const operands = {
      pasted: pasted.buffer,
      coverage: (coverage ?? mask).buffer,
      mask: mask.buffer,
      picture: picture.buffer,
      fractions: kept?.buffer ?? this.unused,
    };
    await picture.device.run(composite, params, operands, options);
  }

  /** Rounds what is between levels where pictures overlap. */
  async finish(options: PixelOptions = {}): Promise<void> {
    if (this.compat) return;
    const { picture } = this;
    for (const { rect, buffer } of this.fractions) {
      const params = { picture: { width: picture.width, height: picture.height }, fractions: rect };
      const operands = { picture: picture.buffer, fractions: buffer };
      await picture.device.run(finishComposite, params, operands, options);
    }
  }

  destroy(): void {
    for (const { buffer } of this.fractions) this.picture.device.release(buffer);
    this.picture.device.release(this.unused);
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}

/**
 * Rectangles that hold all pixels which several of the given ones share. None of them meets another, and each given rectangle
 * meets one of them at most.
 */
export function overlaps(rects: readonly Rect[]): Rect[] {
  const groups: { readonly members: Rect[]; shared: Rect | null }[] = rects.map(rect => ({
    members: [rect],
    shared: null,
  }));
  for (let again = true; again; ) {
    again = false;
    for (let i = 0; i < groups.length; i++)
      for (let j = groups.length - 1; j > i; j--) {
        const [a, b] = [groups[i]!, groups[j]!];
        const shared = sharedRect(a, b);
        if (!shared) continue;
        groups.splice(j, 1);
        a.members.push(...b.members);
        a.shared = shared;
        again = true;
      }
  }
  return groups.flatMap(({ shared }) => (shared ? [shared] : []));
}

type Group = { readonly members: readonly Rect[]; readonly shared: Rect | null };

/** The rectangle around what two groups share with each other and in themselves; null where they have nothing to do with another. */
function sharedRect(a: Group, b: Group): Rect | null {
  const parts: Rect[] = [];
  for (const first of [...a.members, ...(a.shared ? [a.shared] : [])])
    for (const second of [...b.members, ...(b.shared ? [b.shared] : [])]) {
      const part = intersection(first, second);
      if (part) parts.push(part);
    }
  if (parts.length === 0) return null;
  if (a.shared) parts.push(a.shared);
  if (b.shared) parts.push(b.shared);
  return parts.reduce(union);
}
