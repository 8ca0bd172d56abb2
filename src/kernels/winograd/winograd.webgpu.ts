// 3x3 convolution by Winograd's F(4x4, 3x3), 36 multiplications for 16 outputs instead of 144, or F(2x2, 3x3), 16 for 4 instead of 36. Strips
// of tiles go through three steps (input.wgsl, a matrix product for each frequency, output.wgsl, with what unrolled.ts prints); the transformed weights are made at each run, which costs
// little at the sizes where this pays and saves four times the memory of the weights. All intermediates are f32.

import type { ConvParams } from '../conv/conv.js';
import { activationConstant, epilogueUniforms } from '../conv/epilogue.js';
import epilogue from '../conv/epilogue.wgsl';
import {
  type Filters,
  features,
  gather,
  helpers,
  lane,
  laneParameter,
  multiplyAdd,
  sums,
  type Tile,
} from '../conv/register-tile.js';
import { outputStrips, stageStrip } from '../conv/stage.js';
import { tileGrid, tileOf, productCode as workgroupProductCode } from '../conv/workgroup-tile.js';
import { bytesPerElement, ceilDiv, roundUp } from '../kernel.js';
import { type Dispatch, linearGrid, placeOf, type Shader, type Target, type WebgpuKernel } from '../webgpu.js';
import input from './input.wgsl';
import output from './output.wgsl';
import productWorkgroup from './product-workgroup.wgsl';
import transforms2 from './transforms-2x2.wgsl';
import transforms4 from './transforms-4x4.wgsl';
import { type Side, storeFilter, storeTile, transformPatch } from './unrolled.js';
import weights from './weights.wgsl';

/** The sides of tiles, those that save most first: their code, and the operations that transforms of a patch, a filter and a tile take. */
const TILES = {
  4: { transforms: transforms4, input: 144, weights: 90, output: 120 },
  2: { transforms: transforms2, input: 32, weights: 28, output: 24 },
} as const;

const frequenciesOf = (side: Side): number => (side + 2) ** 2;

/** Invocations of a workgroup of the products: they share weights. */
const QUAD = 4;

/**
 * Bytes of transformed inputs and outputs of a strip, which should stay in the last-level cache of a CPU and be enough work for all of
 * a GPU (an H100 takes 10 % less time for 128 MiB than for 32, though its cache has 50); and the work of its products: about 60 ms on two
 * cores, so that aborts and progress come in time.
 */
const STRIP = {
  registers: { bytes: 6 << 20, flops: 5e8 },
  workgroup: { bytes: 128 << 20, flops: 2e10 },
} as const;

/** Pixels from which it pays: on GPUs, the frequencies of small pictures are done at the same time. */
const LEAST_PIXELS = { registers: 1024, workgroup: 64 } as const;

const SIDES = [4, 2] as const;

/** Whether Winograd's algorithm computes this convolution at all. */
const fits = ({ size, stride, padTop, padLeft, padMode, outputType, x, y, upsample }: ConvParams): boolean =>
  size === 3 &&
  stride === 1 &&
  padTop === 1 &&
  padLeft === 1 &&
  padMode === 'zero' &&
  outputType === 'store' &&
  y.h === x.h * upsample &&
  y.w === x.w * upsample;

/**
 * Outputs on a side of the tiles by which a convolution runs by Winograd's algorithm, or 0 where it does not: it does where that is faster, and
 * with enough channels that the products, not the rounding of its transforms, decide how exact it is. Smaller tiles save less.
 */
export function winogradSide(params: ConvParams, target: Target): Side | 0 {
  const { x, y } = params;
  const { convolution = 'auto', winograd = SIDES } = target;
  const few = x.c < 64 || y.c < 64 || y.n * y.h * y.w < LEAST_PIXELS[target.family];
  const forced = convolution === 'winograd' || convolution === 'winograd-2x2';
  if (convolution === 'direct' || !fits(params) || (few && !forced)) return 0;
  const side = SIDES.find(side => {
    if (!winograd.includes(side) || (convolution === 'winograd-2x2' && side !== 2)) return false;
    const { u, v, m } = geometry(params, target, side);
    return Math.max(u, v, m) * 4 <= target.maxBindingSize;
  });
  return side ?? 0;
}

interface Geometry {
  readonly side: Side;
  readonly frequencies: number;
  readonly tile: Tile;
  readonly tileRows: number;
  readonly tileColumns: number;
  /** Strips of a picture, and rows of output in each. */
  readonly strips: number;
  readonly rows: number;
  /** Tiles of a strip, rounded up to what a workgroup of the products does. */
  readonly tiles: number;
  readonly mGroups: number;
  readonly stagedRows: number;
  readonly stagedColumns: number;
  /** Elements of the scratch operands. */
  readonly staged: number;
  readonly u: number;
  readonly v: number;
  readonly m: number;
}

