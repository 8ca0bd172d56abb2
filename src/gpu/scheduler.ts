// Submits dispatches in chunks: short enough for progress, aborts and watchdogs, long enough to keep the adapter busy.

import { CodeFormerError } from '../errors.js';
import type { AdapterInfo, RunOptions } from '../executor.js';
import type { Dispatch } from '../kernels/webgpu.js';

/** Where a shader finds its uniforms. */
export interface BoundUniforms {
  readonly group: GPUBindGroup;
  readonly offset: number;
}

/** A dispatch with its pipeline and buffers, ready to be encoded. */
export interface BoundDispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly uniforms: BoundUniforms | null;
  readonly dispatch: Dispatch;
}

/** Aim for the time of one submit, in milliseconds: short for progress and abort, and far below every watchdog. */
const CHUNK_MS = 60;

/** The first submit to a GPU has at most one part in so many of all work, or one dispatch. */
const FIRST_SHARE = 8;

/** What a scheduler needs of the device. */
interface Submitting {
  readonly gpu: GPUDevice;
  readonly adapter: AdapterInfo;
  checked<T>(what: string, work: () => T): Promise<T>;
  check(): void;
}

/** The way of dispatches to the device's queue. */
export class Scheduler {
  /** Running estimate of the adapter's speed, in flops per millisecond; corrected by every chunk that is timed. */
  private speed: number;

  constructor(private readonly device: Submitting) {
    this.speed = device.adapter.software ? 5e6 : 1e9;
  }

  /**
   * Encodes and submits dispatches in chunks of about 60 ms, at most two of them waiting, and resolves when all have run.
   * @param options `signal` is looked at between chunks: `ABORTED`; `onProgress` gets the share done, 0 to 1, after every chunk
   */
  async run(dispatches: readonly BoundDispatch[], label: string, options: RunOptions = {}): Promise<void> {
    const total = dispatches.reduce((sum, d) => sum + cost(d.dispatch), 0);
    let running: Promise<void> | null = null;
    let done = 0;
    let next = 0;
    while (next < dispatches.length) {
      if (options.signal?.aborted) {
        await running;
        throw new CodeFormerError('ABORTED', 'The operation was aborted', { cause: options.signal.reason });
      }
      const chunk: BoundDispatch[] = [];
      // A GPU begins with a small part while the rest is encoded.
      const most = next === 0 && !this.device.adapter.software ? total / FIRST_SHARE : Number.POSITIVE_INFINITY;
      let work = 0;
      while (next < dispatches.length) {
        const more = cost(dispatches[next]!.dispatch);
        if (chunk.length > 0 && work + more > Math.min(this.speed * CHUNK_MS, most)) break;
        chunk.push(dispatches[next++]!);
        work += more;
      }
      const submitted = this.device.checked(label, () => this.submit(chunk, label));
      // This chunk waits in the queue while the one before it ends.
      await Promise.all([running, submitted]);
      const settled = await this.settle(work);
      running = settled.finished.then(() => {
        done += work;
        options.onProgress?.(total > 0 ? Math.min(1, done / total) : 1);
      });
    }
    await running;
    this.device.check();
  }

  /** Encodes dispatches in one pass and submits them. */
  submit(dispatches: readonly BoundDispatch[], label: string): void {
    const { gpu } = this.device;
    const encoder = gpu.createCommandEncoder({ label });
    encodePass(encoder, dispatches, { label });
    gpu.queue.submit([encoder.finish()]);
  }

  /**
   * Returns when the chunk that has just started is nearly over, with the promise of its end, and learns the adapter's speed from it.
   * Dawn in Node polls in a busy loop while a promise of the queue is pending, on a core that a software adapter needs: so there is
   * none until shortly before the end.
   */
  private async settle(work: number): Promise<{ finished: Promise<void> }> {
    const { adapter, gpu } = this.device;
    const { software } = adapter;
    const start = performance.now();
    const sleep = Math.min(0.85 * (work / this.speed), 4 * CHUNK_MS);
    if (software && sleep > 2) await new Promise(resolve => setTimeout(resolve, sleep));
    const asked = performance.now();
    const finished = gpu.queue.onSubmittedWorkDone().then(() => {
      const end = performance.now();
      if (end - start < 1) return;
      // Where the work was done before the sleep was, how fast it is remains unknown: faster than thought.
      const speed = software && end - asked < 1 ? 1.5 * this.speed : work / (end - start);
      // Small work mostly measures what a submit costs, so it counts for little.
      const weight = Math.min(0.5, work / (this.speed * CHUNK_MS));
      this.speed += weight * (speed - this.speed);
    });
    return { finished };
  }
}

/** Work in flops; a byte that is read or written takes about as long as four of them. */
const cost = (dispatch: Dispatch): number => dispatch.flops + 4 * dispatch.bytes;

/** Encodes dispatches in one pass. */
export function encodePass(
  encoder: GPUCommandEncoder,
  dispatches: readonly BoundDispatch[],
  descriptor: GPUComputePassDescriptor,
): void {
  const pass = encoder.beginComputePass(descriptor);
  for (const { pipeline, bindGroup, uniforms, dispatch } of dispatches) {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    if (uniforms) pass.setBindGroup(1, uniforms.group, [uniforms.offset]);
    pass.dispatchWorkgroups(...dispatch.workgroups);
  }
  pass.end();
}
