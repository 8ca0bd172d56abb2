// The key of the server, kept as long as this tab is open.

import { find } from '../dom.js';
import { Kept } from '../kept.js';

export class KeyDialog {
  private readonly dialog = find<HTMLDialogElement>('#key');
  private readonly input = find<HTMLInputElement>('#key-value');
  private readonly problem = find('#key-problem');
  private readonly kept = new Kept('sessionStorage', 'server-key');
  private key = this.kept.read();
  private asking: Promise<string | null> | null = null;
  private given: string | null = null;

  constructor() {
    find('#key-form').addEventListener('submit', event => {
      event.preventDefault();
      const key = this.input.value.trim();
      // Headers take no others.
      if (!/^[\x21-\x7e]+$/.test(key))
        return this.complain('A key has letters, digits and signs of ASCII, and no spaces.');
      this.given = key;
      this.dialog.close();
    });
  }

  current(): string | null {
    return this.key;
  }

  /** Asks for a key; null where the dialog is closed without one. */
  ask(): Promise<string | null> {
    this.asking ??= this.open().finally(() => {
      this.asking = null;
    });
    return this.asking;
  }

  private async open(): Promise<string | null> {
    this.problem.hidden = true;
    if (this.key !== null) this.complain('The server does not take that key.');
    this.given = null;
    this.input.value = '';
    this.dialog.showModal();
    await new Promise(resolve => this.dialog.addEventListener('close', resolve, { once: true }));
    this.key = this.given;
    this.kept.write(this.key);
    return this.key;
  }

  private complain(text: string): void {
    this.problem.textContent = text;
    this.problem.hidden = false;
  }
}
