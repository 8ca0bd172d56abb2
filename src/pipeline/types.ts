// What callers give the pipeline and get from it.

import type { EncodedType } from '../image/encoding.js';
import type { Point } from '../image/geometry.js';
import type { Picture } from '../image/picture.js';
import type { CodeSpace } from '../models/codeformer/fingerprint.js';
import type { FloatRgb } from '../pixels/device-picture.js';
import type { FaceRegion } from './regions.js';

export type { CodeSpace, EncodedType, FloatRgb };

/** Left, top, right, bottom in pixels of the photo. */
export type Box = readonly [number, number, number, number];

/** Eye at the left of the picture, eye at the right, nose, left and right corner of the mouth, in pixels of the photo. */
export type Landmarks = readonly Point[];

/** A face that was found in a photo. */
export interface DetectedFace {
  /** Place in the list of all faces that were found, the most certain first. */
  readonly id: number;
  readonly box: Box;
  /** 0 to 1; 1 for faces of the caller's own. */
  readonly score: number;
  readonly landmarks: Landmarks;
}

/** A face of the caller's own: landmarks, or a box in which the detector looks for them. */
export type OwnFace =
  | { readonly landmarks: Landmarks; readonly box?: Box; readonly score?: number }
  | { readonly box: Box; readonly landmarks?: undefined };

/** A face with what was made of it. */
export interface RestoredFace extends DetectedFace {
  /** The face as the network sees it: upright, of the network's size, opaque; the photo goes on mirrored beyond its edges. */
  readonly crop: Picture;
  /** What the network makes of it. */
  readonly restored: Picture;
  /** Code of each token, row by row; null where `restoreFace` was replaced. */
  readonly indices: Int32Array | null;
  /** Logit of the best code minus that of the second best, of each token. */
  readonly margin: Float32Array | null;
  /** From pixels of the photo to those of the crop: 2x3 in rows. */
  readonly transform: Float64Array;
  /**
   * How much of the restored face is used beside what the photo has, 0 to 1: 1 unless `neverWorse` found that the photo knows as much as the
   * network. It multiplies the strength.
   */
  readonly share: number;
  /** Why the face is left as it is, where the share is 0; else null. */
  readonly untouched: string | null;
  /**
   * How alike the restored face looks to its crop, -1 to 1: the correlation of both at little detail (docs/likeness.md). Above 0.996 hardly
   * any face of the measurement was taken for somebody else. Null unless `likeness` is set.
   */
  readonly likeness: number | null;
  /** Milliseconds by stage. */
  readonly timings: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
}

/** A picture that a page shows. */
export type PictureElement = HTMLCanvasElement | OffscreenCanvas | HTMLImageElement;

/**
 * Encoded bytes, or pixels. Pixels come back in the form in which they went in, those of elements as an `ImageBitmap`. They are not copied:
 * what is changed before the call ends may show in its result.
 */
export type PhotoInput =
  | Blob
  | ArrayBuffer
  | Uint8Array
  | ImageData
  | ImageBitmap
  | VideoFrame
  | PictureElement
  | Picture;

/** Pixels in a buffer on a GPU: RGBA, a byte each, rows from top to bottom without gaps. */
export interface BufferPicture {
  /** At least 4 * width * height bytes, of the restorer's own device; to be read with the usage `COPY_SRC`, to be written with `COPY_DST`. */
  readonly buffer: GPUBuffer;
  /** In pixels. */
  readonly width: number;
  readonly height: number;
}

/**
 * A photo on the restorer's own device: a texture of `rgba8unorm`, `bgra8unorm`, both also with `-srgb`, or `rgba16float`, with the usage
 * `TEXTURE_BINDING`, or a buffer. Its alpha is not looked at, but goes into the result.
 */
export type DevicePhoto = GPUTexture | BufferPicture;

/**
 * Where a result goes on the restorer's own device: a texture of one of these formats, with the usage `RENDER_ATTACHMENT`, or a buffer, of the
 * result's size; or a canvas, which gets that size, with a WebGPU context that is configured for the device.
 */
export type DeviceTarget = GPUTexture | BufferPicture | HTMLCanvasElement | OffscreenCanvas;

/** What a restored photo comes back as, unless `output` asks for encoded bytes. */
export type PhotoOutput<I> = I extends ImageBitmap | PictureElement
  ? ImageBitmap
  : I extends VideoFrame
    ? VideoFrame
    : I extends ImageData
      ? ImageData
      : Picture;

