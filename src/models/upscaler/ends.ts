// How pictures go into networks that enlarge by 2, and how they come out.

import type { Graph, Tensor } from '../../graph/graph.js';
import type { Size } from '../../image/geometry.js';
import { layout } from '../../kernels/kernel.js';
import { nchwToTensor, tensorToNchw } from '../../kernels/nchw/nchw.js';
import { pictureToTensor, tensorToPicture } from '../../kernels/picture/picture.js';
import { pixelUnshuffle } from '../../kernels/pixel-shuffle/pixel-shuffle.js';

/** What the networks enlarge by. */
export const FACTOR = 2;

/** Side of the squares of pixels that the networks see as one. */
export const CELL = 2;

/** Channels of a cell. */
export const CELL_CHANNELS = 3 * CELL ** 2;

/** `tensor` f32 NCHW in [0, 1], `picture` 8-bit RGBA. */
export type Form = 'tensor' | 'picture';

/** External `input` as cells of 12 channels, which go `into` a tensor of their own or a slice. Width and height are even. */
export function inputCells(g: Graph, { width, height }: Size, form: Form, into?: Tensor): Tensor {
  const input = external(g, 'input', width * height, form);
  const rgb = g.tensor('input', layout(1, height, width, 3));
  if (form === 'picture') {
    g.call('input', pictureToTensor, { y: rgb.layout, range: 'unit' }, { picture: input, y: rgb });
  } else {
    g.call('input', nchwToTensor, { y: rgb.layout }, { input, y: rgb });
  }
  const cells = into ?? g.tensor('unshuffle', layout(1, height / CELL, width / CELL, CELL_CHANNELS));
  g.call('unshuffle', pixelUnshuffle, { x: rgb.layout, y: cells.layout, factor: CELL }, { x: rgb, y: cells });
  return cells;
}

/** Three channels as external `output`. */
export function outputPicture(g: Graph, y: Tensor, form: Form): void {
  const output = external(g, 'output', y.layout.h * y.layout.w, form);
  if (form === 'picture') {
    g.call('output', tensorToPicture, { x: y.layout, range: 'unit' }, { x: y, picture: output });
  } else {
    g.call('output', tensorToNchw, { x: y.layout }, { x: y, output });
  }
}

function external(g: Graph, name: 'input' | 'output', pixels: number, form: Form): Tensor {
  const count = pixels * (form === 'picture' ? 1 : 3);
  return g.external(name, layout(1, 1, 1, count, count), form === 'picture' ? 'u32' : 'f32');
}
