// Plans memory by liveness: transient tensors whose lifetimes do not overlap share a slot.

import { bytesPerElement, type Precision } from '../kernels/kernel.js';
import type { Program, Storage } from './graph.js';

export interface MemoryPlan {
  /** Bytes of each slot, largest first. */
  readonly slots: readonly number[];
  /** Slot by storage id, for transient storages. */
  readonly slotOf: ReadonlyMap<number, number>;
}

interface Life {
  readonly storage: Storage;
  readonly bytes: number;
  readonly from: number;
  to: number;
}

export const storageBytes = ({ type, elements }: Storage, precision: Precision): number =>
  elements * bytesPerElement(type, precision);

/** The external tensors of a program by name. */
export function externalsOf({ calls }: Program): ReadonlyMap<string, Storage> {
  const storages = calls.flatMap(({ operands }) => Object.values(operands));
  return new Map(storages.filter(({ kind }) => kind === 'external').map(storage => [storage.name, storage]));
}

/**
 * Greedy by size: the largest tensor first, each into the smallest slot that is free for its whole life. Slots are whole buffers,
 * because WebGPU does not let one dispatch read and write ranges of the same buffer.
 */
export function planMemory(
  calls: readonly { readonly operands: Readonly<Record<string, Storage>> }[],
  precision: Precision,
): MemoryPlan {
  const lives = new Map<number, Life>();
  calls.forEach(({ operands }, index) => {
    for (const storage of Object.values(operands)) {
      if (storage.kind !== 'transient') continue;
      const life = lives.get(storage.id);
      if (life) life.to = index;
      else lives.set(storage.id, { storage, bytes: storageBytes(storage, precision), from: index, to: index });
    }
  });
  const slots: { bytes: number; lives: Life[] }[] = [];
  const slotOf = new Map<number, number>();
  for (const life of [...lives.values()].sort((a, b) => b.bytes - a.bytes || a.from - b.from)) {
    let best = -1;
    slots.forEach((slot, i) => {
      const free = slot.lives.every(other => other.to < life.from || life.to < other.from);
      if (free && (best < 0 || slot.bytes < slots[best]!.bytes)) best = i;
    });
    if (best < 0) {
      best = slots.length;
      slots.push({ bytes: life.bytes, lives: [] });
    }
    slots[best]!.lives.push(life);
    slotOf.set(life.storage.id, best);
  }
  return { slots: slots.map(s => s.bytes), slotOf };
}
