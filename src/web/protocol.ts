// What the client on a page and its worker say to each other. Every call has a number, which its answer, its events and its abort carry.

import { CodeFormerError, type ErrorCode } from '../errors.js';
import type { Picture } from '../image/picture.js';
import type {
  EncodedFace,
  PreparedPhoto,
  RestorerInfo,
  SelfTestResult,
  TuneResult,
} from '../pipeline/restorer-types.js';
import type { DetectedFace, RestoreResult, SweepResult } from '../pipeline/types.js';

/** Calls, with their arguments as they are sent. The options come last, without signal and listeners. */
export interface Calls {
  create(options: object): null;
  detect(photo: unknown, options: object): DetectedFace[];
  restore(photo: unknown, options: object): RestoreResult<unknown>;
  sweep(photo: unknown, options: object): SweepResult<unknown>;
  encode(crop: unknown, options: object): EncodedData;
  decode(face: number, options: object): Picture;
  logits(face: number, options: object): Float32Array;
  prepare(photo: unknown, options: object): PreparedData;
  render(photo: number, options: object): RestoreResult<unknown>;
  selfTest(options: object): SelfTestResult;
  tune(options: object): TuneResult;
}

/** An encoded face that stays in the worker under a number. */
export type EncodedData = { readonly handle: number } & Pick<EncodedFace, 'size' | 'indices' | 'margin' | 'warnings'>;

/** A prepared photo that stays in the worker under a number. */
export type PreparedData = { readonly handle: number } & Pick<PreparedPhoto, 'width' | 'height' | 'faces' | 'warnings'>;

export type ToWorker =
  /** The first message; a worker that is one of this library answers it at once. */
  | { readonly type: 'hello' }
  | {
      readonly type: 'call';
      readonly id: number;
      readonly method: keyof Calls;
      readonly args: readonly unknown[];
      /** Names of the options whose calls are sent as events. */
      readonly listeners: readonly string[];
    }
  | { readonly type: 'abort'; readonly id: number }
  /** Frees what the worker keeps under a handle. */
  | { readonly type: 'release'; readonly handle: number };

export type ToClient =
  | { readonly type: 'ready' }
  | { readonly type: 'event'; readonly id: number; readonly listener: string; readonly value: unknown }
  | { readonly type: 'value'; readonly id: number; readonly value: unknown; readonly info: RestorerInfo }
  | { readonly type: 'error'; readonly id: number; readonly error: ErrorData };

export interface ErrorData {
  /** Absent for errors that are not of the library. */
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly stack: string | undefined;
}

export function errorData(error: unknown): ErrorData {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: error instanceof CodeFormerError ? error.code : undefined, message, stack };
}

export function errorFrom({ code, message, stack }: ErrorData, cause: unknown): Error {
  const options = cause === undefined ? {} : { cause };
  const error = code ? new CodeFormerError(code, message, options) : new Error(message, options);
  if (stack !== undefined) error.stack = stack;
  return error;
}
