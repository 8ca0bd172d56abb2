// The first directory of a TIFF.

export interface TiffHeader {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample. */
  readonly bits: number;
  /** Whether it is a camera's raw file, in which the first picture is but a thumbnail. */
  readonly raw: boolean;
}

/** Reads the first directory of a TIFF; null where it tells no size. */
export function readTiffHeader(bytes: Uint8Array): TiffHeader | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[0] === 0x49;
  const big = bytes[little ? 2 : 3] === 43;
  // Numbers above 2^53 are far beyond any file.
  const wide = (at: number) => (big ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));
  const tags = new Map<number, number>();
  try {
    const directory = wide(big ? 8 : 4);
    const count = big ? wide(directory) : view.getUint16(directory, little);
    const [first, step] = big ? [directory + 8, 20] : [directory + 2, 12];
    for (let i = 0; i < Math.min(count, 4096); i++) {
      const at = first + step * i;
      const type = view.getUint16(at + 2, little);
      const amount = wide(at + 4);
      const inside = at + (big ? 12 : 8);
      const size = type === 3 ? 2 : type === 16 ? 8 : 4;
      const value = amount * size <= (big ? 8 : 4) ? inside : wide(inside);
      const read = { 3: () => view.getUint16(value, little), 16: () => Number(view.getBigUint64(value, little)) }[type];
      tags.set(view.getUint16(at, little), read ? read() : type === 4 ? view.getUint32(value, little) : Number.NaN);
    }
  } catch (error) {
    // What the decoder says of a broken directory is better.
    if (!(error instanceof RangeError)) throw error;
  }
  const [width, height] = [tags.get(256), tags.get(257)];
  if (!width || !height) return null;
  const raw = tags.has(50_706) || (bytes[8] === 0x43 && bytes[9] === 0x52);
  return { width, height, bits: tags.get(258) ?? 1, raw };
}
