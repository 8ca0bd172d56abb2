// Convolution for software adapters: no barriers, no workgroup memory. Row strips are staged (stage.wgsl) and multiplied by tiles of
// PIXELS x CHANNELS sums in each invocation (register-tile.ts). 1x1 convolutions without prologue read x as it is.

import { bytesPerElement, ceilDiv, roundUp, type Scratch } from '../kernel.js';
import { type Dispatch, placeOf, type Shader, type Target } from '../webgpu.js';
import type { ConvParams } from './conv.js';
import { activationConstant, epilogueUniforms } from './epilogue.js';
import epilogue from './epilogue.wgsl';
import {
  features,
  gather,
  helpers,
  lane,
  laneParameter,
  multiplyAdd,
  packedFilters,
  packedStruct,
  sumInChunks,
  type Tile,
  totals,
} from './register-tile.js';
import { outputStrips, stageStrip } from './stage.js';
import storeSum from './store.wgsl';

/** Invocations of a workgroup; whole quads. */
const WORKGROUP = 16;

/** Staged rows stay in the second-level cache. */
const STAGED_BYTES = 4 << 20;

/** Aim for the work of one strip: about 60 ms on two cores, so that aborts and progress come in time. */
const STRIP_FLOPS = 4e8;

/** What is multiplied: pixels of x as they are, or staged rows, tap by tap. */
type Walk = 'flat' | 'staged';

interface Geometry {
  readonly walk: Walk;
  readonly tile: Tile;
  /** Strips of a picture (of the whole batch for `flat`), and rows (pixels for `flat`) of output in each. */
  readonly strips: number;
  readonly rows: number;
  readonly pictures: number;
  readonly stagedRows: number;
  readonly stagedColumns: number;
  readonly rowTiles: number;
  readonly flops: number;
}

/** Few outputs have tiles of their own. */
function tileFor(outputs: number, { registerTile = { pixels: 4, channels: 16 } }: Target): Omit<Tile, 'subgroups'> {
  if (outputs > 8) return registerTile;
  return outputs > 4 ? { pixels: 4, channels: 8 } : { pixels: 8, channels: 4 };
}

function geometry({ x, y, size, stride, upsample, prologue }: ConvParams, target: Target): Geometry {
  const flat = size === 1 && stride === 1 && upsample === 1 && prologue === 'none';
  const walk = flat ? 'flat' : 'staged';
  const tile: Tile = { ...tileFor(y.c, target), subgroups: target.subgroups ?? false };
  const { channels } = tile;
  const pixelFlops = 2 * size * size * roundUp(x.c, 4) * roundUp(y.c, channels);
  if (flat) {
    const pixels = y.n * y.h * y.w;
    const strips = Math.min(ceilDiv(pixels * pixelFlops, STRIP_FLOPS), ceilDiv(pixels, tile.pixels));
    const rows = roundUp(ceilDiv(pixels, strips), tile.pixels);
    return {
      walk,
      tile,
      strips: ceilDiv(pixels, rows),
      rows,
      pictures: 1,
      stagedRows: 0,
      stagedColumns: 0,
      rowTiles: rows / tile.pixels,
      flops: rows * pixelFlops,
    };
  }
  const columns = roundUp(y.w, tile.pixels);
  const stagedColumns = (columns - 1) * stride + size;
  const rowBytes = stagedColumns * roundUp(x.c, 4) * 4;
  const byFlops = Math.floor(STRIP_FLOPS / (columns * pixelFlops));
  const byBytes = Math.floor((STAGED_BYTES / rowBytes - size) / stride);
  const strips = ceilDiv(y.h, Math.max(1, Math.min(y.h, byFlops, byBytes)));
  const rows = ceilDiv(y.h, strips);
  return {
    walk,
    tile,
    strips: ceilDiv(y.h, rows),
    rows,
    pictures: y.n,
    stagedRows: (rows - 1) * stride + size,
    stagedColumns,
    rowTiles: columns / tile.pixels,
    flops: rows * columns * pixelFlops,
  };
}