function geometry({ x, y, prologue }: ConvParams, target: Target, side: Side): Geometry {
  const frequencies = frequenciesOf(side);
  const tile: Tile = { pixels: 4, channels: y.c <= 8 ? 8 : 16, subgroups: target.subgroups ?? false };
  const tileRows = ceilDiv(y.h, side);
  const tileColumns = ceilDiv(y.w, side);
  const inputs = roundUp(x.c, 4);
  const outputs = roundUp(y.c, tile.channels);
  const byBytes = STRIP[target.family].bytes / (frequencies * (inputs + outputs) * 4);
  const byFlops = STRIP[target.family].flops / (2 * frequencies * inputs * outputs);
  const most = Math.max(1, Math.floor(Math.min(byBytes, byFlops) / tileColumns));
  const stripRows = ceilDiv(tileRows, ceilDiv(tileRows, most));
  const tiles = roundUp(stripRows * tileColumns, QUAD * tile.pixels);
  const stagedRows = prologue === 'none' ? 0 : stripRows * side + 2;
  const stagedColumns = prologue === 'none' ? 0 : tileColumns * side + 2;
  return {
    side,
    frequencies,
    tile,
    tileRows,
    tileColumns,
    strips: ceilDiv(tileRows, stripRows),
    rows: stripRows * side,
    tiles,
    mGroups: outputs / 4,
    stagedRows,
    stagedColumns,
    staged: stagedRows * stagedColumns * inputs,
    u: frequencies * outputs * inputs,
    v: frequencies * tiles * inputs,
    m: frequencies * tiles * outputs,
  };
}

/** `conv` where there is a `winogradSide`. */
export const webgpuWinograd: WebgpuKernel<ConvParams> = {
  scratch(params, target) {
    const { staged, u, v, m } = geometry(params, target, winogradSide(params, target) as Side);
    const f32 = (elements: number) => ({ type: 'f32', elements }) as const;
    return { ...(staged > 0 && { staged: f32(staged) }), u: f32(u), v: f32(v), m: f32(m) };
  },
  dispatches(params, target: Target): Dispatch[] {
    const { x, y, upsample, residual } = params;
    const g = geometry(params, target, winogradSide(params, target) as Side);
    const { side, frequencies, tile, tiles, mGroups } = g;
    const { transforms, ...flops } = TILES[side];
    const name = side === 4 ? 'winograd' : 'winograd-2x2';
    const sides = `const SIDE = ${side}u;\n${transforms}`;
    const groups = ceilDiv(x.c, 4);
    const outGroups = ceilDiv(y.c, 4);
    const store = bytesPerElement('store', target.precision);
    const filters = roundUp(y.c, 8) * groups;
    const transformWeights: Dispatch = {
      shader: {
        name: `${name}/weights`,
        code: `const TILE_CHANNELS = ${tile.channels}u;\n${transforms}${weights}${storeFilter(side)}`,
      },
      uniforms: { groups, blocks: ceilDiv(y.c, 8), m_groups: mGroups },
      workgroups: linearGrid(filters),
      operands: ['weights', 'u'],
      flops: filters * 4 * flops.weights,
      bytes: filters * 4 * (9 * store + frequencies * 4),
    };
    const staged = g.staged > 0;
    const common = { rows: g.rows, tile_columns: g.tileColumns, tiles, height: y.h, width: y.w };
    const all = outputStrips(y.n, g.strips, g.rows).flatMap((strip): Dispatch[] => [
      ...(staged ? [stageStrip(params, strip, g.stagedRows, g.stagedColumns, target)] : []),
      {
        shader: {
          name: `${name}/input`,
          code: `const TILE_PIXELS = ${tile.pixels}u;\nconst STAGED = ${staged};\nalias Input4 = ${staged ? 'vec4f' : 'Store4'};\n${sides}${input}${transformPatch(side)}`,
        },
        uniforms: {
          ...strip,
          ...common,
          tile_rows: g.tileRows,
          groups,
          upsample: upsample - 1,
          ...placeOf('x', x),
          staged_columns: g.stagedColumns,
        },
        workgroups: linearGrid(tiles * groups),
        operands: [staged ? 'staged' : 'x', 'v'],
        flops: tiles * groups * 4 * flops.input,
        bytes: tiles * groups * 4 * (side ** 2 * (staged ? 4 : store) + frequencies * 4),
      },
      {
        ...(target.family === 'registers' ? registerProduct(g, groups) : workgroupProduct(g, groups, target)),
        operands: ['v', 'u', 'm'],
        flops: 2 * frequencies * tiles * groups * 4 * mGroups * 4,
        bytes: frequencies * (tiles * (groups + mGroups) + groups * mGroups * 4) * 16,
      },
      {
        shader: {
          name: `${name}/output`,
          code: `const ACTIVATION = ${activationConstant(params)};\n${sides}${epilogue}${output}${storeTile(side)}`,
        },
        uniforms: { ...strip, ...common, m_groups: mGroups, ...epilogueUniforms(params) },
        workgroups: linearGrid(tiles * outGroups),
        operands: ['m', params.bias ? 'bias' : 'm', residual ? 'residual' : 'm', 'y'],
        flops: tiles * outGroups * 4 * (side ** 2 * 8 + flops.output),
        bytes: tiles * outGroups * 4 * (side ** 2 * store * (residual ? 2 : 1) + frequencies * 4),
      },
    ]);
    return [transformWeights, ...all];
  },
};

