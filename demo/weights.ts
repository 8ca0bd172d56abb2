// The dialog that says which weights are in use, under which licence, and takes others.

import { type Manifest, parseManifest } from '../src/weights/manifest.js';
import { find } from './dom.js';
import type { Networks } from './networks.js';
import { isAbort, problemOf } from './problems.js';
import type { Files } from './remembered.js';
import type { Store } from './store.js';
import { toast } from './toasts.js';
import { RoleRow, type RoleWords } from './weights-row.js';

const ROLES: readonly RoleWords[] = [
  { role: 'restorer', option: 'weights', title: 'Restores faces', own: true },
  { role: 'detector', option: 'detector', title: 'Finds faces', own: true },
  { role: 'parser', option: 'parser', title: 'Tells face from hair and background', own: false },
  { role: 'upscaler', option: 'upscaler', title: 'Upscales the background', own: true },
];

export class WeightsDialog {
  private readonly dialog = find<HTMLDialogElement>('#weights');
  private readonly apply = find<HTMLButtonElement>('#weights-apply');
  private readonly status = find('#weights-status');
  private readonly problem = find('#weights-problem');
  private readonly rows = ROLES.map(words => new RoleRow(words));
  private work = new AbortController();

  constructor(
    private readonly store: Store,
    private readonly networks: Networks,
  ) {
    find('#roles').replaceChildren(...this.rows.map(row => row.element));
    this.dialog.addEventListener('close', () => this.work.abort());
    find('#weights-form').addEventListener('submit', event => {
      event.preventDefault();
      if (this.apply.getAttribute('aria-busy') !== 'true') void this.submit();
    });
    find('#open-weights').addEventListener('click', () => this.open());
  }

  async open(): Promise<void> {
    const { engine } = this.store.state;
    this.problem.hidden = true;
    for (const row of this.rows) {
      const { option, role } = row.words;
      const licence = engine.status === 'ready' ? (engine.info?.networks[role]?.licence ?? null) : null;
      row.reset(this.networks.used[option] ?? null, licence);
    }
    this.dialog.showModal();
    const manifest = await ownManifest().catch(() => null);
    if (manifest) for (const row of this.rows) row.setManifest(manifest);
  }

  private async submit(): Promise<void> {
    this.apply.setAttribute('aria-busy', 'true');
    this.problem.hidden = true;
    this.work = new AbortController();
    const { signal } = this.work;
    try {
      const files: Files = {};
      for (const row of this.rows) {
        const file = await row.chosen(text => this.say(text), signal);
        if (file) files[row.words.option] = file;
      }
      this.say('Loading the networks');
      await this.networks.use(files, signal).catch(error => {
        if (isAbort(error)) throw error;
        const { title, text } = problemOf(error);
        throw new Error(`${title}. ${text}`);
      });
      await this.started(files);
    } catch (error) {
      if (!isAbort(error)) this.fail((error as Error).message);
    } finally {
      this.say('');
      this.apply.removeAttribute('aria-busy');
    }
  }

  private async started(files: Files): Promise<void> {
    const kept = await this.networks.remember(find<HTMLInputElement>('#weights-keep').checked);
    this.dialog.close();
    const names = Object.values(files).map(({ name }) => name);
    const text = names.length > 0 ? `In use now: ${names.join(', ')}.` : 'The networks of this page are in use.';
    toast(kept ? text : `${text} This browser could not keep them for the next visit.`);
  }

  private say(text: string): void {
    this.status.textContent = text;
  }

  private fail(text: string): void {
    this.problem.textContent = text;
    this.problem.hidden = false;
  }
}

/** Fetched where it is asked for: it is one of the page's own files. */
async function ownManifest(): Promise<Manifest> {
  const response = await fetch('weights/manifest.json');
  return parseManifest(await response.text(), 'weights/manifest.json');
}