export function registerScratch(params: ConvParams, target: Target): Record<string, Scratch> {
  const { stagedRows, stagedColumns } = geometry(params, target);
  const elements = stagedRows * stagedColumns * roundUp(params.x.c, 4);
  return elements > 0 ? { staged: { type: 'f32', elements } } : {};
}

export function registerDispatches(params: ConvParams, target: Target): Dispatch[] {
  const { x, y, size, stride, residual } = params;
  const g = geometry(params, target);
  const groups = ceilDiv(x.c, 4);
  const flat = g.walk === 'flat';
  const tiles = flat ? g.rowTiles : g.rows * g.rowTiles;
  const shared = {
    groups,
    blocks: ceilDiv(y.c, 8),
    block_size: size * size * groups * 4,
    tiles,
    y_width: flat ? y.n * y.h * y.w : y.w,
    ...(flat
      ? placeOf('x', x)
      : { y_height: y.h, size, stride, staged_columns: g.stagedColumns, row_tiles: g.rowTiles }),
    ...epilogueUniforms(params),
  };
  return outputStrips(g.pictures, g.strips, g.rows).flatMap(strip => [
    ...(flat ? [] : [stageStrip(params, strip, g.stagedRows, g.stagedColumns, target)]),
    {
      shader: tileShader(g.walk, g.tile, params),
      uniforms: { ...shared, row: strip.row, ...(!flat && { picture: strip.picture }) },
      workgroups: [ceilDiv(tiles, WORKGROUP), ceilDiv(y.c, g.tile.channels), 1],
      operands: [
        flat ? 'x' : 'staged',
        'weights',
        params.bias ? 'bias' : 'weights',
        residual ? 'residual' : 'weights',
        'y',
      ],
      flops: g.flops,
      bytes: tiles * g.tile.pixels * (x.c + y.c) * bytesPerElement('store', target.precision),
    },
  ]);
}

const shaders = new Map<string, Shader>();

/** The multiplying shader; the same object for the same variant. */
function tileShader(walk: Walk, tile: Tile, params: ConvParams): Shader {
  const { outputType } = params;
  const activation = activationConstant(params);
  const name = `conv/${walk}/${tile.pixels}x${tile.channels}${tile.subgroups ? '/subgroups' : ''}/${activation}/${outputType}`;
  let shader = shaders.get(name);
  if (!shader) {
    shader = { name, code: tileCode(walk, tile, activation, outputType), features: features(tile) };
    shaders.set(name, shader);
  }
  return shader;
}

const indent = (code: string, spaces: number): string => code.replace(/^(?=.)/gm, ' '.repeat(spaces));

function tileCode(walk: Walk, tile: Tile, activation: number, outputType: ConvParams['outputType']): string {
  const { pixels, channels } = tile;
  const quads = channels / 4;
  const each = (line: (p: number) => string, count = pixels): string =>
    Array.from({ length: count }, (_, p) => line(p)).join('\n');
  const flat = walk === 'flat';
  return `// Tiles of ${pixels} pixels in a row x ${channels} output channels, one for each invocation; ${walk}.
// x: ${flat ? 'pixels as laid out' : 'staged rows [rows][columns][groups]'}; weights: packed; no workgroup memory.
const ACTIVATION = ${activation};
alias Output4 = ${outputType === 'f32' ? 'vec4f' : 'Store4'};

struct Uniforms {
  row: u32,        // ${flat ? 'pixel' : 'row of output'} that the strip starts with
  tiles: u32,      // of the strip
  groups: u32,     // vec4 of inputs
  blocks: u32,     // of packed weights
  block_size: u32, // in pairs of vec4
  y_width: u32,    // ${flat ? 'pixels of all pictures' : 'of a picture'}
  y_stride: u32,   // in vec4, as all strides and offsets
  y_offset: u32,
  out_groups: u32, // vec4 of outputs
${
  flat
    ? `  x_stride: u32,
  x_offset: u32,`
    : `  picture: u32,    // of the strip
  y_height: u32,
  size: u32,       // side of the filter
  stride: u32,
  staged_columns: u32,
  row_tiles: u32,  // tiles of a row`
}
  bias: u32,       // whether there is one
  residual: u32,
  residual_stride: u32,
  residual_offset: u32,
  slope: f32,      // of negative values
  alpha: f32,      // of what is added to the residual
}
${packedStruct}
@group(0) @binding(0) var<storage, read> x: array<${flat ? 'Store4' : 'vec4f'}>;
@group(0) @binding(1) var<storage, read> weights: array<Filters>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> residual: array<Store4>;
@group(0) @binding(4) var<storage, read_write> y: array<Output4>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

