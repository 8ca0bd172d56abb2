// The work behind the page: opens pictures, makes the restored one again after every edit, and sweeps over fidelities.

import { checkFaceCodes, type FaceCodes, formatFaceCodes, parseFaceCodes } from '../../src/pipeline/face-codes.js';
import { type ClientRestorer, CodeFormerError, type DetectedFace, type Picture } from '../../src/web/client.js';
import { startEngine } from '../engine.js';
import { History } from '../history.js';
import { Latest } from '../latest.js';
import { fidelityOf, paintOf } from '../paint.js';
import { checkHeader } from '../photo.js';
import { isAbort, problemOf } from '../problems.js';
import { cropOf, OpenFace, pixelsOf } from './face.js';
import { comparison } from './metrics.js';
import { single } from './selection.js';
import { inSlices } from './slices.js';
import type { Edit, Source, Store, Subject } from './state.js';

export class Session {
  private engine: Promise<ClientRestorer>;
  /** The restoring network; null for that of this page. */
  private weights: Blob | null = null;
  private opening = new AbortController();
  private sweeping = new AbortController();
  private face: OpenFace | null = null;
  private readonly decodes = new Latest<Edit>((edit, newer) => this.decode(edit, newer));
  private readonly history = new History<Edit>();

  constructor(private readonly store: Store) {
    this.engine = this.start(null);
    this.engine.catch(error => store.set({ engine: { status: 'failed', problem: problemOf(error) } }));
  }

  private async start(weights: Blob | null, former?: Promise<ClientRestorer>): Promise<ClientRestorer> {
    // Two engines at once would need twice the memory.
    await former?.then(
      engine => engine.destroy(),
      () => {},
    );
    this.store.set({ engine: { status: 'loading', received: 0, total: null } });
    const shares = new Map<string, { received: number; total: number }>();
    const engine = await startEngine({
      ...(weights && { weights }),
      // The lab works on crops, which are never upscaled.
      upscaler: null,
      onWeights: ({ role, received, total }) => {
        shares.set(role, { received, total: total ?? 0 });
        const sum = (key: 'received' | 'total') => [...shares.values()].reduce((all, share) => all + share[key], 0);
        this.store.set({ engine: { status: 'loading', received: sum('received'), total: sum('total') || null } });
      },
    });
    this.store.set({ engine: { status: 'ready', info: engine.info } });
    return engine;
  }

  /**
   * Takes another restoring network, or that of this page, and opens the picture again with it. Where it cannot be taken, the one that
   * was there comes back.
   * @throws why it was not taken
   */
  async use(weights: Blob | null): Promise<void> {
    const former = this.weights;
    this.opening.abort();
    this.sweeping.abort();
    this.decodes.clear();
    this.face = null;
    this.weights = weights;
    this.store.set({ subject: null, result: null, sweep: null, problem: null, busy: null });
    const engine = this.start(weights, this.engine);
    this.engine = engine;
    try {
      await engine;
    } catch (error) {
      if (this.engine !== engine) return;
      await this.use(former);
      throw error;
    }
    if (this.engine === engine) await this.choose(this.store.state.source?.chosen ?? null);
  }

  /**
   * Opens a crop, which has the network's size, or a photo.
   * @param near where the face is that is taken, in pixels of the photo; else it is the most certain one
   */
  async open(blob: Blob, name: string, near?: readonly [number, number]): Promise<void> {
    await this.begin('Opening the picture', async (engine, signal) => {
      const bitmap = await bitmapOf(blob, name);
      if (signal.aborted) bitmap.close();
      signal.throwIfAborted();
      const { size } = engine.info;
      const isCrop = bitmap.width === size && bitmap.height === size;
      let source: Source = { name, blob, bitmap, faces: [], chosen: null };
      try {
        if (!isCrop) {
          this.store.set({ busy: 'Looking for faces' });
          const faces = await engine.detect(bitmap, { signal });
          const distance = ({ box: [left, top, right, bottom] }: DetectedFace) =>
            near ? Math.hypot((left + right) / 2 - near[0], (top + bottom) / 2 - near[1]) : 0;
          const [first] = faces.toSorted((a, b) => distance(a) - distance(b));
          source = { ...source, faces, chosen: first?.id ?? null };
        }
        await this.take(engine, source, signal);
      } catch (error) {
        bitmap.close();
        throw error;
      }
      const before = this.store.state.source;
      this.store.set({ source, busy: null });
      before?.bitmap.close();
      // A photo may have that size as well.
      if (isCrop) this.store.set({ source: { ...source, faces: await engine.detect(bitmap, { signal }) } });
    });
  }

