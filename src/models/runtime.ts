// What networks share: weights loaded once, programs for the sizes and variants used last, and one arena for all.

import { checkRunOptions } from '../checks.js';
import { CodeFormerError, invalidArgument } from '../errors.js';
import {
  type CompiledProgram,
  type CompileOptions,
  checkExecutor,
  type DeviceBuffer,
  type Executor,
  type Workspace,
} from '../executor.js';
import type { Program } from '../graph/graph.js';
import { externalsOf, storageBytes } from '../graph/memory.js';
import { withPeaks } from '../graph/peaks.js';
import { checkWeights, type Weights } from '../weights/weights.js';
import { ParameterSet } from './parameters.js';

/** Programs that are kept; another takes the place of the one that was used longest ago. */
const KEPT_PROGRAMS = 8;

/** Throws `INVALID_ARGUMENT` unless these are what a network is loaded from. */
export function checkLoad(device: Executor, weights: Weights, options: object): void {
  checkExecutor(device);
  checkWeights(weights);
  checkRunOptions(options);
}

/** A network on a device: its parameters, its programs, and the memory that these share. */
export class NetworkRuntime {
  private readonly workspace: Workspace;
  private readonly parameters: ParameterSet;
  /** In the order of their last use. */
  private readonly programs = new Map<string, CompiledProgram>();
  /** Programs share their memory, so runs follow one another. */
  private last: Promise<unknown> = Promise.resolve();
  /** What programs write their largest magnitude to while it is measured. */
  private peak: DeviceBuffer | null = null;
  private alive = true;

  constructor(
    readonly device: Executor,
    private readonly label: string,
    private readonly options: CompileOptions = {},
  ) {
    this.workspace = device.workspace(label);
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
  with<T>(key: string, build: () => Program, work: (program: CompiledProgram) => Promise<T>): Promise<T> {
    const run = this.last.then(async () => work(await this.program(key, build)));
    this.last = run.catch(() => {});
    return run;
  }

  /** Zeroed buffers for external tensors of a program, all of them unless names are given; `release` gives them back. */
  allocate({ program }: CompiledProgram, names?: readonly string[]): Promise<Record<string, DeviceBuffer>> {
    const externals = externalsOf(program);
    const sizes = [...externals].filter(([name]) => names?.includes(name) ?? true);
    const bytes = sizes.map(([name, storage]) => [name, storageBytes(storage, this.device.precision)]);
    return this.device.allocate(this.label, Object.fromEntries(bytes));
  }

  /**
   * Writes an input of a network, whose caller may have detached it since it was checked.
   * @throws `INVALID_ARGUMENT`
   */
  write(buffer: DeviceBuffer, data: ArrayBufferView & ArrayLike<number>, length: number, name: string): void {
    if (data.length !== length)
      throw invalidArgument(`${length} values, not detached before the call ends,`, name, data);
    this.device.write(buffer, data);
  }

  /** Gives back what `allocate` made. */
  release(buffers: Readonly<Record<string, DeviceBuffer>>): void {
    for (const buffer of Object.values(buffers)) this.device.release(buffer);
  }

  /** Runs `work` with buffers that `allocate` makes for it. */
  async allocated<T>(
    program: CompiledProgram,
    names: readonly string[] | undefined,
    work: (buffers: Record<string, DeviceBuffer>) => Promise<T>,
  ): Promise<T> {
    const buffers = await this.allocate(program, names);
    try {
      return await work(buffers);
    } finally {
      this.release(buffers);
    }
  }

  /**
   * The largest magnitude of all activations while `work` runs the network's programs; infinite where some are, or are no numbers.
   * @param work no other calls may be under way
   */
  async peakOf(work: () => Promise<unknown>): Promise<number> {
    const { peak } = await this.device.allocate(this.label, { peak: 4 });
    this.peak = peak;
    try {
      await work();
      const [largest] = new Float32Array(await this.device.read(peak, 0, 4));
      return largest! < Number.POSITIVE_INFINITY ? largest! : Number.POSITIVE_INFINITY;
    } finally {
      this.peak = null;
      this.device.release(peak);
    }
  }

  /** Frees all memory on the device; what runs is not waited for. */
  destroy(): void {
    if (!this.alive) return;
    this.alive = false;
    this.programs.clear();
    this.workspace.destroy();
    this.parameters.destroy();
  }

  /** @throws `DESTROYED` after `destroy()` */
  check(): void {
    if (!this.alive) throw new CodeFormerError('DESTROYED', `The network ${this.label} was used after destroy()`);
  }

  private async program(key: string, build: () => Program): Promise<CompiledProgram> {
    this.check();
    const { peak } = this;
    if (peak) {
      const label = `${this.label}/${key}/peak`;
      const measured = await this.workspace.compile(label, withPeaks(build()), this.parameters, this.options);
      return { ...measured, run: (externals, options) => measured.run({ ...externals, peak }, options) };
    }
    let program = this.programs.get(key);
    this.programs.delete(key);
    program ??= await this.workspace.compile(`${this.label}/${key}`, build(), this.parameters, this.options);
    this.check();
    this.programs.set(key, program);
    for (const oldest of this.programs.keys()) {
      if (this.programs.size <= KEPT_PROGRAMS) break;
      this.programs.delete(oldest);
    }
    return program;
  }
}
