// The RetinaFace network as a graph: a backbone, a feature pyramid, context modules and heads. Deng et al., "RetinaFace: Single-shot
// Multi-level Face Localisation in the Wild", CVPR 2020; backbones: MobileNet at a quarter of its width, and ResNet50.

import { Graph, type Program, type Tensor } from '../../graph/graph.js';
import type { Size } from '../../image/geometry.js';
import { depthwiseConv, depthwiseWeightElements } from '../../kernels/depthwise-conv/depthwise-conv.js';
import { detectorRecords, HEAD_CHANNELS, priorCount, RECORD } from '../../kernels/detector-records/detector-records.js';
import { ceilDiv, layout, roundUp } from '../../kernels/kernel.js';
import { maxPool } from '../../kernels/max-pool/max-pool.js';
import { tensorToNchw } from '../../kernels/nchw/nchw.js';
import { pictureToTensor } from '../../kernels/picture/picture.js';
import { selectRecords } from '../../kernels/select-records/select-records.js';
import { MOBILE_STAGES, PYRAMID, RESNET50_LAYERS, type RetinaFaceBackbone } from './tensors.js';

/** Subtracted from blue, green and red. */
const MEAN = [104, 117, 123] as const;

/** The rectifier of the mobile backbone and its pyramid. */
const MOBILE_SLOPE = 0.1;

interface Options {
  readonly size?: 1 | 3 | 7;
  readonly stride?: 1 | 2;
  /** Of negative values; without it there is no rectifier. */
  readonly slope?: number;
  readonly into?: Tensor;
}

class Network {
  readonly graph = new Graph();

  constructor(
    readonly backbone: RetinaFaceBackbone,
    /** Gets the output of each block of the mobile backbone. */
    private readonly onBlock: (name: string, x: Tensor) => void = () => {},
  ) {}

  /** Convolution, batch norm, rectifier. */
  private conv(
    x: Tensor,
    conv: string,
    norm: string,
    out: number,
    { size, stride, slope, into }: Options = {},
  ): Tensor {
    return this.graph.conv(x, conv, {
      out,
      batchNorm: norm,
      ...(size && { size }),
      ...(stride && { stride }),
      ...(slope !== undefined && { activation: { kind: 'leaky', slope } }),
      ...(into && { into }),
    });
  }

  /** The same for layers that are a list of convolution and batch norm in the file. */
  private pair(x: Tensor, path: string, out: number, options?: Options): Tensor {
    return this.conv(x, `${path}.0`, `${path}.1`, out, options);
  }

  /** The last feature map of each of the three stages. */
  private mobile(picture: Tensor): Tensor[] {
    const g = this.graph;
    let x = picture;
    return MOBILE_STAGES.map((widths, stage) => {
      widths.forEach((to, i) => {
        const path = `body.stage${stage + 1}.${i}`;
        const { n, h, w, c } = x.layout;
        if (stage === 0 && i === 0) {
          x = this.pair(x, path, to, { stride: 2, slope: MOBILE_SLOPE });
          return;
        }
        const stride = stage > 0 ? (i === 0 ? 2 : 1) : i % 2 === 0 ? 2 : 1;
        const y = g.tensor(`${path}.0`, layout(n, ceilDiv(h, stride), ceilDiv(w, stride), c));
        const norm = `${path}.1`;
        const weights = g.parameter(
          `${path}.0.weight`,
          [c, 1, 3, 3],
          'depthwise',
          'store',
          depthwiseWeightElements(c),
          undefined,
          norm,
        );
        const bias = g.parameter(`${path}.0.bias`, [c], 'rows', 'f32', roundUp(c, 4), [], norm);
        const params = { x: x.layout, y: y.layout, stride, slope: MOBILE_SLOPE } as const;
        g.call(`${path}.0`, depthwiseConv, params, { x, weights, bias, y });
        x = this.conv(y, `${path}.3`, `${path}.4`, to, { size: 1, slope: MOBILE_SLOPE });
        this.onBlock(`stage${stage + 1}.${i}`, x);
      });
      return x;
    });
  }

  /** The outputs of layers 2, 3 and 4. */
  private resnet50(picture: Tensor): Tensor[] {
    const g = this.graph;
    const stem = this.conv(picture, 'body.conv1', 'body.bn1', 64, { size: 7, stride: 2, slope: 0 });
    const { n, h, w, c } = stem.layout;
    let x = g.tensor('body.maxpool', layout(n, ceilDiv(h, 2), ceilDiv(w, 2), c));
    g.call('body.maxpool', maxPool, { x: stem.layout, y: x.layout }, { x: stem, y: x });
    const outputs = RESNET50_LAYERS.map(({ blocks, width }, layer) => {
      for (let i = 0; i < blocks; i++) {
        const path = `body.layer${layer + 1}.${i}`;
        const stride = layer > 0 && i === 0 ? 2 : 1;
        const part = (j: number) => [`${path}.conv${j}`, `${path}.bn${j}`] as const;
        const shortcut = i === 0 ? this.pair(x, `${path}.downsample`, 4 * width, { size: 1, stride }) : x;
        const narrow = this.conv(x, ...part(1), width, { size: 1, slope: 0 });
        const middle = this.conv(narrow, ...part(2), width, { stride, slope: 0 });
        x = g.add(this.conv(middle, ...part(3), 4 * width, { size: 1 }), shortcut, path, { slope: 0 });
      }
      return x;
    });
    return outputs.slice(1);
  }