  /** Works on another face of the photo, or on all of it as the crop. */
  async choose(chosen: number | null): Promise<void> {
    const { source } = this.store.state;
    if (!source) return;
    await this.begin('Reading the face', async (engine, signal) => {
      const other = { ...source, chosen };
      await this.take(engine, other, signal);
      this.store.set({ source: other });
    });
  }

  /** Ends what is being read. What was there before stays. */
  stop(): void {
    this.opening.abort();
    this.store.set({ busy: null });
  }

  /** One picture is opened at a time; the one that is there stays where that fails. */
  private async begin(
    busy: string,
    work: (engine: ClientRestorer, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    this.opening.abort();
    this.opening = new AbortController();
    const { signal } = this.opening;
    this.store.set({ busy, problem: null });
    try {
      const engine = await this.engine;
      signal.throwIfAborted();
      await work(engine, signal);
    } catch (error) {
      if (!signal.aborted) this.store.set({ problem: problemOf(error) });
    } finally {
      if (!signal.aborted) this.store.set({ busy: null });
    }
  }

  private async take(engine: ClientRestorer, source: Source, signal: AbortSignal): Promise<void> {
    const { bitmap, chosen, name } = source;
    this.store.set({ busy: 'Reading the face' });
    const picture = chosen === null ? pixelsOf(bitmap) : await cropOf(engine, bitmap, chosen, signal);
    const face = await OpenFace.open(engine, picture, signal);
    if (signal.aborted) {
      face.destroy();
      throw signal.reason;
    }
    this.sweeping.abort();
    this.face?.destroy();
    this.face = face;
    this.history.clear();
    const { grid, codebook } = engine.info.codes!;
    const { crop, indices, margins } = face;
    const subject: Subject = { name, crop, indices, margins, logits: null, grid, codebook, warnings: face.warnings };
    const { below, adain } = this.store.state.edit ?? { below: 0.5, adain: true };
    const edit: Edit = { indices, sampling: null, below, paint: null, adain };
    this.store.set({ subject, edit, selection: single(0), result: null, sweep: null });
    this.decodes.push(edit);
  }

  /** Changes codes or settings, and makes the picture again. `merge` takes the place of the change before in the history. */
  edit(change: Partial<Edit>, { merge = false } = {}): void {
    const { edit } = this.store.state;
    if (!edit) return;
    if (!merge) this.history.push(edit);
    const next = { ...edit, ...(change.indices && { sampling: null }), ...change };
    this.show(next);
  }

  undo(): void {
    const { edit } = this.store.state;
    const before = edit && this.history.undo(edit);
    if (before) this.show(before);
  }

  redo(): void {
    const { edit } = this.store.state;
    const after = edit && this.history.redo(edit);
    if (after) this.show(after);
  }

  get canUndo(): boolean {
    return this.history.canUndo;
  }

  get canRedo(): boolean {
    return this.history.canRedo;
  }

  private show(edit: Edit): void {
    this.store.set({ edit });
    this.decodes.push(edit);
  }

  private async decode(edit: Edit, newer: AbortSignal): Promise<void> {
    const { face } = this;
    if (!face) return;
    const since = performance.now();
    this.store.set({ decoding: true });
    try {
      // What has begun is finished and shown: a slider that moves on would else never show anything.
      const picture = await face.decode(edit);
      if (face !== this.face) return;
      const result = { picture, edit, time: performance.now() - since, metrics: null };
      this.store.set({ result, problem: null });
      if (newer.aborted) return;
      this.store.set({ decoding: false });
      const metrics = await inSlices(comparison(picture, face.crop), newer);
      if (this.store.state.result === result) this.store.set({ result: { ...result, metrics } });
    } catch (error) {
      if (newer.aborted || face !== this.face || isAbort(error)) return;
      this.store.set({ decoding: false, problem: problemOf(error) });
    }
  }

  /** Has the logits of the codes fetched, where they are not there yet. */
  async wantLogits(): Promise<void> {
    const { face } = this;
    if (!face || this.store.state.subject?.logits) return;
    try {
      const logits = await face.logits();
      const { subject } = this.store.state;
      if (face === this.face && subject && !subject.logits) this.store.set({ subject: { ...subject, logits } });
    } catch (error) {
      if (face === this.face && !isAbort(error)) this.store.set({ problem: problemOf(error) });
    }
  }

  /** The face with its present codes at some fidelities, in the place of all paint. */
  async sweep(fidelities: readonly number[]): Promise<void> {
    this.sweeping.abort();
    this.sweeping = new AbortController();
    const { signal } = this.sweeping;
    const { edit } = this.store.state;
    const { face } = this;
    if (!edit || !face) return;
    const { indices, adain } = edit;
    const about = { count: fidelities.length, indices, adain };
    this.store.set({ sweep: { ...about, rows: [], running: true } });
    const rows = () => this.store.state.sweep!.rows;
    try {
      for (const fidelity of fidelities) {
        const picture = await face.decode({ ...edit, below: fidelity, paint: null }, signal);
        const metrics = await inSlices(comparison(picture, face.crop), signal);
        this.store.set({ sweep: { ...about, rows: [...rows(), { fidelity, picture, metrics }], running: true } });
      }
      this.store.set({ sweep: { ...about, rows: rows(), running: false } });
    } catch (error) {
      if (face !== this.face) return;
      this.store.set({ sweep: { ...about, rows: rows(), running: false } });
      if (!signal.aborted) this.store.set({ problem: problemOf(error) });
    }
  }

  stopSweep(): void {
    this.sweeping.abort();
  }

  /** The picture of the present edit, and nothing older. */
  async picture(): Promise<Picture> {
    const { edit, result } = this.store.state;
    if (!edit || !this.face) throw new Error('There is no face');
    if (result?.edit === edit) return result.picture;
    return this.face.decode(edit);
  }

  /** The document of codes and settings. */
  document(): string {
    const { engine, subject, edit } = this.store.state;
    if (engine.status !== 'ready' || !subject || !edit) throw new Error('There is no face');
    const { size, model, codes } = engine.info;
    return formatFaceCodes({
      file: subject.name,
      size,
      ...codes!,
      model,
      indices: edit.indices,
      margins: subject.margins,
      fidelity: fidelityOf(edit.paint, edit.below),
      adain: edit.adain,
      ...(edit.sampling && { sampling: edit.sampling }),
    });
  }

  /**
   * Takes codes and settings of a document for the face that is open.
   * @throws `INVALID_CODES`
   */
  async import(text: string, name: string): Promise<FaceCodes> {
    const codes = parseFaceCodes(text, name);
    checkFaceCodes(codes, (await this.engine).info, name);
    const { indices, fidelity = 0.5, adain = true, sampling = null } = codes;
    const painted = fidelity instanceof Float32Array ? paintOf(fidelity) : { paint: null, below: fidelity };
    this.edit({ indices, ...painted, adain, sampling });
    return codes;
  }
}

/** A picture on black: crops are saved and read again, and canvases do not keep the colours of what is transparent. */
async function bitmapOf(blob: Blob, name: string): Promise<ImageBitmap> {
  await checkHeader(blob, { name });
  try {
    const bitmap = await createImageBitmap(blob, { imageOrientation: 'from-image' });
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext('2d', { alpha: false })!.drawImage(bitmap, 0, 0);
    bitmap.close();
    return canvas.transferToImageBitmap();
  } catch (cause) {
    throw new CodeFormerError('INVALID_IMAGE', `${name}: ${(cause as Error).message}`, { cause });
  }
}
