// The engine as a process of its own: the server answers while it works, and outlives it where it breaks.

import { type ChildProcess, fork } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { onAbort } from '../abort.js';
import { CodeFormerError } from '../errors.js';
import type { EngineSettings, FromEngine, SentError, ToEngine } from './engine-messages.js';
import { JobError } from './errors.js';
import type { Engine, EngineInfo, EngineResult, LogLevel, RestoreInput } from './types.js';

/** The networks of an engine, and how its process is treated. */
export interface EngineOptions extends EngineSettings {
  /** Milliseconds that the process has to stop a photo whose job was ended, before it is ended itself. Default 10,000. */
  readonly grace?: number | undefined;
  /** Is told when the process has broken. */
  readonly onBroken?: (() => void) | undefined;
  /** The program of the process. Default that of the package. */
  readonly program?: string | undefined;
}

/** The process broke, or lost its device: its photos can be begun again. */
class BrokenError extends Error {}

interface Call {
  readonly log: (message: string, level?: LogLevel) => void;
  readonly resolve: (result: EngineResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Starts a process for the engine with the first photo, or with `ready`. */
export function createEngine(options: EngineOptions = {}): Engine {
  return new ProcessEngine(options);
}

class ProcessEngine implements Engine {
  private child: Promise<EngineChild> | null = null;
  private running: EngineChild | null = null;
  /** Photos under way, but for those that are tried again. */
  private readonly first = new Set<Promise<unknown>>();
  /** What broke the process is not known: photos that were in it are tried again each alone, and nothing else meanwhile. */
  private alone: Promise<unknown> = Promise.resolve();
  private closed = false;

  constructor(private readonly options: EngineOptions) {}

  get info(): EngineInfo | undefined {
    return this.running?.info;
  }

  async ready(): Promise<EngineInfo> {
    return (await this.started()).info;
  }

  async restore(photo: Uint8Array, input: RestoreInput, context: Parameters<Engine['restore']>[2]) {
    for (let alone: Promise<unknown> | null = null; alone !== this.alone; ) await (alone = this.alone);
    const attempt = this.attempt(photo, input, context);
    const settled = attempt.catch(() => {});
    this.first.add(settled);
    try {
      return await attempt;
    } catch (error) {
      if (!(error instanceof BrokenError) || context.signal.aborted) throw error;
    } finally {
      this.first.delete(settled);
    }
    context.log('The engine broke off; the picture is begun again', 'WARN');
    const again = Promise.all([this.alone, ...this.first]).then(() => this.attempt(photo, input, context));
    this.alone = again.catch(() => {});
    try {
      return await again;
    } catch (error) {
      if (!(error instanceof BrokenError)) throw error;
      throw new JobError(500, 'The engine broke off twice over this picture', { cause: error });
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    const child = await this.child?.catch(() => null);
    child?.kill();
    await child?.gone;
  }

  private async attempt(
    photo: Uint8Array,
    input: RestoreInput,
    { log, signal }: Parameters<Engine['restore']>[2],
  ): Promise<EngineResult> {
    const child = await this.started().catch(error => {
      throw error instanceof CodeFormerError && error.code === 'WORKER_FAILED' ? new BrokenError(error.message) : error;
    });
    signal.throwIfAborted();
    return child.restore(photo, input, log, signal);
  }

  /** @throws JobError where it cannot be started */
  private started(): Promise<EngineChild> {
    if (this.closed) return Promise.reject(new JobError(503, 'The engine was closed'));
    // That it is gone is known before all who wait for its end have heard of it.
    if (this.child && !this.running?.isGone) return this.child;
    this.running = null;
    const child = EngineChild.start(this.options);
    this.child = child;
    const forget = () => {
      if (this.child === child) this.child = this.running = null;
    };
    child.then(running => {
      if (this.child === child) this.running = running;
      void running.gone.then(() => {
        forget();
        if (!this.closed) this.options.onBroken?.();
      });
    }, forget);
    return child;
  }
}

/** The program beside this one, in the package. */
const PROGRAM = new URL('./engine-process.js', import.meta.url);

class EngineChild {
  readonly gone: Promise<void>;
  info!: EngineInfo;
  private readonly calls = new Map<number, Call>();
  private count = 0;
  isGone = false;
  private onStart: (message: FromEngine | null) => void = () => {};

  private constructor(
    private readonly process: ChildProcess,
    private readonly grace: number,
  ) {
    this.gone = new Promise(resolve => {
      const gone = () => {
        this.isGone = true;
        this.onStart(null);
        for (const { reject } of this.calls.values()) reject(new BrokenError('The process of the engine ended'));
        this.calls.clear();
        resolve();
      };
      process.once('exit', gone);
      process.once('error', gone);
    });
    process.on('message', (message: FromEngine) => this.receive(message));
  }

  /** Throws the error of the library that kept the engine from starting. */
  static async start(options: EngineOptions) {
    const { grace = 10_000, program = fileURLToPath(PROGRAM), onBroken, ...settings } = options;
    // What it prints is no answer to anybody.
    const stdio = ['ignore', 2, 2, 'ipc'] as const;
    const process = fork(program, [], { serialization: 'advanced', stdio: [...stdio], execArgv: [] });
    try {
      // What the server has to do is little and must not wait, whatever the engine takes of the processors.
      if (process.pid !== undefined) setPriority(process.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    } catch {
      // It ended at once, which is told below, or may not be slower than others.
    }
    const child = new EngineChild(process, grace);
    const answer = await new Promise<FromEngine | null>(resolve => {
      child.onStart = resolve;
      child.send({ kind: 'start', settings });
    });
    if (answer?.kind === 'ready') {
      child.info = answer.info;
      return child;
    }
    child.kill();
    await child.gone;
    if (answer?.kind === 'refused') throw received(answer.error);
    throw new CodeFormerError('WORKER_FAILED', 'The process of the engine ended before it was ready');
  }

  restore(photo: Uint8Array, input: RestoreInput, log: Call['log'], signal: AbortSignal): Promise<EngineResult> {
    const id = this.count++;
    let timer: NodeJS.Timeout | undefined;
    let stop = () => {};
    const result = new Promise<EngineResult>((resolve, reject) => {
      if (this.isGone) return reject(new BrokenError('The process of the engine ended'));
      this.calls.set(id, { log, resolve, reject });
      this.send({ kind: 'restore', id, photo, input });
      stop = onAbort(signal, () => {
        this.send({ kind: 'abort', id });
        timer = setTimeout(() => this.kill(), this.grace);
      });
    });
    return result.finally(() => {
      clearTimeout(timer);
      stop();
    });
  }

  kill(): void {
    this.process.kill('SIGKILL');
  }

  private send(message: ToEngine): void {
    // That the process is gone is told by its end.
    this.process.send(message, () => {});
  }

  private receive(message: FromEngine): void {
    if (message.kind === 'ready' || message.kind === 'refused') this.onStart(message);
    else this.answer(message);
  }

  private answer(message: Extract<FromEngine, { id: number }>): void {
    const call = this.calls.get(message.id);
    if (message.kind === 'log') call?.log(message.message, message.level);
    else this.calls.delete(message.id);
    if (!call || message.kind === 'log') return;
    if (message.kind === 'restored') {
      this.info = { ...this.info, memory: message.memory };
      call.resolve(message.result);
    } else if (message.error.code === 'DEVICE_LOST') call.reject(new BrokenError(message.error.message));
    else call.reject(received(message.error));
  }
}

const received = ({ code, message }: SentError): Error =>
  code === undefined ? new Error(message) : new CodeFormerError(code, message);
