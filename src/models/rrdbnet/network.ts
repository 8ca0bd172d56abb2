// RRDBNet as a graph: residual-in-residual dense blocks at half the size of the picture, then twice twice the size. Wang et al.,
// "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", 2018, and "Real-ESRGAN", 2021.

import { Graph, type Program, type Tensor } from '../../graph/graph.js';
import type { Size } from '../../image/geometry.js';
import { layout } from '../../kernels/kernel.js';
import { type Form, inputCells, outputPicture } from '../upscaler/ends.js';
import type { RRDBNetConfig } from './tensors.js';

const LEAKY = { activation: { kind: 'leaky', slope: 0.2 } } as const;

/** Share of a block's result that is added to its input. */
const RESIDUAL = 0.2;

class Network {
  readonly graph = new Graph();

  constructor(readonly config: RRDBNetConfig) {}

  /** Room for all that the convolutions of a dense block see; its input is the first slice. */
  private concatenation(label: string, { height, width }: Size): { all: Tensor; input: Tensor } {
    const { channels, growth } = this.config;
    const all = this.graph.tensor(label, layout(1, height, width, channels + 4 * growth));
    return { all, input: this.graph.slice(all, 0, channels) };
  }

  /** A dense block: every convolution sees the input and the outputs of those before it. */
  private dense(all: Tensor, path: string, into?: Tensor): Tensor {
    const g = this.graph;
    const { channels, growth } = this.config;
    for (let i = 0; i < 4; i++) {
      const seen = channels + i * growth;
      g.conv(g.slice(all, 0, seen), `${path}.conv${i + 1}`, {
        out: growth,
        ...LEAKY,
        into: g.slice(all, seen, growth),
      });
    }
    return g.conv(all, `${path}.conv5`, {
      out: channels,
      residual: g.slice(all, 0, channels),
      alpha: RESIDUAL,
      ...(into && { into }),
    });
  }

  /** Three dense blocks and the residual around them, from concatenation to concatenation. */
  private block(x: { all: Tensor; input: Tensor }, path: string, size: Size): { all: Tensor; input: Tensor } {
    const second = this.concatenation(`${path}.rdb2`, size);
    this.dense(x.all, `${path}.rdb1`, second.input);
    const third = this.concatenation(`${path}.rdb3`, size);
    this.dense(second.all, `${path}.rdb2`, third.input);
    const h = this.dense(third.all, `${path}.rdb3`);
    const next = this.concatenation(path, size);
    this.graph.add(x.input, h, path, { alpha: RESIDUAL, into: next.input });
    return next;
  }

  build({ width, height }: Size, form: Form): void {
    const g = this.graph;
    const { blocks, channels } = this.config;
    const x = inputCells(g, { width, height }, form);
    const half = { width: width / 2, height: height / 2 };
    let trunk = this.concatenation('conv_first', half);
    const first = g.conv(x, 'conv_first', { out: channels });
    g.copy(first, trunk.input, 'conv_first/copy');
    for (let i = 0; i < blocks; i++) trunk = this.block(trunk, `body.${i}`, half);
    let y = g.conv(trunk.input, 'conv_body', { out: channels, residual: first });
    for (const path of ['conv_up1', 'conv_up2']) y = g.conv(y, path, { out: channels, upsample: 2, ...LEAKY });
    y = g.conv(g.conv(y, 'conv_hr', { out: channels, ...LEAKY }), 'conv_last', { out: 3 });
    outputPicture(g, y, form);
  }
}

/** External `input` to `output`, twice as wide and high; width and height are even. */
export function rrdbNetProgram(config: RRDBNetConfig, size: Size, form: Form): Program {
  const network = new Network(config);
  network.build(size, form);
  return network.graph.finish();
}
