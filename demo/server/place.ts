// Where photos are restored: a switch on pages that come from a server.

import { find } from '../dom.js';
import { Kept } from '../kept.js';
import type { Place, Store } from '../store.js';
import { hasServer } from './client.js';

const chosen = new Kept('localStorage', 'place');

/**
 * Shows the switch, where there is a server, and puts it to what was chosen last.
 * @param move is told of each choice
 * @returns what chooses a place
 */
export function listenForPlace(store: Store, move: () => void): (place: Place) => void {
  const inputs = [...document.querySelectorAll<HTMLInputElement>('#place input')];
  const parts = [...document.querySelectorAll<HTMLElement>('[data-at]')];
  const choose = (place: Place) => {
    if (place === store.state.place) return;
    chosen.write(place);
    store.set({ place });
    move();
  };
  for (const input of inputs) input.addEventListener('change', () => choose(input.value as Place));
  find('#place').hidden = !hasServer();
  if (hasServer() && chosen.read() === 'server') store.set({ place: 'server' });
  store.subscribe(({ place }) => {
    for (const input of inputs) input.checked = input.value === place;
    for (const part of parts) part.hidden = part.dataset.at !== place;
  });
  return choose;
}