/** How far the work on a photo has come. */
export interface Progress {
  /** `background` comes only where it is upscaled. */
  readonly stage: 'decode' | 'detect' | 'align' | 'restore' | 'background' | 'paste' | 'encode';
  /** Number of the face, from 1, and how many there are; 0 where the stage is about the whole photo. */
  readonly face: number;
  readonly faces: number;
  /** Share of the stage that is done, or of the face in it, 0 to 1. */
  readonly share: number;
  /** Share of the whole work that is done, 0 to 1. */
  readonly done: number;
}

/** Which part of a restored face is pasted. */
export interface MaskOptions {
  /** Regions that are pasted where a parser is loaded. Default `DEFAULT_REGIONS`: the head without hat, necklace, neck, cloth. */
  readonly regions?: readonly FaceRegion[] | undefined;
  /** Width of the soft edge as a share of half of the crop's side, above 0, at most 1. Default 0.2. */
  readonly feather?: number | undefined;
}

/** Parts of the pipeline that a caller can replace. Pictures are RGBA. */
export interface ReplaceableParts {
  /** A crop of the network's size to a restored one of the same size. */
  readonly restoreFace?:
    | ((
        crop: Picture,
        context: { readonly id: number; readonly fidelity: Fidelity; readonly signal?: AbortSignal | undefined },
      ) => Picture | Promise<Picture>)
    | undefined;
  /** A face of 512x512 to the label of each pixel, by the order of `FACE_REGIONS`. */
  readonly parseFace?: ((face: Picture) => Uint8Array | Promise<Uint8Array>) | undefined;
  /** A larger picture; one that has not the size asked for is resized. */
  readonly upscale?: ((picture: Picture, scale: number) => Picture | Promise<Picture>) | undefined;
  /**
   * As `upscale`, for the faces of grey photos in compat mode: like the reference it gets them before they are rounded. Default: `upscale`,
   * of the rounded face.
   */
  readonly upscaleFloat?:
    | ((face: FloatRgb, scale: number) => FloatRgb | Picture | Promise<FloatRgb | Picture>)
    | undefined;
  /** The faces of a photo. */
  readonly detectFaces?: ((photo: Picture) => readonly OwnFace[] | Promise<readonly OwnFace[]>) | undefined;
}

/** w in [0, 1]: a number, or one for each pixel of the crop, row by row. */
export type Fidelity = number | Float32Array;

/** Which faces are restored: a rule, ids as `detect` gives them, faces of the caller's own, or a predicate. */
export type FaceChoice =
  | 'all'
  | 'largest'
  | 'center'
  | readonly number[]
  | readonly OwnFace[]
  | ((face: DetectedFace) => boolean);