${epilogue}
${helpers}
${storeSum}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) workgroup: vec3u${laneParameter(tile)}) {
${lane(tile)}
  let tile = min(id.x, uniforms.tiles - 1u);
  let groups = uniforms.groups;
  // Channels past the last block repeat it and are not stored.
  let channel = workgroup.y * ${channels}u;
  let block_0 = (channel >> 3u) * uniforms.block_size;
${channels > 8 ? '  let block_1 = min((channel >> 3u) + 1u, uniforms.blocks - 1u) * uniforms.block_size;' : ''}
${totals(tile)}
${flat ? flatBody(tile, each) : stagedBody(tile, each)}
${gather(tile, 'total')}
  if (id.x >= uniforms.tiles) {
    return;
  }
${
  flat
    ? `  let column = uniforms.row + tile * ${pixels}u;
  let row_start = 0u;`
    : `  let y_row = uniforms.row + row;
  if (y_row >= uniforms.y_height) {
    return;
  }
  let column = tile % uniforms.row_tiles * ${pixels}u;
  let row_start = (uniforms.picture * uniforms.y_height + y_row) * uniforms.y_width;`
}
  // A loop, because functions are inlined: sixteen stores are compiled for longer than all else.
  var values = array<vec4f, ${pixels * quads}>(${Array.from({ length: pixels * quads }, (_, i) => `value_${Math.floor(i / quads)}_${i % quads}`).join(', ')});
  for (var i = 0u; i < ${pixels * quads}u; i++) {
    let pixel = column + i / ${quads}u;
    if (pixel < uniforms.y_width) {
      store_sum(row_start + pixel, (channel >> 2u) + i % ${quads}u, values[i]);
    }
  }
}
`;
}

type Each = (line: (p: number) => string, count?: number) => string;

function flatBody(tile: Tile, each: Each): string {
  return `  let start = uniforms.row + tile * ${tile.pixels}u;
${each(p => `  let x_${p} = min(start + ${p}u, uniforms.y_width - 1u) * uniforms.x_stride + uniforms.x_offset;`)}
${sumInChunks(
  tile,
  `${each(p => `    let in_${p} = vec4f(x[x_${p} + c]);`)}
${multiplyAdd(
  tile,
  packedFilters(tile, b => `block_${b} + c * 4u`),
  p => `in_${p}`,
)}`,
)}`;
}

function stagedBody(tile: Tile, each: Each): string {
  return `  let row = tile / uniforms.row_tiles;
  let start = (row * uniforms.staged_columns + tile % uniforms.row_tiles * ${tile.pixels}u) * uniforms.stride * groups;
${each(p => `  let start_${p} = start + ${p}u * uniforms.stride * groups;`)}
  for (var ky = 0u; ky < uniforms.size; ky++) {
    for (var kx = 0u; kx < uniforms.size; kx++) {
      let tap = (ky * uniforms.staged_columns + kx) * groups;
      let filter_start = (ky * uniforms.size + kx) * groups * 4u;
${indent(
  sumInChunks(
    tile,
    `    let tap_c = tap + c;
    let filter_c = filter_start + c * 4u;
${each(p => `    let in_${p} = x[start_${p} + tap_c];`)}
${multiplyAdd(
  tile,
  packedFilters(tile, b => `block_${b} + filter_c`),
  p => `in_${p}`,
)}`,
  ),
  4,
)}
    }
  }`;
}
