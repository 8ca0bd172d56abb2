// Measures the ways in which convolutions can run. Each is compared with the reference where that is quick, and with the others everywhere.

import { CodeFormerError, type ErrorCode, throwIfAborted } from '../errors.js';
import { lossOf, type RunOptions, type TunedShape } from '../executor.js';
import { byMatrices, CONV_CHOICES, type ConvChoice, chosenTarget, isDistinct } from '../kernels/conv/choice.js';
import { packedWeights } from '../kernels/conv/conv.cases.js';
import { type ConvParams, conv } from '../kernels/conv/conv.js';
import { convReference } from '../kernels/conv/conv.ref.js';
import { isMatrixConv, matrixTileOf } from '../kernels/conv/conv-matrix.js';
import { bytesPerElement, pixelIndex } from '../kernels/kernel.js';
import type { Target } from '../kernels/webgpu.js';
import { winogradSide } from '../kernels/winograd/winograd.webgpu.js';
import { decodeFloat16, encodeFloat16 } from '../weights/dtype.js';
import { bindKernel } from './bind-kernel.js';
import type { Context } from './context.js';
import { implementationOf } from './implementations.js';
import type { BoundDispatch } from './scheduler.js';
import { timeOf } from './timing.js';

/** Shapes that are measured, those with the most work first. */
const MOST_SHAPES = 20;
/** Ways that are measured of a shape. */
const MOST_WAYS = 8;
/** Runs of each way, of which the median counts, after one that compiles and warms up. */
const RUNS = 5;
/** A way must be so much faster than the usual one to take its place: less is noise. */
const GAIN = 0.95;
/** A way that takes so many times as long in its first run is not measured any further. */
const HOPELESS = 3;
/** Largest difference from the reference, and from other ways, as a share of the largest value. */
const TOLERANCE = { f32: 1e-4, f16: 2e-2 };

/** Work of a convolution, in multiply-adds. */
const work = ({ x, y, size }: ConvParams): number => y.n * y.h * y.w * y.c * x.c * size * size;

/** The shapes of convolutions of all programs of a device, with the fastest way of each. */
export async function measureShapes(device: Context, { signal, onProgress }: RunOptions): Promise<TunedShape[]> {
  const shapes = [...device.shapes].sort(([, a], [, b]) => work(b.params) - work(a.params)).slice(0, MOST_SHAPES);
  const found: TunedShape[] = [];
  for (const [shape, { params, target }] of shapes) {
    throwIfAborted(signal);
    // As if nothing had been chosen yet.
    found.push(await measureShape(device, shape, params, { ...target, tuned: new Map() }, signal));
    onProgress?.(found.length / shapes.length);
  }
  return found;
}

/** How a convolution runs where nobody chooses. */
function usualChoice(params: ConvParams, target: Target): ConvChoice {
  if (isMatrixConv(params, target)) return `matrices, ${matrixTileOf(params, target)}`;
  const family = target.family === 'registers' && target.subgroups ? 'registers, subgroups' : target.family;
  const side = winogradSide(params, target);
  return side === 0 ? family : `${family}, winograd${side === 2 ? ' 2x2' : ''}`;
}

/** The ways that there are for a shape: those that the self-test has given up are not among them. */
function choicesFor(device: Context, params: ConvParams, target: Target): ConvChoice[] {
  const usual = usualChoice(params, target);
  const others = CONV_CHOICES.filter(choice => {
    if (choice === usual || !isDistinct(params, choice)) return false;
    if (byMatrices(choice)) return isMatrixConv(params, target);
    if (choice.startsWith('workgroup') && target.family !== 'workgroup') return false;
    if (choice.includes('subgroups') && !(target.subgroups && device.gpu.features.has('subgroups'))) return false;
    return !choice.includes('winograd') || winogradSide(params, chosenTarget(target, choice)) > 0;
  });
  return [usual, ...others].slice(0, MOST_WAYS);
}