/** How the faces of a photo are found. */
export interface PhotoOptions extends Pick<ReplaceableParts, 'detectFaces'> {
  /** Match the reference implementation exactly, known quirks included. Default false. */
  readonly compat?: boolean | undefined;
  /** Skip faces whose box has a shorter side, in pixels of the photo. Default 0. */
  readonly minFaceSize?: number | undefined;
  /**
   * Sizes at which faces are looked for, relative to a shorter side of 640 pixels: below 1 for faces larger than that, above 1 for small
   * ones in large photos. Default [1].
   */
  readonly detectionScales?: readonly number[] | undefined;
  /** Most pixels of the photo and of the result. Default 100 million. */
  readonly maxPixels?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Gets how far the work has come, often. What it throws ends the call. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** How a photo is restored. */
export interface RestoreOptions extends PhotoOptions, ReplaceableParts {
  /** 0 quality to 1 identity. Default 0.5. */
  readonly fidelity?: Fidelity | undefined;
  /** Size of the result over that of the photo, above 0. Default 2. */
  readonly upscaling?: number | undefined;
  /** The photo is an aligned crop; the result has the network's size. Default false. */
  readonly aligned?: boolean | undefined;
  /** Restore only the face nearest to the centre. Default false. */
  readonly onlyCenterFace?: boolean | undefined;
  /**
   * Upscale restored faces before they are pasted, where an upscaler is loaded and they are pasted larger than the network made them.
   * Default true.
   */
  readonly faceUpscale?: boolean | undefined;
  /** Upscale the rest of the photo, too. Default false. */
  readonly backgroundUpscale?: boolean | undefined;
  /** A whole number of at least 0, for `temperature`. Default drawn; the result says it. */
  readonly seed?: number | undefined;
  /** Above 0, codes are drawn from the softmax of logits / temperature instead of taking the best. Default 0. */
  readonly temperature?: number | undefined;
  /** Codes to decode instead of those that the network finds, row by row, by face id. */
  readonly indices?: Readonly<Record<number, Int32Array>> | undefined;
  /** Give the codes the statistics of the crop's features. Default true. */
  readonly adain?: boolean | undefined;
  /** Faces to restore: by rule, by the ids that `detect` gives, faces of the caller's own, or a predicate. Default `all`. */
  readonly faces?: FaceChoice | undefined;
  /** Fidelity and strength by face id. */
  readonly perFace?:
    | Readonly<Record<number, { readonly fidelity?: Fidelity | undefined; readonly strength?: number | undefined }>>
    | undefined;
  /** Share of the restored face in the result, 0 to 1. Default 1. */
  readonly strength?: number | undefined;
  /**
   * Leave faces as they are, wholly or in part, where the photo knows more of them than the network would give back: sharp and clean ones.
   * Not in compat mode, and not for faces whose codes are given or drawn. Default true; false for a sweep, which compares fidelities.
   */
  readonly neverWorse?: boolean | undefined;
  /** Measure how alike restored faces look to those of the photo. Not in compat mode. Default false. */
  readonly likeness?: boolean | undefined;
  readonly mask?: MaskOptions | undefined;
  /** Gets each face as soon as it is restored, long before the result. What it throws ends the call. */
  readonly onFace?: ((face: Pick<RestoredFace, 'id' | 'restored'>) => void) | undefined;
  /** Keep faces grey, in the tone of the photo: always, never, or where it is black and white or toned (sepia, blue, yellowed). Default `auto`. */
  readonly grayscale?: 'auto' | boolean | undefined;
  /** Encode the result. Default: pixels. */
  readonly output?: EncodedType | undefined;
  /** Of JPEG and WebP, 1 to 100. Default 95. */
  readonly quality?: number | undefined;
  /** The colour, as `#rrggbb` or `#rgb`, under what is transparent where `output` is JPEG, which has none. Default white. */
  readonly background?: string | undefined;
  /**
   * What goes from an encoded photo into an encoded result: `keep` its EXIF data, XMP packet and IPTC records (date, place, camera, author,
   * copyright; WebP and PNG have no IPTC), without orientation and thumbnail, or `none`. Default `keep`.
   */
  readonly metadata?: 'keep' | 'none' | undefined;
}

/** A restored photo. */
export interface RestoreResult<Image = Picture> {
  readonly image: Image;
  readonly width: number;
  readonly height: number;
  readonly faces: readonly RestoredFace[];
  /** The seed that was given, or the one that was drawn. */
  readonly seed: number;
  readonly warnings: readonly string[];
  /** Milliseconds by stage, which add up to `total`; `wait`, for the calls before, is apart. */
  readonly timings: Readonly<Record<string, number>>;
}

/** How a photo is restored into a texture, a buffer or a canvas: as elsewhere, but for what is about encoded results and aligned crops. */
export type IntoOptions = Omit<RestoreOptions, 'aligned' | 'output' | 'quality' | 'background' | 'metadata' | 'onFace'>;

/** What is told of a photo that was restored into a texture, a buffer or a canvas: its faces have no pictures, which would have to be read. */
export interface IntoResult extends Omit<RestoreResult, 'image' | 'faces'> {
  readonly faces: readonly Omit<RestoredFace, 'crop' | 'restored'>[];
}

/** A face that is ready to be restored. */
export type PreparedFace = Omit<RestoredFace, 'restored' | 'likeness'>;

/** What can change from one picture of a prepared photo to the next; what is left out is as it was given to `prepare`. */
export interface RenderOptions
  extends Pick<
    RestoreOptions,
    | 'fidelity'
    | 'perFace'
    | 'strength'
    | 'upscaling'
    | 'faceUpscale'
    | 'backgroundUpscale'
    | 'mask'
    | 'neverWorse'
    | 'likeness'
    | 'indices'
    | 'adain'
    | 'temperature'
    | 'seed'
    | 'output'
    | 'quality'
    | 'background'
    | 'metadata'
    | 'signal'
    | 'onProgress'
    | 'onFace'
  > {
  /** Ids of the faces to restore, one after another. Default all that were prepared. */
  readonly faces?: readonly number[] | undefined;
}

/** A photo restored at several fidelities. */
export interface SweepResult<Image = Picture> extends Omit<RestoreResult<Image>, 'image'> {
  /** One for each fidelity, in the order asked for. */
  readonly images: readonly { readonly fidelity: number; readonly image: Image; readonly faces: readonly Picture[] }[];
}
