// A worn photo and what became of it, to try before there is a photo of one's own.

import { find } from './dom.js';

export function showHero(): void {
  const input = find<HTMLInputElement>('#hero-divider');
  const show = () => {
    find('#hero').style.setProperty('--share', `${input.value}%`);
    input.setAttribute('aria-valuetext', `${input.value}% before, ${100 - Number(input.value)}% after`);
  };
  input.addEventListener('input', show);
  show();
}
