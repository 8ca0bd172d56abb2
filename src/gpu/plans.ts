// The plans of dispatches in one small uniform buffer. Equal plans lie there once; each dispatch tells its own by a dynamic offset.

import { CodeFormerError } from '../errors.js';
import { type Dispatch, roundUp } from '../kernels/kernel.js';
import type { Device } from './device.js';
import type { PlanField } from './interface.js';

/** Where a shader finds its plan. */
export interface BoundPlan {
  readonly group: GPUBindGroup;
  readonly offset: number;
}

export class Plans {
  private constructor(
    private readonly device: Device,
    private readonly buffer: GPUBuffer | null,
    private readonly bound: ReadonlyMap<Dispatch, BoundPlan>,
  ) {}

  /** Packs and uploads the plans; to be called within `device.checked`. */
  static create(device: Device, dispatches: readonly Dispatch[], label: string): Plans {
    const packed: Uint32Array[] = [];
    const places = new Map<string, number>();
    const placeOf = new Map<Dispatch, number>();
    for (const dispatch of dispatches) {
      const { plan } = device.interface(dispatch.shader);
      if (plan.length === 0) continue;
      const words = pack(dispatch, plan);
      const key = words.join();
      const place = places.get(key) ?? packed.push(words) - 1;
      places.set(key, place);
      placeOf.set(dispatch, place);
    }
    if (packed.length === 0) return new Plans(device, null, new Map());
    const size = Math.max(...packed.map(words => words.byteLength));
    const step = roundUp(size, device.gpu.limits.minUniformBufferOffsetAlignment);
    const contents = new Uint32Array((packed.length * step) / 4);
    packed.forEach((words, place) => {
      contents.set(words, (place * step) / 4);
    });
    const buffer = device.buffer(`${label}/plans`, contents.byteLength, GPUBufferUsage.UNIFORM);
    device.write(buffer, contents);
    const group = device.planGroup(buffer, size, label);
    const bound = new Map([...placeOf].map(([dispatch, place]) => [dispatch, { group, offset: place * step }]));
    return new Plans(device, buffer, bound);
  }

  /** The plan of a dispatch; null where its shader has none. */
  of(dispatch: Dispatch): BoundPlan | null {
    return this.bound.get(dispatch) ?? null;
  }

  destroy(): void {
    if (this.buffer) this.device.release(this.buffer);
  }
}

/** The values of a plan in the order of the fields that its shader declares. */
function pack({ shader, plan = {} }: Dispatch, fields: readonly PlanField[]): Uint32Array {
  const bytes = new DataView(new ArrayBuffer(4 * fields.length));
  fields.forEach(({ name, type }, i) => {
    const value = plan[name];
    if (value === undefined) throw wrongPlan(shader.name, name, 'none');
    if (type === 'f32') bytes.setFloat32(4 * i, value, true);
    else if (!Number.isInteger(value)) throw wrongPlan(shader.name, `a whole number for ${name}`, `${value}`);
    else bytes.setUint32(4 * i, value, true);
  });
  const unknown = Object.keys(plan).find(name => !fields.some(field => field.name === name));
  if (unknown) throw wrongPlan(shader.name, `no field ${unknown}`, `${plan[unknown]}`);
  return new Uint32Array(bytes.buffer);
}

const wrongPlan = (shader: string, expected: string, received: string): CodeFormerError =>
  new CodeFormerError('SHAPE_MISMATCH', `The plan of ${shader}: expected ${expected} but received ${received}`);
