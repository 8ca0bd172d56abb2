// Paints the picture, in a worker: large photos take longer to draw than a page may stand still.

import type { Picture } from '../../src/web/client.js';
import type { MadeFace } from '../session.js';
import type { Size, View } from './view.js';

/** What is to be seen, in CSS pixels. */
export interface Frame {
  readonly stage: Size;
  /** Pixels of the screen for each of CSS. */
  readonly ratio: number;
  readonly photo: Size;
  readonly view: View;
  /** Where before ends and after begins. */
  readonly divider: number;
}

export type ToPainter =
  | { readonly type: 'canvas'; readonly canvas: OffscreenCanvas }
  | { readonly type: 'photo'; readonly picture: ImageBitmap | null }
  | { readonly type: 'result'; readonly picture: Picture | null }
  | { readonly type: 'face'; readonly made: MadeFace | null }
  | { readonly type: 'frame'; readonly frame: Frame; readonly id: number };

/** Which frame is painted. */
export interface FromPainter {
  readonly id: number;
}

let canvas: OffscreenCanvas;
let photo: ImageBitmap | null = null;
let result: OffscreenCanvas | null = null;
/** Restored crops with soft edges, until there is a result with them. */
let faces: { readonly id: number; readonly crop: OffscreenCanvas; readonly transform: DOMMatrix }[] = [];
let waiting: { readonly frame: Frame; readonly id: number } | null = null;
/** The frame that is seen. */
let painted: { readonly frame: Frame; readonly id: number } | null = null;

// The types of workers exclude those of pages.
const scope = globalThis as unknown as {
  postMessage(message: FromPainter): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToPainter>) => void): void;
};

scope.addEventListener('message', ({ data }) => {
  if (data.type === 'canvas') {
    canvas = data.canvas;
  } else if (data.type === 'photo') {
    photo?.close();
    photo = data.picture;
    painted = null;
    faces = [];
  } else if (data.type === 'result') {
    result = data.picture && drawn(data.picture);
    faces = [];
  } else if (data.type === 'face') {
    const { made } = data;
    const face = made && softened(made, photo!);
    faces = face ? [...faces.filter(({ id }) => id !== face.id), face] : [];
    // All else is there already.
    if (face && painted && !waiting) {
      drawFaces(canvas.getContext('2d')!, painted.frame, [face]);
      scope.postMessage({ id: painted.id });
    }
  } else {
    // Of frames that have come meanwhile only the last is painted.
    if (!waiting) setTimeout(paint);
    waiting = data;
  }
});

function drawn({ data, width, height }: Picture): OffscreenCanvas {
  const picture = new OffscreenCanvas(width, height);
  const pixels = new Uint8ClampedArray(data.buffer as ArrayBuffer, data.byteOffset, data.length);
  picture.getContext('2d')!.putImageData(new ImageData(pixels, width, height), 0, 0);
  return picture;
}

/** About as it will be pasted: a share of it over the photo, that ends before its edges. */
function softened({ id, picture, transform, share }: MadeFace, before: ImageBitmap): (typeof faces)[number] {
  const restored = drawn(picture);
  const crop = new OffscreenCanvas(picture.width, picture.height);
  const context = crop.getContext('2d')!;
  const [a, b, c, d, e, f] = Array.from(transform) as [number, number, number, number, number, number];
  const toCrop = new DOMMatrix([a, d, b, e, c, f]);
  if (share < 1) {
    context.setTransform(toCrop);
    context.drawImage(before, 0, 0);
    context.resetTransform();
  }
  context.globalAlpha = share;
  context.drawImage(restored, 0, 0);
  context.globalAlpha = 1;
  const [middle, most] = [crop.width / 2, crop.width / 2];
  const edge = context.createRadialGradient(middle, middle, 0.7 * most, middle, middle, 0.95 * most);
  edge.addColorStop(0, 'black');
  edge.addColorStop(1, 'transparent');
  context.globalCompositeOperation = 'destination-in';
  context.fillStyle = edge;
  context.fillRect(0, 0, crop.width, crop.height);
  return { id, crop, transform: toCrop.inverse() };
}

function paint(): void {
  const { frame, id } = waiting!;
  painted = waiting;
  waiting = null;
  const { stage, ratio, view, divider } = frame;
  const width = Math.round(stage.width * ratio);
  const height = Math.round(stage.height * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d')!;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.imageSmoothingQuality = 'high';
  const whole = (picture: CanvasImageSource) =>
    context.drawImage(picture, view.x, view.y, view.scale * frame.photo.width, view.scale * frame.photo.height);
  if (photo) whole(photo);
  if (result && divider < stage.width) {
    context.save();
    context.beginPath();
    context.rect(divider, 0, stage.width - divider, stage.height);
    context.clip();
    // Photos with alpha must not show through their restored selves.
    context.clearRect(divider, 0, stage.width - divider, stage.height);
    whole(result);
    context.restore();
  }
  drawFaces(context, frame, faces);
  scope.postMessage({ id });
}

/** Draws faces over the photo, or over what was made of it. */
function drawFaces(
  context: OffscreenCanvasRenderingContext2D,
  { view, divider, stage }: Frame,
  drawn: typeof faces,
): void {
  context.save();
  context.beginPath();
  if (result) context.rect(divider, 0, stage.width - divider, stage.height);
  else context.rect(0, 0, stage.width, stage.height);
  context.clip();
  context.translate(view.x, view.y);
  context.scale(view.scale, view.scale);
  for (const { crop, transform } of drawn) {
    const { a, b, c, d, e, f } = transform;
    context.save();
    context.transform(a, b, c, d, e, f);
    context.drawImage(crop, 0, 0);
    context.restore();
  }
  context.restore();
}
