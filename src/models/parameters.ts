// The weights of a network on a device: read tensor by tensor, batch norms folded in, checked, packed for the kernels.

import { CodeFormerError, throwIfAborted } from '../errors.js';
import type { DeviceBuffer, Executor } from '../executor.js';
import type { Parameter } from '../graph/graph.js';
import { bytesPerElement, type Precision, roundUp } from '../kernels/kernel.js';
import { INFINITE_BITS, packWeights } from '../kernels/pack-weights/pack-weights.js';
import { encodeFloat16 } from '../weights/dtype.js';
import { checkFinite } from '../weights/finite.js';
import type { Weights } from '../weights/weights.js';

/** Buffers of weights by parameter name, shared by the programs of a network. */
export class ParameterSet {
  private readonly buffers = new Map<string, DeviceBuffer>();

  constructor(private readonly device: Executor) {}

  /**
   * The packed weights of a parameter.
   * @throws `DESTROYED` where they are not loaded any more
   */
  get(name: string): DeviceBuffer {
    const buffer = this.buffers.get(name);
    if (!buffer) throw new CodeFormerError('DESTROYED', `The parameter ${name} was used after destroy()`);
    return buffer;
  }

  /**
   * Loads what is not there yet, tensor by tensor: read, upload, pack on the device.
   * @throws `INVALID_CHECKPOINT` where a value is NaN or infinite, or too large for the device's precision
   */
  async load(parameters: readonly Parameter[], weights: Weights, signal?: AbortSignal): Promise<void> {
    const missing = parameters.filter(p => !this.buffers.has(p.name));
    if (missing.length === 0) return;
    const { device } = this;
    const largest = Math.max(...missing.map(p => (p.packing === 'conv' ? product(p.shape) * 4 : 0)));
    const convs = missing.filter(({ packing }) => packing === 'conv');
    // Packing sees every value anyway: a word for each parameter says whether all are finite.
    const { staging, faults } = await device.allocate('the weights', {
      staging: Math.max(4, largest),
      faults: 4 * Math.max(1, convs.length),
    });
    try {
      for (const parameter of missing) {
        throwIfAborted(signal);
        const { name, storage, packing } = parameter;
        const bytes = storage.elements * bytesPerElement(storage.type, device.precision);
        const { buffer } = await device.allocate(`the weights ${name}`, { buffer: bytes });
        this.buffers.set(name, buffer);
        if (packing === 'conv') {
          const params = { slot: convs.indexOf(parameter), slots: convs.length };
          await this.loadConv(parameter, weights, { packed: buffer, staging, faults }, params);
        } else await this.loadRows(parameter, weights, buffer);
      }
      const found = new Uint32Array(await device.read(faults)).findIndex(fault => fault !== 0);
      device.check();
      if (found >= 0) await this.refuse(convs[found]!, weights);
    } finally {
      device.release(staging);
      device.release(faults);
    }
  }

  /** Throws for a parameter with a value that is not finite, and names the tensor that has it. */
  private async refuse({ name, parts, batchNorm }: Parameter, weights: Weights): Promise<never> {
    const norm = batchNorm === undefined ? [] : NORM_TENSORS.map(part => `${batchNorm}.${part}`);
    await checkFinite(weights, [...parts.map(({ key }) => key), ...norm]);
    const { precision } = this.device;
    const limit = precision === 'f16' ? ', which ends at 65,504' : '';
    throw new CodeFormerError(
      'INVALID_CHECKPOINT',
      `${weights.name}: not all values of ${name} are finite in ${precision}${limit}`,
    );
  }

  /** Rows padded with zeros to a multiple of 4 values, the whole to the size of the buffer. */
  private async loadRows(parameter: Parameter, weights: Weights, buffer: DeviceBuffer): Promise<void> {
    const { parts, shape, storage, packing, batchNorm } = parameter;
    const values = new Float32Array(storage.elements);
    const norm = batchNorm === undefined ? null : await foldBatchNorm(weights, batchNorm);
    if (packing === 'depthwise') {
      const source = await weights.float32(parts[0]!.key);
      const [channels, taps] = [shape[0]!, product(shape.slice(1))];
      for (let c = 0; c < channels; c++)
        for (let tap = 0; tap < taps; tap++)
          values[tap * roundUp(channels, 4) + c] = source[c * taps + tap]! * (norm?.factor[c] ?? 1);
    } else {
      const width = shape.at(-1)!;
      const step = roundUp(width, 4);
      let row = 0;
      for (const part of parts) {
        const source = partRows(await weights.float32(part.key), part.rows, product(shape.slice(1)));
        if (shape.length === 1) {
          values.set(source, row);
          row += source.length;
          continue;
        }
        for (let from = 0; from < source.length; from += width)
          values.set(source.subarray(from, from + width), row++ * step);
      }
      if (norm) for (let i = 0; i < width; i++) values[i] = values[i]! * norm.factor[i]! + norm.shift[i]!;
    }
    const half = storage.type === 'store' && this.device.precision === 'f16';
    if (!areFinite(values, half ? 'f16' : 'f32')) await this.refuse(parameter, weights);
    this.device.write(buffer, half ? (encodeFloat16(values) as Uint16Array<ArrayBuffer>) : values);
  }

  /** Uploads the parts one after another and packs them on the device; the queue keeps the order of writes and submits. */
  private async loadConv(
    { parts, shape, batchNorm }: Parameter,
    weights: Weights,
    { packed, staging, faults }: Readonly<Record<'packed' | 'staging' | 'faults', DeviceBuffer>>,
    place: { readonly slot: number; readonly slots: number },
  ): Promise<void> {
    const { device } = this;
    let offset = 0;
    for (const part of parts) {
      const values = partRows(await weights.float32(part.key), part.rows, product(shape.slice(1)));
      device.write(staging, values, offset);
      offset += values.byteLength;
    }
    const [out, inputs, height = 1, width = 1] = shape as [number, number, number?, number?];
    const params = { out, in: inputs, size: height * width, factor: batchNorm !== undefined, ...place };
    const operands: Record<string, DeviceBuffer | Float32Array> = { weights: staging, packed, faults };
    if (batchNorm !== undefined) {
      const { factor } = await foldBatchNorm(weights, batchNorm);
      operands.factor = factor;
    }
    await device.run(packWeights, params, operands);
  }

  destroy(): void {
    for (const buffer of this.buffers.values()) this.device.release(buffer);
    this.buffers.clear();
  }
}

const BATCH_NORM_EPS = 1e-5;
const NORM_TENSORS = ['weight', 'bias', 'running_mean', 'running_var'] as const;

/** A batch norm in inference as y = x * factor + shift for each channel. */
async function foldBatchNorm(weights: Weights, path: string) {
  const [gamma, beta, mean, variance] = (await Promise.all(
    NORM_TENSORS.map(name => weights.float32(`${path}.${name}`)),
  )) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const factor = Float32Array.from(gamma, (value, i) => value / Math.sqrt(variance[i]! + BATCH_NORM_EPS));
  const shift = Float32Array.from(beta, (value, i) => value - mean[i]! * factor[i]!);
  return { factor, shift };
}

/** Whether all values are finite numbers in a precision. */
function areFinite(values: Float32Array, precision: Precision): boolean {
  const infinite = INFINITE_BITS[precision];
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & 0x7fffffff) >= infinite) return false;
  return true;
}

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function partRows(values: Float32Array, range: readonly [number, number] | undefined, row: number) {
  const part = range ? values.subarray(range[0] * row, range[1] * row) : values;
  return part as Float32Array<ArrayBuffer>;
}
