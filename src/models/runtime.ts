// What networks share whose pictures come in many sizes: weights loaded once, programs for the sizes seen last, and one arena for all.

import { CodeFormerError } from '../errors.js';
import type { Device } from '../gpu/device.js';
import { Arena, GpuProgram, ParameterSet } from '../gpu/program.js';
import type { Program } from '../graph/graph.js';
import type { Weights } from '../weights/weights.js';

/** Programs that are kept; another size takes the place of the one that was used longest ago. */
const KEPT_PROGRAMS = 8;

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
   * Loads the parameters of a program of any size, which are those of all sizes, and compiles it meanwhile: most of its pipelines serve
   * other sizes too.
   */
  async load(key: string, program: Program, weights: Weights, signal?: AbortSignal): Promise<void> {
    await Promise.all([
      this.parameters.load(program.parameters, weights, signal),
      this.with(
        key,
        () => program,
        async () => {},
      ),
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

  /** Runs `work` with zeroed buffers for external tensors of a program, by name. */
  async allocated<T>(
    program: GpuProgram,
    names: readonly string[],
    work: (buffers: Record<string, GPUBuffer>) => Promise<T>,
  ): Promise<T> {
    const buffers: Record<string, GPUBuffer> = {};
    try {
      await this.device.checked(`the tensors of ${this.label}`, () => {
        for (const name of names)
          buffers[name] = this.device.buffer(`${this.label}/${name}`, program.externalBytes(name));
      });
      return await work(buffers);
    } finally {
      for (const buffer of Object.values(buffers)) this.device.release(buffer);
    }
  }

  destroy(): void {
    if (!this.alive) return;
    this.alive = false;
    for (const program of this.programs.values()) program.destroy();
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
    if (!this.alive) program.destroy();
    this.check();
    this.programs.set(key, program);
    for (const [oldest, unused] of this.programs) {
      if (this.programs.size <= KEPT_PROGRAMS) break;
      this.programs.delete(oldest);
      unused.destroy();
    }
    return program;
  }
}
