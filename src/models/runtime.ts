// What networks share: weights loaded once, programs for the sizes and variants used last, and one arena for all.

import { checkRunOptions } from '../checks.js';
import { CodeFormerError, invalidArgument } from '../errors.js';
import { checkDevice, type Device } from '../gpu/device.js';
import { Arena, GpuProgram, ParameterSet } from '../gpu/program.js';
import type { Program } from '../graph/graph.js';
import { checkWeights, type Weights } from '../weights/weights.js';

/** Programs that are kept; another takes the place of the one that was used longest ago. */
const KEPT_PROGRAMS = 8;

/** Throws `INVALID_ARGUMENT` unless these are what a network is loaded from. */
export function checkLoad(device: Device, weights: Weights, options: object): void {
  checkDevice(device);
  checkWeights(weights);
  checkRunOptions(options);
}

export class NetworkRuntime {
  private readonly arena: Arena;
  private readonly parameters: ParameterSet;
  /** In the order of their last use. */
  private readonly programs = new Map<string, GpuProgram>();
  /** Programs share their memory, so runs follow one another. */
  private last: Promise<unknown> = Promise.resolve();
  private alive = true;

  constructor(
    readonly device: Device,
    private readonly label: string,
  ) {
    this.arena = new Arena(device, label);
    this.parameters = new ParameterSet(device);
  }

  /**
   * Loads the parameters of programs by key, and compiles these meanwhile. The programs have all parameters of the network between them;
   * most pipelines of others, of other sizes for example, are theirs too.
   */
  async load(programs: Readonly<Record<string, Program>>, weights: Weights, signal?: AbortSignal): Promise<void> {
    const all = Object.entries(programs);
    const parameters = all.flatMap(([, program]) => program.parameters);
    await Promise.all([
      this.parameters.load(parameters, weights, signal),
      ...all.map(([key, program]) => this.program(key, () => program)),
    ]);
  }

  /**
   * Runs `work` with the program of a key, which is compiled if it is not among those kept. One call at a time.
   * @throws `DESTROYED`, and what compiling throws
   */
  with<T>(key: string, build: () => Program, work: (program: GpuProgram) => Promise<T>): Promise<T> {
    const run = this.last.then(async () => work(await this.program(key, build)));
    this.last = run.catch(() => {});
    return run;
  }

  /** Zeroed buffers for external tensors of a program, by name; `release` gives them back. */
  async allocate(program: GpuProgram, names: readonly string[]): Promise<Record<string, GPUBuffer>> {
    const buffers: Record<string, GPUBuffer> = {};
    try {
      await this.device.checked(`the tensors of ${this.label}`, () => {
        for (const name of names)
          buffers[name] = this.device.buffer(`${this.label}/${name}`, program.externalBytes(name));
      });
      return buffers;
    } catch (error) {
      this.release(buffers);
      throw error;
    }
  }

  /**
   * Writes an input of a network, whose caller may have detached it since it was checked.
   * @throws `INVALID_ARGUMENT`
   */
  write(buffer: GPUBuffer, data: ArrayBufferView & ArrayLike<number>, length: number, name: string): void {
    if (data.length !== length) throw invalidArgument(`${length} values until the call ends`, name, data);
    this.device.write(buffer, data);
  }

  release(buffers: Readonly<Record<string, GPUBuffer>>): void {
    for (const buffer of Object.values(buffers)) this.device.release(buffer);
  }

  /** Runs `work` with buffers that `allocate` makes for it. */
  async allocated<T>(
    program: GpuProgram,
    names: readonly string[],
    work: (buffers: Record<string, GPUBuffer>) => Promise<T>,
  ): Promise<T> {
    const buffers = await this.allocate(program, names);
    try {
      return await work(buffers);
    } finally {
      this.release(buffers);
    }
  }

  destroy(): void {
    if (!this.alive) return;
    this.alive = false;
    this.programs.clear();
    this.arena.destroy();
    this.parameters.destroy();
  }

  /** Throws `DESTROYED` after `destroy()`. */
  check(): void {
    if (!this.alive) throw new CodeFormerError('DESTROYED', `The network ${this.label} was used after destroy()`);
  }

  private async program(key: string, build: () => Program): Promise<GpuProgram> {
    this.check();
    let program = this.programs.get(key);
    this.programs.delete(key);
    program ??= await GpuProgram.compile(this.device, `${this.label}/${key}`, build(), this.arena, this.parameters);
    this.check();
    this.programs.set(key, program);
    for (const oldest of this.programs.keys()) {
      if (this.programs.size <= KEPT_PROGRAMS) break;
      this.programs.delete(oldest);
    }
    return program;
  }
}
