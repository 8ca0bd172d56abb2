// Prints the matrix product for GPUs: a workgroup of 256 invocations in 16 x 16 places does 16 * rows x 16 * columns of the product, each
// invocation rows x columns of it. What an invocation loads from workgroup memory grows with rows + columns, what it multiplies with their
// product: large tiles are for large products, small ones give more workgroups.
//
// Steps of the sum go through workgroup memory in two buffers by turns, with one barrier for each; the operands of the next step are on their
// way from global memory while one is multiplied. Long sums are made of chunks, whose rounding is smaller.
//
// What stands before the product says where the operands are:
//   uniforms.size, uniforms.groups, uniforms.column_tiles           side of the filter, vec4 of inputs of each tap, tiles in a row of the product
//   struct Row; locate(row, batch) -> Row               what is to be known of a row, valid or not
//   load_input(row, ky, kx, group) -> vec4f             zero where the row is not valid
//   load_weights(column, batch, tap, group) -> vec4f    zero past the last column
//   store(row, batch, columns / 4, value)               ignores what is past the end
// Rows are spread over x and y of the grid, columns and batches over z.

import { ceilDiv } from '../kernel.js';
import { linearGrid, type Target, type WorkgroupTile } from '../webgpu.js';

/** A product of matrices: its rows and columns, and how often it is done. */
interface Product {
  readonly rows: number;
  readonly columns: number;
  readonly batches?: number;
}

/** A tile with the rows and columns of the product that a workgroup does, and a name. */
interface NamedTile extends WorkgroupTile {
  readonly height: number;
  readonly width: number;
  readonly name: string;
}

/** Workgroups by which a large GPU has something to do everywhere: where there are fewer, each one waits for its own memory most of the time. */
const ENOUGH = 96;

/** The tile of a target for a product: of those with four columns the largest that makes enough workgroups. */
export function tileOf({ workgroupTile }: Target, product: Product): NamedTile {
  const enough = (tile: WorkgroupTile) => tileGrid(named(tile), product).reduce((a, b) => a * b) >= ENOUGH;
  const [smallest, ...larger] = ([1, 2, 4] as const).map(rows => ({ rows, columns: 4 }) as const);
  return named(workgroupTile ?? larger.findLast(enough) ?? smallest!);
}

const named = (tile: WorkgroupTile): NamedTile => ({
  ...tile,
  height: 16 * tile.rows,
  width: 16 * tile.columns,
  name: `${tile.rows}x${tile.columns}`,
});

