// Prints what the shaders of Winograd's algorithm do with each row and column of a tile: loops over arrays are slow on software adapters.

/** Outputs on a side of a tile. */
export type Side = 2 | 4;

/** Rows, columns and frequencies of a patch, which has a pixel around the tile. */
const patch = (side: Side): readonly string[] => [...'abcdef'].slice(0, side + 2);

/** Stores a row of transformed values, `step` apart. */
const storeRow = (side: Side, to: string): string =>
  patch(side)
    .map((l, i) => `  ${to}[index + ${i}u * step] = row.${l};`)
    .join('\n');

/** The rest of input.wgsl: loads a patch, transforms columns and rows, stores. */
export function transformPatch(side: Side): string {
  const all = patch(side);
  const lines = (start: string, i0: string, size: string, step: string) =>
    all.map((_, i) => `line(${start}, ${i0} + ${i}u, uniforms.${size}, ${step})`);
  return `
struct Lines { ${all.map(l => `${l}: Line`).join(', ')} }

fn patch_column(rows: Lines, column: Line) -> Patch {
  return input_transform(Patch(${all.map(l => `pixel(rows.${l}, column)`).join(', ')}));
}

fn store_row(index: u32, step: u32, columns: Patch) {
  let row = input_transform(columns);
${storeRow(side, 'v')}
}

fn transform_patch(start: u32, y0: u32, row_step: u32, x0: u32, column_step: u32, to: u32) {
  let step = uniforms.tiles * uniforms.groups;
  let rows = Lines(${lines('start', 'y0', 'height', 'row_step').join(', ')});
${lines('0u', 'x0', 'width', 'column_step')
  .map((column, i) => `  let c${i} = patch_column(rows, ${column});`)
  .join('\n')}
${all
  .map(
    (l, i) =>
      `  store_row(to + ${i * all.length}u * step, step, Patch(${all.map((_, c) => `c${c}.${l}`).join(', ')}));`,
  )
  .join('\n')}
}
`;
}

/** The rest of weights.wgsl: transforms the rows of a filter whose columns have been, and stores. */
export function storeFilter(side: Side): string {
  const all = patch(side);
  return `
fn store_row(index: u32, step: u32, a: vec4f, b: vec4f, c: vec4f) {
  let row = weight_transform(a, b, c);
${storeRow(side, 'u')}
}

fn store_filter(to: u32, step: u32, c0: Patch, c1: Patch, c2: Patch) {
${all.map((l, i) => `  store_row(to + ${i * all.length}u * step, step, c0.${l}, c1.${l}, c2.${l});`).join('\n')}
}
`;
}

/** The rest of output.wgsl: loads the frequencies of a tile, transforms columns and rows, stores what is inside of the picture. */
export function storeTile(side: Side): string {
  const all = patch(side);
  const outputs = all.slice(0, side);
  return `
fn tile_column(index: u32, step: u32) -> Outputs {
  let row_step = ${all.length}u * step;
  return output_transform(Patch(${all.map((_, i) => `m[index + ${i}u * row_step]`).join(', ')}));
}

fn store_row(to: Target, columns: Patch) {
  let values = output_transform(columns);
${outputs.map((l, i) => `  store(to, ${i}u, values.${l});`).join('\n')}
}

fn store_tile(first: Target, row: u32, start: u32, step: u32) {
  var to = first;
${all.map((_, i) => `  let c${i} = tile_column(start + ${i}u * step, step);`).join('\n')}
${outputs
  .map(
    (l, i) => `  if (row + ${i}u < uniforms.height) {
    store_row(to, Patch(${all.map((_, c) => `c${c}.${l}`).join(', ')}));
  }
  to.pixel += uniforms.width;`,
  )
  .join('\n')}
}
`;
}
