// Memory for buffers inside of one WebAssembly.Memory.

import { CodeFormerError } from '../errors.js';
import { roundUp } from '../kernels/kernel.js';

const PAGE = 65536;
/** Of addresses, in bytes: a line of the processor's cache. */
export const ALIGNMENT = 64;

/** Bytes behind the last buffer: kernels may read a few pixels too many, whose values they do not use. */
const GUARD = 1 << 20;

interface Range {
  start: number;
  end: number;
}

/** First fit; ranges that are given back are joined. */
export class Heap {
  /** In order, none beside another. */
  private readonly free: Range[] = [];
  private end: number;

  /** @param start where buffers may begin */
  constructor(
    readonly memory: WebAssembly.Memory,
    start: number,
  ) {
    this.end = roundUp(start, ALIGNMENT);
  }

  /**
   * Address of zeroed memory.
   * @throws `OUT_OF_MEMORY`
   */
  allocate(size: number, what: string): number {
    const bytes = roundUp(size, ALIGNMENT);
    const index = this.free.findIndex(({ start, end }) => end - start >= bytes);
    if (index >= 0) {
      const range = this.free[index]!;
      const { start } = range;
      range.start += bytes;
      if (range.start === range.end) this.free.splice(index, 1);
      new Uint8Array(this.memory.buffer, start, bytes).fill(0);
      return start;
    }
    const last = this.free.at(-1);
    const joined = last?.end === this.end ? last : null;
    const start = joined ? joined.start : this.end;
    this.grow(start + bytes, size, what);
    if (joined) {
      new Uint8Array(this.memory.buffer, start, joined.end - start).fill(0);
      this.free.pop();
    }
    this.end = start + bytes;
    return start;
  }

  /** Gives back what `allocate` gave for this size. */
  release(start: number, size: number): void {
    const end = start + roundUp(size, ALIGNMENT);
    const after = this.free.findIndex(range => range.start > start);
    const index = after < 0 ? this.free.length : after;
    const before = this.free[index - 1];
    const next = this.free[index];
    if (before?.end === start && next?.start === end) {
      before.end = next.end;
      this.free.splice(index, 1);
    } else if (before?.end === start) before.end = end;
    else if (next?.start === end) next.start = start;
    else this.free.splice(index, 0, { start, end });
  }

  private grow(end: number, size: number, what: string): void {
    const missing = end + GUARD - this.memory.buffer.byteLength;
    if (missing <= 0) return;
    try {
      this.memory.grow(Math.ceil(missing / PAGE));
    } catch (cause) {
      throw new CodeFormerError('OUT_OF_MEMORY', `Not enough memory for ${size} bytes for ${what}`, { cause });
    }
  }
}
