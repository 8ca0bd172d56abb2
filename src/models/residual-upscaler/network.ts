// The package's own upscaler as a graph: residual blocks see cells of 2 x 2 pixels, and one convolution makes cells of 4 x 4 of the features
// and of the cells themselves, so that what the blocks have to learn is the difference to interpolation.

import { Graph, type Program } from '../../graph/graph.js';
import type { Size } from '../../image/geometry.js';
import { layout } from '../../kernels/kernel.js';
import { pixelShuffle } from '../../kernels/pixel-shuffle/pixel-shuffle.js';
import { CELL, CELL_CHANNELS, FACTOR, type Form, inputCells, outputPicture } from '../upscaler/ends.js';
import { OUTPUT_CHANNELS, type ResidualUpscalerConfig } from './tensors.js';

const LEAKY = { activation: { kind: 'leaky', slope: 0.2 } } as const;

/** External `input` to `output`, twice as wide and high; width and height are even. */
export function residualUpscalerProgram(
  { blocks, channels }: ResidualUpscalerConfig,
  { width, height }: Size,
  form: Form,
): Program {
  const g = new Graph();
  const all = g.tensor('features and cells', layout(1, height / CELL, width / CELL, channels + CELL_CHANNELS));
  const features = g.slice(all, 0, channels);
  const cells = inputCells(g, { width, height }, form, g.slice(all, channels, CELL_CHANNELS));
  let x = g.conv(cells, 'conv_first', { out: channels });
  for (let i = 0; i < blocks; i++) {
    const h = g.conv(x, `blocks.${i}.conv1`, { out: channels, ...LEAKY });
    const last = i === blocks - 1;
    x = g.conv(h, `blocks.${i}.conv2`, { out: channels, residual: x, ...(last && { into: features }) });
  }
  const made = g.conv(all, 'conv_last', { out: OUTPUT_CHANNELS });
  const y = g.tensor('shuffle', layout(1, FACTOR * height, FACTOR * width, 3));
  g.call('shuffle', pixelShuffle, { x: made.layout, y: y.layout, factor: CELL * FACTOR }, { x: made, y });
  outputPicture(g, y, form);
  return g.finish();
}
