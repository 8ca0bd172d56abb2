// ParseNet as a graph: an encoder, residual blocks at a sixteenth of the size, a decoder. Every convolution sees its input mirrored at
// the border. Chen et al., "Progressive Semantic-Aware Style Transformation for Blind Face Restoration", CVPR 2021.

import { Graph, type Program, type Tensor } from '../../graph/graph.js';
import { layout } from '../../kernels/kernel.js';
import { labelMap } from '../../kernels/label-map/label-map.js';
import { pictureToTensor } from '../../kernels/picture/picture.js';
import { BASE_CHANNELS, BODY, CLASSES, DECODER, ENCODER } from './tensors.js';

const SLOPE = 0.2;

type Scale = 'none' | 'up' | 'down';

interface LayerOptions {
  readonly scale?: Scale;
  /** Batch norm instead of a bias of its own. */
  readonly norm?: boolean;
  readonly activation?: boolean;
  readonly residual?: Tensor;
}

class Network {
  readonly graph = new Graph();

  private layer(x: Tensor, path: string, out: number, options: LayerOptions = {}): Tensor {
    const { scale = 'none', norm = false, activation = false, residual } = options;
    return this.graph.conv(x, `${path}.conv2d`, {
      out,
      padMode: 'reflect',
      stride: scale === 'down' ? 2 : 1,
      upsample: scale === 'up' ? 2 : 1,
      ...(norm && { batchNorm: `${path}.norm.norm` }),
      ...(activation && { activation: { kind: 'leaky', slope: SLOPE } }),
      ...(residual && { residual }),
    });
  }

  /** Up comes before the first convolution, down after it. */
  private res(x: Tensor, path: string, out: number, scale: Scale = 'none'): Tensor {
    const shortcut =
      scale === 'none' && x.layout.c === out ? x : this.layer(x, `${path}.shortcut_func`, out, { scale });
    const h = this.layer(x, `${path}.conv1`, out, {
      scale: scale === 'up' ? 'up' : 'none',
      norm: true,
      activation: true,
    });
    return this.layer(h, `${path}.conv2`, out, {
      scale: scale === 'down' ? 'down' : 'none',
      norm: true,
      residual: shortcut,
    });
  }

  build(side: number): void {
    const g = this.graph;
    const picture = g.external('input', layout(1, 1, 1, side * side, side * side), 'u32');
    const input = g.tensor('input', layout(1, side, side, 3));
    g.call('input', pictureToTensor, { y: input.layout, range: 'signed' }, { picture, y: input });

    let x = this.layer(input, 'encoder.0', BASE_CHANNELS);
    ENCODER.forEach(([, to], i) => {
      x = this.res(x, `encoder.${i + 1}`, to, 'down');
    });
    let h = x;
    for (let i = 0; i < BODY.blocks; i++) h = this.res(h, `body.${i}`, BODY.channels);
    x = g.add(x, h, 'feat');
    DECODER.forEach(([, to], i) => {
      x = this.res(x, `decoder.${i}`, to, 'up');
    });
    // The other head, out_img_conv, makes a picture that nobody needs.
    const logits = g.external('logits', layout(1, side, side, CLASSES), 'f32');
    g.conv(x, 'out_mask_conv.conv2d', { out: CLASSES, padMode: 'reflect', outputType: 'f32', into: logits });
    const labels = g.external('labels', layout(1, 1, 1, (side * side) / 4, (side * side) / 4), 'u32');
    g.call('labels', labelMap, { logits: logits.layout }, { logits, labels });
  }
}

/** A square picture to labels: external `input`, a word for each pixel, to `logits`, f32 NHWC, and `labels`, bytes. */
export function parseNetProgram(side: number): Program {
  const network = new Network();
  network.build(side);
  return network.graph.finish();
}
