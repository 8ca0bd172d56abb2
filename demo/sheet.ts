// The settings of the page as a sheet, where styles make them one: a press opens and closes it, and so does a wipe up or down.

import { find } from './dom.js';

/** Pixels of a wipe. */
const REACH = 16;

export function listenForSheet(): void {
  const panel = find('#panel');
  const toggle = find('#sheet-toggle');
  const open = (isOpen: boolean) => {
    panel.classList.toggle('open', isOpen);
    toggle.setAttribute('aria-expanded', String(isOpen));
  };
  let from = 0;
  let wiped = false;
  toggle.addEventListener('pointerdown', event => {
    from = event.clientY;
    wiped = false;
    toggle.setPointerCapture(event.pointerId);
  });
  toggle.addEventListener('pointerup', event => {
    wiped = Math.abs(event.clientY - from) > REACH;
    if (wiped) open(event.clientY < from);
  });
  // A wipe ends as a click.
  toggle.addEventListener('click', () => {
    if (!wiped) open(!panel.classList.contains('open'));
    wiped = false;
  });
}
