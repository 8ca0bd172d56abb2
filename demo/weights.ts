// The dialog that says which weights are in use, under which licence, and takes others.

import { CodeFormerError } from '../src/web/client.js';
import { type Manifest, parseManifest } from '../src/weights/manifest.js';
import { OFFICIAL_FILES, type OfficialFile } from '../src/weights/official.js';
import { find, make, megabytes } from './dom.js';
import { fetchWeights } from './fetch-weights.js';
import { isAbort, problemOf } from './problems.js';
import type { Session, Weights } from './session.js';
import type { State, Store } from './store.js';
import { toast } from './toasts.js';

type Role = OfficialFile['role'];

const ROLES: readonly {
  readonly role: Role;
  readonly option: keyof Weights;
  readonly title: string;
  readonly own: boolean;
}[] = [
  { role: 'restorer', option: 'weights', title: 'Restores faces', own: true },
  { role: 'detector', option: 'detector', title: 'Finds faces', own: true },
  { role: 'parser', option: 'parser', title: 'Tells face from hair and background', own: false },
  { role: 'upscaler', option: 'upscaler', title: 'Upscales the background', own: false },
];

/** Listens on the dialog; returns what opens it. */
export function weightsDialog(store: Store, session: Session): () => void {
  const dialog = find<HTMLDialogElement>('#weights');
  const form = find<HTMLFormElement>('#weights-form');
  const apply = find<HTMLButtonElement>('#weights-apply');
  const status = find('#weights-status');
  const problem = find('#weights-problem');
  const rows = ROLES.map(role => new RoleRow(role));
  find('#roles').replaceChildren(...rows.map(row => row.element));
  let work = new AbortController();
  dialog.addEventListener('close', () => work.abort());

  const open = async () => {
    problem.hidden = true;
    status.textContent = '';
    for (const row of rows) row.showLicence(store.state);
    dialog.showModal();
    const manifest = await ownManifest().catch(() => null);
    for (const row of rows) row.setManifest(manifest, store.state);
  };

  form.addEventListener('submit', async event => {
    event.preventDefault();
    if (apply.getAttribute('aria-busy') === 'true') return;
    apply.setAttribute('aria-busy', 'true');
    problem.hidden = true;
    work = new AbortController();
    try {
      const weights: Weights = {};
      for (const row of rows) {
        const source = await row.source(text => (status.textContent = text), work.signal);
        Object.assign(weights, { [row.option]: source });
      }
      status.textContent = 'Loading the networks';
      const started = await session.start(weights);
      const { engine } = store.state;
      if (started) {
        dialog.close();
        const names = rows.flatMap(row => row.name ?? []);
        find('#weights-name').textContent = rows[0]!.name ?? (names.length > 0 ? 'mixed' : 'ours');
        toast(names.length > 0 ? `In use now: ${names.join(', ')}.` : 'The weights of this page are in use.');
      } else if (engine.status === 'failed') {
        problem.textContent = `${engine.problem.title}. ${engine.problem.text}`;
        problem.hidden = false;
      }
    } catch (error) {
      if (!isAbort(error)) {
        problem.textContent = error instanceof CodeFormerError ? error.message : problemOf(error).text;
        problem.hidden = false;
      }
    } finally {
      status.textContent = '';
      apply.removeAttribute('aria-busy');
    }
  });

  find('#open-weights').addEventListener('click', open);
  find('#background-weights').addEventListener('click', open);
  return open;
}

/** Fetched where it is asked for: it is one of the page's own files. */
async function ownManifest(): Promise<Manifest> {
  const response = await fetch('weights/manifest.json');
  return parseManifest(await response.text(), 'weights/manifest.json');
}

/** Where one of the networks comes from. */
class RoleRow {
  readonly element: HTMLElement;
  readonly option: keyof Weights;
  private readonly role: Role;
  private readonly own: boolean;
  private readonly radios: HTMLInputElement[];
  private readonly file = make('input', { type: 'file', accept: '.pth,.pt,.safetensors,.bin', className: 'file' });
  private readonly url = make('input', { type: 'url', placeholder: 'https://', autocomplete: 'off' });
  private readonly licence = make('p', { className: 'quiet-text' });
  private readonly parts: Readonly<Record<string, HTMLElement>>;
  private manifest: Manifest | null = null;
  /** A download is kept for another attempt. */
  private fetched: { readonly url: string; readonly blob: Blob } | null = null;

