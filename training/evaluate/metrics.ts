// How near a picture is to another one of the same size, and how sharp it is. Pictures are RGBA; alpha counts for nothing.

import type { Picture } from '../../src/node/index.js';

/** Peak signal-to-noise ratio of the colours, in dB. */
export function psnr(a: Picture, b: Picture): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) if (i % 4 !== 3) sum += (a.data[i]! - b.data[i]!) ** 2;
  return 10 * Math.log10(255 ** 2 / Math.max(1e-9, sum / (0.75 * a.data.length)));
}

/** Structural similarity of the luminance (Wang et al. 2004): a Gaussian window of 11 pixels with sigma 1.5. */
export function ssim(a: Picture, b: Picture): number {
  const { width, height } = a;
  const [x, y] = [luminance(a), luminance(b)];
  const product = (p: Float64Array, q: Float64Array) => p.map((value, i) => value * q[i]!);
  const means = [x, y, product(x, x), product(y, y), product(x, y)].map(plane => windowed(plane, width, height));
  const [mx, my, xx, yy, xy] = means as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
  const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];
  let sum = 0;
  for (let i = 0; i < mx.length; i++) {
    const [m, n] = [mx[i]!, my[i]!];
    const [vx, vy, cov] = [xx[i]! - m * m, yy[i]! - n * n, xy[i]! - m * n];
    sum += ((2 * m * n + c1) * (2 * cov + c2)) / ((m * m + n * n + c1) * (vx + vy + c2));
  }
  return sum / mx.length;
}

/** Mean absolute difference of neighbouring pixels' luminance. */
export function meanGradient(picture: Picture): number {
  const { width, height } = picture;
  const y = luminance(picture);
  let [sum, count] = [0, 0];
  for (let i = 0; i < y.length; i++) {
    if ((i + 1) % width !== 0) {
      sum += Math.abs(y[i + 1]! - y[i]!);
      count++;
    }
    if (i + width < width * height) {
      sum += Math.abs(y[i + width]! - y[i]!);
      count++;
    }
  }
  return sum / count;
}

function luminance({ data }: Picture): Float64Array {
  return Float64Array.from({ length: data.length / 4 }, (_, i) => {
    return 0.299 * data[4 * i]! + 0.587 * data[4 * i + 1]! + 0.114 * data[4 * i + 2]!;
  });
}

const WINDOW = (() => {
  const taps = Array.from({ length: 11 }, (_, i) => Math.exp(-((i - 5) ** 2) / (2 * 1.5 ** 2)));
  const total = taps.reduce((a, b) => a + b);
  return taps.map(tap => tap / total);
})();

/** Means under the window, the border mirrored without repeating it. */
function windowed(plane: Float64Array, width: number, height: number): Float64Array {
  const along = (source: Float64Array, length: number, step: number, lines: number, lineStep: number) => {
    const out = new Float64Array(source.length);
    for (let line = 0; line < lines; line++)
      for (let i = 0; i < length; i++) {
        let sum = 0;
        for (const [k, weight] of WINDOW.entries()) {
          const at = Math.abs(i + k - 5);
          sum += weight * source[line * lineStep + (at < length ? at : 2 * (length - 1) - at) * step]!;
        }
        out[line * lineStep + i * step] = sum;
      }
    return out;
  };
  return along(along(plane, width, 1, height, width), height, width, width, 1);
}
