// Which networks the engine works with: the page's own, or files that were chosen, which this browser keeps.

import { Kept } from './kept.js';
import { type Files, rememberedFiles, rememberFiles } from './remembered.js';
import type { Session, Weights } from './session.js';

/** Options of the engine, and whether the page has a network of its own for them. */
const OPTIONS = { weights: true, detector: true, parser: false, upscaler: true } as const;

/** Whether the page's own network restores faces although a file for that is kept. */
const fast = new Kept('localStorage', 'network');

export class Networks {
  private files: Files = {};
  private isFast = false;
  private readonly followers: (() => void)[] = [];

  constructor(private readonly session: Session) {}

  /** What is in use; what is not among it is the page's own. */
  get used(): Files {
    const { weights, ...others } = this.files;
    return this.isFast || !weights ? others : this.files;
  }

  /** The file for faces that is there, in use or not. */
  get kept(): File | undefined {
    return this.files.weights;
  }

  /** Tells that others are in use, or kept. */
  follow(follower: () => void): void {
    this.followers.push(follower);
    follower();
  }

  /** Starts the engine as it was the last time. */
  async start(): Promise<void> {
    this.set(await rememberedFiles(), fast.read() === 'fast');
    await this.restart();
  }

  /** Starts the engine with what is in use, where the store says. */
  async restart(): Promise<void> {
    // What goes wrong is in the state.
    await this.session.start(sources(this.used)).catch(() => {});
  }

  /**
   * Takes these files, and the page's own networks for the rest. The engine before stays where that fails.
   * @throws as `Session.start`
   */
  async use(files: Files, signal?: AbortSignal): Promise<void> {
    await this.session.start(sources(files), signal);
    // What is kept though it is not in use stays.
    const spare = this.isFast && !files.weights ? this.files.weights : undefined;
    this.set(spare ? { ...files, weights: spare } : files, spare !== undefined);
  }

  /**
   * Has faces restored by the page's own network, or by the file that is kept.
   * @throws as `Session.start`
   */
  async choose(isFast: boolean): Promise<void> {
    const { weights, ...others } = this.files;
    await this.session.start(sources(isFast || !weights ? others : this.files));
    this.set(this.files, isFast);
  }

  /** Keeps the files for the next visit, or none. Returns whether the browser did. */
  async remember(keep: boolean): Promise<boolean> {
    // Browsers clear what they were not asked to keep when they are short of room.
    if (keep) await navigator.storage?.persist?.().catch(() => false);
    return rememberFiles(keep ? this.files : {}).then(
      () => true,
      () => false,
    );
  }

  private set(files: Files, isFast: boolean): void {
    this.files = files;
    this.isFast = isFast;
    fast.write(isFast ? 'fast' : null);
    for (const follower of this.followers) follower();
  }
}

/** What the engine is started with: where there is no file, its own networks, as far as the page has them. */
function sources(files: Files): Weights {
  const options = Object.entries(OPTIONS) as [keyof Weights, boolean][];
  return Object.fromEntries(options.map(([option, own]) => [option, files[option] ?? (own ? 'embedded' : null)]));
}
