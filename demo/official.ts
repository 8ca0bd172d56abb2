// The choice between the page's own network and the official one, and the dialog that gets the latter: by one click where a host lets a page
// read it, else by hand.

import { CodeFormerError } from '../src/web/client.js';
import { sha256Of } from '../src/web/download.js';
import { OFFICIAL_FILES } from '../src/weights/official.js';
import { MemoryStore, transfer } from '../src/weights/transfer.js';
import { find, megabytes } from './dom.js';
import { fetchWeights } from './fetch-weights.js';
import type { Networks } from './networks.js';
import { isAbort, problemOf } from './problems.js';
import type { Store } from './store.js';
import { toast } from './toasts.js';
import { ROOT } from './workers.js';

const { file: FILE, url: ADDRESS, bytes: BYTES = 0, sha256: HASH = '' } = OFFICIAL_FILES[0]!;

type Choice = 'fast' | 'official' | 'own';

export class NetworkChoice {
  private readonly dialog = find<HTMLDialogElement>('#official');
  private readonly inputs = [...document.querySelectorAll<HTMLInputElement>('[name="network"]')];
  private readonly begin = find<HTMLButtonElement>('#official-fetch');
  private readonly byHand = find('#official-by-hand');
  private work = new AbortController();

  constructor(
    store: Store,
    private readonly networks: Networks,
  ) {
    for (const input of this.inputs) input.addEventListener('change', () => this.choose(input.value as Choice));
    networks.follow(() => this.show());
    store.subscribe(({ engine }, before) => {
      if (engine !== before.engine) this.showLicence(engine.status === 'ready' ? (engine.info?.licence ?? null) : null);
    });
    this.begin.addEventListener('click', () => this.take(signal => this.fetched(signal)));
    find('#official-stop').addEventListener('click', () => this.work.abort());
    const input = find<HTMLInputElement>('#official-file');
    input.addEventListener('change', () => this.takeFile(input.files?.[0]));
    this.dialog.addEventListener('close', () => {
      this.work.abort();
      this.show();
    });
    this.listenForDrops();
  }

  private async choose(choice: Choice): Promise<void> {
    if (choice === 'official' && !isOfficial(this.networks.kept)) {
      this.open();
      return;
    }
    this.say('Loading');
    try {
      await this.networks.choose(choice === 'fast');
    } catch (error) {
      if (!isAbort(error)) toast(`${problemOf(error).title}. ${problemOf(error).text}`, { kind: 'error' });
    } finally {
      this.say('');
      this.show();
    }
  }

  private open(): void {
    find('#official-problem').hidden = true;
    this.byHand.hidden = true;
    this.begin.hidden = false;
    find<HTMLInputElement>('#official-file').value = '';
    this.dialog.showModal();
  }

  /** Gets the file, checks it, starts the engine with it and keeps it. */
  private async take(get: (signal: AbortSignal) => Promise<Blob>): Promise<void> {
    if (find('#official-work').hidden === false) return;
    this.work = new AbortController();
    const { signal } = this.work;
    find('#official-problem').hidden = true;
    find('#official-work').hidden = false;
    this.begin.hidden = true;
    try {
      this.tell('Starting', 0);
      const blob = await get(signal);
      this.tell('Checking', 1);
      if (blob.size !== BYTES || (await sha256Of(blob)) !== HASH)
        throw new CodeFormerError(
          'INTEGRITY',
          `This is not ${FILE} as its authors released it. Download it once more.`,
        );
      this.tell('Getting ready', 1);
      await this.networks.use({ ...this.networks.used, weights: new File([blob], FILE) }, signal);
      this.tell('Keeping it for the next visit', 1);
      const kept = await this.networks.remember(true);
      this.dialog.close();
      toast(
        kept
          ? 'The official version is ready, also without a connection.'
          : 'The official version is ready. This browser could not keep it for the next visit.',
      );
    } catch (error) {
      if (!isAbort(error)) this.fail(error);
      this.begin.hidden = !this.byHand.hidden;
    } finally {
      find('#official-work').hidden = true;
    }
  }

  private takeFile(file: File | undefined): void {
    if (file) void this.take(async () => file);
  }

  /** From the host of the page, where that has it, else from its authors. */
  private async fetched(signal: AbortSignal): Promise<Blob> {
    const follow = (received: number, total: number | null | undefined) =>
      this.tell(`${megabytes(received)} of ${megabytes(total ?? BYTES)}`, received / (total ?? BYTES));
    const own = new URL(`weights/${FILE}`, ROOT);
    const head = await fetch(own, { method: 'HEAD', signal }).catch(() => null);
    if (!head?.ok || Number(head.headers.get('content-length')) !== BYTES)
      return fetchWeights(`${ADDRESS}#sha256=${HASH}`, follow, signal);
    const store = new MemoryStore();
    await transfer(own.href, store, { size: BYTES, hashed: true, signal, onProgress: follow });
    return new Blob(store.pieces);
  }

  private fail(error: unknown): void {
    const refused = error instanceof CodeFormerError && error.code === 'DOWNLOAD_FAILED';
    if (refused) this.byHand.hidden = false;
    const problem = find('#official-problem');
    problem.textContent = refused
      ? 'The host of this file lets no page read it, or there is no connection. Two steps by hand do the same:'
      : problemOf(error).text;
    problem.hidden = false;
  }

  private listenForDrops(): void {
    // Photos are dropped on the page, the file on its dialog.
    for (const type of ['dragenter', 'dragleave', 'dragover', 'drop'])
      this.dialog.addEventListener(type, event => {
        event.preventDefault();
        event.stopPropagation();
      });
    this.dialog.addEventListener('drop', event => this.takeFile(event.dataTransfer?.files[0]));
  }

  private show(): void {
    const { weights } = this.networks.used;
    const choice: Choice = !weights ? 'fast' : isOfficial(weights) ? 'official' : 'own';
    for (const input of this.inputs) input.checked = input.value === choice;
    find('#network-own').hidden = this.networks.kept === undefined || isOfficial(this.networks.kept);
    find('#weights-name').textContent = this.networks.kept?.name ?? '';
    find('#official-kept').textContent = isOfficial(this.networks.kept)
      ? 'Kept in this browser, non-commercial'
      : `${megabytes(BYTES)} download, non-commercial`;
  }

  private showLicence(licence: string | null): void {
    const link = find<HTMLAnchorElement>('#licence a');
    const isOwn = !this.networks.used.weights;
    link.href = isOwn ? 'weights/LICENSE.md' : 'https://github.com/sczhou/CodeFormer/blob/master/LICENSE';
    link.hidden = !isOwn && !isOfficial(this.networks.used.weights);
    find('#licence span').textContent =
      licence === null ? '' : /non-commercial/i.test(licence) ? 'For non-commercial use only.' : licence;
    find('#licence').hidden = licence === null;
  }

  private tell(text: string, share: number): void {
    find('#official-status').textContent = text;
    const bar = find('#official-bar');
    bar.style.setProperty('--share', String(share));
    bar.setAttribute('aria-valuenow', String(Math.round(100 * share)));
  }

  private say(text: string): void {
    find('#network-status').textContent = text;
  }
}

const isOfficial = (file: File | undefined): boolean => file?.name === FILE && file.size === BYTES;
