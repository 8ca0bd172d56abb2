// The uniforms of dispatches, packed for a small uniform buffer. Equal blocks lie there once; each dispatch tells its own by a dynamic offset.

import { CodeFormerError } from '../errors.js';
import { roundUp } from '../kernels/kernel.js';
import type { Dispatch } from '../kernels/webgpu.js';
import type { Context } from './context.js';
import { BufferUsage } from './flags.js';
import type { UniformField } from './interface.js';
import type { BoundUniforms } from './scheduler.js';

/** The uniforms of a list of dispatches. */
export class UniformBlocks {
  private constructor(
    private readonly device: Context,
    /** What the buffer begins with; empty where no shader has any. */
    readonly contents: Uint32Array<ArrayBuffer>,
    /** Bytes of the largest block. */
    private readonly size: number,
    private readonly offsets: ReadonlyMap<Dispatch, number>,
  ) {}

  /**
   * Packs the uniforms of dispatches.
   * @throws `SHAPE_MISMATCH` for values that are not what its shader declares
   */
  static pack(device: Context, dispatches: readonly Dispatch[]): UniformBlocks {
    const packed: Uint32Array[] = [];
    const places = new Map<string, number>();
    const placeOf = new Map<Dispatch, number>();
    for (const dispatch of dispatches) {
      const { uniforms } = device.interface(dispatch.shader);
      if (uniforms.length === 0) continue;
      const words = pack(dispatch, uniforms);
      const key = words.join();
      const place = places.get(key) ?? packed.push(words) - 1;
      places.set(key, place);
      placeOf.set(dispatch, place);
    }
    const size = Math.max(0, ...packed.map(words => words.byteLength));
    const step = roundUp(size, device.gpu.limits.minUniformBufferOffsetAlignment);
    const contents = new Uint32Array((packed.length * step) / 4);
    packed.forEach((words, place) => {
      contents.set(words, (place * step) / 4);
    });
    const offsets = new Map([...placeOf].map(([dispatch, place]) => [dispatch, place * step]));
    return new UniformBlocks(device, contents, size, offsets);
  }

  /** A buffer for uniforms of `bytes`, which the caller owns. */
  static buffer(device: Context, label: string, bytes: number): GPUBuffer {
    return device.buffer(`${label}/uniforms`, bytes, BufferUsage.UNIFORM);
  }

  /** The uniforms of each dispatch in a buffer that holds the contents; null where a shader has none. */
  bind(buffer: GPUBuffer): (dispatch: Dispatch) => BoundUniforms | null {
    const group = this.size > 0 ? this.device.uniformGroup(buffer, this.size) : null;
    return dispatch => {
      const offset = this.offsets.get(dispatch);
      return group && offset !== undefined ? { group, offset } : null;
    };
  }
}

/** The values in the order of the fields that its shader declares. */
function pack({ shader, uniforms = {} }: Dispatch, fields: readonly UniformField[]): Uint32Array {
  const bytes = new DataView(new ArrayBuffer(4 * fields.length));
  fields.forEach(({ name, type }, i) => {
    const value = uniforms[name];
    if (value === undefined) throw wrongUniforms(shader.name, name, 'none');
    if (type === 'f32') bytes.setFloat32(4 * i, value, true);
    else if (!Number.isInteger(value)) throw wrongUniforms(shader.name, `a whole number for ${name}`, `${value}`);
    else bytes.setUint32(4 * i, value, true);
  });
  const unknown = Object.keys(uniforms).find(name => !fields.some(field => field.name === name));
  if (unknown) throw wrongUniforms(shader.name, `no field ${unknown}`, `${uniforms[unknown]}`);
  return new Uint32Array(bytes.buffer);
}

const wrongUniforms = (shader: string, expected: string, received: string): CodeFormerError =>
  new CodeFormerError('SHAPE_MISMATCH', `The uniforms of ${shader}: expected ${expected} but received ${received}`);
