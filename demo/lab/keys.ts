// Keys of the whole page.

import type { Session } from './session.js';

/** Whether a key belongs to a field. */
export const isTyping = ({ target }: Event): boolean =>
  target instanceof HTMLElement &&
  target.matches('input:not([type="radio"], [type="checkbox"], [type="range"]), select');

export function listenForKeys(session: Session): void {
  addEventListener('keydown', event => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || isTyping(event)) return;
    const key = event.key.toLowerCase();
    if (key === 'z' && !event.shiftKey) session.undo();
    else if (key === 'y' || key === 'z') session.redo();
    else return;
    event.preventDefault();
  });
}
