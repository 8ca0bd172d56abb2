// Runs the command line inside of the test's own process, with an engine that needs no GPU.

import { Readable, Writable } from 'node:stream';
import type { Engine, EngineOptions } from '../../src/cli/engine.js';
import { sizeWarnings } from '../../src/cli/engine.js';
import { main, type Services } from '../../src/cli/main.js';
import { throwIfAborted } from '../../src/errors.js';
import { type Picture, toRgba } from '../../src/image/picture.js';

export interface Outcome {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** Options of each engine that was opened. */
  readonly opened: readonly EngineOptions[];
  /** Fidelity of each crop that was restored. */
  readonly fidelities: readonly number[];
  readonly destroyed: number;
}

export interface Setting {
  readonly stdin?: Uint8Array;
  /** Stdin stays open and brings nothing. */
  readonly waiting?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  readonly terminal?: boolean;
  readonly signal?: AbortSignal;
  /** Called instead of opening the engine. */
  readonly open?: () => never;
  /** Called while a crop is restored. */
  readonly during?: () => unknown;
  readonly reportAdapters?: Services['reportAdapters'];
}

/** Side of the crops of the engine. */
export const SIZE = 8;

class Sink extends Writable {
  readonly chunks: Buffer[] = [];

  constructor(readonly isTTY: boolean) {
    super();
  }

  override _write(chunk: Buffer, _: unknown, done: () => void): void {
    this.chunks.push(Buffer.from(chunk));
    done();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

/** Runs a command line. The engine gives back the crop with inverted colours. */
export async function codeformer(args: readonly string[], setting: Setting = {}): Promise<Outcome> {
  const stdout = new Sink(setting.terminal ?? false);
  const stderr = new Sink(setting.terminal ?? false);
  const opened: EngineOptions[] = [];
  const fidelities: number[] = [];
  let destroyed = 0;
  const codes = { indices: Int32Array.of(3, 1, 2, 0), margins: Float32Array.of(0.5, 0.25, 1, 2) };

  const openEngine = async (options: EngineOptions): Promise<Engine> => {
    opened.push(options);
    setting.open?.();
    return {
      size: SIZE,
      model: options.weights,
      adapter: 'pretended',
      async restoreCrop(picture, { fidelity, signal, onProgress }) {
        fidelities.push(fidelity);
        onProgress?.(0.5);
        await setting.during?.();
        throwIfAborted(signal);
        onProgress?.(1);
        const warnings = sizeWarnings(picture, SIZE);
        return { ...codes, picture: inverted(picture), timings: { encode: 1, decode: 2 }, warnings };
      },
      async codes(picture, { signal }) {
        await setting.during?.();
        throwIfAborted(signal);
        return { ...codes, warnings: sizeWarnings(picture, SIZE) };
      },
      async destroy() {
        destroyed++;
      },
    };
  };
  const reportAdapters = setting.reportAdapters ?? (async () => ({ adapters: [], swiftShaderPackage: null }));
  const io = {
    stdin: setting.waiting ? new Readable({ read() {} }) : Readable.from(setting.stdin ? [setting.stdin] : []),
    stdout,
    stderr,
    env: setting.env ?? {},
    signal: setting.signal ?? new AbortController().signal,
  };
  const code = await main(args, io, { openEngine, reportAdapters });
  return { code, stdout: stdout.bytes, stderr: stderr.bytes.toString(), opened, fidelities, destroyed };
}

/** The top left corner in inverted colours, at the size of the engine. */
export function inverted(picture: Picture): Picture {
  const rgba = toRgba(picture);
  const data = new Uint8ClampedArray(4 * SIZE * SIZE);
  for (let y = 0; y < SIZE; y++)
    for (let x = 0; x < SIZE; x++) {
      const from = 4 * (Math.min(y, rgba.height - 1) * rgba.width + Math.min(x, rgba.width - 1));
      const [r, g, b] = rgba.data.subarray(from, from + 3);
      data.set([255 - r!, 255 - g!, 255 - b!, 255], 4 * (y * SIZE + x));
    }
  return { data, width: SIZE, height: SIZE };
}

/** A picture of pixels that all differ a little. */
export function sample(width = SIZE, height = SIZE): Picture {
  const data = Uint8ClampedArray.from({ length: 4 * width * height }, (_, i) => (i % 4 === 3 ? 255 : (i * 13) % 256));
  return { data, width, height };
}
