// Short messages at the lower edge, and words for screen readers.

import { find, make } from './dom.js';

/** Milliseconds that a message stays; those with something to choose stay until they are closed. */
const STAY = 7000;

export interface ToastOptions {
  readonly kind?: 'error' | 'warning' | 'info';
  readonly actions?: readonly { readonly label: string; readonly act: () => void }[];
}

export function toast(text: string, { kind = 'info', actions = [] }: ToastOptions = {}): void {
  const close = make('button', { type: 'button', className: 'button plain small', textContent: 'Close' });
  const element = make('div', { className: `toast ${kind}` }, make('p', {}, text), close);
  close.addEventListener('click', () => element.remove());
  if (actions.length > 0) {
    const buttons = actions.map(({ label, act }) => {
      const button = make('button', { type: 'button', className: 'button small', textContent: label });
      button.addEventListener('click', () => {
        element.remove();
        act();
      });
      return button;
    });
    element.append(make('div', { className: 'toast-actions' }, ...buttons));
  } else {
    setTimeout(() => element.remove(), STAY);
  }
  find('#toasts').append(element);
}

/** Says something to screen readers only. */
export function announce(text: string): void {
  find('#announcer').textContent = text;
}