  constructor({ role, option, title, own }: (typeof ROLES)[number]) {
    this.role = role;
    this.option = option;
    this.own = own;
    const choices = [
      ['own', own ? 'Ours' : 'None'],
      ['file', 'File'],
      ['url', 'Address'],
    ] as const;
    this.radios = choices.map(([value], i) => make('input', { type: 'radio', name: role, value, checked: i === 0 }));
    const labels = choices.map(([, text], i) => make('label', {}, this.radios[i]!, make('span', {}, text)));
    const legend = make('legend', { className: 'for-readers' }, `Source: ${title}`);
    this.file.setAttribute('aria-label', `${title}: file`);
    this.url.setAttribute('aria-label', `${title}: address`);
    const official = OFFICIAL_FILES.find(file => file.role === role)!;
    const link = make('a', { href: official.url, target: '_blank', rel: 'noreferrer' }, official.file);
    const size = official.bytes ? ` (${megabytes(official.bytes)})` : '';
    this.parts = {
      file: make(
        'div',
        { className: 'role-part' },
        this.file,
        make('p', { className: 'quiet-text' }, 'Official: ', link, size),
      ),
      url: make('div', { className: 'role-part' }, this.url),
    };
    this.element = make(
      'section',
      { className: 'role' },
      make('h3', {}, title),
      make('fieldset', { className: 'segments' }, legend, ...labels),
      ...Object.values(this.parts),
      this.licence,
    );
    this.element.addEventListener('change', () => this.showChoice());
    this.showChoice();
  }

  /** What is chosen, in words; null where it is as the page comes. */
  get name(): string | null {
    if (this.choice === 'file') return this.file.files?.[0]?.name ?? null;
    return this.choice === 'url' ? (this.url.value.split('/').at(-1) ?? null) : null;
  }

  setManifest(manifest: Manifest | null, state: State): void {
    this.manifest = manifest;
    this.showLicence(state);
  }

  /**
   * The weights that are chosen.
   * @param tell gets how far a download is
   */
  async source(tell: (text: string) => void, signal: AbortSignal): Promise<Blob | 'embedded' | null> {
    if (this.choice === 'file') {
      const file = this.file.files?.[0];
      if (!file) throw new CodeFormerError('INVALID_ARGUMENT', `${this.title}: choose a file first.`);
      checkSize(file.name, file.size);
      return file;
    }
    if (this.choice === 'url') {
      const url = this.url.value.trim();
      if (!/^https?:\/\//.test(url) || !URL.canParse(url))
        throw new CodeFormerError(
          'INVALID_ARGUMENT',
          `${this.title}: type an address that begins with https:// first.`,
        );
      if (this.fetched?.url === url) return this.fetched.blob;
      const blob = await fetchWeights(
        url,
        (received, total) => tell(`Downloading, ${megabytes(received)}${total ? ` of ${megabytes(total)}` : ''}`),
        signal,
      );
      checkSize(url.split('/').at(-1)!, blob.size);
      this.fetched = { url, blob };
      return blob;
    }
    return this.own ? 'embedded' : null;
  }

  showLicence({ engine }: State): void {
    const used = engine.status === 'ready' ? engine.info.networks[this.role] : null;
    const ours = this.manifest?.files.find(file => file.role === this.role);
    const official = OFFICIAL_FILES.find(file => file.file === this.name);
    const known = this.choice === 'own' ? (ours?.licence ?? used?.licence) : official?.licence;
    const text =
      this.choice === 'own' && !this.own ? 'Not part of this page.' : `Licence: ${known ?? 'as its authors say'}`;
    this.licence.replaceChildren(text);
    if (this.choice !== 'own' || !this.own) return;
    this.licence.append(' (', make('a', { href: 'weights/LICENSE.md', target: '_blank' }, 'in full'), ')');
    if (ours) this.licence.prepend(`${megabytes(ours.bytes)}. `);
  }

  private get title(): string {
    return find('h3', this.element).textContent;
  }

  private get choice(): 'own' | 'file' | 'url' {
    return this.radios.find(radio => radio.checked)!.value as 'own' | 'file' | 'url';
  }

  private showChoice(): void {
    for (const [name, part] of Object.entries(this.parts)) part.hidden = name !== this.choice;
    this.showLicence({ engine: { status: 'loading', received: 0, total: null } } as State);
  }
}

/** Official files are as large as they are. */
function checkSize(name: string, bytes: number): void {
  const official = OFFICIAL_FILES.find(({ file }) => file === name);
  if (official?.bytes === undefined || official.bytes === bytes) return;
  throw new CodeFormerError(
    'INTEGRITY',
    `${name} has ${bytes} bytes and not the ${official.bytes} of the official file: download it again.`,
  );
}
