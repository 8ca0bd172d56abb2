// Numbers that look random and are the same in every run.

/** A generator of a fixed sequence (xorshift32 on a hashed seed). */
export class Random {
  private state: number;

  constructor(seed: number) {
    // Neighbouring seeds must not give neighbouring sequences.
    let hash = Math.imul(seed ^ (seed >>> 16), 0x45d9f3b) + 0x9e3779b9;
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    this.state = (hash ^ (hash >>> 13)) >>> 0 || 1;
  }

  /** A whole number from 0 to 2^32 - 1. */
  next(): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    this.state >>>= 0;
    return this.state;
  }

  /** A whole number from 0 to limit - 1; 0 where the limit is 0. */
  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit);
  }

  chance(share: number): boolean {
    return this.next() < share * 2 ** 32;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}
