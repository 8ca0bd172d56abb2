// Prints the inner part of a register tile: PIXELS x CHANNELS sums in an invocation, every operand loaded once for all its uses.
//
// A software adapter runs invocations four at a time, one in each SIMD lane, and a load from a buffer costs about ten multiply-adds,
// because it is done lane by lane. So no load may bring the same value to several lanes. The four invocations of a quad work on
// different pixels and the same output channels; each loads the weights of one channel in four, and quad swaps hand them round: in
// round s lane l holds channel l xor s. The sums of a lane are therefore permuted, and `gather` puts them in order at the end.
// Without subgroups every invocation loads all weights itself: slower, same sums in the same order.
//
// Sums are scalars: the adapter's compiler spills the temporaries of vector expressions.

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

/** Declares `lane`, the place of an invocation in its quad. */
export const lane = ({ subgroups }: Tile): string => (subgroups ? '  let lane = invocation & 3u;' : '');

const each = ({ pixels, channels }: Tile, statement: (sum: string) => string): string =>
  lines(
    channels,
    c =>
      `  ${range(pixels)
        .map(p => statement(`${p}_${c}`))
        .join(' ')}`,
  );

/** Declares the sums. */
export const sums = (tile: Tile): string => each(tile, s => `var sum_${s} = 0.0;`);

/** Declares the totals of `sumInChunks`. */
export const totals = (tile: Tile): string => each(tile, s => `var total_${s} = 0.0;`);

/** Vec4 of inputs in a chunk. */
const CHUNK = 32;

/**
 * Goes over `groups` vec4 of inputs, with `c` for each in `body`, in chunks that are summed on their own and then added to the totals:
 * the rounding of a long sum grows with its length, and attention amplifies it.
 */
export const sumInChunks = (
  tile: Tile,
  body: string,
): string => `  for (var first = 0u; first < groups; first += ${CHUNK}u) {
${sums(tile)}
    for (var c = first; c < min(first + ${CHUNK}u, groups); c++) {
${body}
    }
${each(tile, s => `total_${s} += sum_${s};`)}
  }`;

/** Where a tile finds the weights of four inputs. */
export interface Filters {
  /** Statements that load the weights of one channel in four, those of a lane, under a name. */
  readonly load: (name: string, lane: string) => string;
  /** Expression of the four weights of channel 4 * group + lane. */
  readonly weights: (name: string, group: number) => string;
}

/**
 * Loads weights for all channels of the tile and adds their products with four inputs of each pixel. The order of factors matters: the
 * first is what the adapter's compiler keeps in a register. The four products are summed first, which is more exact.
 */
export function multiplyAdd(
  { pixels, channels, subgroups }: Tile,
  filters: Filters,
  input: (pixel: number) => string,
): string {
  const loads = subgroups
    ? [
        filters.load('own', 'lane'),
        ...range(channels / 4).map(g => {
          const [a, b, c, d] = range(4).map(i => `w_${4 * g + i}`);
          const own = `let ${a} = ${filters.weights('own', g)};`;
          return `${own} let ${b} = quadSwapX(${a}); let ${c} = quadSwapY(${a}); let ${d} = quadSwapDiagonal(${a});`;
        }),
      ]
    : [
        ...range(4).map(l => filters.load(`lane_${l}`, `${l}u`)),
        ...range(channels).map(c => `let w_${c} = ${filters.weights(`lane_${c & 3}`, c >> 2)};`),
      ];
  const products = (p: number, c: number): string => [...'xyzw'].map(k => `${input(p)}.${k} * w_${c}.${k}`).join(' + ');
  const sums = range(channels).flatMap(c => range(pixels).map(p => `sum_${p}_${c} += ${products(p, c)};`));
  return [...loads, ...sums].map(line => `    ${line}`).join('\n');
}

/** Declares `value_<pixel>_<group>`, the sums or totals of a pixel's channels 4 * group and on in their order. */
export function gather({ pixels, channels, subgroups }: Tile, name: 'sum' | 'total'): string {
  const pairs = range(channels / 4).flatMap(g => range(pixels).map(p => [p, g] as const));
  return pairs
    .map(([p, g]) => {
      const [a, b, c, d] = range(4).map(i => `${name}_${p}_${4 * g + i}`) as [string, string, string, string];
      return subgroups
        ? `  let value_${p}_${g} = unswap(lane, vec4f(${a}, ${b}, ${c}, ${d}));`
        : `  let value_${p}_${g} = vec4f(${a}, ${b}, ${c}, ${d});`;
    })
    .join('\n');
}

/** Loads and weights from the layout of `pack-weights`; `start` is the index of the tap in each block. */
export function packedFilters({ channels }: Tile, start: (block: number) => string): Filters {
  const blocks = range(Math.ceil(channels / 8));
  return {
    load: (name, lane) => blocks.map(b => `let ${name}_${b} = weights[${start(b)} + ${lane}];`).join(' '),
    weights: (name, group) => `vec4f(${name}_${group >> 1}.${group & 1 ? 'high' : 'low'})`,
  };
}

/** What `packedFilters` loads: the weights of channels i and i + 4 of a block. */
export const packedStruct = 'struct Filters { low: Store4, high: Store4 }\n';

/** Functions that the other parts call. */
export const helpers = `// Component s of a lane's sums belongs to channel lane xor s.
fn unswap(lane: u32, sums: vec4f) -> vec4f {
  let odd = select(sums, sums.yxwz, (lane & 1u) != 0u);
  return select(odd, odd.zwxy, (lane & 2u) != 0u);
}
`;
