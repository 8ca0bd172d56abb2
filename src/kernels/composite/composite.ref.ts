// The meaning of `composite` and `finish-composite`.

import type { NumberArray } from '../kernel.js';
import type { CompositeParams, FinishCompositeParams } from './composite.js';

const f = Math.fround;

export function compositeReference(
  { picture, rect, fractions, compat, pasted, gap, strength, full }: CompositeParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const words = Uint32Array.from(inputs.picture!);
  const rests = Uint32Array.from(inputs.fractions!);
  const bytes = new Uint8Array(words.buffer);
  const source = Uint32Array.from(inputs.pasted!);
  const sourceBytes = new Uint8Array(source.buffer);
  const sourceFloats = new Float32Array(source.buffer);
  const count = rect.width * rect.height;
  for (let i = 0; i < count; i++) {
    const x = rect.x + (i % rect.width);
    const y = rect.y + Math.floor(i / rect.width);
    const plain = inputs.mask![i]!;
    if (plain <= 0) continue;
    const m = (!gap && Math.abs(plain - 1) < 2e-6 ? Math.fround(full) : plain) * Math.fround(strength);
    const lack = gap ? 1 - strength + strength * inputs.mask![count + i]! : 1 - m;
    const cover = inputs.coverage![i]!;
    const kept = fractions ? fractionIndex(fractions, x, y) : -1;
    let restWord = 0;
    for (let c = 0; c < 3; c++) {
      const value = pasted === 'planes' ? sourceFloats[c * count + i]! : sourceBytes[4 * i + c]!;
      const colour = compat ? value * cover : value;
      const at = 4 * (y * picture.width + x) + c;
      const under = bytes[at]! + (kept < 0 ? 0 : ((rests[kept]! >>> (10 * c)) & 1023) / 1024);
      const single = compat && !gap;
      const exact = m > 0.5 ? colour + lack * (under - colour) : under + m * (colour - under);
      const out = single ? f(f(m * colour) + f(f(1 - m) * under)) : exact;
      bytes[at] = Math.min(Math.max(kept < 0 && !compat ? Math.floor(out + 0.5) : Math.floor(out), 0), 255);
      restWord += Math.floor((out - Math.floor(out)) * 1024) * 1024 ** c;
    }
    if (kept >= 0) rests[kept] = restWord;
  }
  return { picture: words, fractions: rests };
}

function fractionIndex(rect: NonNullable<CompositeParams['fractions']>, x: number, y: number): number {
  const [column, row] = [x - rect.x, y - rect.y];
  const inside = column >= 0 && row >= 0 && column < rect.width && row < rect.height;
  return inside ? row * rect.width + column : -1;
}

export function finishCompositeReference(
  { picture, fractions: { x, y, width, height } }: FinishCompositeParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const words = Uint32Array.from(inputs.picture!);
  const bytes = new Uint8Array(words.buffer);
  for (let i = 0; i < width * height; i++) {
    const at = (y + Math.floor(i / width)) * picture.width + x + (i % width);
    for (let c = 0; c < 3; c++) {
      const rest = (inputs.fractions![i]! >>> (10 * c)) & 1023;
      bytes[4 * at + c] = Math.min(255, bytes[4 * at + c]! + (rest >= 512 ? 1 : 0));
    }
  }
  return { picture: words, fractions: new Uint32Array(width * height) };
}
