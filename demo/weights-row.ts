// A row of the dialog of weights: where one of the networks comes from.

import { CodeFormerError } from '../src/web/client.js';
import type { Manifest } from '../src/weights/manifest.js';
import { OFFICIAL_FILES, type OfficialFile } from '../src/weights/official.js';
import { make, megabytes } from './dom.js';
import { fetchWeights } from './fetch-weights.js';
import type { Weights } from './session.js';

export interface RoleWords {
  readonly role: OfficialFile['role'];
  readonly option: keyof Weights;
  readonly title: string;
  /** Whether the page has a network of its own for it. */
  readonly own: boolean;
}

type Choice = 'own' | 'file' | 'url';

export class RoleRow {
  readonly element: HTMLElement;
  private readonly radios: readonly HTMLInputElement[];
  private readonly file = make('input', { type: 'file', accept: '.pth,.pt,.safetensors,.bin', className: 'file' });
  private readonly url = make('input', { type: 'url', placeholder: 'https://', autocomplete: 'off' });
  private readonly inUse = make('p', {});
  private readonly licence = make('p', { className: 'quiet-text' });
  private readonly parts: Readonly<Record<Exclude<Choice, 'own'>, HTMLElement>>;
  private manifest: Manifest | null = null;
  /** In use, and what it says of its licence. */
  private used: { readonly file: File | null; readonly licence: string | null } = { file: null, licence: null };
  /** A download is kept for another attempt. */
  private fetched: { readonly url: string; readonly file: File } | null = null;

  constructor(readonly words: RoleWords) {
    const { role, title, own } = words;
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
    const where = make('p', { className: 'quiet-text' }, 'Official: ', link, size);
    this.parts = {
      file: make('div', { className: 'role-part' }, this.inUse, this.file, where),
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
    this.element.addEventListener('change', () => this.show());
    this.show();
  }

  /** Shows what is in use: a file, or null for what the page has. */
  reset(file: File | null, licence: string | null): void {
    this.used = { file, licence };
    this.file.value = '';
    for (const radio of this.radios) radio.checked = radio.value === (file ? 'file' : 'own');
    this.inUse.textContent = file ? `In use: ${file.name}` : '';
    this.inUse.hidden = !file;
    this.show();
  }

  setManifest(manifest: Manifest): void {
    this.manifest = manifest;
    this.show();
  }

  /**
   * The file that is chosen; null for what the page has.
   * @param tell gets how far a download is
   * @throws `INVALID_ARGUMENT` where there is none yet, `INTEGRITY`, `DOWNLOAD_FAILED`, `ABORTED`
   */
  async chosen(tell: (text: string) => void, signal: AbortSignal): Promise<File | null> {
    if (this.choice === 'own') return null;
    const file = this.choice === 'url' ? await this.download(tell, signal) : this.ofDisk;
    if (!file) throw new CodeFormerError('INVALID_ARGUMENT', `${this.words.title}: choose a file first.`);
    checkSize(file);
    return file;
  }

  private async download(tell: (text: string) => void, signal: AbortSignal): Promise<File> {
    const url = this.url.value.trim();
    if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
      const what = 'type an address that begins with https:// first';
      throw new CodeFormerError('INVALID_ARGUMENT', `${this.words.title}: ${what}.`);
    }
    if (this.fetched?.url !== url) {
      const progress = (received: number, total: number | null) =>
        tell(`Downloading, ${megabytes(received)}${total ? ` of ${megabytes(total)}` : ''}`);
      const blob = await fetchWeights(url, progress, signal);
      this.fetched = { url, file: new File([blob], nameIn(url)) };
    }
    return this.fetched.file;
  }

  /** The file that was chosen, else the one in use. */
  private get ofDisk(): File | null {
    return this.file.files?.[0] ?? this.used.file;
  }

  private get choice(): Choice {
    return this.radios.find(radio => radio.checked)!.value as Choice;
  }

  private show(): void {
    const { choice, words } = this;
    for (const [name, part] of Object.entries(this.parts)) part.hidden = name !== choice;
    if (choice === 'own' && !words.own) {
      this.licence.textContent = 'Not part of this page.';
      return;
    }
    if (choice === 'own') {
      const ours = this.manifest?.files.find(file => file.role === words.role);
      // The name of its file is the link.
      const licence = ours?.licence.replace(/ \(LICENSE\.md\)$/, '');
      const text = ours ? `${megabytes(ours.bytes)}. Licence: ${licence}` : 'Licence';
      const link = make('a', { href: 'weights/LICENSE.md', target: '_blank' }, 'in full');
      this.licence.replaceChildren(`${text} (`, link, ')');
      return;
    }
    const file = choice === 'file' ? this.ofDisk : null;
    const name = choice === 'url' ? nameIn(this.url.value) : file?.name;
    const told = file && file === this.used.file ? this.used.licence : null;
    const licence = OFFICIAL_FILES.find(official => official.file === name)?.licence ?? told ?? 'as its authors say';
    this.licence.textContent = name ? `Licence: ${licence}` : '';
  }
}

/** The file name at the end of an address. */
const nameIn = (url: string) =>
  url
    .replace(/[?#].*$/, '')
    .split('/')
    .at(-1)!;

/** Official files are as large as they are. */
function checkSize({ name, size }: File): void {
  const official = OFFICIAL_FILES.find(({ file }) => file === name);
  if (official?.bytes === undefined || official.bytes === size) return;
  throw new CodeFormerError(
    'INTEGRITY',
    `${name} has ${megabytes(size)} and not the ${megabytes(official.bytes)} of the official file: download it again.`,
  );
}
