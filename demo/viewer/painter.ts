// Paints the picture, in a worker: large photos take longer to draw than a page may stand still.

import type { Picture } from '../../src/web/client.js';
import type { MadeFace } from '../session.js';
import type { Area } from '../store.js';
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
  | { readonly type: 'face'; readonly made: MadeFace }
  | { readonly type: 'preview'; readonly picture: Picture | null; readonly area: Area }
  | { readonly type: 'frame'; readonly frame: Frame; readonly id: number };

/** Which frame is painted. */
export interface FromPainter {
  readonly id: number;
}

let canvas: OffscreenCanvas;
let photo: ImageBitmap | null = null;
let result: OffscreenCanvas | null = null;
/** Restored crops with soft edges, until there is a result. */
let faces: { readonly crop: OffscreenCanvas; readonly transform: DOMMatrix }[] = [];
let preview: { readonly canvas: OffscreenCanvas; readonly area: Area } | null = null;
let waiting: { readonly frame: Frame; readonly id: number } | null = null;

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
    faces = [];
  } else if (data.type === 'result') {
    result = data.picture && drawn(data.picture);
    faces = [];
  } else if (data.type === 'face') {
    faces.push(softened(data.made));
  } else if (data.type === 'preview') {
    preview = data.picture && { canvas: drawn(data.picture), area: data.area };
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

/** About as it will be pasted: it ends before its edges. */
function softened({ picture, transform, share }: MadeFace): (typeof faces)[number] {
  const crop = drawn(picture);
  const context = crop.getContext('2d')!;
  const [middle, most] = [crop.width / 2, crop.width / 2];
  const edge = context.createRadialGradient(middle, middle, 0.7 * most, middle, middle, 0.95 * most);
  edge.addColorStop(0, `rgb(0 0 0 / ${share})`);
  edge.addColorStop(1, 'transparent');
  context.globalCompositeOperation = 'destination-in';
  context.fillStyle = edge;
  context.fillRect(0, 0, crop.width, crop.height);
  const [a, b, c, d, e, f] = Array.from(transform) as [number, number, number, number, number, number];
  return { crop, transform: new DOMMatrix([a, d, b, e, c, f]).inverse() };
}

function paint(): void {
  const { frame, id } = waiting!;
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
  for (const { crop, transform } of faces) {
    context.save();
    context.translate(view.x, view.y);
    context.scale(view.scale, view.scale);
    const { a, b, c, d, e, f } = transform;
    context.transform(a, b, c, d, e, f);
    context.drawImage(crop, 0, 0);
    context.restore();
  }
  if (result && divider < stage.width) {
    context.save();
    context.beginPath();
    context.rect(divider, 0, stage.width - divider, stage.height);
    context.clip();
    // Photos with alpha must not show through their restored selves.
    context.clearRect(divider, 0, stage.width - divider, stage.height);
    whole(result);
    if (preview) part(context, preview, frame);
    context.restore();
  }
  scope.postMessage({ id });
}

function part(
  context: OffscreenCanvasRenderingContext2D,
  { canvas: picture, area }: NonNullable<typeof preview>,
  { view, photo: size }: Frame,
): void {
  const [left, top, right, bottom] = area;
  const ratio = picture.width / size.width;
  const { scale } = view;
  context.drawImage(
    picture,
    ...([left, top, right - left, bottom - top].map(length => ratio * length) as [number, number, number, number]),
    view.x + scale * left,
    view.y + scale * top,
    scale * (right - left),
    scale * (bottom - top),
  );
}