  /** Context of 3x3, 5x5 and 7x7 pixels side by side. The rectifier of the concatenation is that of its parts. */
  private context(x: Tensor, path: string, slope: number): Tensor {
    const { n, h, w, c } = x.layout;
    const y = this.graph.tensor(path, layout(n, h, w, c));
    const part = (from: number, count: number) => ({ slope: 0, into: this.graph.slice(y, from, count) });
    this.pair(x, `${path}.conv3X3`, c / 2, part(0, c / 2));
    const h5 = this.pair(x, `${path}.conv5X5_1`, c / 4, { slope });
    this.pair(h5, `${path}.conv5X5_2`, c / 4, part(c / 2, c / 4));
    const h7 = this.pair(h5, `${path}.conv7X7_2`, c / 4, { slope });
    this.pair(h7, `${path}.conv7x7_3`, c / 4, part((3 * c) / 4, c / 4));
    return y;
  }

  build({ width, height }: Size): void {
    const g = this.graph;
    const input = g.external('input', layout(1, 1, 1, width * height, width * height), 'u32');
    const x = g.tensor('input', layout(1, height, width, 3));
    const range = { range: 'bytes', order: 'bgr', mean: MEAN } as const;
    g.call('input', pictureToTensor, { y: x.layout, ...range }, { picture: input, y: x });

    const features = this.backbone === 'mobile' ? this.mobile(x) : this.resnet50(x);
    const { channels } = PYRAMID[this.backbone];
    const slope = channels <= 64 ? MOBILE_SLOPE : 0;
    const [o1, o2, o3] = features.map((feature, i) =>
      this.pair(feature, `fpn.output${i + 1}`, channels, { size: 1, slope }),
    ) as [Tensor, Tensor, Tensor];
    const f2 = this.pair(g.add(o2, o3, 'fpn.sum2'), 'fpn.merge2', channels, { slope });
    const f1 = this.pair(g.add(o1, f2, 'fpn.sum1'), 'fpn.merge1', channels, { slope });

    const levels = [f1, f2, o3].map((feature, i) => {
      const parts = ['ClassHead', 'BboxHead', 'LandmarkHead'].map(head => `${head}.${i}.conv1x1`);
      return g.conv(this.context(feature, `ssh${i + 1}`, slope), `heads.${i}`, {
        out: HEAD_CHANNELS,
        size: 1,
        outputType: 'f32',
        parts: parts.map(part => ({ weight: `${part}.weight`, bias: `${part}.bias` })),
      });
    }) as [Tensor, Tensor, Tensor];
    const params = { levels: [levels[0].layout, levels[1].layout, levels[2].layout] } as const;
    const count = priorCount(params);
    const records = g.external('records', layout(1, 1, count, RECORD), 'f32');
    const operands = { level_0: levels[0], level_1: levels[1], level_2: levels[2], records };
    g.call('records', detectorRecords, params, operands);
    const threshold = g.external('threshold', layout(1, 1, 1, 1, 1), 'f32');
    const selected = g.external('selected', layout(1, 1, 1 + count, RECORD), 'f32');
    g.call('selected', selectRecords, { records: count }, { records, threshold, selected });
  }
}

/**
 * A picture of one size to records: external `input`, a word for each pixel, and `threshold` to `records` and `selected`, as
 * `detector-records` and `select-records` have them.
 */
export function retinaFaceProgram(backbone: RetinaFaceBackbone, size: Size): Program {
  const network = new Network(backbone);
  network.build(size);
  return network.graph.finish();
}

/**
 * The network with the mobile backbone that also writes outputs of its blocks (`stage1.3`), as external tensors of these names.
 * @returns the program, and the shape of each of them: [C, h, w]
 */
export function mobileFeatureProgram(
  size: Size,
  names: readonly string[],
): { program: Program; shapes: ReadonlyMap<string, readonly number[]> } {
  const shapes = new Map<string, readonly number[]>();
  const network: Network = new Network('mobile', (name, x) => {
    if (!names.includes(name)) return;
    const { h, w, c } = x.layout;
    const output = network.graph.external(name, layout(1, 1, 1, h * w * c), 'f32');
    network.graph.call(name, tensorToNchw, { x: x.layout }, { x, output });
    shapes.set(name, [c, h, w]);
  });
  network.build(size);
  return { program: network.graph.finish(), shapes };
}
