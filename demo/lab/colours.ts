// Colours for codes, margins and fidelities. All of them are read with their numbers beside them.

/** A colour of its own for each code; neighbouring codes get hues far apart. */
export function colourOfCode(code: number): string {
  // Steps of the golden angle meet no hue twice soon; lightness tells apart those that come near.
  const hue = (code * 137.508) % 360;
  const lightness = 42 + ((code * 29) % 5) * 8;
  return `hsl(${hue.toFixed(1)} 55% ${lightness}%)`;
}

/** From dark violet over red to light yellow: brightness grows with the value for every kind of eye. */
const RAMP: readonly (readonly number[])[] = [
  [17, 8, 56],
  [86, 15, 109],
  [161, 41, 98],
  [222, 80, 60],
  [250, 149, 20],
  [250, 240, 140],
];

/** RGBA of 256 shares from 0 to 1. */
const COLOURS = Uint8ClampedArray.from({ length: 4 * 256 }, (_, i) => {
  if (i % 4 === 3) return 255;
  const at = (Math.floor(i / 4) / 255) * (RAMP.length - 1);
  const [below, above] = [RAMP[Math.floor(at)]![i % 4]!, RAMP[Math.ceil(at)]![i % 4]!];
  return below + (at % 1) * (above - below);
});

/** RGBA of values from 0 to `most`. */
export function heat(values: ArrayLike<number>, most: number): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * values.length);
  for (let i = 0; i < values.length; i++) {
    const from = 4 * Math.round(255 * Math.min(1, Math.max(0, values[i]! / most)));
    for (let c = 0; c < 4; c++) pixels[4 * i + c] = COLOURS[from + c]!;
  }
  return pixels;
}
