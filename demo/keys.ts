// Single keys for what is done often. They can be turned off in the help, for those who type by voice or by accident.

import { find } from './dom.js';
import { Kept } from './kept.js';

const use = new Kept('localStorage', 'keys');

/**
 * @param press what keys do, by what they write
 * @param hold what holding a key does, and letting it go
 */
export function listenForKeys(
  press: Readonly<Record<string, () => void>>,
  hold: Readonly<Record<string, (on: boolean) => void>>,
): void {
  const toggle = find<HTMLInputElement>('#use-keys');
  toggle.checked = use.read() !== 'off';
  toggle.addEventListener('change', () => use.write(toggle.checked ? 'on' : 'off'));

  addEventListener('keydown', event => {
    // Some keyboards write brackets with AltGr, which also counts as Control and Alt.
    const modified = event.metaKey || ((event.ctrlKey || event.altKey) && !event.getModifierState('AltGraph'));
    if (!toggle.checked || event.defaultPrevented || modified) return;
    if (document.querySelector('dialog[open]') || isTyping(event.target)) return;
    const key = event.key.toLowerCase();
    const act = press[key];
    if (hold[key] && !event.repeat) hold[key](true);
    if (!act) return;
    event.preventDefault();
    act();
  });
  addEventListener('keyup', event => hold[event.key.toLowerCase()]?.(false));
  addEventListener('blur', () => {
    for (const release of Object.values(hold)) release(false);
  });
}

/** Does what a tool does by a key, of which nobody else hears then. */
export function actOn(event: KeyboardEvent, acts: Readonly<Record<string, () => void>>): void {
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act();
}

/** Takes back changes by the keys that do so everywhere, and makes them again. */
export function listenForUndo(changes: { undo(): void; redo(): void }): void {
  addEventListener('keydown', event => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || isTyping(event.target)) return;
    if (document.querySelector('dialog[open]')) return;
    const key = event.key.toLowerCase();
    if (key === 'z' && !event.shiftKey) changes.undo();
    else if (key === 'y' || key === 'z') changes.redo();
    else return;
    event.preventDefault();
  });
}

/** Whether a key belongs to a field. */
export function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement) return true;
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'range', 'button'].includes(target.type);
}
