// The one error type of the library: a stable code, and a message that says what was expected for which name and what came.

/** Stable identifiers of everything that can go wrong. Messages may change between versions; codes do not. */
export type ErrorCode =
  /** An option or argument has a wrong type or is out of its range. */
  | 'INVALID_ARGUMENT'
  /** Bytes that are no picture, or a broken one. */
  | 'INVALID_IMAGE'
  /** A picture above the pixel limit. */
  | 'IMAGE_TOO_LARGE'
  /** A file or folder that is not there. */
  | 'FILE_NOT_FOUND'
  /** A file, folder or stream that cannot be read. */
  | 'FILE_UNREADABLE'
  /** A file, folder or stream that cannot be written, or a file that is there already. */
  | 'FILE_UNWRITABLE'
  /** A file of weights that is broken, hostile or of an unknown kind. */
  | 'INVALID_CHECKPOINT'
  /** Weights that do not fit the network: tensors missing, left over or of the wrong shape. */
  | 'WEIGHTS_MISMATCH'
  /** A document of codes that is broken, or of another network. */
  | 'INVALID_CODES'
  /** Size or SHA-256 differ from what is known of a file. */
  | 'INTEGRITY'
  /** A download that was refused, or that broke off and could not be continued. */
  | 'DOWNLOAD_FAILED'
  /** No adapter of the kind that was asked for, or no page from https or localhost. */
  | 'NO_ADAPTER'
  /** The adapter's limits are too small for what was asked. */
  | 'ADAPTER_LIMITS'
  /** The GPU or its driver ended the device while it was in use. */
  | 'DEVICE_LOST'
  /** The adapter has not enough memory left. */
  | 'OUT_OF_MEMORY'
  /** A shader did not compile, WebGPU refused a call, or a GPU computes wrongly: a defect of the library or of the driver. */
  | 'GPU_ERROR'
  /** Tensors whose shapes do not fit together; the message names the layer. */
  | 'SHAPE_MISMATCH'
  /** The worker of the client in browsers, or a thread of WebAssembly, could not be started, or broke. */
  | 'WORKER_FAILED'
  /** A package that is installed by those alone who use what it is for; the message names it. */
  | 'PACKAGE_MISSING'
  /** A program that keeps the jobs, as Redis, cannot be reached. */
  | 'SERVICE_UNAVAILABLE'
  /** The signal of the call, or of the process, was aborted. */
  | 'ABORTED'
  /** An object was used after `destroy()`. */
  | 'DESTROYED';

/** What goes wrong in the library: `code` says what, the message what was expected, for which name, and what came. */
export class CodeFormerError extends Error {
  override readonly name = 'CodeFormerError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** A value as it is shown in messages: short, and safe for anything. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return shortened(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  try {
    if (Array.isArray(value)) return `an array of ${value.length}`;
    return `an object (${className(value as object)})`;
  } catch {
    // Proxies and getters may throw at every touch.
    return 'an object';
  }
}

function shortened(value: number | boolean | bigint): string {
  const text = String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** What is no name of a class, but a value that an object brings, is not shown. */
function className(value: object): string {
  const name: unknown = value.constructor?.name;
  return typeof name === 'string' && /^[\w$]{1,80}$/.test(name) ? name : 'Object';
}

/**
 * The error for a wrong argument.
 * @param what what was expected, as in `a number from 0 to 1`
 * @param name the option or argument
 * @param value what came
 */
export function invalidArgument(what: string, name: string, value: unknown): CodeFormerError {
  // The type of nothing says nothing.
  const type = value === undefined || value === null ? '' : ` of type ${typeof value}`;
  return new CodeFormerError('INVALID_ARGUMENT', `Expected ${what} for ${name} but received ${describe(value)}${type}`);
}

/**
 * A part of the library that is loaded when it is needed.
 * @param name as in `the shaders`
 * @throws `DOWNLOAD_FAILED`
 */
export async function loadPart<T>(name: string, part: Promise<T>): Promise<T> {
  try {
    return await part;
  } catch (cause) {
    const { message } = cause as Error;
    throw new CodeFormerError('DOWNLOAD_FAILED', `${name} of codeformer-webgpu could not be loaded: ${message}`, {
      cause,
    });
  }
}

/** Throws `ABORTED` when the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new CodeFormerError('ABORTED', 'The operation was aborted', { cause: signal.reason });
}
