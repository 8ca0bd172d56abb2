// What the parts of the server know of each other: requests, jobs, and where jobs and results are kept. Times are milliseconds since 1970,
// sizes bytes.

/** What a request asks for, after validation. */
export interface RestoreInput {
  /** http or https, or `storage:` and a key of the storage, where data URIs and uploads are. */
  readonly imageUrl: string;
  readonly fidelity: number;
  readonly upscaling: number;
  readonly aligned: boolean;
  readonly onlyCenterFace: boolean;
  readonly faceUpscale: boolean;
  readonly seed?: number | undefined;
  /** The answer has the result as a data URI instead of the address of a file. */
  readonly syncMode: boolean;
  readonly outputFormat: OutputFormat;
  readonly strength: number;
  readonly faces: 'all' | 'largest' | 'center' | readonly number[];
  readonly perFace: Readonly<
    Record<number, { readonly fidelity?: number | undefined; readonly strength?: number | undefined }>
  >;
  readonly grayscale: 'auto' | boolean;
  readonly neverWorse: boolean;
  readonly metadata: 'keep' | 'none';
  readonly temperature: number;
}

/** Formats of results. */
export type OutputFormat = 'png' | 'jpeg' | 'webp';

/** How much a line of a log matters. */
export type LogLevel = 'INFO' | 'WARN' | 'ERROR';

/** What is said of a job while it runs. */
export interface LogLine {
  readonly message: string;
  readonly level: LogLevel;
  readonly source: string;
  /** ISO 8601. */
  readonly timestamp: string;
}

/** Why a job failed: the HTTP status of its result, and the `detail` of the body. */
export interface JobFailure {
  readonly status: number;
  readonly detail: unknown;
}

/** How far a job has come: it waits, runs, has ended with an output or a failure, or was cancelled. */
export type JobState = 'IN_QUEUE' | 'IN_PROGRESS' | 'COMPLETED' | 'CANCELLED';

/** A result. */
export interface StoredImage {
  /** Where the storage has it. */
  readonly key: string;
  readonly width: number;
  readonly height: number;
  readonly contentType: string;
  readonly fileName: string;
  readonly fileSize: number;
}

/** What was made of a job. */
export interface JobOutput {
  readonly image: StoredImage;
  readonly seed: number;
}

/** A request as it waits in a queue. */
export interface Job {
  /** A UUID. */
  readonly id: string;
  /** Hash of the key it came with; '' without keys. */
  readonly owner: string;
  readonly input: RestoreInput;
  /** The address of the server, as the client reached it, without a slash at its end: addresses of files begin with it. */
  readonly base: string;
  /** Its client waits for it and can ask for it in no other way: it ends with the process. */
  readonly isAwaited?: boolean | undefined;
  /** Gets the result by POST. */
  readonly webhook?: string | undefined;
  readonly createdAt: number;
  /** When the job fails if it has not ended. */
  readonly deadline: number;
  /** When the job fails if it has not begun, as its client wanted it. */
  readonly startBefore?: number | undefined;
  /** Warnings about the request, which stand before all other logs. */
  readonly notes?: readonly LogLine[] | undefined;
}

/** A job, and what has become of it. */
export interface JobRecord extends Job {
  readonly state: JobState;
  /** Jobs that wait before this one; 0 for jobs that do not wait. */
  readonly position: number;
  readonly logs: readonly LogLine[];
  readonly startedAt?: number | undefined;
  readonly finishedAt?: number | undefined;
  readonly output?: JobOutput | undefined;
  readonly failure?: JobFailure | undefined;
  /** How often the job was begun. */
  readonly attempts: number;
}

/** Does a job. Throws a `JobError`. */
export type Work = (
  job: Job,
  context: { log(line: LogLine): void; readonly signal: AbortSignal },
) => Promise<JobOutput>;

/** How a queue does its jobs. */
export interface WorkOptions {
  readonly concurrency: number;
  /**
   * Is told of each job that has ended, once it is recorded, however it ended; of one with a webhook again where the process ended before it
   * was done.
   */
  readonly finished?: ((record: JobRecord) => Promise<void>) | undefined;
}

