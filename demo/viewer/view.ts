// Where a picture lies on the stage: arithmetic without a page.

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A point of the picture at (px, py) is shown at (x + scale * px, y + scale * py), in CSS pixels. */
export interface View {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

/** Most CSS pixels that a pixel of the photo is shown with. */
const MOST = 16;

/** Small pictures are enlarged to fit the stage, but not beyond recognition. */
const MOST_FITTED = 6;

/** What is left free around a picture that fits. */
const MARGIN = 16;

/** The whole picture, centred. */
export function whole(picture: Size, stage: Size): View {
  const room = { width: Math.max(1, stage.width - 2 * MARGIN), height: Math.max(1, stage.height - 2 * MARGIN) };
  const scale = Math.min(room.width / picture.width, room.height / picture.height, MOST_FITTED);
  return centred({ scale, x: 0, y: 0 }, picture, stage);
}

/** Another scale, with the point of the stage at (x, y) left where it is. */
export function zoomAt(view: View, factor: number, x: number, y: number, picture: Size, stage: Size): View {
  const least = whole(picture, stage).scale;
  const scale = Math.min(Math.max(view.scale * factor, least), Math.max(MOST, least));
  const ratio = scale / view.scale;
  return clamp({ scale, x: x - ratio * (x - view.x), y: y - ratio * (y - view.y) }, picture, stage);
}

export function pan(view: View, dx: number, dy: number, picture: Size, stage: Size): View {
  return clamp({ ...view, x: view.x + dx, y: view.y + dy }, picture, stage);
}

/** A picture larger than the stage covers it; along a side where it is smaller it is centred. */
export function clamp(view: View, picture: Size, stage: Size): View {
  const middle = centred(view, picture, stage);
  const along = (at: number, centre: number, length: number, room: number) =>
    length <= room ? centre : Math.min(MARGIN, Math.max(room - length - MARGIN, at));
  return {
    scale: view.scale,
    x: along(view.x, middle.x, view.scale * picture.width, stage.width),
    y: along(view.y, middle.y, view.scale * picture.height, stage.height),
  };
}

/** Shows a part of the picture (left, top, right, bottom) as large as it fits, with room around it. */
export function zoomTo(
  [left, top, right, bottom]: readonly [number, number, number, number],
  picture: Size,
  stage: Size,
): View {
  const least = whole(picture, stage).scale;
  const wanted = 0.7 * Math.min(stage.width / (right - left), stage.height / (bottom - top));
  const scale = Math.min(Math.max(wanted, least), Math.max(MOST, least));
  const x = stage.width / 2 - (scale * (left + right)) / 2;
  const y = stage.height / 2 - (scale * (top + bottom)) / 2;
  return clamp({ scale, x, y }, picture, stage);
}

/** A view on the way from one to another: scales grow by factors, as eyes see them, and the picture moves evenly with them. */
export function between(from: View, to: View, share: number): View {
  const eased = share * share * (3 - 2 * share);
  const scale = from.scale * (to.scale / from.scale) ** eased;
  const way = to.scale === from.scale ? eased : (scale - from.scale) / (to.scale - from.scale);
  return { scale, x: from.x + way * (to.x - from.x), y: from.y + way * (to.y - from.y) };
}

/** The part of the stage that the picture covers: left and right, top and bottom. */
export function visible(
  view: View,
  picture: Size,
  stage: Size,
): { left: number; right: number; top: number; bottom: number } {
  return {
    left: Math.max(0, view.x),
    right: Math.min(stage.width, view.x + view.scale * picture.width),
    top: Math.max(0, view.y),
    bottom: Math.min(stage.height, view.y + view.scale * picture.height),
  };
}

function centred(view: View, picture: Size, stage: Size): View {
  return {
    scale: view.scale,
    x: (stage.width - view.scale * picture.width) / 2,
    y: (stage.height - view.scale * picture.height) / 2,
  };
}