type Product = Pick<Dispatch, 'shader' | 'uniforms' | 'workgroups'>;

function workgroupProduct({ frequencies, tile, tiles, mGroups }: Geometry, groups: number, target: Target): Product {
  const product = { rows: tiles, columns: mGroups * 4, batches: frequencies };
  const own = tileOf(target, product);
  return {
    shader: {
      name: `winograd/product/workgroup/${own.name}`,
      code: `const TILE_PIXELS = ${tile.pixels}u;\nconst TILE_CHANNELS = ${tile.channels}u;\n${productWorkgroup}${workgroupProductCode(own)}`,
    },
    uniforms: { groups, tiles, m_groups: mGroups, size: 1, column_tiles: ceilDiv(product.columns, own.width) },
    workgroups: tileGrid(own, product),
  };
}

const shaders = new Map<string, Shader>();

/** The shader is the same object for the same tile. */
function registerProduct({ frequencies, tile, tiles, mGroups }: Geometry, groups: number): Product {
  const name = `winograd/product/${tile.pixels}x${tile.channels}${tile.subgroups ? '/subgroups' : ''}`;
  let shader = shaders.get(name);
  if (!shader) {
    shader = { name, code: productCode(tile), features: features(tile) };
    shaders.set(name, shader);
  }
  return {
    shader,
    uniforms: { groups, tiles, m_groups: mGroups },
    workgroups: [tiles / (QUAD * tile.pixels), (mGroups * 4) / tile.channels, frequencies],
  };
}

function productCode(tile: Tile): string {
  const { pixels, channels } = tile;
  const each = (line: (p: number) => string): string => Array.from({ length: pixels }, (_, p) => line(p)).join('\n');
  const groups = channels / 4;
  const filters: Filters = {
    load: (name, lane) => `let ${name} = u[u_start + c * 4u + ${lane}];`,
    weights: (name, group) => `${name}.group[${group}]`,
  };
  return `// Winograd, second step: m = v u for each frequency; ${pixels} tiles x ${channels} output channels in each invocation.
// v: [frequencies][tiles / ${pixels}][groups][${pixels}] vec4; u: [frequencies][channels / ${channels}][groups][4 lanes][${groups}] vec4; m: [frequencies][tiles][m_groups] vec4.
// No workgroup memory.

struct Uniforms {
  groups: u32,   // vec4 of inputs
  tiles: u32,    // of a strip, rounded up
  m_groups: u32, // vec4 of outputs, rounded up to whole tiles of channels
}

struct Inputs { tile: array<vec4f, ${pixels}> }
// Channels lane, lane + 4 and so on.
struct Filters { group: array<vec4f, ${groups}> }

@group(0) @binding(0) var<storage, read> v: array<Inputs>;
@group(0) @binding(1) var<storage, read> u: array<Filters>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4f>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

${helpers}
@compute @workgroup_size(${QUAD})
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u${laneParameter(tile)}
) {
${lane(tile)}
  let groups = uniforms.groups;
  let v_start = (id.z * (uniforms.tiles / ${pixels}u) + id.x) * groups;
  let u_start = (workgroup.z * workgroups.y + workgroup.y) * groups * 4u;
${sums(tile)}
  for (var c = 0u; c < groups; c++) {
    let input = v[v_start + c];
${multiplyAdd(tile, filters, p => `input.tile[${p}]`)}
  }
${gather(tile, 'sum')}
  let m_start = (id.z * uniforms.tiles + id.x * ${pixels}u) * uniforms.m_groups + workgroup.y * ${groups}u;
${each(p =>
  Array.from({ length: groups }, (_, g) => `  m[m_start + ${p}u * uniforms.m_groups + ${g}u] = value_${p}_${g};`).join(
    '\n',
  ),
)}
}
`;
}
