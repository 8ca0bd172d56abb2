// A short film in which before is wiped away by after, and comes back: as a video where the browser makes them, else as an animated picture.

import {
  BufferTarget,
  CanvasSource,
  getFirstEncodableVideoCodec,
  Mp4OutputFormat,
  Output,
  Quality,
  WebMOutputFormat,
} from 'mediabunny';
import { throwIfAborted } from '../../src/errors.js';
import { animatedWebp } from '../../src/image/webp.js';
import { CodeFormerError } from '../../src/web/client.js';
import { AFTER, BEFORE, label, type Sides } from './pictures.js';

/** A square of a photo, in its pixels. */
export interface Square {
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

/** Seconds from before to after and back. */
const LOOP = 3;

/** Of a video, which does not begin again by itself everywhere. */
const LOOPS = 2;

/** Side in pixels, and frames in a second. */
const VIDEO = { side: 640, rate: 30 };
const ANIMATION = { side: 480, rate: 15 };

/** The share of the picture that is before, 0 to 1, at a time of the loop from 0 to 1: it rests for a while at either end. */
export const shareAt = (time: number): number => Math.min(1, Math.max(0, 0.5 + 0.62 * Math.cos(2 * Math.PI * time)));

interface Film {
  readonly canvas: OffscreenCanvas;
  /** Draws what is to be seen at a time of the loop. */
  draw(time: number): void;
}

function film({ before, after }: Sides, photo: { readonly width: number }, square: Square, side: number): Film {
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext('2d', { alpha: false })!;
  // The parts are enlarged once, and not for each frame.
  const [first, second] = [before, after].map(picture => {
    const scale = picture.width / photo.width;
    const part = new OffscreenCanvas(side, side);
    const to = part.getContext('2d')!;
    to.imageSmoothingQuality = 'high';
    to.drawImage(
      picture,
      scale * square.x,
      scale * square.y,
      scale * square.side,
      scale * square.side,
      0,
      0,
      side,
      side,
    );
    return part;
  }) as [OffscreenCanvas, OffscreenCanvas];
  return {
    canvas,
    draw(time) {
      const share = shareAt(time);
      const at = Math.round(share * side);
      context.drawImage(first, 0, 0);
      if (at < side) context.drawImage(second, at, 0, side - at, side, at, 0, side - at, side);
      context.fillStyle = '#fff';
      if (share > 0 && share < 1) context.fillRect(at - 1, 0, 3, side);
      label(context, share > 0.5 ? BEFORE : AFTER, 0, side, canvas);
    },
  };
}

/**
 * Makes the film.
 * @param progress is told how much is done, 0 to 1
 * @throws `INVALID_ARGUMENT` where the browser makes neither, `ABORTED`
 */
export async function wipe(
  sides: Sides,
  photo: { readonly width: number },
  square: Square,
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const { side, rate } = VIDEO;
  const size = { width: side, height: side };
  const isThere = typeof VideoEncoder !== 'undefined';
  const mp4 = isThere ? await getFirstEncodableVideoCodec(['avc'], size) : null;
  const codec = mp4 ?? (isThere ? await getFirstEncodableVideoCodec(['vp9', 'vp8'], size) : null);
  if (!codec) return animation(film(sides, photo, square, ANIMATION.side), progress, signal);
  const { canvas, draw } = film(sides, photo, square, side);
  const format = mp4 ? new Mp4OutputFormat({ fastStart: 'in-memory' }) : new WebMOutputFormat();
  const output = new Output({ format, target: new BufferTarget() });
  const source = new CanvasSource(canvas, { codec, quality: new Quality('high') });
  output.addVideoTrack(source, { frameRate: rate });
  await output.start();
  const frames = LOOPS * LOOP * rate;
  for (let frame = 0; frame < frames; frame++) {
    if (signal.aborted) await output.cancel();
    throwIfAborted(signal);
    draw(frame / (LOOP * rate));
    await source.add(frame / rate, 1 / rate);
    progress(frame / frames);
  }
  await output.finalize();
  return new Blob([output.target.buffer!], { type: mp4 ? 'video/mp4' : 'video/webm' });
}

async function animation({ canvas, draw }: Film, progress: (done: number) => void, signal: AbortSignal): Promise<Blob> {
  const frames: Uint8Array[] = [];
  const count = LOOP * ANIMATION.rate;
  for (let frame = 0; frame < count; frame++) {
    throwIfAborted(signal);
    draw(frame / count);
    const blob = await canvas.convertToBlob({ type: 'image/webp', quality: 0.8 });
    if (blob.type !== 'image/webp')
      throw new CodeFormerError('INVALID_ARGUMENT', 'This browser makes neither videos nor animated pictures.');
    frames.push(new Uint8Array(await blob.arrayBuffer()));
    progress(frame / count);
  }
  return new Blob([animatedWebp(frames, canvas, 1000 / ANIMATION.rate)], { type: 'image/webp' });
}
