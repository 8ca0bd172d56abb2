// Convolution by the matrix operations of subgroups, in half precision with sums in f32: tensor cores, where a GPU has them. One product of
// pixels by channels, as in conv-workgroup.ts; norm and swish are done once, before it, since a workgroup reads each pixel nine times.

import { bytesPerElement, ceilDiv, layout, layoutElements, roundUp } from '../kernel.js';
import { webgpuNormalize } from '../normalize/normalize.webgpu.js';
import { type Dispatch, linearGrid, type MatrixShape, type Target, type WebgpuKernel } from '../webgpu.js';
import type { ConvParams } from './conv.js';
import operands from './conv-matrix.wgsl';
import { activationConstant } from './epilogue.js';
import epilogue from './epilogue.wgsl';
import { rowUniforms } from './rows.js';
import rows from './rows.wgsl';
import storeSum from './store.wgsl';

/** Pixels and channels of a workgroup, and of each of its subgroups. */
interface MatrixTile {
  readonly rows: number;
  readonly columns: number;
  readonly ownRows: number;
  readonly ownColumns: number;
}

/** By their names in `conv/choice.ts`, the largest first. */
const TILES: Readonly<Record<NonNullable<Target['matrixTile']>, MatrixTile>> = {
  '128x128': { rows: 128, columns: 128, ownRows: 32, ownColumns: 64 },
  '128x64': { rows: 128, columns: 64, ownRows: 32, ownColumns: 32 },
  '64x64': { rows: 64, columns: 64, ownRows: 32, ownColumns: 32 },
};

/** vec4 of inputs that go through workgroup memory at a time. */
const DEPTH = 8;
/** From row to row in workgroup memory, in vec4 of halves: neighbours are in other banks, and rows begin at 16 bytes. */
const PITCH = DEPTH + 2;

const subgroupsOf = ({ rows, columns, ownRows, ownColumns }: MatrixTile): number =>
  (rows / ownRows) * (columns / ownColumns);

/** Workgroups that keep a large GPU busy: where larger tiles make fewer, smaller ones are taken. */
const ENOUGH = 128;

/** The tile by which a convolution is done. */
export function matrixTileOf({ y }: ConvParams, target: Target): NonNullable<Target['matrixTile']> {
  const { matrixTile, convolution } = target;
  if (matrixTile) return matrixTile;
  const pixels = y.n * y.h * y.w;
  // Of 64 channels there are small tiles alone: on an H100 they take four fifths of the time.
  const { rows, columns } = TILES['128x128'];
  // Who asks for matrices tests them, on small pictures.
  const enough = convolution === 'subgroup-matrices' || ceilDiv(pixels, rows) * ceilDiv(y.c, columns) >= ENOUGH;
  return y.c > 64 && enough ? '128x128' : '64x64';
}

/** Whether a convolution is done this way at all. */
export function isMatrixConv({ x, y, outputType }: ConvParams, target: Target): boolean {
  const { precision, matrix, convolution = 'auto' } = target;
  const wanted = convolution === 'auto' || convolution === 'subgroup-matrices';
  return wanted && precision === 'f16' && matrix !== undefined && outputType === 'store' && x.c >= 16 && y.c >= 16;
}

/** `conv` where `isMatrixConv`. */
export const webgpuMatrixConv: WebgpuKernel<ConvParams> = {
  scratch({ x, prologue }) {
    if (prologue === 'none') return {};
    return { prepared: { type: 'store', elements: layoutElements(layout(x.n, x.h, x.w, x.c)) } };
  },
  dispatches(params, target): Dispatch[] {
    const { x, y, size, prologue, residual } = params;
    const tile = TILES[matrixTileOf(params, target)];
    const activation = activationConstant(params);
    const pixels = y.n * y.h * y.w;
    const store = bytesPerElement('store', target.precision);
    const prepared = layout(x.n, x.h, x.w, x.c);
    const isPrepared = prologue !== 'none';
    const prepare = webgpuNormalize
      .dispatches({ x, y: prepared, activation: prologue === 'affine-swish' ? 'swish' : 'none' }, target)
      .map(dispatch => ({ ...dispatch, operands: dispatch.operands.map(name => (name === 'y' ? 'prepared' : name)) }));
    const [across, along] = linearGrid(pixels, tile.rows);
    return [
      ...(isPrepared ? prepare : []),
      {
        shader: {
          name: `conv/matrix/${tile.rows}x${tile.columns}/${activation}`,
          code: `const ACTIVATION = ${activation};\nalias Output4 = Store4;\n${epilogue}${operands}${storeSum}${rows}${product(tile, target.matrix!)}`,
          features: ['subgroups', 'chromium_experimental_subgroup_matrix'],
        },
        uniforms: rowUniforms(isPrepared ? { ...params, x: prepared } : params),
        workgroups: [across, along, ceilDiv(y.c, tile.columns)],
        operands: [
          isPrepared ? 'prepared' : 'x',
          'weights',
          params.bias ? 'bias' : 'weights',
          residual ? 'residual' : 'weights',
          'y',
        ],
        flops: 2 * size * size * roundUp(x.c, DEPTH * 4) * roundUp(pixels, tile.rows) * roundUp(y.c, tile.columns),
        bytes: (x.n * x.h * x.w * x.c + pixels * y.c * (residual ? 2 : 1) + size * size * x.c * y.c) * store,
      },
    ];
  },
};

