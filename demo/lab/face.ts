// A crop with the engine: read by the network once, made again with one edit after another.

import type { ClientRestorer, Picture, PreparedPhoto } from '../../src/web/client.js';
import { fidelityOf } from '../paint.js';
import type { Edit } from './state.js';

/** The crop of a face, as the network sees it. */
export async function cropOf(
  engine: ClientRestorer,
  photo: ImageBitmap,
  id: number,
  signal: AbortSignal,
): Promise<Picture> {
  const prepared = await engine.prepare(photo, { faces: [id], signal });
  prepared.destroy();
  const [face] = prepared.faces;
  if (!face) throw new Error(`The photo has no face ${id} that can be cut out`);
  return face.crop;
}

/** All of a photo, which is opaque. */
export function pixelsOf(bitmap: ImageBitmap): Picture {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { alpha: false })!;
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, width, height, { colorSpace: 'srgb' });
}

export class OpenFace {
  private known: Promise<Float32Array> | null = null;

  private constructor(
    private readonly engine: ClientRestorer,
    private readonly prepared: PreparedPhoto,
  ) {}

  /** @param picture an aligned crop; what has not the network's size is resized */
  static async open(engine: ClientRestorer, { data, width, height }: Picture, signal: AbortSignal): Promise<OpenFace> {
    return new OpenFace(engine, await engine.prepare({ data, width, height }, { aligned: true, signal }));
  }

  get crop(): Picture {
    return this.face.crop;
  }

  get indices(): Int32Array {
    return this.face.indices!;
  }

  get margins(): Float32Array {
    return this.face.margin!;
  }

  get warnings(): readonly string[] {
    return this.prepared.warnings;
  }

  /** Logit of each code for each cell, computed once. */
  logits(): Promise<Float32Array> {
    this.known ??= this.fetchLogits().catch(error => {
      this.known = null;
      throw error;
    });
    return this.known;
  }

  private async fetchLogits(): Promise<Float32Array> {
    const encoded = await this.engine.encode(this.crop);
    return encoded.logits().finally(() => encoded.destroy());
  }

  async decode({ indices, below, paint, adain }: Edit, signal?: AbortSignal): Promise<Picture> {
    const fidelity = fidelityOf(paint, below);
    const { image } = await this.prepared.render({ fidelity, indices: { [this.face.id]: indices }, adain, signal });
    return image;
  }

  destroy(): void {
    this.prepared.destroy();
  }

  private get face() {
    return this.prepared.faces[0]!;
  }
}
