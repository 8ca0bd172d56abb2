// The dialog that says which weights are in use, under which licence, and takes others.

import { type Manifest, parseManifest } from '../src/weights/manifest.js';
import { find } from './dom.js';
import { isAbort, problemOf } from './problems.js';
import { type Files, rememberedFiles, rememberFiles } from './remembered.js';
import type { Session, Weights } from './session.js';
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
  /** In use; what is not among them is the page's own. */
  private files: Files = {};
  private work = new AbortController();

  constructor(
    private readonly store: Store,
    private readonly session: Session,
  ) {
    find('#roles').replaceChildren(...this.rows.map(row => row.element));
    this.dialog.addEventListener('close', () => this.work.abort());
    find('#weights-form').addEventListener('submit', event => {
      event.preventDefault();
      if (this.apply.getAttribute('aria-busy') !== 'true') void this.submit();
    });
    for (const id of ['#open-weights', '#background-weights']) find(id).addEventListener('click', () => this.open());
  }

  /** Starts the engine with the files that were kept. */
  async startEngine(): Promise<void> {
    this.use(await rememberedFiles());
    await this.restartEngine();
  }

  /** Starts the engine with the files in use, where the store says. */
  async restartEngine(): Promise<void> {
    // What goes wrong is in the state.
    await this.session.start(sources(this.files)).catch(() => {});
  }

  async open(): Promise<void> {
    const { engine } = this.store.state;
    this.problem.hidden = true;
    for (const row of this.rows) {
      const { option, role } = row.words;
      const licence = engine.status === 'ready' ? (engine.info?.networks[role]?.licence ?? null) : null;
      row.reset(this.files[option] ?? null, licence);
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
      await this.session.start(sources(files), signal).catch(error => {
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
    this.use(files);
    const keep = find<HTMLInputElement>('#weights-keep').checked;
    const kept = await rememberFiles(keep ? files : {}).then(
      () => true,
      () => false,
    );
    this.dialog.close();
    const names = Object.values(files).map(({ name }) => name);
    const text = names.length > 0 ? `In use now: ${names.join(', ')}.` : 'The weights of this page are in use.';
    toast(kept ? text : `${text} This browser could not keep them for the next visit.`);
  }

  private use(files: Files): void {
    this.files = files;
    const others = Object.keys(files).length > 0 ? 'mixed' : 'ours';
    find('#weights-name').textContent = files.weights?.name ?? others;
  }

  private say(text: string): void {
    this.status.textContent = text;
  }

  private fail(text: string): void {
    this.problem.textContent = text;
    this.problem.hidden = false;
  }
}

/** What the engine is started with: where there is no file, its own networks, as far as the page has them. */
function sources(files: Files): Weights {
  return Object.fromEntries(ROLES.map(({ option, own }) => [option, files[option] ?? (own ? 'embedded' : null)]));
}

/** Fetched where it is asked for: it is one of the page's own files. */
async function ownManifest(): Promise<Manifest> {
  const response = await fetch('weights/manifest.json');
  return parseManifest(await response.text(), 'weights/manifest.json');
}
