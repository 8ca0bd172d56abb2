// Measures the ways in which convolutions can run. Each is compared with the usual one, which the self-test has checked.

import { throwIfAborted } from '../errors.js';
import type { RunOptions, TunedShape } from '../executor.js';
import { CONV_CHOICES, type ConvChoice, chosenTarget } from '../kernels/conv/choice.js';
import { type ConvParams, conv } from '../kernels/conv/conv.js';
import { bytesPerElement } from '../kernels/kernel.js';
import type { Target } from '../kernels/webgpu.js';
import { useWinograd } from '../kernels/winograd/winograd.webgpu.js';
import { decodeFloat16, encodeFloat16 } from '../weights/dtype.js';
import { bindKernel } from './bind-kernel.js';
import type { Context } from './context.js';
import { BufferUsage, MapMode } from './flags.js';
import { implementationOf } from './implementations.js';
import { type BoundDispatch, encodePass } from './scheduler.js';

/** Shapes that are measured, those with the most work first. */
const MOST_SHAPES = 20;
/** Runs of each way, of which the median counts, after one that compiles and warms up. */
const RUNS = 5;
/** A way must be so much faster than the usual one to take its place: less is noise. */
const GAIN = 0.95;
/** A way that takes so many times as long in its first run is not measured any further. */
const HOPELESS = 3;
/** Largest difference from the usual way, as a share of the largest value. */
const TOLERANCE = { f32: 1e-4, f16: 2e-2 };

/** Work of a convolution, in multiply-adds. */
const work = ({ x, y, size }: ConvParams): number => y.n * y.h * y.w * y.c * x.c * size * size;

/** The shapes of convolutions of all programs of a device, with the fastest way of each. */
export async function measureShapes(device: Context, { signal, onProgress }: RunOptions): Promise<TunedShape[]> {
  const shapes = [...device.shapes].sort(([, a], [, b]) => work(b.params) - work(a.params)).slice(0, MOST_SHAPES);
  const found: TunedShape[] = [];
  for (const [shape, { params, target }] of shapes) {
    throwIfAborted(signal);
    found.push(await measureShape(device, shape, params, target, signal));
    onProgress?.(found.length / shapes.length);
  }
  return found;
}

/** How a convolution runs where nobody chooses. */
function usualChoice(params: ConvParams, target: Target): ConvChoice {
  const family = target.family === 'registers' && target.subgroups ? 'registers, subgroups' : target.family;
  return useWinograd(params, target) ? `${family}, winograd` : family;
}

/** The ways that there are for a shape: those that the self-test has given up are not among them. */
function choicesFor(device: Context, params: ConvParams, target: Target): ConvChoice[] {
  const usual = usualChoice(params, target);
  const others = CONV_CHOICES.filter(choice => {
    if (choice === usual || (choice.startsWith('workgroup') && target.family !== 'workgroup')) return false;
    if (choice.includes('subgroups') && !(target.subgroups && device.gpu.features.has('subgroups'))) return false;
    return !choice.endsWith('winograd') || useWinograd(params, chosenTarget(target, choice));
  });
  return [usual, ...others];
}

