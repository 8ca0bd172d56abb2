// What the page of the bench and its worker say to each other.

import type { BenchOptions, BenchReport, TuneResult } from './worker.js';

export type { BenchReport, TuneResult };

/** The page asks once. */
export interface Task {
  readonly kind: 'measure' | 'tune';
  /** The folder of the weights. */
  readonly weightsBase: string;
  readonly options: Omit<BenchOptions, 'signal' | 'onProgress'>;
}

export type Answer =
  | { readonly kind: 'progress'; readonly what: string; readonly share: number | null }
  | { readonly kind: 'report'; readonly report: BenchReport }
  | { readonly kind: 'tuned'; readonly result: TuneResult }
  | { readonly kind: 'error'; readonly message: string };
