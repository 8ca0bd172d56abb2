// Colours for codes, margins and fidelities. All of them are read with their numbers beside them.

export type Rgb = readonly [number, number, number];

/** A colour of its own for each code; neighbouring codes get hues far apart. */
export function colourOfCode(code: number): string {
  // Steps of the golden angle meet no hue twice soon; lightness tells apart those that come near.
  const hue = (code * 137.508) % 360;
  const lightness = 42 + ((code * 29) % 5) * 8;
  return `hsl(${hue.toFixed(1)} 55% ${lightness}%)`;
}

/** From dark violet over red to light yellow: brightness grows with the value for every kind of eye. */
const RAMP: readonly Rgb[] = [
  [17, 8, 56],
  [86, 15, 109],
  [161, 41, 98],
  [222, 80, 60],
  [250, 149, 20],
  [250, 240, 140],
];

/** The colour of a share from 0 to 1. */
export function ramp(share: number): Rgb {
  const at = Math.min(1, Math.max(0, share)) * (RAMP.length - 1);
  const [below, above] = [RAMP[Math.floor(at)]!, RAMP[Math.ceil(at)]!];
  const part = at - Math.floor(at);
  return [0, 1, 2].map(i => Math.round(below[i]! + part * (above[i]! - below[i]!))) as unknown as Rgb;
}

/** RGBA of values from 0 to `most`. */
export function heat(values: ArrayLike<number>, most: number): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * values.length);
  for (let i = 0; i < values.length; i++) pixels.set([...ramp(values[i]! / most), 255], 4 * i);
  return pixels;
}