async function measureShape(
  device: Context,
  shape: string,
  params: ConvParams,
  target: Target,
  signal: RunOptions['signal'],
): Promise<TunedShape> {
  const operands = conv.operands(params);
  const isHalf = (name: string) => operands[name]!.type === 'store' && device.precision === 'f16';
  const values: Record<string, Float32Array> = {};
  const buffers: Record<string, GPUBuffer> = {};
  try {
    await device.checked(`the operands of ${shape}`, () => {
      for (const [name, { type, elements }] of Object.entries(operands)) {
        buffers[name] = device.buffer(`tune/${name}`, elements * bytesPerElement(type, device.precision));
        if (name === 'y') continue;
        const full = fill(elements, name === 'weights' ? packedWeights(params) : (_, random) => random());
        const half = isHalf(name) ? encodeFloat16(full) : null;
        values[name] = half ? decodeFloat16(half) : full;
        device.write(buffers[name], half ?? full);
      }
    });
    const isRight = beside(params, values, TOLERANCE[device.precision]);
    const times: Record<string, number> = {};
    const leftOut: string[] = [];
    let fault = new CodeFormerError('GPU_ERROR', `${device.describe()} computes ${shape} wrongly in every way`);
    for (const choice of choicesFor(device, params, target)) {
      throwIfAborted(signal);
      try {
        using way = await prepare(device, params, chosenTarget(target, choice), buffers);
        await device.execute(way.dispatches, 'tune');
        const bytes = await device.read(buffers.y!);
        const most = HOPELESS * Math.min(...Object.values(times));
        if (isRight(isHalf('y') ? decodeFloat16(new Uint16Array(bytes)) : new Float32Array(bytes)))
          times[choice] = await timeOf(device, way.dispatches, { runs: RUNS, most });
        else leftOut.push(choice);
      } catch (error) {
        if (!(error instanceof CodeFormerError && REFUSALS.includes(error.code))) throw error;
        await lossOf(device);
        device.check();
        leftOut.push(choice);
        fault = error;
      }
    }
    const [first, ...others] = Object.entries(times);
    if (!first) throw fault;
    const [fastest, best] = others.reduce((a, b) => (b[1] < a[1] ? b : a), first);
    return { shape, choice: best < GAIN * first[1] ? fastest : first[0], times, leftOut };
  } finally {
    for (const buffer of Object.values(buffers)) device.release(buffer);
  }
}

/** Errors of a way that the adapter cannot go; the others may be open to it. */
const REFUSALS: readonly ErrorCode[] = ['GPU_ERROR', 'OUT_OF_MEMORY', 'ADAPTER_LIMITS'];

/** Values made of others in [-1, 1), always the same. */
function fill(count: number, make: (index: number, random: () => number) => number): Float32Array<ArrayBuffer> {
  let state = count;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
  return Float32Array.from({ length: count }, (_, i) => make(i, random));
}

/** Pixels whose values are compared with those of the reference: all would take longer than all else. */
const SAMPLES = 16;

/** Tells right results of a convolution: those of the reference at some pixels, and elsewhere those of the first one that was right. */
function beside(
  params: ConvParams,
  values: Readonly<Record<string, Float32Array>>,
  tolerance: number,
): (got: Float32Array) => boolean {
  const { n, h, w, c } = params.y;
  const count = Math.min(SAMPLES, n * h * w);
  // From the first pixel to the last one, both at corners.
  const pixels = Array.from({ length: count }, (_, i) => Math.floor((i * (n * h * w - 1)) / Math.max(1, count - 1)));
  const places = pixels.map(i => [Math.floor(i / (h * w)), Math.floor(i / w) % h, i % w] as const);
  const starts = places.map(place => pixelIndex(params.y, ...place));
  const want = convReference(params, values, places).y!;
  const sampled = (all: ArrayLike<number>) =>
    Float32Array.from(starts.flatMap(start => Array.from({ length: c }, (_, i) => all[start + i]!)));
  let first: Float32Array | null = null;
  return got => {
    const right = same(sampled(got), sampled(want), tolerance) && same(got, first ?? got, tolerance);
    if (right) first ??= got;
    return right;
  };
}

interface Way {
  readonly dispatches: readonly BoundDispatch[];
  [Symbol.dispose](): void;
}

/** A convolution bound to its operands and to scratch memory of its own. */
async function prepare(
  device: Context,
  params: ConvParams,
  target: Target,
  buffers: Readonly<Record<string, GPUBuffer>>,
): Promise<Way> {
  const { scratch, dispatches } = implementationOf(conv, params, target);
  const own: Record<string, GPUBuffer> = {};
  const release = () => {
    for (const buffer of Object.values(own)) device.release(buffer);
  };
  try {
    await device.checked('scratch memory', () => {
      for (const [name, { type, elements }] of Object.entries(scratch?.(params, target) ?? {}))
        own[name] = device.buffer(`tune/${name}`, elements * bytesPerElement(type, device.precision));
    });
    const bound = await bindKernel(device, 'tune', dispatches(params, target), { ...buffers, ...own });
    return {
      dispatches: bound.dispatches,
      [Symbol.dispose]() {
        bound.destroy();
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

function same(got: Float32Array, want: Float32Array, tolerance: number): boolean {
  const largest = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  // NaN is not the same.
  return got.every((value, i) => Math.abs(value - want[i]!) <= tolerance * largest);
}
