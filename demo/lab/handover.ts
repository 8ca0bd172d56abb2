// The photo that the page works on comes to the lab, and one that is opened here goes to the page.

import { keepWork, keptWork } from '../kept-work.js';
import { INITIAL } from '../store.js';
import type { Session } from './session.js';

/** Opens the photo of the page, at the face that is selected there. */
export async function takeOver(session: Session): Promise<void> {
  const work = await keptWork();
  const photo = work?.photos.find(({ id }) => id === work.open);
  if (!work || !photo) return;
  const face = photo.faces?.find(({ id }) => id === work.selected);
  const [left, top, right, bottom] = face?.box ?? [];
  const near = face ? ([(left! + right!) / 2, (top! + bottom!) / 2] as const) : undefined;
  await session.open(photo.blob, photo.name, near);
}

/** Has the page show a photo: it takes the place of the one there, or comes to its album. */
export async function handOver(blob: Blob, name: string): Promise<void> {
  const { photos = [], settings = INITIAL.settings } = (await keptWork()) ?? {};
  const id = 1 + Math.max(0, ...photos.map(photo => photo.id));
  const photo = { id, name, blob, own: null, faces: null, thorough: false };
  // A browser that keeps nothing has nothing to hand over.
  await keepWork({
    photos: photos.length > 1 ? [...photos, photo] : [photo],
    open: id,
    selected: null,
    settings,
  }).catch(() => {});
}