async function measureShape(
  device: Context,
  shape: string,
  params: ConvParams,
  target: Target,
  signal: RunOptions['signal'],
): Promise<TunedShape> {
  const operands = conv.operands(params);
  const buffers: Record<string, GPUBuffer> = {};
  try {
    await device.checked(`the operands of ${shape}`, () => {
      for (const [name, { type, elements }] of Object.entries(operands)) {
        buffers[name] = device.buffer(`tune/${name}`, elements * bytesPerElement(type, device.precision));
        const half = type === 'store' && device.precision === 'f16';
        const values = fill(elements, name === 'weights' ? 1 / Math.sqrt(params.x.c * params.size ** 2) : 1);
        if (name !== 'y') device.write(buffers[name], half ? encodeFloat16(values) : values);
      }
    });
    const times: Record<string, number> = {};
    let want: Float32Array | null = null;
    for (const choice of choicesFor(device, params, target)) {
      throwIfAborted(signal);
      const way = await prepare(device, params, chosenTarget(target, choice), buffers);
      try {
        await device.execute(way.dispatches, 'tune');
        const got = await read(device, buffers.y!, operands.y!.type === 'store');
        want ??= got;
        if (!same(got, want, TOLERANCE[device.precision])) continue;
        times[choice] = await time(device, way.dispatches, HOPELESS * Math.min(...Object.values(times)));
      } finally {
        way.destroy();
      }
    }
    const [[usual, before], ...others] = Object.entries(times) as [[string, number], ...[string, number][]];
    const [fastest, best] = others.reduce((a, b) => (b[1] < a[1] ? b : a), [usual, before]);
    return { shape, choice: best < GAIN * before ? fastest : usual, times };
  } finally {
    for (const buffer of Object.values(buffers)) device.release(buffer);
  }
}

/** Values in [-1, 1) times a scale, always the same. */
function fill(count: number, scale: number): Float32Array<ArrayBuffer> {
  let state = count;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state / 2 ** 31) * scale;
  });
}

interface Way {
  readonly dispatches: readonly BoundDispatch[];
  destroy(): void;
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
      destroy() {
        bound.destroy();
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

async function read(device: Context, buffer: GPUBuffer, isStore: boolean): Promise<Float32Array> {
  const bytes = await device.read(buffer);
  return isStore && device.precision === 'f16' ? decodeFloat16(new Uint16Array(bytes)) : new Float32Array(bytes);
}

function same(got: Float32Array, want: Float32Array, tolerance: number): boolean {
  const largest = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  // NaN is not the same.
  return got.every((value, i) => Math.abs(value - want[i]!) <= tolerance * largest);
}

/** What short work is repeated to, in milliseconds: clocks of browsers are coarse, and a submit costs something as well. */
const LEAST_MS = 2;

/** Median of some runs in milliseconds; of one run where that takes longer than `most`. */
async function time(device: Context, dispatches: readonly BoundDispatch[], most: number): Promise<number> {
  const timed = device.gpu.features.has('timestamp-query') ? byTimestamps : byClock;
  const first = await timed(device, dispatches);
  if (first > most) return first;
  const times = Math.min(50, Math.max(1, Math.ceil(LEAST_MS / Math.max(first, 0.01))));
  const repeated = Array.from({ length: times }, () => dispatches).flat();
  const each: number[] = [];
  for (let run = 0; run < RUNS; run++) each.push((await timed(device, repeated)) / times);
  return each.sort((a, b) => a - b)[RUNS >> 1]!;
}

async function byClock(device: Context, dispatches: readonly BoundDispatch[]): Promise<number> {
  const start = performance.now();
  await device.submit(dispatches, 'tune');
  await device.gpu.queue.onSubmittedWorkDone();
  return performance.now() - start;
}

async function byTimestamps(device: Context, dispatches: readonly BoundDispatch[]): Promise<number> {
  const { gpu } = device;
  const query = gpu.createQuerySet({ type: 'timestamp', count: 2 });
  const resolved = gpu.createBuffer({ size: 16, usage: BufferUsage.QUERY_RESOLVE | BufferUsage.COPY_SRC });
  const staging = gpu.createBuffer({ size: 16, usage: BufferUsage.COPY_DST | BufferUsage.MAP_READ });
  try {
    await device.checked('tune', () => {
      const encoder = gpu.createCommandEncoder({ label: 'tune' });
      const timestampWrites = { querySet: query, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
      encodePass(encoder, dispatches, { label: 'tune', timestampWrites });
      encoder.resolveQuerySet(query, 0, 2, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16);
      gpu.queue.submit([encoder.finish()]);
    });
    await staging.mapAsync(MapMode.READ);
    const [begin, end] = new BigInt64Array(staging.getMappedRange());
    return Number(end! - begin!) / 1e6;
  } finally {
    query.destroy();
    resolved.destroy();
    staging.destroy();
  }
}
