// Runs graph programs on the GPU: the arena that programs share, pipelines and bind groups made once.

import { loadPart } from '../errors.js';
import {
  type CompiledProgram,
  type CompileOptions,
  type DeviceBuffer,
  missingBuffer,
  type RunOptions,
  type Workspace,
} from '../executor.js';
import type { Call, Program, Storage } from '../graph/graph.js';
import { type MemoryPlan, planMemory } from '../graph/memory.js';
import type { ConvParams } from '../kernels/conv/conv.js';
import type { Dispatch } from '../kernels/webgpu.js';
import { type Context, gpuBuffer } from './context.js';
import type { BoundDispatch } from './scheduler.js';
import { UniformBlocks } from './uniforms.js';

/** Shaders are loaded with the first kernel that runs or is compiled, so that pages get their weights on the way first. */
export const shaders = () => loadPart('The shaders', import('./shaders.js'));

/** Room for the uniforms of small networks at any size of their pictures; larger networks need a few times as much. */
const UNIFORM_BYTES = 2 ** 16;

/** Buffers for intermediate values and for uniforms, shared by programs that never run at the same time. */
export class Arena implements Workspace {
  private slots: GPUBuffer[] = [];
  private uniforms: GPUBuffer | null = null;
  /** Changes when a slot is replaced by a larger one. */
  generation = 0;

  constructor(
    private readonly device: Context,
    private readonly label: string,
  ) {}

  compile(label: string, program: Program, parameters: Parameters, options: CompileOptions = {}): Promise<GpuProgram> {
    return GpuProgram.compile(this.device, label, program, this, parameters, options);
  }

  /**
   * Makes sure that there is room for a program. Where there is not enough memory all that was there is given back: programs ask again before
   * they run.
   */
  async make(label: string, memory: MemoryPlan, uniforms: UniformBlocks): Promise<void> {
    try {
      await this.device.checked(`the memory of ${label}`, () => {
        this.reserve(memory.slots);
        this.reserveUniforms(uniforms.contents.byteLength);
      });
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  /** Makes sure that slot i holds at least sizes[i] bytes. */
  private reserve(sizes: readonly number[]): void {
    sizes.forEach((size, i) => {
      const old = this.slots[i];
      if (old && old.size >= size) return;
      if (old) {
        this.device.release(old);
        this.generation++;
      }
      this.slots[i] = this.device.buffer(`${this.label}/slot ${i}`, size);
    });
  }

  /** Makes sure that the buffer for the uniforms of the program that runs holds at least so many bytes. */
  private reserveUniforms(bytes: number): void {
    if (this.uniforms && this.uniforms.size >= bytes) return;
    if (this.uniforms) {
      this.device.release(this.uniforms);
      this.generation++;
    }
    this.uniforms = UniformBlocks.buffer(this.device, this.label, Math.max(UNIFORM_BYTES, 2 * bytes));
  }

  /** The buffer that `reserveUniforms` made; what it holds is that of the program that ran last. */
  get uniformBuffer(): GPUBuffer {
    return this.uniforms!;
  }

  /** A slot that `make` has reserved; another one after `generation` has changed. */
  slot(index: number): GPUBuffer {
    return this.slots[index]!;
  }

  destroy(): void {
    for (const slot of this.slots) this.device.release(slot);
    this.slots = [];
    if (this.uniforms) this.device.release(this.uniforms);
    this.uniforms = null;
    this.generation++;
  }
}

/** Buffers of weights by name; for this executor, always its own. */
type Parameters = { get(name: string): DeviceBuffer };

interface Step {
  readonly call: Call;
  readonly dispatch: Dispatch;
  readonly pipeline: GPUComputePipeline;
  readonly storages: readonly Storage[];
  readonly external: boolean;
  bound: BoundDispatch | null;
}

/** A program compiled for a device. */
export class GpuProgram implements CompiledProgram {
  private generation = -1;
  private uniformsOf: ReturnType<UniformBlocks['bind']> = () => null;

  private constructor(
    private readonly device: Context,
    private readonly label: string,
    readonly program: Program,
    private readonly memory: MemoryPlan,
    private readonly steps: Step[],
    private readonly uniforms: UniformBlocks,
    private readonly arena: Arena,
    private readonly parameters: Parameters,
  ) {}

  /** Compiles the pipelines (all at once) and reserves memory; the parameters must be loaded before the first run. */
  static async compile(
    device: Context,
    label: string,
    program: Program,
    arena: Arena,
    parameters: Parameters,
    { convolution = 'auto', tuned = true }: CompileOptions,
  ): Promise<GpuProgram> {
    const { lower, shapeKey } = await shaders();
    const target = device.target.convolution === 'direct' ? device.target : { ...device.target, convolution };
    for (const { kernel, params } of program.calls)
      if (tuned && kernel.name === 'conv')
        device.shapes.set(shapeKey(params as ConvParams), { params: params as ConvParams, target });
    const lowered = lower(program, target);
    const memory = planMemory(lowered, device.precision);
    const calls = lowered.flatMap(call => call.dispatches.map(dispatch => ({ call, dispatch })));
    const uniforms = UniformBlocks.pack(
      device,
      calls.map(({ dispatch }) => dispatch),
    );
    // First, because it is what an adapter that is too small refuses, and before the arena may be destroyed.
    await arena.make(label, memory, uniforms);
    const steps = await Promise.all(
      calls.map(async ({ call, dispatch }) => {
        const storages = dispatch.operands.map(name => call.operands[name]!);
        const external = storages.some(s => s.kind === 'external');
        return { call, dispatch, pipeline: await device.pipeline(dispatch.shader), storages, external, bound: null };
      }),
    );
    return new GpuProgram(device, label, program, memory, steps, uniforms, arena, parameters);
  }

  /**
   * Runs it.
   * @param externals buffers of what the program reads and writes that is not its own, by name
   */
  async run(externals: Readonly<Record<string, DeviceBuffer>>, options: RunOptions = {}): Promise<void> {
    if (this.generation !== this.arena.generation) await this.arena.make(this.label, this.memory, this.uniforms);
    await this.device.execute(this.bind(externals), this.label, options);
  }

  /** What a run submits: for benches. */
  bind(externals: Readonly<Record<string, DeviceBuffer>>): BoundDispatch[] {
    const fresh = this.generation !== this.arena.generation;
    this.generation = this.arena.generation;
    // Another program may have run on the arena meanwhile.
    this.device.write(this.arena.uniformBuffer, this.uniforms.contents);
    if (fresh) this.uniformsOf = this.uniforms.bind(this.arena.uniformBuffer);
    return this.steps.map(step => {
      if (step.bound && !fresh && !step.external) return step.bound;
      const buffers = step.storages.map(storage => this.buffer(storage, externals));
      const bindGroup = this.device.bindGroup(step.dispatch, buffers, `${this.label}/${step.call.label}`);
      const { dispatch, pipeline } = step;
      step.bound = { pipeline, bindGroup, uniforms: this.uniformsOf(dispatch), dispatch };
      return step.bound;
    });
  }

  private buffer(storage: Storage, externals: Readonly<Record<string, DeviceBuffer>>): GPUBuffer {
    if (storage.kind === 'transient') return this.arena.slot(this.memory.slotOf.get(storage.id)!);
    if (storage.kind === 'parameter') return gpuBuffer(this.parameters.get(storage.name));
    const buffer = externals[storage.name];
    if (!buffer) throw missingBuffer(this.label, storage.name);
    return gpuBuffer(buffer);
  }
}
