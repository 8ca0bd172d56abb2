// Prints the inner part of a register tile: PIXELS x CHANNELS sums in an invocation, every operand loaded once for all its uses.
//
// A software adapter runs invocations four at a time, one in each SIMD lane, and a load from a buffer costs about ten multiply-adds,
// because it is done lane by lane. So no load may bring the same value to several lanes. The four invocations of a quad work on
// different pixels and the same output channels; each loads the weights of one channel in four, and quad swaps hand them round: in
// round s lane l holds channel l xor s. The sums of a lane are therefore permuted, and `gather` puts them in order at the end.
// Without subgroups every invocation loads all weights itself: slower, same sums in the same order.
//
// Sums are scalars updated by one long expression each: the adapter's compiler spills temporaries of vector expressions.

export interface Tile {
  readonly pixels: number;
  /** A multiple of 4. */
  readonly channels: number;
  readonly subgroups: boolean;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const lines = (count: number, line: (i: number) => string): string => range(count).map(line).join('\n');

/** `enable` directive that a shader with this tile starts with. */
export const features = ({ subgroups }: Tile): readonly 'subgroups'[] => (subgroups ? ['subgroups'] : []);

/** The parameter of `main` that tells the lane. */
export const laneParameter = ({ subgroups }: Tile): string =>
  subgroups ? ', @builtin(subgroup_invocation_id) invocation: u32' : '';

/** Declares `lane`, the offset of a lane into eight packed weights. */
export const lane = ({ subgroups }: Tile): string => `  let lane = ${subgroups ? 'invocation & 3u' : '0u'};`;

/** Declares the sums. */
export const sums = ({ pixels, channels }: Tile): string =>
  lines(
    channels,
    c =>
      `  ${range(pixels)
        .map(p => `var sum_${p}_${c} = 0.0;`)
        .join(' ')}`,
  );

/**
 * Loads the weights of four inputs for all channels of the tile, as `<name>_<channel>`.
 * @param index expressions of the first packed vec4 of each block of eight channels, the lane included
 */
export function loadWeights({ channels, subgroups }: Tile, name: string, index: (block: number) => string): string {
  if (!subgroups) {
    return lines(channels, c => `      let ${name}_${c} = vec4f(weights[${index(c >> 3)} + ${c & 7}u]);`);
  }
  return lines(channels / 4, q => {
    const own = `${name}_${4 * q}`;
    return [
      `      let ${own} = vec4f(weights[${index(q >> 1)} + ${(q & 1) * 4}u]);`,
      `let ${name}_${4 * q + 1} = quadSwapX(${own});`,
      `let ${name}_${4 * q + 2} = quadSwapY(${own});`,
      `let ${name}_${4 * q + 3} = quadSwapDiagonal(${own});`,
    ].join(' ');
  });
}

/** Adds products of inputs `x(pixel, tap)` and weights `w(tap)_<channel>` over all taps. */
export function multiplyAdd(
  { pixels, channels }: Tile,
  taps: number,
  x: (pixel: number, tap: number) => string,
  w: (tap: number) => string,
): string {
  const terms = (p: number, c: number) =>
    range(taps).flatMap(t => [...'xyzw'].map(k => `${x(p, t)}.${k} * ${w(t)}_${c}.${k}`));
  return lines(channels, c =>
    lines(pixels, p => `      sum_${p}_${c} = sum_${p}_${c} + (${terms(p, c).join(' + ')});`),
  );
}

/** Declares `value_<pixel>_<group>`, the sums of a pixel's channels 4 * group and on in their order. */
export function gather({ pixels, channels, subgroups }: Tile): string {
  const pairs = range(channels / 4).flatMap(g => range(pixels).map(p => [p, g] as const));
  return pairs
    .map(([p, g]) => {
      const [a, b, c, d] = range(4).map(i => `sum_${p}_${4 * g + i}`) as [string, string, string, string];
      return subgroups
        ? `  let value_${p}_${g} = unswap(lane, vec4f(${a}, ${b}, ${c}, ${d}));`
        : `  let value_${p}_${g} = vec4f(${a}, ${b}, ${c}, ${d});`;
    })
    .join('\n');
}

/** Functions that the other parts call. */
export const helpers = `// Component s of a lane's sums belongs to channel lane xor s.
fn unswap(lane: u32, sums: vec4f) -> vec4f {
  let odd = select(sums, sums.yxwz, (lane & 1u) != 0u);
  return select(odd, odd.zwxy, (lane & 2u) != 0u);
}
`;