/** Workgroups for a product. */
export function tileGrid(
  { height, width }: Pick<NamedTile, 'height' | 'width'>,
  { rows, columns, batches = 1 }: Product,
): [number, number, number] {
  const [x, y] = linearGrid(rows, height);
  return [x, y, ceilDiv(columns, width) * batches];
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const lines = (all: readonly string[], indent: number): string => all.map(line => ' '.repeat(indent) + line).join('\n');

/** The product of a tile: `main` and its workgroup memory. */
export function productCode({ rows, columns, height, width }: NamedTile): string {
  // As many as fit twice into the 16 KiB of workgroup memory that there always are: then no invocation has more than one of each to bring.
  const step = rows <= 4 && columns === 4 ? 4 : 2;
  const quads = columns / 4;
  const eachSum = (statement: (r: number, c: number) => string): string[] =>
    range(rows).map(r =>
      range(columns)
        .map(c => statement(r, c))
        .join(' '),
    );
  const bring = (slots: number, statement: string): string =>
    slots < 256 ? `if (index < ${slots}u) { ${statement} }` : statement;
  const multiplyAdds = range(rows).flatMap(r => [
    `let x_${r} = inputs[row_at + ${16 * r}u];`,
    ...[...'xyzw'].map(k =>
      range(columns)
        .map(c => `sum_${r}_${c} = fma(x_${r}.${k}, w_${c}.${k}, sum_${r}_${c});`)
        .join(' '),
    ),
  ]);
  const stores = range(rows).flatMap(r =>
    range(quads).map(q => {
      const values = range(4).map(i => `total_${r}_${4 * q + i} + sum_${r}_${4 * q + i}`);
      return `store(first_row + row_lane + ${16 * r}u, batch, first_column / 4u + column_lane + ${16 * q}u, vec4f(${values.join(', ')}));`;
    }),
  );
  return `const STEP = ${step}u;   // vec4 of inputs at a time
const CHUNK = 32u; // vec4 of inputs in a chunk
const ROWS = ${height}u;
const COLUMNS = ${width}u;

var<workgroup> inputs: array<vec4f, ${2 * step * height}>;
var<workgroup> filters: array<vec4f, ${2 * step * width}>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let first_row = (workgroup.x + workgroup.y * workgroups.x) * ROWS;
  let batch = workgroup.z / uniforms.column_tiles;
  let first_column = workgroup.z % uniforms.column_tiles * COLUMNS;
  // The sums of an invocation: rows that are 16 apart, and the four columns of one vec4 in 16. Eight neighbours have neighbouring columns
  // and the same rows: fewer values for a subgroup to load than with 16.
  let column_lane = index % 8u + index / 128u * 8u;
  let row_lane = index / 8u % 16u;
  // What this invocation brings: one row's and one column's vec4 of a step. Neighbours read neighbours: groups of a row, and the order
  // of packed weights.
  let row = locate(first_row + index / STEP, batch);
  let row_group = index % STEP;
  let column = index / (8u * STEP) * 8u + index % 2u * 4u + index % 8u / 2u;
  let column_group = index / 8u % STEP;
  // Places are permuted so that no eight neighbours use the same bank, neither when they write nor when they read.
  let row_place = row_group * ROWS + ((index / STEP) ^ (row_group * (8u / STEP)));
  let column_place = column_group * COLUMNS + column / 64u * 64u + column % 4u * 16u + ((column / 4u % 16u) ^ (column % 4u * 2u));
${lines(
  eachSum((r, c) => `var total_${r}_${c} = 0.0;`),
  2,
)}
${lines(
  eachSum((r, c) => `var sum_${r}_${c} = 0.0;`),
  2,
)}
  let groups = uniforms.groups;
  let steps = uniforms.size * uniforms.size * ((groups + STEP - 1u) / STEP);
  var ky = 0u;
  var kx = 0u;
  var start = 0u;
  var input = vec4f(0.0);
  var filter_ = vec4f(0.0);
  if (row_group < groups) {
    ${bring(step * height, 'input = load_input(row, 0u, 0u, row_group);')}
  }
  if (column_group < groups) {
    ${bring(step * width, 'filter_ = load_weights(first_column + column, batch, 0u, column_group);')}
  }
  for (var i = 0u; i < steps; i++) {
    let buffer = i % 2u * STEP;
    ${bring(step * height, 'inputs[buffer * ROWS + row_place] = input;')}
    ${bring(step * width, 'filters[buffer * COLUMNS + column_place] = filter_;')}
    workgroupBarrier();
    start += STEP;
    if (start >= groups) {
      start = 0u;
      kx++;
      if (kx == uniforms.size) {
        kx = 0u;
        ky++;
      }
    }
    input = vec4f(0.0);
    filter_ = vec4f(0.0);
    if (ky < uniforms.size) {
      if (start + row_group < groups) {
        ${bring(step * height, 'input = load_input(row, ky, kx, start + row_group);')}
      }
      if (start + column_group < groups) {
        ${bring(step * width, 'filter_ = load_weights(first_column + column, batch, ky * uniforms.size + kx, start + column_group);')}
      }
    }
    for (var group = 0u; group < STEP; group++) {
      let row_at = (buffer + group) * ROWS + (row_lane ^ (group * (8u / STEP)));
      let column_at = (buffer + group) * COLUMNS;
${lines(
  range(columns).map(c => `let w_${c} = filters[column_at + ${16 * c}u + (column_lane ^ ${2 * (c % 4)}u)];`),
  6,
)}
${lines(multiplyAdds, 6)}
    }
    if (i % (CHUNK / STEP) == CHUNK / STEP - 1u) {
${lines(
  eachSum((r, c) => `total_${r}_${c} += sum_${r}_${c}; sum_${r}_${c} = 0.0;`),
  6,
)}
    }
  }
${lines(stores, 2)}
}
`;
}
