// Runs the command line inside of the test's own process, with an engine that needs no GPU.

import { Readable, Writable } from 'node:stream';
import type { Engine, EngineOptions, OpenEngine, Services } from '../../src/cli/engine.js';
import { main } from '../../src/cli/main.js';
import { throwIfAborted } from '../../src/errors.js';
import { checkEncodable } from '../../src/image/encoding.js';
import { type DecodedPicture, type Picture, toRgba } from '../../src/image/picture.js';
import { encodeImage } from '../../src/node/images.js';
import { sizeWarnings } from '../../src/pipeline/session.js';
import type { PhotoInput, PhotoOptions, RestoredFace, RestoreOptions } from '../../src/pipeline/types.js';

export interface Outcome {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** Options of each engine that was opened. */
  readonly opened: readonly EngineOptions[];
  /** Options of each picture that was restored, swept or looked at. */
  readonly calls: readonly PhotoOptions[];
  /** Fidelity of each picture that was restored. */
  readonly fidelities: readonly number[];
  readonly destroyed: number;
}

export interface Setting {
  readonly stdin?: Uint8Array | AsyncIterable<Uint8Array>;
  /** Stdin stays open and brings nothing. */
  readonly waiting?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  readonly terminal?: boolean;
  /** What writing to stdout ends with. */
  readonly stdoutError?: Error;
  readonly signal?: AbortSignal;
  /** Called instead of opening the engine. */
  readonly open?: () => never;
  /** Called while a crop is restored. */
  readonly during?: (photo: Picture) => unknown;
  /** Faces of each photo that is no aligned crop. Default 1. */
  readonly faces?: number;
  /** How much of them is used. Default all. */
  readonly used?: Pick<RestoredFace, 'share' | 'untouched'>;
  readonly reportAdapters?: Services['reportAdapters'];
  /** In the place of the pretended engine. */
  readonly openEngine?: OpenEngine;
}

/** Side of the crops of the engine. */
export const SIZE = 8;

/** What the codes of the engine mean. */
export const CODE_SPACE = { grid: 2, codebook: 4, fingerprint: '0123456789abcdef'.repeat(4) };

class Sink extends Writable {
  readonly chunks: Buffer[] = [];

  constructor(
    readonly isTTY: boolean,
    readonly fault?: Error,
  ) {
    super({ autoDestroy: false });
    // As those of the process have a listener.
    this.on('error', () => {});
  }

  override _write(chunk: Buffer, _: unknown, done: (error?: Error) => void): void {
    if (!this.fault) this.chunks.push(Buffer.from(chunk));
    done(this.fault);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

/** The first of the pretended faces. */
export const FACE = {
  id: 0,
  box: [1, 2, 5, 7],
  score: 0.9,
  landmarks: [
    [2, 3],
    [4, 3],
    [3, 4],
    [2, 5],
    [4, 5],
  ],
} as const;

const piecesOf = (stdin: Setting['stdin']) => (stdin instanceof Uint8Array ? [stdin] : (stdin ?? []));

/** Runs a command line. The engine gives back the picture with inverted colours. */
export async function codeformer(args: readonly string[], setting: Setting = {}): Promise<Outcome> {
  const stdout = new Sink(setting.terminal ?? false, setting.stdoutError);
  const stderr = new Sink(setting.terminal ?? false);
  const opened: EngineOptions[] = [];
  const calls: PhotoOptions[] = [];
  const fidelities: number[] = [];
  let destroyed = 0;
  const codes = { indices: Int32Array.of(3, 1, 2, 0), margin: Float32Array.of(0.5, 0.25, 1, 2) };

  const working = async (photo: Picture, { signal, onProgress }: PhotoOptions) => {
    onProgress?.({ stage: 'restore', face: 1, faces: 1, share: 0.5, done: 0.5 });
    await setting.during?.(photo);
    throwIfAborted(signal);
    onProgress?.({ stage: 'encode', face: 0, faces: 0, share: 1, done: 1 });
  };
  const found = () => Array.from({ length: setting.faces ?? 1 }, (_, id) => ({ ...FACE, id }));
  const restored = (photo: Picture, aligned: boolean | undefined): RestoredFace[] => {
    const crop = inverted(inverted(photo));
    const rest = {
      crop,
      restored: inverted(photo),
      ...codes,
      transform: new Float64Array(6),
      warnings: [],
      likeness: null,
    };
    const used = setting.used ?? { share: 1, untouched: null };
    return (aligned ? [{ ...FACE, landmarks: [] }] : found()).map(face => {
      return { ...face, ...rest, ...used, timings: { encode: 1, decode: 2 } };
    });
  };
  const image = (photo: PhotoInput) => inverted(photo as Picture);
  const rest = { width: SIZE, height: SIZE, timings: { total: 3 } };

  const pretended = async (options: EngineOptions): Promise<Engine> => {
    opened.push(options);
    setting.open?.();
    const engine = {
      size: SIZE,
      info: { adapter: 'pretended', model: options.restorer, size: SIZE, codes: CODE_SPACE, networks: {} },
      async restore(photo: Picture, options: RestoreOptions) {
        calls.push(options);
        fidelities.push(options.fidelity as number);
        await working(photo, options);
        const sizes = options.aligned ? sizeWarnings(photo, SIZE) : [];
        const warnings = [...((photo as Partial<DecodedPicture>).warnings ?? []), ...sizes];
        const faces = restored(photo, options.aligned);
        const { output: type, quality, background, metadata } = options;
        const kept = metadata === 'none' ? null : (photo as Partial<DecodedPicture>).metadata;
        if (type) checkEncodable(photo, type);
        const made = type && (await encodeImage(image(photo), { type, quality, background, metadata: kept }));
        return { image: made ?? image(photo), faces, seed: options.seed ?? 7, warnings, ...rest };
      },
      async sweep(photo: Picture, options: PhotoOptions & { fidelity: readonly number[]; aligned?: boolean }) {
        calls.push(options);
        await working(photo, options);
        const faces = restored(photo, options.aligned);
        const shown = faces.map(face => face.restored);
        const images = options.fidelity.map(fidelity => ({ fidelity, image: image(photo), faces: shown }));
        return { images, faces, seed: 7, warnings: [], ...rest };
      },
      async detect(photo: Picture, options: PhotoOptions) {
        calls.push(options);
        await working(photo, options);
        return found();
      },
      async encode(photo: Picture, { signal }: { signal?: AbortSignal }) {
        await setting.during?.(photo);
        throwIfAborted(signal);
        const warnings = sizeWarnings(photo, SIZE);
        return { size: SIZE, ...codes, warnings, destroy() {}, [Symbol.dispose]() {} };
      },
      async destroy() {
        destroyed++;
      },
    };
    return engine as unknown as Engine;
  };
  const { openEngine = pretended } = setting;
  const reportAdapters = setting.reportAdapters ?? (async () => ({ adapters: [], swiftShaderPackage: null }));
  const io = {
    stdin: setting.waiting ? new Readable({ read() {} }) : Readable.from(piecesOf(setting.stdin)),
    stdout,
    stderr,
    // No files of the machine's own cache.
    env: { CODEFORMER_CACHE: '/nonexistent', ...setting.env },
    signal: setting.signal ?? new AbortController().signal,
  };
  const code = await main(args, io, { openEngine, reportAdapters });
  return { code, stdout: stdout.bytes, stderr: stderr.bytes.toString(), opened, calls, fidelities, destroyed };
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
