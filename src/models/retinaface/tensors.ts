// Names and shapes of the tensors of RetinaFace, for both of its backbones.

export type RetinaFaceBackbone = 'mobile' | 'resnet50';

/** The blocks of ResNet50: how many, and how wide in the middle. */
export const RESNET50_LAYERS = [
  { blocks: 3, width: 64 },
  { blocks: 4, width: 128 },
  { blocks: 6, width: 256 },
  { blocks: 3, width: 512 },
] as const;

/** Output channels of the blocks of MobileNet 0.25, stage by stage. */
export const MOBILE_STAGES = [
  [8, 16, 32, 32, 64, 64],
  [128, 128, 128, 128, 128, 128],
  [256, 256],
] as const;

/** Channels of the three feature maps that enter the pyramid, and of the pyramid itself. */
export const PYRAMID = {
  mobile: { inputs: [64, 128, 256], channels: 64 },
  resnet50: { inputs: [512, 1024, 2048], channels: 256 },
} as const;

/** Names and shapes, without the counters of batch normalisation: 253 for mobile, 383 for resnet50. */
export function retinaFaceTensors(backbone: RetinaFaceBackbone): Map<string, number[]> {
  const tensors = new Map<string, number[]>();
  const convNorm = (conv: string, norm: string, ...weight: number[]) => {
    tensors.set(`${conv}.weight`, weight);
    for (const part of ['weight', 'bias', 'running_mean', 'running_var']) tensors.set(`${norm}.${part}`, [weight[0]!]);
  };
  const pair = (name: string, ...weight: number[]) => convNorm(`${name}.0`, `${name}.1`, ...weight);

  if (backbone === 'resnet50') {
    convNorm('body.conv1', 'body.bn1', 64, 3, 7, 7);
    let from = 64;
    for (const [layer, { blocks, width }] of RESNET50_LAYERS.entries()) {
      for (let i = 0; i < blocks; i++) {
        const block = `body.layer${layer + 1}.${i}`;
        convNorm(`${block}.conv1`, `${block}.bn1`, width, from, 1, 1);
        convNorm(`${block}.conv2`, `${block}.bn2`, width, width, 3, 3);
        convNorm(`${block}.conv3`, `${block}.bn3`, 4 * width, width, 1, 1);
        if (i === 0) pair(`${block}.downsample`, 4 * width, from, 1, 1);
        from = 4 * width;
      }
    }
  } else {
    let from = 3;
    for (const [stage, widths] of MOBILE_STAGES.entries()) {
      for (const [i, to] of widths.entries()) {
        const block = `body.stage${stage + 1}.${i}`;
        if (from === 3) pair(block, to, 3, 3, 3);
        else {
          pair(block, from, 1, 3, 3);
          convNorm(`${block}.3`, `${block}.4`, to, from, 1, 1);
        }
        from = to;
      }
    }
  }

  const { inputs, channels } = PYRAMID[backbone];
  for (const [i, from] of inputs.entries()) pair(`fpn.output${i + 1}`, channels, from, 1, 1);
  for (const i of [1, 2]) pair(`fpn.merge${i}`, channels, channels, 3, 3);
  for (const i of [1, 2, 3]) {
    pair(`ssh${i}.conv3X3`, channels / 2, channels, 3, 3);
    pair(`ssh${i}.conv5X5_1`, channels / 4, channels, 3, 3);
    // The lower-case x of the last one is what the files have.
    for (const name of ['conv5X5_2', 'conv7X7_2', 'conv7x7_3'])
      pair(`ssh${i}.${name}`, channels / 4, channels / 4, 3, 3);
  }
  for (const [head, outputs] of [
    ['ClassHead', 4],
    ['BboxHead', 8],
    ['LandmarkHead', 20],
  ] as const) {
    for (const i of [0, 1, 2]) {
      tensors.set(`${head}.${i}.conv1x1.weight`, [outputs, channels, 1, 1]);
      tensors.set(`${head}.${i}.conv1x1.bias`, [outputs]);
    }
  }
  return tensors;
}
