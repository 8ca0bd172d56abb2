// What a server and the process of its engine tell each other.

import type { ErrorCode } from '../errors.js';
import type { RestorerOptions } from '../pipeline/restorer-types.js';
import type { EngineInfo, EngineResult, LogLevel, RestoreInput } from './types.js';

/** Networks and adapter, as far as they can be sent to another process. */
export type EngineSettings = Pick<RestorerOptions, 'adapter' | 'precision' | 'subgroupMatrices'> & {
  readonly [Role in 'weights' | 'detector' | 'parser' | 'upscaler']?: string | null | undefined;
} & {
  /** Most pixels of a photo and of its result. Default 100 million. */
  readonly maxPixels?: number | undefined;
};

export type ToEngine =
  | { readonly kind: 'start'; readonly settings: EngineSettings }
  | { readonly kind: 'restore'; readonly id: number; readonly photo: Uint8Array; readonly input: RestoreInput }
  | { readonly kind: 'abort'; readonly id: number };

/** An error as it is sent; without a code it is no `CodeFormerError`. */
export interface SentError {
  readonly code?: ErrorCode | undefined;
  readonly message: string;
}

export type FromEngine =
  | { readonly kind: 'ready'; readonly info: EngineInfo }
  | { readonly kind: 'refused'; readonly error: SentError }
  | { readonly kind: 'log'; readonly id: number; readonly message: string; readonly level: LogLevel }
  | { readonly kind: 'restored'; readonly id: number; readonly result: EngineResult; readonly memory: number }
  | { readonly kind: 'failed'; readonly id: number; readonly error: SentError };
