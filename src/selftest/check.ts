// What is found of a kernel or a network.

/** A kernel or a network that was computed on known inputs. */
export interface Check {
  /** As `conv (winograd)` or `restorer`. */
  readonly name: string;
  readonly inputs: number;
  /** What came out wrong, in words; null where all is right. */
  readonly fault: string | null;
}

/** What is wrong, in words. */
export const faultsOf = (checks: readonly Check[]): string[] =>
  checks.flatMap(({ name, fault }) => (fault === null ? [] : [`${name}: ${fault}`]));