const times = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');

/** The product for a tile; what it stands behind is said in conv-matrix.wgsl. */
function product(tile: MatrixTile, { m, n, k, subgroup }: MatrixShape): string {
  const { rows, columns, ownRows, ownColumns } = tile;
  const invocations = subgroupsOf(tile) * subgroup;
  // What an invocation brings at each step: so many rows, and so many columns, one vec4 of each.
  const apart = invocations / DEPTH;
  const bringsRows = rows / apart;
  const bringsColumns = columns / apart;
  const down = ownRows / m;
  const across = ownColumns / n;
  const cells = (line: (i: number, j: number) => string) => times(down, i => times(across, j => line(i, j)));
  const pitch = n / 4 + 1;
  const perCell = (m * n) / 4 / subgroup;
  return `
// ${rows} pixels x ${columns} channels for a workgroup, ${ownRows} x ${ownColumns} for each subgroup, in matrices of ${m} x ${n} x ${k}.
const DEPTH = ${DEPTH}u;
const PITCH = ${PITCH}u;
var<workgroup> inputs: array<vec4<f16>, ${rows * PITCH}>;
var<workgroup> filters: array<vec4<f16>, ${columns * PITCH}>;
var<workgroup> sums: array<vec4f, ${subgroupsOf(tile) * m * pitch}>;

@compute @workgroup_size(${invocations})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let first_row = (workgroup.x + workgroup.y * workgroups.x) * ${rows}u;
  let first_column = workgroup.z * ${columns}u;
  // Neighbours read neighbours: groups of a row, and the order of packed weights.
  let row = index / DEPTH;
  let row_group = index % DEPTH;
  let column = index / (8u * DEPTH) * 8u + index % 2u * 4u + index % 8u / 2u;
  let column_group = index / 8u % DEPTH;
  let groups = uniforms.groups;
  let taps = uniforms.size * uniforms.size;
${times(bringsRows, i => `  let row_${i} = locate(first_row + row + ${i * apart}u, 0u);\n  var from_${i} = origin(row_${i}, 0u, 0u);`)}
${times(bringsColumns, i => `  let filter_${i} = filter_start(first_column + column + ${i * apart}u);`)}
${cells((i, j) => `  var sum_${i}_${j}: subgroup_matrix_result<f32, ${n}, ${m}>;`)}
  let own_row = subgroup % ${rows / ownRows}u * ${ownRows}u;
  let own_column = subgroup / ${rows / ownRows}u * ${ownColumns}u;
  var tap = 0u;
  var start = 0u;
${times(bringsRows, i => `  var x_${i} = load_input(from_${i}, row_group);`)}
${times(bringsColumns, i => `  var w_${i} = load_weights(filter_${i}, 0u, column_group);`)}
  while (tap < taps) {
    workgroupBarrier();
${times(bringsRows, i => `    inputs[(row + ${i * apart}u) * PITCH + row_group] = x_${i};`)}
${times(bringsColumns, i => `    filters[(column + ${i * apart}u) * PITCH + column_group] = w_${i};`)}
    workgroupBarrier();
    // The next step is on its way while this one is computed.
    start += DEPTH;
    if (start >= groups) {
      start = 0u;
      tap += 1u;
${times(bringsRows, i => `      from_${i} = origin(row_${i}, tap / uniforms.size, tap % uniforms.size);`)}
    }
    if (tap < taps) {
${times(bringsRows, i => `      x_${i} = load_input(from_${i}, start + row_group);`)}
${times(bringsColumns, i => `      w_${i} = load_weights(filter_${i}, tap, start + column_group);`)}
    }
    for (var at = 0u; at < DEPTH; at += ${k / 4}u) {
${times(down, i => `      let a_${i} = subgroupMatrixLoad<subgroup_matrix_left<f16, ${k}, ${m}>, row_major>(&inputs, (own_row + ${i * m}u) * PITCH + at, PITCH);`)}
${times(across, j => `      let b_${j} = subgroupMatrixLoad<subgroup_matrix_right<f16, ${n}, ${k}>, col_major>(&filters, (own_column + ${j * n}u) * PITCH + at, PITCH);`)}
${cells((i, j) => `      sum_${i}_${j} = subgroupMatrixMultiplyAccumulate(a_${i}, b_${j}, sum_${i}_${j});`)}
    }
  }
  let place = subgroup * ${m * pitch}u;
${cells(
  (i, j) => `  workgroupBarrier();
  subgroupMatrixStore<row_major>(&sums, place, sum_${i}_${j}, ${pitch}u);
  workgroupBarrier();
${times(perCell, p => {
  const at = `(lane + ${p * subgroup}u)`;
  return `  store(first_row + own_row + ${i * m}u + ${at} / ${n / 4}u, 0u, (first_column + own_column) / 4u + ${(j * n) / 4}u + ${at} % ${n / 4}u, sums[place + ${at} / ${n / 4}u * ${pitch}u + ${at} % ${n / 4}u]);`;
})}`,
)}
}
`;
}
