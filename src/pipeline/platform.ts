// What the pipeline needs of the platform that it runs on.

import type { DeviceOptions, Executor } from '../executor.js';
import type { EncodedType, EncodeImageOptions } from '../image/encoding.js';
import type { DecodedPicture, Picture, PictureLimits } from '../image/picture.js';
import type { Role } from '../weights/manifest.js';
import type { Weights } from '../weights/weights.js';

/** Where weights are: part of the package, a path or URL, or in memory. */
export type WeightsInput = string | URL | Blob | Uint8Array | ArrayBuffer;

/** Pixels in a form of the platform's own. */
export interface PixelForm {
  readonly picture: Picture;
  /** Another picture in the same form. */
  toInputForm(picture: Picture): unknown;
}

export interface Platform {
  createDevice(options: DeviceOptions): Promise<Executor>;
  /** @param source `'embedded'` means the package's own weights for the role */
  openWeights(
    source: WeightsInput,
    options: { readonly role: Role; readonly signal?: AbortSignal | undefined },
  ): Promise<Weights>;
  decodeImage(bytes: Uint8Array, limits: PictureLimits): Promise<DecodedPicture>;
  encodeImage(
    picture: Picture,
    options: EncodeImageOptions & { readonly type: EncodedType },
  ): Promise<Uint8Array<ArrayBuffer>>;
  /** Pixels that are no plain `{ data, width, height }`; null for what the platform knows nothing of. */
  readPixels(input: unknown, limits: PictureLimits): Promise<PixelForm | null>;
  /** What is remembered of adapters. */
  readonly notes: Notes;
  /** Tells which calls are made from inside of a part of the caller's. */
  readonly inside: Inside;
}

/** What is remembered from one start to the next. Nothing fails where nothing can be kept: what is not known is found out again. */
export interface Notes {
  /** What compiles shaders here, with its version: other drivers come with it. */
  readonly host: string;
  /** Null for what is not known, or cannot be read. */
  read(key: string): Promise<string | null>;
  write(key: string, text: string): Promise<void>;
}

/** What some work was begun within. */
export interface Inside {
  run<T>(mark: object, work: () => T): T;
  marks(): readonly object[];
}

/** Knows only what work does before it first waits: all that can be known where contexts are not kept across waits. */
export function insideOfStack(): Inside {
  const stack: object[] = [];
  return {
    run(mark, work) {
      stack.push(mark);
      try {
        return work();
      } finally {
        stack.pop();
      }
    },
    marks: () => stack,
  };
}