/** Jobs and their results. */
export interface JobQueue {
  /**
   * Adds a job, and resolves when it is sure to be done.
   * @param job with an id that no other one has
   * @throws `QueueFullError`; `JobError` where the queue is closed, or cannot keep it
   */
  submit(job: Job): Promise<JobRecord>;
  /**
   * The job of an id, while it is kept.
   * @param id of a job, or of none
   * @throws `JobError` where the queue cannot be asked
   */
  get(id: string): Promise<JobRecord | undefined>;
  /**
   * Ends a job that waits or runs.
   * @param id of a job, or of none
   * @throws `JobError` where the queue cannot be asked
   */
  cancel(id: string): Promise<'CANCELLATION_REQUESTED' | 'ALREADY_COMPLETED' | 'NOT_FOUND'>;
  /**
   * The job now and after each change, until it has ended, the signal is aborted, or it waits in a queue that is closed.
   * @param id of a job; of none, there is nothing
   * @param signal ends it
   */
  watch(id: string, signal?: AbortSignal): AsyncIterable<JobRecord>;
  /**
   * Starts to take jobs, of each owner in turn.
   * @param work is called for each
   */
  work(work: Work, options: WorkOptions): void;
  /**
   * Jobs that wait, and that run.
   * @throws `JobError` where the queue cannot be asked
   */
  counts(): Promise<{
    readonly waiting: number;
    readonly active: number;
    /** When the job that waits longest was submitted. */
    readonly oldestWaiting?: number | undefined;
  }>;
  /**
   * Takes no more jobs, waits until the deadline (milliseconds from now) for those that run, and gives the others back to the queue.
   * @throws nothing that a user of the queue could do something about
   */
  close(options?: { readonly deadline?: number | undefined }): Promise<void>;
}

/** Results and uploads. Keys are random, or made here; they never come from a user. */
export interface Storage {
  /**
   * Writes all or nothing.
   * @param key letters, digits, `-`, `_`, `/`, and dots inside of names
   * @param body its bytes
   * @param contentType of them
   * @throws `StorageFullError`, `FILE_UNWRITABLE`
   */
  put(key: string, body: Uint8Array, contentType: string): Promise<void>;
  /**
   * What is kept under a key; nothing where nothing is.
   * @param key as it was put
   * @throws `FILE_UNREADABLE`
   */
  get(key: string): Promise<{ readonly body: Uint8Array; readonly contentType: string } | undefined>;
  /**
   * Deletes what is there.
   * @param key as it was put
   * @throws `FILE_UNWRITABLE`
   */
  delete(key: string): Promise<void>;
  /**
   * All that is kept, in no order.
   * @param prefix of the keys
   * @throws `FILE_UNREADABLE`
   */
  list(prefix: string): AsyncIterable<{ readonly key: string; readonly size: number; readonly modified: number }>;
  /**
   * Ends what was opened for it.
   * @throws nothing of what is kept
   */
  close(): Promise<void>;
}

/** What an engine makes of a photo. */
export interface EngineResult {
  /** Encoded in the format that was asked for. */
  readonly image: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  /** Faces that were restored, or looked at. */
  readonly faces: number;
  /** Milliseconds by stage. */
  readonly timings: Readonly<Record<string, number>>;
}

/** What is known of an engine that runs. */
export interface EngineInfo {
  readonly adapter: string;
  readonly model: string;
  /** Bytes of its process. */
  readonly memory: number;
}

/** Restores photos. Several calls may be under way; the next photo is decoded while one is restored. */
export interface Engine {
  /**
   * Restores an encoded photo.
   * @param photo PNG, JPEG, WebP, AVIF, TIFF, BMP or GIF
   * @param input what is asked for; its picture is not looked at
   * @param context gets what is said, and ends it
   * @throws `CodeFormerError` of the library; `JobError` where the engine breaks over it; the reason of the signal
   */
  restore(
    photo: Uint8Array,
    input: RestoreInput,
    context: { log(message: string, level?: LogLevel): void; readonly signal: AbortSignal },
  ): Promise<EngineResult>;
  /**
   * Starts it, unless it runs, and resolves when it takes photos.
   * @throws what keeps it from that
   */
  ready(): Promise<EngineInfo>;
  /** What `ready` gave, as it is now; nothing while it does not run. */
  readonly info: EngineInfo | undefined;
  /**
   * Ends it, and what is under way.
   * @throws nothing
   */
  close(): Promise<void>;
}
