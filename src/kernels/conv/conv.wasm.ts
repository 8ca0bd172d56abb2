// `conv` on WebAssembly; see conv.as.ts.

import { ceilDiv, roundUp } from '../kernel.js';
import { type Job, placed, type WasmKernel } from '../wasm.js';
import type { ConvParams } from './conv.js';

/** Pixels of a tile, which bands are whole numbers of. */
const TILE = 6;

/** Bytes of staged input that leave room for the weights in the second-level cache. */
const STAGED_BYTES = 384 * 1024;

/** Parts that keep every thread busy to the end. */
const PARTS = 16;

/** What `stageRow` takes, and what `finish`. */
export const prologueArgs = ({ prologue }: ConvParams): Job['args'] =>
  prologue === 'none' ? [0, 0, 0] : ['scale', 'shift', prologue === 'affine-swish' ? 1 : 0];

export const epilogueArgs = ({ bias, activation: { kind, slope = 0 }, residual, y }: ConvParams): Job['args'] => [
  bias ? 'bias' : null,
  ['none', 'leaky', 'gelu', 'swish'].indexOf(kind),
  slope,
  ...(residual ? placed('residual', residual.layout) : [0, 0]),
  residual?.alpha ?? 1,
  ...placed('y', y),
];

export const wasmConv: WasmKernel<ConvParams> = {
  jobs(params): Job[] {
    const { size, stride, padTop, padLeft, padMode, upsample, prologue } = params;
    // A pixel is seen once and as it is: the picture is a row.
    const flat = size === 1 && stride === 1 && upsample === 1;
    const row = <T extends { h: number; w: number }>(l: T): T => (flat ? { ...l, h: 1, w: l.h * l.w } : l);
    const [x, y] = [row(params.x), row(params.y)];
    const channels = roundUp(x.c, 4);
    const staged = !flat || prologue !== 'none';
    const seen = (pixels: number) => (pixels - 1) * stride + size;
    const pixels = Math.floor(STAGED_BYTES / (4 * channels));
    const widest = Math.floor((pixels / size - size) / stride) + 1;
    const bandColumns = Math.min(y.w, Math.max(TILE, Math.floor(widest / TILE) * TILE));
    const rowsThatFit = Math.floor((pixels / seen(bandColumns) - size) / stride) + 1;
    const bandRows = Math.max(1, Math.min(rowsThatFit, ceilDiv(y.n * y.h, PARTS)));
    const [bands, columnBands] = [ceilDiv(y.h, bandRows), ceilDiv(y.w, bandColumns)];
    const blocks = ceilDiv(y.c, 8);
    const outputBlocks = ceilDiv(blocks, Math.min(blocks, ceilDiv(PARTS, y.n * bands * columnBands)));
    const outputParts = ceilDiv(blocks, outputBlocks);
    const stagedValues = staged ? (seen(bandRows) * seen(bandColumns) + 8 * stride) * channels : 0;
    return [
      {
        run: 'conv',
        args: [
          ...placed('x', x),
          x.h,
          x.w,
          channels,
          'weights',
          size,
          stride,
          padTop,
          padLeft,
          padMode === 'reflect' ? 1 : 0,
          upsample,
          ...prologueArgs(params),
          ...epilogueArgs(params),
          y.h,
          y.w,
          roundUp(y.c, 4),
          bandRows,
          bands,
          bandColumns,
          columnBands,
          outputBlocks,
          outputParts,
          staged ? 1 : 0,
        ],
        parts: y.n * bands * columnBands * outputParts,
        local: 4 * (stagedValues + size * size * channels * 8 + roundUp(bandColumns, TILE) * 8),
      },
    ];
  },
};
