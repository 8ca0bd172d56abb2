// 3x3 convolutions by Winograd's algorithm on WebAssembly; see winograd.as.ts.

import type { ConvParams } from '../conv/conv.js';
import { epilogueArgs, prologueArgs } from '../conv/conv.wasm.js';
import { ceilDiv, roundUp } from '../kernel.js';
import { type Job, placed, type WasmKernel } from '../wasm.js';

/** Tiles of a picture below which the weights outweigh it. */
const FEW_TILES = 96;

/** Tiles of a strip: what stays in the second-level cache, for many channels more because their weights are read for each. */
const stripTiles = (channels: number): number => (channels >= 256 ? 96 : 48);

/** Outputs whose sums are in the cache at the same time. */
const outputsAtOnce = (outputs: number): number => (outputs >= 256 ? 64 : roundUp(outputs, 8));

/** Values between two frequencies, as in winograd.as.ts. */
const APART = 32;

/** Elements of all frequencies of `count` values. */
const frequencies = (count: number): number => 36 * (count + APART);

/** Bytes for transforms. */
const TRANSFORMS = 2048;

/** Whether `wasmWinograd` computes this. */
export function fitsWinograd({ x, y, size, stride, padTop, padLeft, padMode, upsample }: ConvParams): boolean {
  const same = y.h === x.h * upsample && y.w === x.w * upsample;
  return size === 3 && stride === 1 && padTop === 1 && padLeft === 1 && padMode === 'zero' && same;
}

const geometry = ({ x, y }: ConvParams) => {
  const [tileRows, tileColumns] = [ceilDiv(y.h, 4), ceilDiv(y.w, 4)];
  const tiles = y.n * tileRows * tileColumns;
  return {
    channels: roundUp(x.c, 4),
    blocks: ceilDiv(y.c, 8),
    tileRows,
    tileColumns,
    tiles,
    small: tiles <= FEW_TILES,
  };
};

export const wasmWinograd: WasmKernel<ConvParams> = {
  scratch(params) {
    const { channels, blocks, tiles, small } = geometry(params);
    return small
      ? { v: { type: 'f32', elements: frequencies(roundUp(tiles, 6) * channels) } }
      : { u: { type: 'f32', elements: frequencies(blocks * channels * 8) } };
  },
  jobs(params): Job[] {
    const { x, y, upsample } = params;
    const { channels, blocks, tileRows, tileColumns, tiles, small } = geometry(params);
    const outputs = roundUp(y.c, 4);
    const ring = 8 * (tileColumns * 4 + 2) * channels;
    const input = [...placed('x', x), x.h, x.w, channels] as const;
    if (small) {
      const padded = roundUp(tiles, 6);
      return [
        {
          run: 'winogradInput',
          args: [...input, upsample, ...prologueArgs(params), 'v', tileRows, tileColumns, padded],
          parts: y.n * tileRows,
          local: TRANSFORMS + 4 * ring,
        },
        {
          run: 'winogradBlocks',
          args: [
            ...['weights', 'v', channels, y.n, tileRows, tileColumns, padded],
            ...epilogueArgs(params),
            ...[y.h, y.w, outputs],
          ],
          parts: blocks,
          local: TRANSFORMS + 4 * (frequencies(8 * channels) + frequencies(8 * padded)),
        },
      ];
    }
    const wanted = stripTiles(channels);
    // Whole rows of tiles, as many as are nearest to what is wanted, or parts of a row.
    const strip =
      tileColumns >= wanted ? wanted : Math.min(tileRows, Math.max(1, Math.round(wanted / tileColumns))) * tileColumns;
    const rowsAtOnce = Math.max(1, Math.floor(strip / tileColumns));
    const bandRows = Math.max(rowsAtOnce, Math.min(4, ceilDiv(tileRows, 16)));
    const bands = ceilDiv(tileRows, bandRows);
    const atOnce = outputsAtOnce(y.c);
    const padded = roundUp(strip, 6);
    return [
      { run: 'winogradWeights', args: ['weights', 'u', channels, blocks], parts: blocks, local: TRANSFORMS },
      {
        run: 'winogradBands',
        args: [
          ...input,
          'u',
          upsample,
          ...prologueArgs(params),
          ...epilogueArgs(params),
          ...[y.h, y.w, outputs, bandRows, bands, strip, atOnce],
        ],
        parts: y.n * bands,
        local: TRANSFORMS + 4 * (ring + frequencies(padded * channels) + frequencies(padded * atOnce)),
      },
    ];
  },
};
